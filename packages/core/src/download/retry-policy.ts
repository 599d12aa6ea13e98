/** When a request is worth repeating, and after how long. Pure; the waiting itself is the clock's. */

export interface RetryPolicy {
  /** How often a request is repeated, and how often in a row a body that brings nothing is resumed (default 5). */
  readonly retriesMax: number;
  /** Before the first repetition; doubled for each further one (default 1 000). */
  readonly backoffMs: number;
  /** Where the doubling ends (default 30 000). */
  readonly backoffMsMax: number;
  /** The longest Retry-After that is waited for; a longer one ends the request, for who comes again much later (default 120 000). */
  readonly retryAfterMsMax: number;
}

export const defaultRetryPolicy: RetryPolicy = { retriesMax: 5, backoffMs: 1_000, backoffMsMax: 30_000, retryAfterMsMax: 120_000 };

/** Others below 500 will be refused again; others above will fail again. */
export const isRetriedStatus = (status: number): boolean => [408, 429, 500, 502, 503, 504].includes(status);

/**
 * Milliseconds to wait before the given repetition (1 is the first): half fixed and half chance, so that a fleet that
 * failed together does not come back together.
 */
export function backoffDelayMs(policy: RetryPolicy, repetition: number, fraction: number): number {
  const fullMs = Math.min(policy.backoffMsMax, policy.backoffMs * 2 ** (repetition - 1));
  return Math.round(fullMs / 2 + (fullMs / 2) * fraction);
}

/** As `backoffDelayMs`, by what the server asked for: never sooner than that, up to a tenth later. */
export function retryDelayMs(policy: RetryPolicy, repetition: number, fraction: number, retryAfterMs: number | null): number {
  if (retryAfterMs === null) return backoffDelayMs(policy, repetition, fraction);
  return Math.round(retryAfterMs * (1 + fraction / 10));
}

/** RFC 9110 10.2.3: seconds or a date. @returns milliseconds from now, at least 0; null when it is missing or neither. */
export function parseRetryAfter(value: string | null | undefined, nowMs: number): number | null {
  const text = value?.trim() ?? '';
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  // A bare number that Date.parse would take for a year is no date.
  const atMs = /[a-z]/i.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - nowMs);
}
