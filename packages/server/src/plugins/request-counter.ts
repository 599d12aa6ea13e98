/**
 * Counts what one key does in a minute: in memory, or in PostgreSQL for all servers together. Protection and no
 * bookkeeping: where the count can not be kept (the database does not answer, there are too many keys), requests are let
 * through.
 */
import { errorChain, UpdaterError } from '@remendo/core';
import type { FastifyBaseLogger } from 'fastify';
import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import type { Database } from '../database/open-database.js';
import { BoundedCache } from '../releases/bounded-cache.js';

const windowSeconds = 60;
const windowMs = windowSeconds * 1_000;
/** New ones in a minute; more than any fleet has, and about 100 MB. */
const keysMax = 200_000;
const refusedKeysMax = 20_000;
const warnMs = 60_000;

export interface RequestCounterOptions {
  readonly database: Pick<Database, 'pool'>;
  readonly log: FastifyBaseLogger;
  /** Tells this counter's keys from those of others. */
  readonly name: string;
  readonly perMinute: number;
}

export class RequestCounter {
  readonly #limiter: RateLimiterAbstract;
  readonly #isShared: boolean;
  readonly #log: FastifyBaseLogger;
  /** Until when keys are refused, in milliseconds of the clock: asked before the database is. */
  readonly #refusedUntil = new BoundedCache<number>(refusedKeysMax);
  #minute = { start: 0, newKeys: 0 };
  #warnedAt = Number.NEGATIVE_INFINITY;

  constructor({ database, log, name, perMinute }: RequestCounterOptions) {
    const options = { keyPrefix: name, points: perMinute, duration: windowSeconds };
    this.#log = log;
    this.#isShared = database.pool !== null;
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

  /** Counts one more. @throws UpdaterError LIMIT_RATE with the seconds to wait in its details. */
  async take(key: string): Promise<void> {
    this.refuseIfOver(key);
    if (this.#isFull()) return;
    try {
      const { isFirstInDuration } = await this.#limiter.consume(key);
      if (isFirstInDuration) this.#minute.newKeys++;
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) return this.#warn(refusal);
      this.#refusedUntil.set(key, Date.now() + refusal.msBeforeNext);
      throw tooMany(refusal.msBeforeNext);
    }
  }

  /** Counts nothing, and asks no database. @throws UpdaterError LIMIT_RATE when `take` has thrown it for this key and the time is not over. */
  refuseIfOver(key: string): void {
    const until = this.#refusedUntil.get(key);
    if (until === undefined) return;
    const ms = until - Date.now();
    if (ms > 0) throw tooMany(ms);
    this.#refusedUntil.delete(key);
  }

  /** Keys in memory live for a minute after they came, whatever becomes of them. */
  #isFull(): boolean {
    if (this.#isShared) return false;
    const now = Date.now();
    if (now - this.#minute.start >= windowMs) this.#minute = { start: now, newKeys: 0 };
    return this.#minute.newKeys >= keysMax;
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
