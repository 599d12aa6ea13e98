/**
 * Whether a relay is slower than the link to the server would be. What brings `fastBytesPerSecond` is never questioned. Of one
 * that brings less over some seconds of waiting a little is asked of the server instead: where that comes twice as fast, the relay is
 * left; otherwise the link is what is slow, and half of the server's speed is enough for some time. So a relay that trickles takes
 * seconds, and one that is as slow as the link it fetches over is stayed with.
 *
 * Only time spent waiting counts: a slow disk of this machine's is nobody's fault. Requests at a time count together, each with
 * its own waiting, as does what is tried: speeds are those of one request among the others.
 */
import type { Clock } from '../ports.js';
import type { ObjectRequest, ObjectSource } from './object-source.js';
import type { RelayTimes } from './relay-client.js';

/** dead: slower than any link. slow: the server may be faster. */
export type SpeedVerdict = 'dead' | 'slow' | 'fast';

export class RelaySpeed {
  /** Of the last time that was looked at. */
  bytesPerSecond = 0;
  #waitedMs = 0;
  #bytes = 0;
  #tried = { atMs: 0, enoughBytesPerSecond: Number.POSITIVE_INFINITY };

  constructor(
    private readonly clock: Clock,
    private readonly times: RelayTimes,
  ) {}

  /** @param ms for how long these bytes were waited for. @returns null until there is something to say. */
  add(ms: number, bytes: number): SpeedVerdict | null {
    this.#waitedMs += ms;
    this.#bytes += bytes;
    if (this.#waitedMs < this.times.slowMs) return null;
    this.bytesPerSecond = Math.round((this.#bytes / this.#waitedMs) * 1_000);
    this.#waitedMs = this.#bytes = 0;
    if (this.bytesPerSecond < this.times.deadBytesPerSecond) return 'dead';
    return this.bytesPerSecond < this.#enough() ? 'slow' : 'fast';
  }

  /** @returns whether the relay is to be left for one that gives so much. */
  isBeatenBy(otherBytesPerSecond: number): boolean {
    this.#tried = { atMs: this.clock.now(), enoughBytesPerSecond: otherBytesPerSecond / 2 };
    return otherBytesPerSecond >= 2 * this.bytesPerSecond;
  }

  #enough(): number {
    const { fastBytesPerSecond, triedMs } = this.times;
    const { atMs, enoughBytesPerSecond } = this.#tried;
    const isGood = Math.abs(this.clock.now() - atMs) < triedMs;
    return isGood ? Math.min(fastBytesPerSecond, enoughBytesPerSecond) : fastBytesPerSecond;
  }
}

export interface TimedChunk {
  readonly chunk: Uint8Array;
  readonly waitedMs: number;
}

export async function* timed(chunks: AsyncIterable<Uint8Array>, clock: Clock): AsyncGenerator<TimedChunk> {
  let askedAtMs = clock.now();
  for await (const chunk of chunks) {
    yield { chunk, waitedMs: Math.max(0, clock.now() - askedAtMs) };
    askedAtMs = clock.now();
  }
}

export interface Trial {
  readonly bytes: number;
  /** 0: it failed. */
  readonly bytesPerSecond: number;
}

/** Gives the beginning of what is asked for, as far as it comes in the time of a trial. @throws the request's signal's reason. */
export async function* trialOf(
  source: ObjectSource,
  request: ObjectRequest,
  { clock, times }: { readonly clock: Clock; readonly times: RelayTimes },
): AsyncGenerator<Uint8Array, Trial> {
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, ...(request.signal === undefined ? [] : [request.signal])]);
  const beganMs = clock.now();
  clock.sleep(times.trialMs, signal).then(
    () => over.abort(),
    () => undefined,
  );
  let [bytes, heldMs] = [0, 0];
  try {
    for await (const chunk of source.open({ ...request, bytes: Math.min(request.bytes, times.trialBytes), signal })) {
      bytes += chunk.length;
      const givenMs = clock.now();
      yield chunk;
      heldMs += clock.now() - givenMs;
    }
  } catch {
    request.signal?.throwIfAborted();
    if (!over.signal.aborted) return { bytes, bytesPerSecond: 0 };
  } finally {
    over.abort();
  }
  const ms = Math.max(1, clock.now() - beganMs - heldMs);
  return { bytes, bytesPerSecond: Math.round((bytes / ms) * 1_000) };
}
