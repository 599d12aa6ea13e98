/** How a terminal talks to one relay: what is asked, and how long it is waited for (docs/operating/relay.md). */
import { UpdaterError } from '../errors.js';
import type { Clock, Random } from '../ports.js';
import { discard } from './follow-redirects.js';
import { createHttpClient } from './http-client.js';
import { httpObjectSource } from './http-object-source.js';
import type { ObjectRequest, PlanNames } from './object-source.js';

export interface RelayTimes {
  /** Until it says who it is (default 3 000): a few milliseconds on a LAN, but a till that is busy itself takes long to hear it. */
  readonly helloMs: number;
  /** From asking for an object until the headers of the answer (default 15 000); the relay may have to ask the server twice first, over a thin link. */
  readonly answerMs: number;
  /** Without 1 KiB in the middle of an object (default 15 000). */
  readonly stallMs: number;
  /** Of waiting for it, after which its speed is looked at (default 10 000). */
  readonly slowMs: number;
  /** What is fast enough, whatever the server would give (default 64 KiB). */
  readonly fastBytesPerSecond: number;
  /** Below that it is slower than any link (default 512). */
  readonly deadBytesPerSecond: number;
  /** What is tried of the server when it is slow: for so long (default 4 000), and so much (default 256 KiB). */
  readonly trialMs: number;
  readonly trialBytes: number;
  /** How long what that showed is good for (default 600 000). */
  readonly triedMs: number;
  /** How long one that failed is left alone (default 300 000). */
  readonly awayMs: number;
  /** How long one that says it can not now is left alone (default 30 000). */
  readonly busyMs: number;
  /** How long the addresses that were found are good for (default 600 000). */
  readonly findEveryMs: number;
}

export const relayTimes: RelayTimes = {
  helloMs: 3_000,
  answerMs: 15_000,
  stallMs: 15_000,
  slowMs: 10_000,
  fastBytesPerSecond: 64 * 1024,
  deadBytesPerSecond: 512,
  trialMs: 4_000,
  trialBytes: 256 * 1024,
  triedMs: 600_000,
  awayMs: 300_000,
  busyMs: 30_000,
  findEveryMs: 600_000,
};

export interface RelayHost {
  readonly clock: Clock;
  readonly random: Random;
  /** Default: the fetch of the platform. */
  readonly fetch?: typeof globalThis.fetch | undefined;
}

export interface RelayClient {
  readonly url: string;
  /** @throws UpdaterError when nothing that is a relay answers there in time. */
  greet(): Promise<void>;
  /** @throws UpdaterError of any code: what a relay says is not to be believed. */
  read(plan: PlanNames, request: ObjectRequest): AsyncIterable<Uint8Array>;
}

/** `GET v1/relay` answers this. */
export const relayHello = { relay: 'remendo', protocol: 1 } as const;

/** Path and query of an object below a relay's address: its digest, and the releases that its plan is between. */
export function relayObjectPath(digest: string, { application, platform, base, target, codecs }: PlanNames): string {
  const names = { application, platform, ...(base === null ? {} : { base }), target, codecs: codecs.join(',') };
  return `v1/objects/${digest}?${new URLSearchParams(names)}`;
}

/** @throws UpdaterError CONFIG_INVALID for what is no address. Plain http is right here: nothing secret is sent, nothing believed. */
export function openRelay(url: string, host: RelayHost, times: RelayTimes): RelayClient {
  const client = createHttpClient({
    serverUrl: url,
    allowInsecure: true,
    clock: host.clock,
    random: host.random,
    fetch: withoutRedirects(host.fetch ?? globalThis.fetch),
    timeouts: { exchangeMs: times.helloMs, answerMs: times.answerMs, stallMs: times.stallMs },
    // The server is there: nothing is tried twice here.
    retries: { retriesMax: 0 },
  });
  return {
    url,
    greet: () => client.json('v1/relay', { validate: assertRelay, answerBytesMax: 4_096 }),
    read(plan, { pace: _pace, next: _next, ...request }) {
      // A limit of the terminal is meant for the link to the server; the relay has one of its own.
      const source = httpObjectSource({ client, name: url, pathOf: (digest) => relayObjectPath(digest, plan) });
      return source.open(request);
    },
  };
}

function assertRelay(answer: unknown): void {
  const { relay, protocol } = (answer ?? {}) as { readonly relay?: unknown; readonly protocol?: unknown };
  if (relay !== relayHello.relay || protocol !== relayHello.protocol)
    throw new UpdaterError('DOWNLOAD_FAILED', 'what answers there is no relay of this protocol');
}

/** A relay sends nobody elsewhere. */
const withoutRedirects =
  (fetch: typeof globalThis.fetch): typeof globalThis.fetch =>
  async (input, init) => {
    const response = await fetch(input, init);
    if (response.status < 300 || response.status > 399) return response;
    discard(response);
    throw new UpdaterError('DOWNLOAD_REDIRECT_REFUSED', 'a relay tried to send this terminal elsewhere');
  };
