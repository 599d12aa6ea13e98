/** What Node's file system calls leave to their user: reads that fill, moves across file systems, names that last. */
import { constants } from 'node:fs';
import { copyFile, type FileHandle, link, open, rename, rm } from 'node:fs/promises';

export const errorCode = (error: unknown): string | undefined => (error as { code?: string }).code;

/** The file's bytes, in one buffer that is used again for each chunk. */
export async function* chunksOf(handle: FileHandle): AsyncGenerator<Uint8Array, void> {
  const buffer = new Uint8Array(256 * 1024);
  for (let offset = 0, count = buffer.length; count === buffer.length; offset += count) {
    count = await readFully(handle, offset, buffer);
    yield buffer.subarray(0, count);
  }
}

/** @returns how many bytes were read; fewer than `into.length` only at the end. */
export async function readFully(handle: FileHandle, offset: number, into: Uint8Array): Promise<number> {
  let count = 0;
  while (count < into.length) {
    const { bytesRead } = await handle.read(into, count, into.length - count, offset + count);
    if (bytesRead === 0) break;
    count += bytesRead;
  }
  return count;
}

export async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Names in it survive a power cut afterwards. Windows has no such call and needs none. */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export async function moveFile(basePath: string, targetPath: string): Promise<void> {
  try {
    await rename(basePath, targetPath);
  } catch (error) {
    if (errorCode(error) !== 'EXDEV') throw error;
    await copyFile(basePath, targetPath);
    await rm(basePath, { force: true });
  }
}

const linkless = new Set(['EXDEV', 'EPERM', 'ENOTSUP', 'EMLINK', 'ENOSYS']);

export async function linkOrCopy(basePath: string, targetPath: string): Promise<void> {
  try {
    await link(basePath, targetPath);
  } catch (error) {
    if (!linkless.has(errorCode(error) ?? '')) throw error;
    await copyFile(basePath, targetPath, constants.COPYFILE_EXCL);
  }
}
