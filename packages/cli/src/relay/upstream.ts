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
  hasCode,
  httpObjectSource,
  isUpdaterError,
  limits,
  type ObjectRequest,
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
  readonly fetch?: typeof globalThis.fetch;
}

/** Shorter than terminals wait for the relay: they are told, and go to the server, before they give up by themselves. */
const timeouts = { answerMs: 5_000, exchangeMs: 5_000, stallMs: 10_000 };
/** How long a server that did not answer is not asked again: everybody is told at once meanwhile. */
const awayMs = 5_000;
const dayMs = 86_400_000;
const hourMs = 3_600_000;
/** Five hundred ranges a release and base; somebody who asks byte by byte ends here. */
const requestsPerHourMax = 6_000;

const validate = answerValidator(PlanAnswer);

/** @throws UpdaterError CONFIG_INVALID, DOWNLOAD_INSECURE. */
export function openUpstream(options: UpstreamOptions): Upstream {
  const { clock, random, credentials, bandwidth } = options;
  let receivedBytes = 0;
  let awayUntilMs = 0;
  const client = createHttpClient({
    serverUrl: options.server,
    allowInsecure: options.allowInsecure,
    credentials: () => credentials,
    clock,
    random,
    timeouts,
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
    const leftMs = awayUntilMs - clock.now();
    if (leftMs > 0 && leftMs <= awayMs) throw new UpdaterError('DOWNLOAD_FAILED', 'the server did not answer a moment ago');
  };
  const judged = (error: unknown): unknown => {
    if (hasCode(error, 'DOWNLOAD_FAILED')) awayUntilMs = clock.now() + awayMs;
    return error;
  };
  return {
    bytes: () => receivedBytes,
    async plan(names) {
      assertHere();
      requests.take(1);
      try {
        return objectsOf(await client.json('api/v1/updates/plan', { ...askedWith(names), validate }));
      } catch (error) {
        throw judged(error);
      }
    },
    async *open(request) {
      assertHere();
      requests.take(1);
      day.take(request.bytes);
      const pace = (bytes: number) => bandwidth?.take(bytes, request.signal) ?? Promise.resolve();
      try {
        yield* source.open({ ...request, pace });
      } catch (error) {
        if (request.signal?.aborted !== true && isUpdaterError(error)) judged(error);
        throw error;
      }
    },
  };
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
}
