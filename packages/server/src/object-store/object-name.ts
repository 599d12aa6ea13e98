import { type Digest, isDigest } from '@remendo/core';

export const objectsFolder = 'objects';

/** `objects/ab/ab12…`: 256 folders, so that none grows too large to list. */
export const objectName = (digest: Digest): string => `${objectsFolder}/${digest.slice(0, 2)}/${digest}`;

/** Null for a name that no object has. */
export function digestOfName(name: string): Digest | null {
  const digest = name.slice(name.lastIndexOf('/') + 1);
  return isDigest(digest) && name === objectName(digest) ? digest : null;
}
