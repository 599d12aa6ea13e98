/** Small bridges between files and the byte ports. */
import type { ReadableSink } from '../bytes/byte-source.js';
import { UpdaterError } from '../errors.js';
import { type Digest, digestOfSource } from '../hash/digest.js';
import type { FileHandle, FileSystem } from './file-system.js';

const bufferBytes = 256 * 1024;

/** A file opened for reading, as a source. The caller closes it. */
export const openSource = (fileSystem: FileSystem, path: string): Promise<FileHandle> => fileSystem.open(path, 'read');

/** Appends to an open file from `offset` on (default: its start). Nothing is synced. */
export function fileSink(handle: FileHandle, offset = 0): ReadableSink {
  let at = offset;
  return {
    async write(chunk) {
      await handle.write(at, chunk);
      at += chunk.length;
    },
    read: (from, into) => handle.read(offset + from, into),
  };
}

/** Opens, uses and closes a file. */
export async function withFile<T>(
  fileSystem: FileSystem,
  path: string,
  options: { readonly mode: 'read' | 'write' | 'create' | 'exclusive' },
  use: (handle: FileHandle) => Promise<T>,
): Promise<T> {
  const handle = await fileSystem.open(path, options.mode);
  try {
    return await use(handle);
  } finally {
    await handle.close();
  }
}

/** SHA-256 of a file, read once through one buffer. */
export const digestOfFile = (fileSystem: FileSystem, path: string, signal?: AbortSignal): Promise<Digest> =>
  withFile(fileSystem, path, { mode: 'read' }, (handle) => digestOfSource(handle, signal));

/** The whole of a small file, or null when there is none. @throws UpdaterError LIMIT_EXCEEDED above `bytesMax`. */
export async function readSmallFile(fileSystem: FileSystem, path: string, bytesMax: number): Promise<Uint8Array | null> {
  if ((await fileSystem.stat(path))?.kind !== 'file') return null;
  return withFile(fileSystem, path, { mode: 'read' }, async (handle) => {
    if (handle.bytes > bytesMax) {
      throw new UpdaterError('LIMIT_EXCEEDED', `${path} has ${handle.bytes} bytes`, {
        details: { path, bytes: handle.bytes, bytesMax },
      });
    }
    const whole = new Uint8Array(handle.bytes);
    return whole.subarray(0, await handle.read(0, whole));
  });
}

/** Copies a file's bytes through one buffer; `targetPath` is made or emptied, and is not synced. */
export async function copyFile(fileSystem: FileSystem, basePath: string, targetPath: string, signal?: AbortSignal): Promise<void> {
  await withFile(fileSystem, basePath, { mode: 'read' }, (base) =>
    withFile(fileSystem, targetPath, { mode: 'create' }, async (target) => {
      const buffer = new Uint8Array(bufferBytes);
      for (let offset = 0; ; ) {
        signal?.throwIfAborted();
        const count = await base.read(offset, buffer);
        if (count > 0) await target.write(offset, buffer.subarray(0, count));
        offset += count;
        if (count < buffer.length) return;
      }
    }),
  );
}
