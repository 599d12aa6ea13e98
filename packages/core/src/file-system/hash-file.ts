import { type Digest, DigestStream } from '../hash/digest.js';
import { createXxh64, type Xxh64 } from '../hash/xxh64.js';
import type { FileHandle, FileSystem } from './file-system.js';

export interface FileHashes {
  readonly bytes: number;
  readonly sha256: Digest;
  readonly xxh64: Xxh64;
}

const bufferBytesMax = 256 * 1024;

/** Enough to see in one read that a small file has ended. */
const bufferFor = ({ bytes }: FileHandle): Uint8Array => new Uint8Array(Math.min(bufferBytesMax, bytes + 4_096));

/** Both hashes of a file in one pass, through one buffer of at most 256 KiB. `bytes` is what was hashed. */
export async function hashFile(fileSystem: FileSystem, path: string, signal?: AbortSignal): Promise<FileHashes> {
  const handle = await fileSystem.open(path, 'read');
  try {
    const sha256 = new DigestStream();
    const xxh64 = await createXxh64();
    const buffer = bufferFor(handle);
    let bytes = 0;
    for (;;) {
      signal?.throwIfAborted();
      const count = await handle.read(bytes, buffer);
      const chunk = buffer.subarray(0, count);
      sha256.update(chunk);
      xxh64.update(chunk);
      bytes += count;
      if (count < buffer.length) return { bytes, sha256: sha256.digest(), xxh64: xxh64.digest() };
    }
  } finally {
    await handle.close();
  }
}

/** The fast first look: whether a file of the right size has the right xxHash64. SHA-256 has to confirm a yes. */
export async function xxh64OfFile(fileSystem: FileSystem, path: string, signal?: AbortSignal): Promise<Xxh64> {
  const handle = await fileSystem.open(path, 'read');
  try {
    const xxh64 = await createXxh64();
    const buffer = bufferFor(handle);
    for (let offset = 0; ; ) {
      signal?.throwIfAborted();
      const count = await handle.read(offset, buffer);
      xxh64.update(buffer.subarray(0, count));
      offset += count;
      if (count < buffer.length) return xxh64.digest();
    }
  } finally {
    await handle.close();
  }
}
