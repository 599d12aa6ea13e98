/** When a terminal tries again, and what is counted of what went wrong. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isUpdaterError, UpdaterError } from '@remendo/core';
import { Killed, StaleConnection } from './exchange.js';
import { Cut } from './object-receiver.js';
import { Refusal } from './refusal.js';
import type { Random } from './seeded-random.js';
import type { Failure, RequestKind, Traffic, TrafficCounts } from './traffic.js';

export interface RepeatOptions {
  readonly kind: RequestKind;
  readonly traffic: Traffic;
  readonly random: Random;
  readonly signal: AbortSignal;
}

/** In a row, before a request is given up. */
const failuresMax = 6;
const backoffMs = 1_000;
const backoffMsMax = 30_000;
/** How long a terminal takes to notice that its connection is gone and to make another. */
const reconnectMsMax = 1_000;

/**
 * What the simulator broke itself, and what a limit refused, is tried again for as long as the simulation goes on and is
 * no failure.
 * @throws UpdaterError DOWNLOAD_REFUSED or DOWNLOAD_FAILED with the last failure as its cause, an UpdaterError of the
 * attempt as it is, or the signal's reason.
 */
export async function repeated<Value>(options: RepeatOptions, attempt: () => Promise<Value>): Promise<Value> {
  const { traffic, random, signal, kind } = options;
  for (let failures = 0; ; ) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      const caused = countOfCaused(error);
      if (caused !== null) traffic.counts[caused] += 1;
      else {
        failures += 1;
        traffic.failed({ kind, ...describe(error) });
        if (isFinal(error) || failures === failuresMax) throw givenUp(kind, error);
      }
      // Aborted, it says so with an error of its own; above, the signal's reason is thrown.
      await sleep(waitMsAfter(error, failures, random()), undefined, { signal }).catch(() => {});
    }
  }
}

/** Null: nobody here caused it. */
function countOfCaused(error: unknown): keyof TrafficCounts | null {
  if (error instanceof Killed) return 'killed';
  if (error instanceof Cut) return 'cut';
  if (error instanceof StaleConnection) return 'stale';
  return error instanceof Refusal && error.status === 429 ? 'limited' : null;
}

const isFinal = (error: unknown): boolean => (error instanceof Refusal ? !error.isRetried : isUpdaterError(error));

function describe(error: unknown): Pick<Failure, 'status' | 'code' | 'detail'> {
  const { code, name, message: detail } = error as NodeJS.ErrnoException;
  if (error instanceof Refusal) return { status: error.status, code: error.code, detail };
  return { status: null, code: code ?? name, detail };
}

/** As long as the server asks for and up to a tenth more; else doubling with the failures, half of it chance. */
function waitMsAfter(error: unknown, failures: number, fraction: number): number {
  if (error instanceof StaleConnection) return 0;
  if (error instanceof Refusal && error.retryAfterMs !== null) return error.retryAfterMs * (1 + fraction / 10);
  if (failures === 0) return fraction * reconnectMsMax;
  return Math.min(backoffMsMax, backoffMs * 2 ** (failures - 1)) * (0.5 + fraction / 2);
}

function givenUp(kind: RequestKind, cause: unknown): UpdaterError {
  if (isUpdaterError(cause)) return cause;
  const code = cause instanceof Refusal && !cause.isRetried ? 'DOWNLOAD_REFUSED' : 'DOWNLOAD_FAILED';
  return new UpdaterError(code, `a request (${kind}) was given up`, { cause });
}
