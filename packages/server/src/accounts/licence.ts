/** What a customer may still do: pure, from the account and the moment. */
import type { CustomerAccount } from './principal.js';

export type LicenceState =
  | { readonly kind: 'valid'; readonly endedAt: null; readonly isServed: true }
  /** Expired is served until the grace is over; suspended is not. */
  | { readonly kind: 'expired' | 'suspended'; readonly endedAt: Date; readonly isServed: boolean };

const dayMs = 86_400_000;

/** The first moment (UTC) after the last day of a licence. */
export const endOfLicence = (expiresOn: string): Date => new Date(Date.parse(`${expiresOn}T00:00:00Z`) + dayMs);

/**
 * Suspended goes before expired. `endedAt` is the first moment at which the licence was no longer good: what was released
 * before it can be repaired for ever.
 * @param graceDays how long after the end of an expired licence updates can still be downloaded.
 */
export function licenceState(
  { expiresAt, suspendedAt }: Pick<CustomerAccount, 'expiresAt' | 'suspendedAt'>,
  now: Date,
  graceDays: number,
): LicenceState {
  if (suspendedAt !== null)
    return { kind: 'suspended', endedAt: suspendedAt < expiresAt ? suspendedAt : expiresAt, isServed: false };
  if (now < expiresAt) return { kind: 'valid', endedAt: null, isServed: true };
  return { kind: 'expired', endedAt: expiresAt, isServed: now.getTime() < expiresAt.getTime() + graceDays * dayMs };
}

/** Whole days after today (UTC) on which the licence is still good: 0 on its last day and ever after. */
export const daysLeft = (expiresAt: Date, now: Date): number =>
  Math.max(0, Math.ceil((expiresAt.getTime() - now.getTime()) / dayMs) - 1);

/** The last day of a licence that begins now and runs for a year: `2027-11-22`. */
export function yearFrom(now: Date): string {
  const day = new Date(now);
  day.setUTCFullYear(day.getUTCFullYear() + 1);
  return day.toISOString().slice(0, 10);
}

/** The day before the end: what `endOfLicence` was made of. */
export const lastDay = (expiresAt: Date): string => new Date(expiresAt.getTime() - dayMs).toISOString().slice(0, 10);
