/** How one simulated terminal talks to the server: from its own address, over its own link, with its own credentials. */
import type { Agent } from 'node:http';
import { limits, UpdaterError } from '@remendo/core';
import { type ExchangeAnswer, type ExchangeOptions, exchange } from './exchange.js';
import type { Link } from './link.js';
import { Cut, type ObjectRange, ObjectReceiver } from './object-receiver.js';
import { Refusal } from './refusal.js';
import { repeated } from './repeat.js';
import type { Random } from './seeded-random.js';
import type { RequestKind, Traffic } from './traffic.js';

/** What all terminals of a simulation share. */
export interface Network {
  readonly server: URL;
  readonly agent: Agent;
  readonly traffic: Traffic;
  readonly dropShare: number;
  readonly killShare: number;
  /** Everything ends at once. */
  readonly signal: AbortSignal;
}

export interface JsonRequest {
  /** Below the server's address. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; left out, the request is a GET. */
  readonly body?: object;
}

export interface JsonAnswer {
  readonly etag: string | null;
  /** Null for 304. */
  readonly value: unknown;
}

type Sending = Pick<ExchangeOptions, 'headers' | 'body' | 'onBody'>;

export class TerminalClient {
  /** Sent to the server, and to no store that it redirects to. */
  credentials: Readonly<Record<string, string>> = {};

  constructor(
    private readonly network: Network,
    private readonly own: { readonly random: Random; readonly link: Link; readonly localAddress: string | undefined },
  ) {}

  /** @throws as `repeated`, and UpdaterError DOWNLOAD_FAILED for what is no JSON. */
  json(kind: RequestKind, { path, headers = {}, body }: JsonRequest): Promise<JsonAnswer> {
    const { traffic, server } = this.network;
    const text = body === undefined ? null : JSON.stringify(body);
    const type = text === null ? {} : { 'content-type': 'application/json' };
    return this.#repeated(kind, async () => {
      const chunks: Buffer[] = [];
      const onBody = () => this.#collector(chunks);
      const answer = await this.#send(new URL(path, server), { headers: { ...headers, ...type }, body: text, onBody });
      traffic.answered(kind, answer.ms);
      return { etag: answer.headers.etag ?? null, value: answer.status === 304 ? null : parseJson(Buffer.concat(chunks)) };
    });
  }

  /**
   * Fetches a range of an object, over as many connections as it takes.
   * @throws as `repeated`; UpdaterError DOWNLOAD_DIGEST_MISMATCH when something else came.
   */
  async fetch(range: ObjectRange): Promise<void> {
    const { counts } = this.network.traffic;
    const receiver = new ObjectReceiver(range);
    await this.#repeated('object', () => this.#fetchRest(receiver));
    if (receiver.isRight()) {
      counts[receiver.isWhole ? 'wholeObjects' : 'partRanges'] += 1;
      return;
    }
    counts.wrongObjects += 1;
    throw new UpdaterError('DOWNLOAD_DIGEST_MISMATCH', 'an object is not what its name says', { details: { ...range } });
  }

  /** @throws Cut when the simulator stops reading half-way; what came until then stays. */
  async #fetchRest(receiver: ObjectReceiver): Promise<void> {
    const { traffic, dropShare, server } = this.network;
    const { random } = this.own;
    if (receiver.receivedBytes > 0) traffic.counts.resumed += 1;
    let allowedBytes = random() < dropShare ? Math.floor(random() * receiver.missingBytes) : Number.POSITIVE_INFINITY;
    const onBody: ExchangeOptions['onBody'] = (head) => {
      receiver.expect(head);
      traffic.answered('object', head.ms);
      return async (chunk) => {
        const taken = chunk.subarray(0, allowedBytes);
        allowedBytes -= taken.length;
        await this.#carry(taken.length);
        receiver.take(taken);
        if (taken.length < chunk.length) throw new Cut('the download was cut');
      };
    };
    await this.#send(new URL(`api/v1/objects/${receiver.range.digest}`, server), {
      headers: receiver.headers(),
      body: null,
      onBody,
    });
  }

  /** Follows redirects by hand. @returns a 2xx or 304. @throws Refusal for any other. */
  async #send(url: URL, sending: Sending, redirectsMax: number = limits.redirectsMax): Promise<ExchangeAnswer> {
    const { server, agent, signal, traffic, killShare } = this.network;
    const { random, localAddress } = this.own;
    traffic.counts.sentBytes += sending.body?.length ?? 0;
    const answer = await exchange(url, {
      ...sending,
      headers: { 'user-agent': 'remendo-simulate', ...sending.headers, ...(url.origin === server.origin ? this.credentials : {}) },
      agent,
      localAddress,
      signal,
      killAt: random() >= killShare ? null : random() < 0.5 ? 'sent' : 'answered',
    });
    const { location } = answer.headers;
    if (location !== undefined && [302, 303, 307].includes(answer.status) && redirectsMax > 0) {
      // The entity tags of another store are not the server's.
      const { 'if-range': _tag, ...headers } = sending.headers;
      return this.#send(new URL(location, url), { ...sending, headers }, redirectsMax - 1);
    }
    if (answer.status >= 300 && answer.status !== 304) throw new Refusal(answer);
    return answer;
  }

  #repeated<Value>(kind: RequestKind, attempt: () => Promise<Value>): Promise<Value> {
    const { traffic, signal } = this.network;
    return repeated({ kind, traffic, signal, random: this.own.random }, attempt);
  }

  #collector(chunks: Buffer[]): (chunk: Buffer) => Promise<void> {
    let bytes = 0;
    return async (chunk) => {
      bytes += chunk.length;
      if (bytes > limits.answerBytesMax) throw new UpdaterError('LIMIT_EXCEEDED', 'an answer of the server is too large');
      await this.#carry(chunk.length);
      chunks.push(chunk);
    };
  }

  async #carry(bytes: number): Promise<void> {
    this.network.traffic.counts.receivedBytes += bytes;
    await this.own.link.carry(bytes, this.network.signal);
  }
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch (cause) {
    throw new UpdaterError('DOWNLOAD_FAILED', "the server's answer is no JSON", { cause });
  }
}
