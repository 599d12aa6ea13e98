/**
 * The folder of downloads: what the names in it mean.
 *
 * | name                              | holds                                                         |
 * |-----------------------------------|---------------------------------------------------------------|
 * | `<digest>`                        | a whole object, verified before it got this name              |
 * | `<digest>.<offset>-<bytes>`       | that range of an object, as long as its name says             |
 * | either with `.part` behind it     | the first bytes of it; after a power cut perhaps not the right ones |
 *
 * Names prove nothing: whoever uses the bytes verifies them (verify-arrived.ts).
 */
import { join } from 'node:path';
import type { FileSystem } from '../file-system/file-system.js';
import type { Digest } from '../hash/digest.js';
import type { ByteRange } from '../planner/plan.js';

/** A file with bytes [offset, offset + bytes) of an object. */
export interface HeldFile extends ByteRange {
  readonly path: string;
  readonly digest: Digest;
  readonly kind: 'object' | 'range' | 'part';
}

const namePattern = /^([0-9a-f]{64})(?:\.(\d{1,15})-(\d{1,15}))?(\.part)?$/;

/** Where a complete range lies; a range that is the whole object has the object's own name. */
export const rangePath = (folder: string, digest: Digest, objectBytes: number, range: ByteRange): string =>
  join(folder, range.bytes === objectBytes ? digest : `${digest}.${range.offset}-${range.bytes}`);

/** The object that a file in the folder belongs to; null for a foreign name. */
export const digestOfName = (name: string): Digest | null => (namePattern.exec(name)?.[1] as Digest | undefined) ?? null;

export const partPath = (path: string): string => `${path}.part`;

/** Everything in the folder that has bytes of objects; other names, and files that are not as long as they say, are left out. */
export async function readDownloadFolder(fileSystem: FileSystem, folder: string): Promise<readonly HeldFile[]> {
  const files: HeldFile[] = [];
  for (const name of await fileSystem.list(folder)) {
    const match = namePattern.exec(name);
    if (match === null) continue;
    const path = join(folder, name);
    const stat = await fileSystem.stat(path);
    const file = stat?.kind === 'file' ? heldFile(path, match, stat.bytes) : null;
    if (file !== null) files.push(file);
  }
  return files;
}

function heldFile(path: string, [, digest, offset = '0', bytes, part]: RegExpExecArray, fileBytes: number): HeldFile | null {
  const bytesMax = bytes === undefined ? Number.POSITIVE_INFINITY : Number(bytes);
  const kind = part !== undefined ? 'part' : bytes === undefined ? 'object' : 'range';
  if (fileBytes > bytesMax || (kind === 'range' && fileBytes !== bytesMax)) return null;
  return { path, digest: digest as Digest, kind, offset: Number(offset), bytes: fileBytes };
}

export const covers = (outer: ByteRange, inner: ByteRange): boolean =>
  outer.offset <= inner.offset && inner.offset + inner.bytes <= outer.offset + outer.bytes;
