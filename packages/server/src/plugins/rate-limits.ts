/**
 * How often something may be asked for, in a minute: by an address whatever it is, by a terminal checks and beginnings
 * of downloads, by an address registrations and failed sign-ins. A branch shares one address, so a terminal that goes
 * astray must not shut the others out: it is refused by its own name first.
 *
 * A download counts once. Thin links fetch it in many ranges, and a plan names many objects: who has begun goes on
 * uncounted, and so does whoever asks again for what the same address got a few minutes ago.
 */
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify';
import { keyForm, terminalIdForm } from '../accounts/sign-in.js';
import type { ServerConfig } from '../config.js';
import type { Database } from '../database/open-database.js';
import { BoundedCache } from '../releases/bounded-cache.js';
import type { App } from '../routes/app-ports.js';
import { terminalKeyOf } from '../terminals/sightings.js';
import { addressKey } from './address-key.js';
import { RequestCounter } from './request-counter.js';

/**
 * What a route counts as: nothing at all · a check · a plan, which begins a download · an object, part of a download ·
 * a whole zip, a download of its own · a registration. Others count for their address alone.
 */
export type CountedAs = 'nothing' | 'check' | 'plan' | 'object' | 'zip' | 'registration';

declare module 'fastify' {
  interface FastifyContextConfig {
    countedAs?: CountedAs;
  }
}

export interface RateLimitOptions {
  readonly config: Pick<ServerConfig, 'checksPerMinute' | 'requestsPerMinute' | 'signInsPerMinute'>;
  readonly database: Pick<Database, 'pool'>;
  readonly log: FastifyBaseLogger;
}

const seenMax = 50_000;
const begunMax = 50_000;
const addressCharactersMax = 300;
const seenMs = 15 * 60_000;
/** As many ranges of one object as a plan can have. */
const seenUsesMax = 4_096;
const terminalNameCharactersMax = 128;

interface Seen {
  readonly until: number;
  usesLeft: number;
}

export class RateLimits {
  readonly #requests: RequestCounter;
  readonly #checks: RequestCounter;
  readonly #downloads: RequestCounter;
  readonly #signIns: RequestCounter;
  readonly #seen = new BoundedCache<Seen>(seenMax);
  readonly #begun = new BoundedCache<true>(begunMax);

  constructor({ config, database, log }: RateLimitOptions) {
    const counter = (name: string, perMinute: number) => new RequestCounter({ database, log, name, perMinute });
    this.#requests = counter('request', config.requestsPerMinute);
    this.#checks = counter('check', config.checksPerMinute);
    this.#downloads = counter('download', config.checksPerMinute);
    this.#signIns = new RequestCounter({ database, log, name: 'sign-in', perMinute: config.signInsPerMinute, isStrict: true });
  }

  /** Before it is known who asks. @throws UpdaterError LIMIT_RATE. */
  async countRequest(request: FastifyRequest): Promise<void> {
    const countedAs = countedAsOf(request);
    if (countedAs === 'nothing') return;
    const isPart = countedAs === 'object' || countedAs === 'zip';
    if (isPart && this.#isSeen(seenKey(request))) return;
    await this.#requests.take(addressKey(request.ip));
    if (countedAs === 'registration') await this.#signIns.take(addressKey(request.ip));
  }

  /**
   * Before credentials are looked at. Tokens of operators may be what a person chose: they can not be guessed at further.
   * Keys and ids have 256 random bits, and refusing them would let one broken terminal shut out its whole branch.
   * @throws UpdaterError LIMIT_RATE.
   */
  refuseGuess(request: FastifyRequest, authorization: string): void {
    const credential = authorization.slice(authorization.indexOf(' ') + 1).trim();
    if (keyForm.test(credential) || terminalIdForm.test(credential)) return;
    this.#signIns.refuseIfOver(addressKey(request.ip));
  }

  /** @throws UpdaterError LIMIT_RATE. */
  countFailedSignIn(request: FastifyRequest): Promise<void> {
    return this.#signIns.take(addressKey(request.ip));
  }

  /** When it is known who asks. @throws UpdaterError LIMIT_RATE. */
  async countCaller(request: FastifyRequest): Promise<void> {
    const countedAs = countedAsOf(request);
    if (countedAs !== 'check' && countedAs !== 'plan' && countedAs !== 'object' && countedAs !== 'zip') return;
    const caller = callerOf(request);
    if (caller === null) return;
    if (countedAs === 'check') return this.#checks.take(caller);
    if (countedAs === 'object' && this.#begun.get(caller) !== undefined) return;
    if (countedAs === 'zip' && this.#seen.get(seenKey(request)) !== undefined) return;
    await this.#downloads.take(caller);
    if (countedAs !== 'zip') this.#begun.set(caller, true);
  }

  /** What was answered is not counted when it is asked for again. */
  remember(request: FastifyRequest, reply: FastifyReply): void {
    const countedAs = countedAsOf(request);
    if ((countedAs !== 'object' && countedAs !== 'zip') || reply.statusCode >= 400) return;
    const key = seenKey(request);
    if (key.length > addressCharactersMax || this.#seen.get(key) !== undefined) return;
    this.#seen.set(key, { until: Date.now() + seenMs, usesLeft: seenUsesMax });
  }

  #isSeen(key: string): boolean {
    const seen = this.#seen.get(key);
    if (seen === undefined) return false;
    seen.usesLeft--;
    if (seen.usesLeft >= 0 && seen.until > Date.now()) return true;
    this.#seen.delete(key);
    return false;
  }
}

/** Counts every request of the application; goes before `authentication`, which has to be there too. */
export function rateLimits(app: App, limits: RateLimits): void {
  app.addHook('onRequest', (request) => limits.countRequest(request));
  app.addHook('preHandler', (request) => limits.countCaller(request));
  // Before the answer goes out: whoever has it may ask again at once.
  app.addHook('onSend', (request, reply, payload, done) => {
    limits.remember(request, reply);
    done(null, payload);
  });
}

const countedAsOf = (request: FastifyRequest): CountedAs | undefined => request.routeOptions.config?.countedAs;

const seenKey = (request: FastifyRequest): string => `${addressKey(request.ip)} ${request.url}`;

/** Null: somebody who says no name; their address limits them. */
function callerOf({ principal, headers, ip }: FastifyRequest): string | null {
  const name = headers['x-terminal-id']?.slice(0, terminalNameCharactersMax) as string | undefined;
  if (principal.kind === 'operator' || (principal.kind === 'anonymous' && name === undefined)) return null;
  const key = terminalKeyOf(principal, name, ip);
  return principal.kind === 'anonymous' ? `${addressKey(ip)}${key}` : key;
}
