import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/**
 * Sends chunks through a transform stream, such as one of node:zlib, and gives what comes out: never more than the
 * stream's own buffers are under way. An error of the chunks or of the stream ends it with that error; a consumer that
 * stops early stops both.
 */
export async function* transformChunks(
  chunks: AsyncIterable<Uint8Array>,
  transform: Duplex,
): AsyncGenerator<Uint8Array, void, undefined> {
  const feeding = pipeline(chunks, transform);
  feeding.catch(() => {});
  try {
    for await (const chunk of transform) yield chunk as Uint8Array;
  } finally {
    transform.destroy();
    await feeding.catch(() => {});
  }
}
