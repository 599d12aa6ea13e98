import { type FileHandle, UpdaterError } from '@remendo/core';

const chunkBytes = 64 * 1024;

/** Bytes [from, to) of a file, each chunk in memory of its own: they wait in the queue of a connection. */
export async function* chunksOf(
  file: FileHandle,
  { from, to, signal }: { readonly from: number; readonly to: number; readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  for (let offset = from; offset < to; ) {
    signal.throwIfAborted();
    const into = new Uint8Array(Math.min(chunkBytes, to - offset));
    const count = await file.read(offset, into);
    if (count === 0) throw new UpdaterError('STORAGE_FAILED', 'a file of the cache has become shorter');
    offset += count;
    yield into.subarray(0, count);
  }
}
