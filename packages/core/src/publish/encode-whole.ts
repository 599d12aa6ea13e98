import { constants, createBrotliCompress } from 'node:zlib';
import { sourceChunks } from '../bytes/byte-source.js';
import { transformChunks } from '../bytes/transform-chunks.js';
import { fileSink, withFile } from '../file-system/file-source.js';
import type { FileSystem } from '../file-system/file-system.js';

/** Up to so many bytes a quality is worth its time: measured about 0.2 MB/s, 0.7 MB/s, and 14 MB/s for the rest. */
const qualities = [
  { bytesMax: 1024 ** 2, quality: 11 },
  { bytesMax: 64 * 1024 ** 2, quality: 9 },
  { bytesMax: Number.POSITIVE_INFINITY, quality: 5 },
] as const;

/**
 * Compresses a file by brotli into `encodedPath`, which is made or emptied: quality 11 up to 1 MiB, 9 up to
 * 64 MiB, 5 above, window 16 MiB.
 * @returns the compressed size. The caller compares it and keeps the plain bytes (identity) when nothing was saved.
 */
export async function encodeWhole(
  fileSystem: FileSystem,
  path: string,
  encodedPath: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<number> {
  return withFile(fileSystem, path, { mode: 'read' }, (plain) =>
    withFile(fileSystem, encodedPath, { mode: 'create' }, async (encoded) => {
      const brotli = createBrotliCompress({
        params: {
          [constants.BROTLI_PARAM_QUALITY]: qualities.find(({ bytesMax }) => plain.bytes <= bytesMax)?.quality ?? 5,
          [constants.BROTLI_PARAM_LGWIN]: 24,
          [constants.BROTLI_PARAM_SIZE_HINT]: plain.bytes,
        },
      });
      const sink = fileSink(encoded);
      for await (const chunk of transformChunks(sourceChunks(plain, options), brotli)) await sink.write(chunk);
      return encoded.bytes;
    }),
  );
}
