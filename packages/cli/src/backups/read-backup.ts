/** A backup opened for reading: never through a link, never a pipe or a device, from any place, in bounded pieces. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { BackupFile } from './list-backup-files.js';
import type { Progress } from './look-in-time.js';

const pieceBytes = 256 * 1024;
const sampleBytes = 64 * 1024;

/** @throws the system's error, or one with the code ENOENT when something else stands there now. */
export async function openBackup(path: Buffer): Promise<FileHandle> {
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  const handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw Object.assign(new Error('it is no file any more'), { code: 'ENOENT' });
}

/** Whether it is still as it was when the folder was listed. */
export async function isUnchanged(handle: FileHandle, { bytes, modifiedMs }: BackupFile): Promise<boolean> {
  const { size, mtimeMs } = await handle.stat();
  return size === bytes && Math.round(mtimeMs) === modifiedMs;
}

/** Who reads a backup: until when, and who is told that something came. */
export interface Reading {
  readonly signal: AbortSignal;
  readonly progress: Pick<Progress, 'step'>;
}

/** From `offset` to the end, each piece a buffer of its own. */
export async function* piecesOf(
  handle: FileHandle,
  { signal, progress }: Reading,
  offset = 0,
): AsyncGenerator<Buffer, void, undefined> {
  for (let at = offset; ; ) {
    signal.throwIfAborted();
    const piece = Buffer.allocUnsafe(pieceBytes);
    const { bytesRead } = await handle.read(piece, 0, pieceBytes, at);
    progress.step();
    if (bytesRead === 0) return;
    at += bytesRead;
    yield piece.subarray(0, bytesRead);
  }
}

/** SHA-256 of its beginning and its end: what tells a file from another of the same size and time. */
export async function sampleOf(handle: FileHandle, bytes: number): Promise<string> {
  const hash = createHash('sha256');
  const piece = Buffer.alloc(sampleBytes);
  for (const at of [0, Math.max(0, bytes - sampleBytes)]) {
    const { bytesRead } = await handle.read(piece, 0, sampleBytes, at);
    hash.update(piece.subarray(0, bytesRead));
  }
  return hash.digest('hex');
}

/** Of the whole file. */
export async function digestOfBackup(handle: FileHandle, algorithm: string, reading: Reading): Promise<string> {
  const hash = createHash(algorithm);
  for await (const piece of piecesOf(handle, reading)) hash.update(piece);
  return hash.digest('hex');
}
