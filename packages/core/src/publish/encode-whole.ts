import { constants, createBrotliCompress } from 'node:zlib';
import { type ByteSource, sourceChunks } from '../bytes/byte-source.js';
import { transformChunks } from '../bytes/transform-chunks.js';
import { fileSink, withFile } from '../file-system/file-source.js';
import type { FileSystem } from '../file-system/file-system.js';

/** Up to so many bytes a quality is worth its time: measured about 0.2 MB/s, 0.7 MB/s, and 14 MB/s for the rest. */
const qualities = [
  { bytesMax: 1024 ** 2, quality: 11 },
  { bytesMax: 64 * 1024 ** 2, quality: 9 },
  { bytesMax: Number.POSITIVE_INFINITY, quality: 5 },
] as const;
const estimateQuality = 5;

interface EncodeOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Compresses a file by brotli into `encodedPath`, which is made or emptied: quality 11 up to 1 MiB, 9 up to
 * 64 MiB, 5 above, window 16 MiB.
 * @returns the compressed size. The caller compares it and keeps the plain bytes (identity) when nothing was saved.
 */
export async function encodeWhole(
  fileSystem: FileSystem,
  path: string,
  encodedPath: string,
  options: EncodeOptions = {},
): Promise<number> {
  return withFile(fileSystem, path, { mode: 'read' }, (plain) =>
    withFile(fileSystem, encodedPath, { mode: 'create' }, async (encoded) => {
      const quality = qualities.find(({ bytesMax }) => plain.bytes <= bytesMax)?.quality ?? estimateQuality;
      const sink = fileSink(encoded);
      for await (const chunk of brotliChunks(plain, quality, options)) await sink.write(chunk);
      return encoded.bytes;
    }),
  );
}

/** What the file would have compressed by brotli 5, in bytes: more than `encodeWhole` gives, and known sooner. */
export async function estimateWhole(fileSystem: FileSystem, path: string, options: EncodeOptions = {}): Promise<number> {
  return withFile(fileSystem, path, { mode: 'read' }, async (plain) => {
    let bytes = 0;
    for await (const chunk of brotliChunks(plain, estimateQuality, options)) bytes += chunk.length;
    return bytes;
  });
}

function brotliChunks(plain: ByteSource, quality: number, { signal }: EncodeOptions): AsyncIterable<Uint8Array> {
  const brotli = createBrotliCompress({
    params: {
      [constants.BROTLI_PARAM_QUALITY]: quality,
      [constants.BROTLI_PARAM_LGWIN]: 24,
      [constants.BROTLI_PARAM_SIZE_HINT]: plain.bytes,
    },
  });
  return transformChunks(sourceChunks(plain, { signal }), brotli);
}
