/**
 * Reads bodies of answers. A server may send too much, too slowly, or stop in the middle: what is read is counted, and
 * a body that brings less than `stallBytesMin` within `stallMs` is given up. Only the time spent waiting for the
 * network counts: a consumer that writes to a slow disk, or that a bandwidth limit holds back, is no stall.
 */
import { UpdaterError } from '../errors.js';
import type { Clock } from '../ports.js';

/** 34 bytes a second at the default of 30 s: below any link that could ever finish. */
const stallBytesMin = 1024;

/** The connection broke or stalled in the middle of a body: worth going on from where it stopped. */
export class BodyBroken extends Error {
  override readonly name = 'BodyBroken';
}

export interface BodyWatch {
  readonly clock: Clock;
  readonly stallMs: number;
  /** Called with the bytes of every chunk as it arrives. */
  readonly onTransfer?: ((bytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The chunks of a body; leaving the loop early closes the connection.
 * @throws BodyBroken; the signal's reason when that was aborted.
 */
export async function* bodyChunks(response: Response, watch: BodyWatch): AsyncGenerator<Uint8Array, void> {
  const reader: Reader | undefined = response.body?.getReader();
  if (reader === undefined) return;
  let waitedMs = 0;
  let receivedBytes = 0;
  try {
    for (;;) {
      const startMs = watch.clock.now();
      const next = await readOrStall(reader, watch, watch.stallMs - waitedMs);
      if (next.done || next.value === undefined) return;
      watch.onTransfer?.(next.value.length);
      waitedMs += Math.max(0, watch.clock.now() - startMs);
      receivedBytes += next.value.length;
      if (receivedBytes >= stallBytesMin) waitedMs = receivedBytes = 0;
      yield next.value;
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

interface Reader {
  read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

async function readOrStall(reader: Reader, watch: BodyWatch, ms: number): Promise<Awaited<ReturnType<Reader['read']>>> {
  const arrived = new AbortController();
  const stalled = watch.clock.sleep(Math.max(1, ms), arrived.signal).then(() => {
    throw new BodyBroken(`less than ${stallBytesMin} bytes came within ${watch.stallMs} ms`);
  });
  stalled.catch(() => undefined);
  try {
    return await Promise.race([reader.read(), stalled]);
  } catch (cause) {
    watch.signal?.throwIfAborted();
    throw cause instanceof BodyBroken ? cause : new BodyBroken('the connection broke in the middle of a body', { cause });
  } finally {
    arrived.abort();
  }
}

/**
 * A whole body in memory, whatever its Content-Length says.
 * @throws UpdaterError LIMIT_EXCEEDED as soon as it is longer than `bytesMax`; what `bodyChunks` throws.
 */
export async function readBody(response: Response, bytesMax: number, watch: BodyWatch): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of bodyChunks(response, watch)) {
    bytes += chunk.length;
    if (bytes > bytesMax) {
      throw new UpdaterError('LIMIT_EXCEEDED', `An answer is longer than ${bytesMax} bytes`, { details: { bytesMax } });
    }
    chunks.push(chunk);
  }
  const whole = new Uint8Array(bytes);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}
