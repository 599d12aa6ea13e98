/** What a bundle's folder is, beside its objects: its description, and what lies in `objects` that nothing names. */
import { dirname, join } from 'node:path';
import { type Bundle, bundleDescriptionPath, type Digest, hasCode, readBundle, syncNames, UpdaterError } from '@remendo/core';
import type { BundleDescription } from '@remendo/core/protocol';
import { makeOwnFolder, type ObjectFolder } from './object-folder.js';

/** Null: the folder holds none yet. @throws UpdaterError BUNDLE_INVALID for one that can not be read. */
export async function readExisting({ fileSystem, folder }: ObjectFolder): Promise<Bundle | null> {
  if ((await fileSystem.stat(bundleDescriptionPath(folder))) === null) return null;
  try {
    return await readBundle(fileSystem, folder);
  } catch (cause) {
    if (!hasCode(cause, 'BUNDLE_INVALID', 'TRUST_INVALID')) throw cause;
    const message = `${folder} holds a bundle that is damaged: with --only it is written anew`;
    throw new UpdaterError('BUNDLE_INVALID', message, { cause });
  }
}

/** Replaced at once: whoever pulls the stick out has the bundle of before, or this one. */
export const writeDescription = (place: ObjectFolder, description: BundleDescription): Promise<void> =>
  writePlain(place, bundleDescriptionPath(place.folder), Buffer.from(JSON.stringify(description)));

/** A file that anybody may read, as on a stick; disks of FAT know no other. */
export async function writePlain({ fileSystem }: ObjectFolder, path: string, bytes: Uint8Array): Promise<void> {
  const partial = `${path}.part`;
  const file = await fileSystem.open(partial, 'create');
  try {
    await file.write(0, bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await fileSystem.rename(partial, path);
  await syncNames(fileSystem, { files: [path], directories: [dirname(path)] });
}

const objectName = /^([0-9a-f]{64})(\.\d{3})?(\.part)?$/;

/** Removes what an earlier bundle in this folder needed and this one does not. Other files stay. @returns how many. */
export async function pruneObjects(place: ObjectFolder, needed: ReadonlySet<Digest>): Promise<number> {
  const { fileSystem } = place;
  const isOld = (digest: string | undefined): boolean => digest !== undefined && !needed.has(digest as Digest);
  let removed = 0;
  for (const shelf of await fileSystem.list(await makeOwnFolder(place, 'objects'))) {
    if (!/^[0-9a-f]{2}$/.test(shelf)) continue;
    const path = await makeOwnFolder(place, 'objects', shelf);
    const names = await fileSystem.list(path);
    const old = names.filter((name) => isOld(objectName.exec(name)?.[1]));
    for (const name of old) await fileSystem.removeFile(join(path, name));
    removed += old.length;
    // Not every system that drives a stick says of a full folder that this is why it stays.
    if (old.length === names.length) await fileSystem.removeDirectory(path);
  }
  return removed;
}
