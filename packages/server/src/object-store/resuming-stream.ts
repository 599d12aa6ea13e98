/**
 * A stream that goes on where it stopped when the connection breaks. Stores hang up on readers that take long, and a
 * terminal on a thin link does; it would have to begin a new request for what the server can ask for itself.
 */
import { Readable } from 'node:stream';

export interface Window {
  readonly offset: number;
  readonly bytes: number;
}

/** Begins to read a window of something that does not change; `window` holds what will come, when it was not asked for. */
export type OpenWindow = (window?: Window) => Promise<{ readonly body: Readable; readonly window: Window }>;

export interface ResumeOptions {
  /** Failures in a row, with no byte between them, that it gets over. Default 3. */
  readonly failuresMax?: number;
  /** Of what `open` or the connection throws: what the caller, or the reader of the stream, is told. */
  readonly toError: (error: unknown) => Error;
}

export async function openResumingStream(open: OpenWindow, asked: Window | undefined, options: ResumeOptions): Promise<Readable> {
  const openOrFail: OpenWindow = (window) => open(window).catch((error) => Promise.reject(options.toError(error)));
  let { body, window } = await openOrFail(asked);
  let failures = 0;
  async function* chunks(): AsyncGenerator<Uint8Array, void> {
    while (window.bytes > 0) {
      try {
        for await (const chunk of body as AsyncIterable<Uint8Array>) {
          window = { offset: window.offset + chunk.length, bytes: window.bytes - chunk.length };
          failures = 0;
          yield chunk;
        }
        if (window.bytes > 0) throw new Error(`the connection ended ${window.bytes} bytes early`);
      } catch (error) {
        failures += 1;
        if (stream.destroyed || failures > (options.failuresMax ?? 3)) throw options.toError(error);
        ({ body } = await openOrFail(window));
      }
    }
  }
  const stream = Readable.from(chunks(), { objectMode: false, highWaterMark: 256 * 1024 });
  // Whoever gives up does not wait for the chunk that is on its way.
  stream.once('close', () => body.destroy());
  return stream;
}
