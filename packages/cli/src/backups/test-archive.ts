/**
 * Whether an archive opens and tests clean, read as a stream: nothing is kept of what it holds. Paths in it are not looked at,
 * for nothing is written; what is inside may be named as it likes.
 */
import type { FileHandle } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32, createGunzip } from 'node:zlib';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import { type Finding, finding } from './finding.js';
import { codeOf } from './list-backup-files.js';
import { piecesOf, type Reading } from './read-backup.js';

export type ArchiveKind = 'zip' | 'gzip';

/** By the name, else by the first bytes; null: neither. */
export async function archiveKindOf(handle: FileHandle, name: string): Promise<ArchiveKind | null> {
  if (/\.zip$/i.test(name)) return 'zip';
  if (/\.(gz|tgz)$/i.test(name)) return 'gzip';
  const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
  if (buffer.readUInt32LE() === 0x04034b50) return 'zip';
  return buffer.readUInt16BE() === 0x1f8b ? 'gzip' : null;
}

/** @returns null when it tests clean. @throws the system's errors, and the signal's reason. */
export const testArchive = (handle: FileHandle, kind: ArchiveKind, reading: Reading): Promise<Finding | null> =>
  kind === 'zip' ? testZip(handle, reading) : testGzip(handle, reading);

/** What yauzl can not read although it may be right. */
const unsupported = /multi-disk|not supported|unsupported|encrypt/i;

async function testZip(handle: FileHandle, reading: Reading): Promise<Finding | null> {
  const { size } = await handle.stat();
  let zip: ZipFile | null = null;
  try {
    zip = await yauzl.fromFdPromise(handle.fd, { autoClose: false, validateEntrySizes: true, decodeStrings: false });
    let encodedBytes = 0;
    let untestable: Finding | null = null;
    for await (const entry of zip.eachEntry()) {
      encodedBytes += entry.compressedSize;
      // A small zip may not claim the same bytes again and again.
      const wrong = encodedBytes > size ? damaged(entry, 'its entries overlap') : await testEntry(zip, entry, reading);
      if (wrong?.kind === 'zip_damaged') return wrong;
      // What can not be tested must not hide what is damaged.
      untestable ??= wrong;
    }
    return untestable;
  } catch (error) {
    throwIfSystems(error, reading.signal);
    const why = (error as Error).message;
    return unsupported.test(why) ? finding('zip_unsupported', { entry: '', why }) : finding('zip_damaged', { entry: '', why });
  }
}

const nameOf = (entry: Entry): string => Buffer.from(entry.fileNameRaw).toString();
const damaged = (entry: Entry, why: string): Finding => finding('zip_damaged', { entry: nameOf(entry), why });

async function testEntry(zip: ZipFile, entry: Entry, { signal, progress }: Reading): Promise<Finding | null> {
  signal.throwIfAborted();
  progress.step();
  const { compressionMethod: method } = entry;
  // Encrypted, strongly encrypted, headers masked (APPNOTE 4.4.4).
  if ((entry.generalPurposeBitFlag & 0x2041) !== 0) return finding('zip_encrypted', { entry: nameOf(entry) });
  if (method !== 0 && method !== 8) return finding('zip_unsupported', { entry: nameOf(entry), why: `method ${method}` });
  try {
    const stream = await zip.openReadStreamPromise(entry);
    let crc = 0;
    try {
      for await (const piece of stream as AsyncIterable<Buffer>) {
        signal.throwIfAborted();
        progress.step();
        crc = crc32(piece, crc);
      }
    } finally {
      stream.destroy();
    }
    return crc === entry.crc32 ? null : damaged(entry, 'its CRC-32 is another');
  } catch (error) {
    throwIfSystems(error, signal);
    return damaged(entry, (error as Error).message);
  }
}

/** All members, one after the other; behind the last there may be zeros only, as on tapes. */
async function testGzip(handle: FileHandle, reading: Reading): Promise<Finding | null> {
  const gunzip = createGunzip();
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  try {
    await pipeline(piecesOf(handle, reading), gunzip, nowhere);
  } catch (error) {
    throwIfSystems(error, reading.signal);
    return finding('gzip_damaged', { why: (error as Error).message });
  }
  for await (const piece of piecesOf(handle, reading, gunzip.bytesWritten)) {
    if (piece.some((byte) => byte !== 0)) return finding('gzip_damaged', { why: 'something else follows' });
  }
  return null;
}

/** What a disk says is no verdict about the archive. zlib's codes begin with Z_. */
function throwIfSystems(error: unknown, signal: AbortSignal): void {
  signal.throwIfAborted();
  const code = codeOf(error);
  if (/^E[A-Z0-9]+$/.test(code)) throw error;
}
