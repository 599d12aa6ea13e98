/** How one run of a job ended, and when it has to come again before its next time. */
import { type ErrorCode, isUpdaterError } from '@remendo/core';

export type JobEnd =
  /**
   * Nothing more to do before its next time, or before `againAtMs` where it knows better. `outcome` is a word of
   * snake_case for logs and JSON.
   */
  | { readonly kind: 'done'; readonly outcome: string; readonly detail: string | null; readonly againAtMs?: number }
  /** It can go on later, and that is nobody's fault. @property untilMs null: nobody knows when. */
  | { readonly kind: 'wait'; readonly reason: WaitReason; readonly untilMs: number | null; readonly detail: string | null }
  /** It failed, and somebody has to do something first. */
  | { readonly kind: 'failed'; readonly code: ErrorCode | null; readonly detail: string }
  /** It failed, and may succeed later by itself. @property afterMs what the server asked for. */
  | { readonly kind: 'retry'; readonly code: ErrorCode | null; readonly detail: string; readonly afterMs: number | null };

/** `server`: it asked to wait. */
export type WaitReason = 'download_window' | 'install_window' | 'on_hold' | 'in_use' | 'busy' | 'server';

const minuteMs = 60_000;
/** Repetitions before it waits for its next time: two hours in all. */
const retriesMax = 6;
const retryMsMax = 60 * minuteMs;
/** Longer than any server asks for. */
const afterMsMax = 24 * 60 * minuteMs;

/**
 * When to come again, in milliseconds from now; null: at its next time.
 * @param attempt the first is 1. @param fraction in [0, 1): what failed together does not come back together.
 */
export function againInMs(
  end: JobEnd,
  { attempt, fraction, nowMs }: { attempt: number; fraction: number; nowMs: number },
): number | null {
  switch (end.kind) {
    case 'done':
      return end.againAtMs === undefined ? null : Math.max(0, end.againAtMs - nowMs);
    case 'failed':
      return null;
    case 'wait':
      if (end.untilMs !== null) return Math.max(0, end.untilMs - nowMs);
      // A hold is looked for on the disk; whether something runs costs the server a question.
      return end.reason === 'on_hold'
        ? 5 * minuteMs
        : halfByChance(Math.min(retryMsMax, 10 * minuteMs * 2 ** (attempt - 1)), fraction);
    default:
      if (end.afterMs !== null) return Math.round(Math.min(end.afterMs, afterMsMax) * (1 + fraction / 10));
      return attempt > retriesMax ? null : halfByChance(Math.min(retryMsMax, 4 * minuteMs * 2 ** (attempt - 1)), fraction);
  }
}

/** Whether the server said when it may be asked again. */
export const askedToWait = (end: JobEnd): boolean => end.kind === 'retry' && end.afterMs !== null;

const halfByChance = (ms: number, fraction: number): number => Math.round(ms / 2 + (ms / 2) * fraction);

/** What the server asked to wait, wherever in the chain of causes it is said; null: it did not. */
export function retryAfterOf(error: unknown): number | null {
  for (let at = error, depth = 0; at instanceof Error && depth < 16; at = at.cause, depth++) {
    const afterMs = isUpdaterError(at) ? at.details.retryAfterMs : undefined;
    if (typeof afterMs === 'number') return afterMs;
  }
  return null;
}

/** For what a job threw. Somebody has to do something first: then its next time is soon enough. */
export function endOfFailure(error: unknown): JobEnd {
  const detail = error instanceof Error ? error.message : String(error);
  if (!isUpdaterError(error)) return { kind: 'retry', code: null, detail, afterMs: null };
  if (error.retry === 'backoff') return { kind: 'retry', code: error.code, detail, afterMs: retryAfterOf(error) };
  return { kind: 'failed', code: error.code, detail };
}

/** `updated`, `on_hold`, `retry`, `failed`. */
export const wordOf = (end: JobEnd): string => (end.kind === 'done' ? end.outcome : end.kind === 'wait' ? end.reason : end.kind);
