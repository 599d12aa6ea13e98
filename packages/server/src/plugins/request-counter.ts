/**
 * Counts what one key does in a minute, or in another window: in memory, or in PostgreSQL for all servers together. Protection and no
 * bookkeeping: where the count can not be kept (the database does not answer, there are too many keys), requests are let
 * through; but for those of a strict counter, where too many keys are refused together until the window is over.
 */
import { errorChain, UpdaterError } from '@remendo/core';
import type { FastifyBaseLogger } from 'fastify';
import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import type { Database } from '../database/open-database.js';
import { BoundedCache } from '../releases/bounded-cache.js';

const minuteSeconds = 60;
/** New ones in a window; more than any fleet has, and about 100 MB. */
const keysMax = 200_000;
const refusedKeysMax = 20_000;
const warnMs = 60_000;

export interface RequestCounterOptions {
  readonly database: Pick<Database, 'pool'>;
  readonly log: FastifyBaseLogger;
  /** Tells this counter's keys from those of others. */
  readonly name: string;
  /** How much one key may in a window. */
  readonly perMinute: number;
  /** Instead of a minute's. */
  readonly windowSeconds?: number;
  /** For what may not happen uncounted, such as guesses. */
  readonly isStrict?: boolean;
}

export class RequestCounter {
  readonly #limiter: RateLimiterAbstract;
  readonly #isShared: boolean;
  readonly #isStrict: boolean;
  readonly #windowMs: number;
  readonly #log: FastifyBaseLogger;
  /** Until when keys are refused, in milliseconds of the clock: asked before the database is. */
  readonly #refusedUntil = new BoundedCache<number>(refusedKeysMax);
  #window = { start: 0, newKeys: 0 };
  #warnedAt = Number.NEGATIVE_INFINITY;

  constructor({ database, log, name, perMinute, windowSeconds = minuteSeconds, isStrict = false }: RequestCounterOptions) {
    const options = { keyPrefix: name, points: perMinute, duration: windowSeconds };
    this.#windowMs = windowSeconds * 1_000;
    this.#log = log;
    this.#isShared = database.pool !== null;
    this.#isStrict = isStrict;
    this.#limiter =
      database.pool === null
        ? new RateLimiterMemory(options)
        : new RateLimiterPostgres({
            ...options,
            storeClient: database.pool,
            storeType: 'pool',
            tableName: 'rate_limit',
            tableCreated: true,
          });
  }

  /** Counts one more, or so many. @throws UpdaterError LIMIT_RATE with the seconds to wait in its details. */
  async take(key: string, count = 1): Promise<void> {
    this.refuseIfOver(key);
    if (this.#isFull()) return;
    try {
      const { isFirstInDuration } = await this.#limiter.consume(key, count);
      if (isFirstInDuration) this.#window.newKeys++;
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) return this.#warn(refusal);
      this.#refusedUntil.set(key, Date.now() + refusal.msBeforeNext);
      throw tooMany(refusal.msBeforeNext);
    }
  }

  /**
   * Counts nothing, and asks no database.
   * @throws UpdaterError LIMIT_RATE when `take` has thrown it for this key and the time is not over; of a strict counter also
   * when there are too many keys.
   */
  refuseIfOver(key: string): void {
    if (this.#isStrict && this.#isFull()) throw this.#tooManyKeys();
    const until = this.#refusedUntil.get(key);
    if (until === undefined) return;
    const ms = until - Date.now();
    if (ms > 0) throw tooMany(ms);
    this.#refusedUntil.delete(key);
  }

  /** Keys in memory live for a window after they came, whatever becomes of them. */
  #isFull(): boolean {
    if (this.#isShared) return false;
    const now = Date.now();
    if (now - this.#window.start >= this.#windowMs) this.#window = { start: now, newKeys: 0 };
    return this.#window.newKeys >= keysMax;
  }

  #tooManyKeys(): UpdaterError {
    return tooMany(this.#window.start + this.#windowMs - Date.now());
  }

  #warn(error: unknown): void {
    const now = performance.now();
    if (now - this.#warnedAt < warnMs) return;
    this.#warnedAt = now;
    this.#log.warn({ event: 'rate_limits_failed', errors: errorChain(error) }, 'requests can not be counted and are let through');
  }
}

function tooMany(ms: number): UpdaterError {
  const retryAfterSeconds = Math.max(1, Math.ceil(ms / 1_000));
  return new UpdaterError('LIMIT_RATE', `try again in ${retryAfterSeconds} s`, { details: { retryAfterSeconds } });
}
