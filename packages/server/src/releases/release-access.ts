/**
 * Who may know of what, and who may have it. Of a release that was not published yet know the operators, and terminals of the
 * rings it is tested in. A public application is everybody's. A licensed one is for customers and their terminals: while the
 * licence runs everything that is offered, after its end what was released while it ran, so that installs can be repaired
 * for ever. Operators may have everything.
 */
import { UpdaterError } from '@remendo/core';
import { licenceState } from '../accounts/licence.js';
import type { Principal } from '../accounts/principal.js';
import type { CatalogueView } from './catalogue.js';
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

/** Whether it is, or was, published: then it is no secret, and whoever has it can repair it, whatever became of it since. */
export const isOpen = ({ state, released_at }: Pick<BuildRecord, 'state' | 'released_at'>): boolean =>
  state === 'published' || state === 'deprecated' || (state === 'withdrawn' && released_at !== null);

/** Whether who asks may know that there is such a build, and with it what it is made of. */
export const mayKnow = (build: BuildRecord, principal: Principal): boolean =>
  principal.kind === 'operator' || isOpenTo(build, principal.kind === 'terminal' ? principal.terminal.ring : null);

/** @param ring of the terminal; null: it has none, or is not enrolled. */
export const isOpenTo = (build: BuildRecord, ring: string | null): boolean =>
  isOpen(build) || (build.state === 'testing' && ring !== null && build.rollout.rings.includes(ring));

export interface WantedBuild {
  readonly application: ApplicationRecord;
  readonly platform: string;
  /** As people write it. */
  readonly version: string;
}

/**
 * One build for who asks. One that they may not know of is answered like one that there is not.
 * @throws UpdaterError RELEASE_NOT_FOUND, RELEASE_VERSION_INVALID, RELEASE_NOT_OFFERED when its files are gone.
 */
export function requireBuild(view: CatalogueView, principal: Principal, wanted: WantedBuild): BuildRecord {
  const { application, platform, version } = wanted;
  const build = view.findBuild(application, platform, version);
  const details = { application: application.slug, version, platform };
  if (build === null || !mayKnow(build, principal)) {
    throw new UpdaterError('RELEASE_NOT_FOUND', `${application.slug} ${version} is not published for ${platform}`, { details });
  }
  if (build.is_removed)
    throw new UpdaterError('RELEASE_NOT_OFFERED', 'the release was withdrawn and its files are gone', { details });
  return build;
}

/**
 * For plans and full zips: what is not offered (any more) is not handed out as a target.
 * @throws UpdaterError RELEASE_NOT_OFFERED for a withdrawn or halted release, LICENSE_….
 */
export function requireOffered(build: BuildRecord, principal: Principal, licensed: Licensed): void {
  const details = { application: build.application, version: build.version };
  if (principal.kind === 'operator') return;
  if (licensed.kind === 'ended' && !licensed.isGraced) requireLicence(licensed, null);
  if (build.state === 'withdrawn') throw new UpdaterError('RELEASE_NOT_OFFERED', 'the release was withdrawn', { details });
  if (build.rollout.state === 'halted') throw new UpdaterError('RELEASE_NOT_OFFERED', 'the rollout was halted', { details });
}
