/**
 * Objects from relays in the same branch. A relay is asked without credentials, by digest, with the names of the releases
 * that a plan is between; it needs no trust, and can do no more than waste a little time:
 *
 * - whatever it answers, whoever comes after it is asked: none of its words (a licence that ended, a release that was
 *   withdrawn, a redirect) is believed, all become DOWNLOAD_FAILED or DOWNLOAD_NOT_FOUND.
 * - away, silent or slow, it is left alone for a while; once what came from it was not what the digest says, for ever.
 */
import { isUpdaterError, UpdaterError } from '../errors.js';
import type { Digest } from '../hash/digest.js';
import type { ObjectRequest, ObjectSource, PlanNames } from './object-source.js';
import { openRelay, type RelayClient, type RelayHost, type RelayTimes, relayTimes } from './relay-client.js';
import { RelaySpeed, timed, trialOf } from './relay-speed.js';

export type RelayEvent =
  /** It answers, and is asked from now on. */
  | { readonly kind: 'relay-found'; readonly url: string }
  /** It is not asked for `forMs`. */
  | { readonly kind: 'relay-away'; readonly url: string; readonly reason: string; readonly forMs: number }
  /** What came from it was not what the digest says: it is not asked any more. */
  | { readonly kind: 'relay-refuted'; readonly url: string; readonly digest: Digest };

export interface RelaySourceOptions extends RelayHost {
  /** Addresses to ask, best first; asked for when one is needed, and again after `findEveryMs`. None: there is no relay. */
  readonly find: () => Promise<readonly string[]>;
  readonly onEvent?: (event: RelayEvent) => void;
  readonly times?: Partial<RelayTimes>;
}

export interface RelaySource extends ObjectSource {
  /** What each relay gave so far, right or not; those that gave nothing are left out. */
  given(): readonly { readonly url: string; readonly bytes: number }[];
}

/** How many of the addresses found are looked at. */
const relaysMax = 8;

/** A source to put before the server. Opens no connection before the first request of a plan. */
export function relaySource(options: RelaySourceOptions): RelaySource {
  const times = { ...relayTimes, ...options.times };
  const known = new Map<string, Relay>();
  const emit = options.onEvent ?? (() => undefined);
  let plan: PlanNames | null = null;
  let found: { readonly at: number; readonly relays: Promise<readonly Relay[]> } | null = null;
  const relayAt = (url: string): Relay => {
    const relay = known.get(url) ?? new Relay(openRelay(url, options, times), { ...options, times, emit });
    known.set(url, relay);
    return relay;
  };
  const relays = (): Promise<readonly Relay[]> => {
    const now = options.clock.now();
    if (found === null || Math.abs(now - found.at) >= times.findEveryMs) {
      const urls = options.find().catch(() => []);
      found = { at: now, relays: urls.then((all) => all.filter(isAddress).slice(0, relaysMax).map(relayAt)) };
    }
    return found.relays;
  };
  return {
    name: 'relay',
    async *open(request) {
      if (plan === null) throw notThere(request, []);
      yield* readInOrder(await relays(), plan, request);
    },
    planned(next) {
      plan = next;
      for (const relay of known.values()) relay.forgetMissing();
    },
    refuted(digest) {
      for (const relay of known.values()) relay.refute(digest);
    },
    given: () =>
      [...known.values()].filter(({ givenBytes }) => givenBytes > 0).map(({ url, givenBytes: bytes }) => ({ url, bytes })),
  };
}

const isAddress = (url: string): boolean => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);

async function* readInOrder(relays: readonly Relay[], plan: PlanNames, request: ObjectRequest): AsyncGenerator<Uint8Array> {
  let doneBytes = 0;
  const failures: UpdaterError[] = [];
  for (const relay of relays) {
    if (!relay.mayBeAskedFor(request.digest)) continue;
    try {
      const rest = { ...request, offset: request.offset + doneBytes, bytes: request.bytes - doneBytes };
      for await (const chunk of relay.read(plan, rest)) {
        doneBytes += chunk.length;
        yield chunk;
      }
      return;
    } catch (error) {
      request.signal?.throwIfAborted();
      if (!isUpdaterError(error)) throw error;
      failures.push(error);
    }
  }
  throw notThere(request, failures);
}

const notThere = ({ digest }: ObjectRequest, failures: readonly UpdaterError[]): UpdaterError => {
  const failure = failures.find(({ code }) => code !== 'DOWNLOAD_NOT_FOUND');
  const message = 'No relay gave the object';
  return failure === undefined
    ? new UpdaterError('DOWNLOAD_NOT_FOUND', message, { details: { digest } })
    : new UpdaterError('DOWNLOAD_FAILED', message, { details: { digest }, cause: failure });
};

interface RelayOptions extends RelayHost {
  readonly times: RelayTimes;
  readonly emit: (event: RelayEvent) => void;
}

/** One relay, and what is thought of it. */
class Relay {
  givenBytes = 0;
  #isRefuted = false;
  #awayUntilMs = Number.NEGATIVE_INFINITY;
  #greeted: Promise<void> | null = null;
  #missing = new Set<Digest>();
  /** Left because the server is faster, or while that is tried. */
  #isBeaten = false;
  #isTried = false;
  readonly #given = new Set<Digest>();
  readonly #speed: RelaySpeed;

  constructor(
    private readonly client: RelayClient,
    private readonly options: RelayOptions,
  ) {
    this.#speed = new RelaySpeed(options.clock, options.times);
  }

  get url(): string {
    return this.client.url;
  }

  mayBeAskedFor(digest: Digest): boolean {
    const awayMs = this.#awayUntilMs - this.options.clock.now();
    // Longer than it can be: somebody set the clock back.
    const isAway = awayMs > 0 && awayMs <= this.options.times.awayMs;
    return !this.#isRefuted && !isAway && !this.#missing.has(digest);
  }

  async *read(plan: PlanNames, request: ObjectRequest): AsyncGenerator<Uint8Array> {
    let isGreeted = false;
    try {
      await this.#greet();
      isGreeted = true;
      this.#isBeaten = false;
      for (let doneBytes = 0; doneBytes < request.bytes; ) {
        request.signal?.throwIfAborted();
        const rest = { ...request, offset: request.offset + doneBytes, bytes: request.bytes - doneBytes };
        doneBytes += yield* this.#readWhileFast(plan, rest);
        if (doneBytes === request.bytes) return;
        const left = { ...request, offset: request.offset + doneBytes, bytes: request.bytes - doneBytes };
        doneBytes += yield* this.#tryNext(left);
      }
    } catch (error) {
      request.signal?.throwIfAborted();
      throw this.#judge(error, isGreeted ? request.digest : null);
    }
  }

  /** @returns how many bytes it gave, which are all, or those until somebody else is to be tried. */
  async *#readWhileFast(plan: PlanNames, request: ObjectRequest): AsyncGenerator<Uint8Array, number> {
    let doneBytes = 0;
    for await (const { chunk, waitedMs } of timed(this.client.read(plan, request), this.options.clock)) {
      // What comes after it was found out is not taken any more.
      if (this.#isRefuted) throw new UpdaterError('DOWNLOAD_FAILED', `${this.url} gave wrong bytes`);
      if (this.#isBeaten) throw this.#slow();
      this.#given.add(request.digest);
      this.givenBytes += chunk.length;
      doneBytes += chunk.length;
      yield chunk;
      const verdict = this.#speed.add(waitedMs, chunk.length);
      if (verdict === 'dead') throw this.#slow();
      if (verdict === 'slow' && request.next !== undefined && !this.#isTried) break;
    }
    return doneBytes;
  }

  /** @returns how many bytes whoever comes next gave. @throws UpdaterError when that one is so much faster that the rest is its too. */
  async *#tryNext(request: ObjectRequest): AsyncGenerator<Uint8Array, number> {
    const { next } = request;
    if (next === undefined) return 0;
    this.#isTried = true;
    try {
      const { bytes, bytesPerSecond } = yield* trialOf(next, request, this.options);
      this.#isBeaten = this.#speed.isBeatenBy(bytesPerSecond);
      if (!this.#isBeaten) return bytes;
      const slow = this.#slow(`, and ${next.name} ${bytesPerSecond}`);
      this.#leaveAlone(slow);
      if (bytes < request.bytes) throw slow;
      return bytes;
    } finally {
      this.#isTried = false;
    }
  }

  #slow(others = ''): UpdaterError {
    return new UpdaterError('DOWNLOAD_FAILED', `it gives ${this.#speed.bytesPerSecond} bytes a second${others}`);
  }

  refute(digest: Digest): void {
    if (this.#isRefuted || !this.#given.has(digest)) return;
    this.#isRefuted = true;
    this.options.emit({ kind: 'relay-refuted', url: this.url, digest });
  }

  forgetMissing(): void {
    this.#missing = new Set();
  }

  /** Once for all requests that wait for it. */
  #greet(): Promise<void> {
    this.#greeted ??= this.client.greet().then(
      () => this.options.emit({ kind: 'relay-found', url: this.url }),
      (error: unknown) => {
        this.#greeted = null;
        throw error;
      },
    );
    return this.#greeted;
  }

  /** @param missing what it may say that it does not have; null before it said who it is: something else may answer there. */
  #judge(error: unknown, missing: Digest | null): UpdaterError {
    const details = { relay: this.url };
    if (missing !== null && isUpdaterError(error) && error.code === 'DOWNLOAD_NOT_FOUND') {
      this.#missing.add(missing);
      return new UpdaterError('DOWNLOAD_NOT_FOUND', `${this.url} does not have the object`, { details, cause: error });
    }
    if (!this.#isRefuted) this.#leaveAlone(error);
    return new UpdaterError('DOWNLOAD_FAILED', `${this.url} did not give the object`, { details, cause: error });
  }

  #leaveAlone(error: unknown): void {
    const { times, clock, emit } = this.options;
    const wasHere = this.mayBeAskedFor('' as Digest);
    const isBusy = isUpdaterError(error) && error.details.status === 503;
    const forMs = isBusy ? times.busyMs : times.awayMs;
    this.#awayUntilMs = clock.now() + forMs;
    this.#greeted = null;
    // Several requests at a time fail together; it is said once.
    if (wasHere) emit({ kind: 'relay-away', url: this.url, reason: error instanceof Error ? error.message : String(error), forMs });
  }
}
