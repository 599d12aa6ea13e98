/**
 * All that the relay ever asks the server, with its own credentials: plans between releases, and objects those plans name.
 * No terminal's name goes there, no metadata and no events come back or go.
 */
import {
  answerValidator,
  type BandwidthLimit,
  type Clock,
  createHttpClient,
  type Digest,
  type HttpClientOptions,
  hasCode,
  httpObjectSource,
  limits,
  type ObjectRequest,
  type ObjectSource,
  type PlanNames,
  type Random,
  UpdaterError,
} from '@remendo/core';
import { PlanAnswer } from '@remendo/core/protocol';
import type { Credentials } from '../credentials.js';

export interface Upstream {
  /** Objects of the plans between two releases, and how long each is. @throws UpdaterError of the server's; DOWNLOAD_FAILED. */
  plan(names: PlanNames): Promise<ReadonlyMap<Digest, number>>;
  /** As an `ObjectSource`. @throws UpdaterError LIMIT_RATE when the day's bytes or the hour's requests are used up. */
  open(request: ObjectRequest): AsyncIterable<Uint8Array>;
  /** Bytes of all answers so far. */
  bytes(): number;
}

export type UpstreamTimeouts = NonNullable<HttpClientOptions['timeouts']>;

export interface UpstreamOptions {
  readonly server: string;
  readonly allowInsecure: boolean;
  /** Headers. */
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly random: Random;
  readonly bytesPerDay: number;
  /** For all objects together; null: as fast as it comes. */
  readonly bandwidth: BandwidthLimit | null;
  /** Told when the server was asked for a plan and gave none. */
  readonly onPlanFailed?: (names: PlanNames, error: unknown) => void;
  readonly fetch?: typeof globalThis.fetch;
  /** Default: as long as terminals can wait for it. */
  readonly timeouts?: UpstreamTimeouts;
}

const defaultTimeouts: UpstreamTimeouts = { answerMs: 7_000, exchangeMs: 7_000, stallMs: 10_000 };
/**
 * From a question, with its repetition, until its answer begins. A terminal waits fifteen seconds for a plan and an object: it is
 * told, and goes to the server, before it takes the relay for dead.
 */
const questionMs = 7_000;
/** What comes under a limit is passed on in pieces: a chunk at a time would keep slow links silent for longer than terminals wait. */
const pieceBytes = 8 * 1024;
/** How long a server that did not answer is not asked again: everybody is told at once meanwhile. */
const awayMs = 5_000;
/** How long it is left alone at most when it says itself for how long. */
const awayMsMax = 300_000;
const dayMs = 86_400_000;
const hourMs = 3_600_000;
/** Five hundred ranges a release and base; somebody who asks byte by byte ends here. */
const requestsPerHourMax = 6_000;

const validate = answerValidator(PlanAnswer);

/** @throws UpdaterError CONFIG_INVALID, DOWNLOAD_INSECURE. */
export function openUpstream(options: UpstreamOptions): Upstream {
  const { clock, random, credentials, bandwidth } = options;
  let receivedBytes = 0;
  let away = { sinceMs: 0, forMs: 0 };
  const client = createHttpClient({
    serverUrl: options.server,
    allowInsecure: options.allowInsecure,
    credentials: () => credentials,
    clock,
    random,
    timeouts: options.timeouts ?? defaultTimeouts,
    retries: { retriesMax: 1, backoffMs: 250, retryAfterMsMax: 1_000 },
    onTransfer: (bytes) => {
      receivedBytes += bytes;
    },
    ...(options.fetch === undefined ? {} : { fetch: options.fetch }),
  });
  const source = httpObjectSource({ client });
  const requests = new Allowance(clock, { span: hourMs, max: requestsPerHourMax });
  const day = new Allowance(clock, { span: dayMs, max: options.bytesPerDay });
  const assertHere = (): void => {
    const passedMs = clock.now() - away.sinceMs;
    if (passedMs >= 0 && passedMs < away.forMs) throw new UpdaterError('DOWNLOAD_FAILED', 'the server did not answer a moment ago');
  };
  const judge = (error: unknown): void => {
    if (!hasCode(error, 'DOWNLOAD_FAILED', 'LIMIT_RATE')) return;
    const asked = Number(error.details.retryAfterMs ?? 0);
    away = { sinceMs: clock.now(), forMs: Math.min(Math.max(asked, awayMs), awayMsMax) };
  };
  return {
    bytes: () => receivedBytes,
    async plan(names) {
      assertHere();
      requests.take(1);
      const deadline = deadlineOf(clock);
      try {
        const { signal } = deadline;
        return objectsOf(await client.json('api/v1/updates/plan', { ...askedWith(names), validate, signal }));
      } catch (error) {
        judge(error);
        options.onPlanFailed?.(names, error);
        throw error;
      } finally {
        deadline.met();
      }
    },
    async *open(request) {
      assertHere();
      requests.take(1);
      day.take(request.bytes);
      let leftBytes = request.bytes;
      try {
        for await (const chunk of begunInTime(source, request, clock)) {
          leftBytes -= chunk.length;
          yield* paced(chunk, bandwidth, request.signal);
        }
      } catch (error) {
        if (request.signal?.aborted !== true) judge(error);
        throw error;
      } finally {
        day.giveBack(leftBytes);
      }
    },
  };
}

/** @throws UpdaterError DOWNLOAD_FAILED when the first byte is late. */
async function* begunInTime(source: ObjectSource, request: ObjectRequest, clock: Clock): AsyncGenerator<Uint8Array> {
  const deadline = deadlineOf(clock);
  const signal = request.signal === undefined ? deadline.signal : AbortSignal.any([request.signal, deadline.signal]);
  try {
    for await (const chunk of source.open({ ...request, signal })) {
      deadline.met();
      yield chunk;
    }
  } finally {
    deadline.met();
  }
}

function deadlineOf(clock: Clock): { readonly signal: AbortSignal; met(): void } {
  const late = new AbortController();
  const met = new AbortController();
  const expire = (): void => {
    if (met.signal.aborted) return;
    late.abort(new UpdaterError('DOWNLOAD_FAILED', `the server did not answer within ${questionMs} ms`));
  };
  clock.sleep(questionMs, met.signal).then(expire, () => undefined);
  return { signal: late.signal, met: () => met.abort() };
}

/** What is there is passed on before it is paid for: nobody waits for the first of it. */
async function* paced(
  chunk: Uint8Array,
  bandwidth: BandwidthLimit | null,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  if (bandwidth === null) return yield chunk;
  for (let at = 0; at < chunk.length; at += pieceBytes) {
    const piece = chunk.subarray(at, at + pieceBytes);
    yield piece;
    await bandwidth.take(piece.length, signal);
  }
}

const askedWith = ({ application, platform, base, target, codecs }: PlanNames) => ({
  query: { target, base: base ?? undefined, codecs: codecs.join(',') },
  headers: { 'x-application': application, 'x-platform': platform },
  answerBytesMax: limits.planAnswerBytesMax,
});

/** Whatever a terminal may fetch that was given this answer. */
function objectsOf({ target, plans }: PlanAnswer): ReadonlyMap<Digest, number> {
  const objects = new Map<Digest, number>();
  const named = [target.manifest, target.zip, ...plans.flatMap(({ fetches }) => fetches.map(asObject))];
  for (const { digest, bytes } of named) objects.set(digest as Digest, bytes);
  return objects;
}

const asObject = ({ digest, object_bytes: bytes }: { digest: string; object_bytes: number }) => ({ digest, bytes });

/** So much in each span of time, counted from the first use in it. */
class Allowance {
  #sinceMs = Number.NEGATIVE_INFINITY;
  #used = 0;

  constructor(
    private readonly clock: Clock,
    private readonly limit: { readonly span: number; readonly max: number },
  ) {}

  /** @throws UpdaterError LIMIT_RATE */
  take(amount: number): void {
    const now = this.clock.now();
    if (Math.abs(now - this.#sinceMs) >= this.limit.span) {
      this.#sinceMs = now;
      this.#used = 0;
    }
    if (this.#used + amount > this.limit.max)
      throw new UpdaterError('LIMIT_RATE', 'the relay has fetched as much as it may for now', { details: { max: this.limit.max } });
    this.#used += amount;
  }

  /** What was taken and not used. */
  giveBack(amount: number): void {
    this.#used = Math.max(0, this.#used - amount);
  }
}
