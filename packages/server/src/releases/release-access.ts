/**
 * Who may have what. A public application is everybody's. A licensed one is for customers and their terminals: while the
 * licence runs everything that is offered, after its end what was released while it ran, so that installs can be repaired
 * for ever. Operators may have everything.
 */
import { UpdaterError } from '@remendo/core';
import { licenceState } from '../accounts/licence.js';
import type { Principal } from '../accounts/principal.js';
import type { ApplicationRecord, BuildRecord } from './release-records.js';

export type Licensed =
  | { readonly kind: 'served' }
  /** `isGraced`: no updates are offered any more, but what was begun may still be fetched. */
  | {
      readonly kind: 'ended';
      readonly reason: 'license_expired' | 'license_suspended';
      readonly endedAt: Date;
      readonly isGraced: boolean;
    };

const served: Licensed = { kind: 'served' };

/** @throws UpdaterError AUTH_REQUIRED when a licensed application is asked for without signing in. */
export function requireAccess(
  principal: Principal,
  application: Pick<ApplicationRecord, 'slug' | 'access'>,
  graceDays: number,
): Licensed {
  if (application.access === 'public' || principal.kind === 'operator') return served;
  if (principal.kind === 'anonymous') {
    throw new UpdaterError('AUTH_REQUIRED', `${application.slug} is for customers: a key and secret are needed`);
  }
  return licensedOf(principal, graceDays);
}

/** What a customer's licence lets through, whatever the application. */
export function licensedOf(principal: Extract<Principal, { kind: 'customer' | 'terminal' }>, graceDays: number): Licensed {
  const state = licenceState(principal.customer, new Date(), graceDays);
  if (state.kind === 'valid') return served;
  const reason = state.kind === 'expired' ? 'license_expired' : 'license_suspended';
  return { kind: 'ended', reason, endedAt: state.endedAt, isGraced: state.isServed };
}

/** @throws UpdaterError LICENSE_EXPIRED, LICENSE_SUSPENDED when the licence ended before the release, or before now and the grace is over. */
export function requireLicence(licensed: Licensed, releasedAt: Date | null): void {
  if (licensed.kind === 'served' || licensed.isGraced) return;
  if (releasedAt !== null && releasedAt <= licensed.endedAt) return;
  const isExpired = licensed.reason === 'license_expired';
  throw new UpdaterError(
    isExpired ? 'LICENSE_EXPIRED' : 'LICENSE_SUSPENDED',
    isExpired ? `the licence ended on ${licensed.endedAt.toISOString().slice(0, 10)}` : 'the customer is suspended',
    { details: { endedAt: licensed.endedAt.toISOString() } },
  );
}

/**
 * For plans and full zips: what is not offered (any more) is not handed out as a target.
 * @throws UpdaterError RELEASE_NOT_OFFERED for a withdrawn or halted release, RELEASE_NOT_FOUND for one in testing that the
 * terminal's ring does not see, LICENSE_….
 */
export function requireOffered(build: BuildRecord, principal: Principal, licensed: Licensed): void {
  const details = { application: build.application, version: build.version };
  if (principal.kind === 'operator') return;
  if (licensed.kind === 'ended' && !licensed.isGraced) requireLicence(licensed, null);
  if (build.state === 'withdrawn') throw new UpdaterError('RELEASE_NOT_OFFERED', 'the release was withdrawn', { details });
  if (build.rollout.state === 'halted') throw new UpdaterError('RELEASE_NOT_OFFERED', 'the rollout was halted', { details });
  const ring = principal.kind === 'terminal' ? principal.terminal.ring : null;
  if (build.state === 'testing' && (ring === null || !build.rollout.rings.includes(ring))) {
    throw new UpdaterError('RELEASE_NOT_FOUND', 'the release is not published yet', { details });
  }
}
