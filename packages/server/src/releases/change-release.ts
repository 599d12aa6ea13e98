/** What operators change about releases: their state, their marks and texts, where channels point. Files never change. */
import { type Channel, type HaltRule, nextReleaseState, parseVersion, UpdaterError } from '@remendo/core';
import type { ApplicationChange, ReleaseChange } from '@remendo/core/protocol';
import { type Actor, recordAudit } from '../audit/record-audit.js';
import type { Tx } from '../database/open-database.js';
import { requireSigned } from '../signing/complete-signing.js';
import { movePointers, pointChannel } from './record-release.js';
import { channelTakes } from './release-records.js';

/** Which release a change is about. */
export interface ReleaseName {
  readonly application: string;
  readonly version: string;
}

const shown = ({ application, version }: ReleaseName): string => `${application} ${version}`;

/** The release, held until the transaction ends. @throws UpdaterError RELEASE_NOT_FOUND, RELEASE_VERSION_INVALID. */
export async function takeRelease(tx: Tx, name: ReleaseName) {
  const found = await tx
    .selectFrom('release')
    .innerJoin('application', 'application.id', 'release.application_id')
    .where('application.slug', '=', name.application)
    .where('release.version', '=', parseVersion(name.version).version)
    .selectAll('release')
    .forUpdate()
    .executeTakeFirst();
  if (found !== undefined) return found;
  throw new UpdaterError('RELEASE_NOT_FOUND', `there is no release ${shown(name)}`, { details: { ...name } });
}

/**
 * @returns the release's id when this published it, for who is to be told; else null.
 * @throws UpdaterError RELEASE_NOT_FOUND, RELEASE_STATE for a way between states that there is not, RELEASE_UNSIGNED.
 */
export async function changeRelease(tx: Tx, actor: Actor, name: ReleaseName, change: ReleaseChange): Promise<number | null> {
  const release = await takeRelease(tx, name);
  const { state, floor, mandatory, title, changelog, breaking_changes, requirements, downgrade_from, reason } = change;
  const isMoved = state !== undefined && state !== release.state;
  if (isMoved) nextReleaseState(release.state, state);
  if (isMoved && (state === 'testing' || state === 'published')) await requireSigned(tx, release.id);
  const texts = { title, changelog, breaking_changes, mandatory, is_floor: floor };
  const given = Object.fromEntries(Object.entries(texts).filter(([, value]) => value !== undefined));
  await tx
    .updateTable('release')
    .set({
      ...given,
      ...(requirements === undefined ? {} : { requirements: JSON.stringify(requirements) }),
      ...(isMoved ? movedTo(state, release) : {}),
      updated_at: new Date(),
    })
    .where('id', '=', release.id)
    .execute();
  if (state === 'published') await movePointers(tx, release.application_id, release.id);
  if (state === 'withdrawn') await leaveChannels(tx, release.application_id, release.id);
  await recordAudit(tx, actor, {
    action: isMoved ? `release_${state}` : 'release_changed',
    subjectKind: 'release',
    subject: shown({ application: name.application, version: release.version }),
    reason,
    detail: {
      ...given,
      ...(requirements === undefined ? {} : { requirements }),
      ...(downgrade_from === undefined ? {} : { downgrade_from }),
      ...(isMoved ? { state, was: release.state } : {}),
    },
  });
  return isMoved && state === 'published' ? release.id : null;
}

type ReleaseRow = Awaited<ReturnType<typeof takeRelease>>;

function movedTo(state: NonNullable<ReleaseChange['state']>, release: ReleaseRow) {
  // A floor that never was published closes nobody's way when it goes.
  const isFloor = state === 'withdrawn' && release.released_at === null ? false : undefined;
  return {
    state,
    state_when_signed: null,
    ...(state === 'published' ? { released_at: release.released_at ?? new Date() } : {}),
    ...(isFloor === undefined ? {} : { is_floor: isFloor }),
  };
}

/** A channel that points to a withdrawn release points to the newest published one of its own that is left. */
async function leaveChannels(tx: Tx, applicationId: number, releaseId: number): Promise<void> {
  const left = await tx
    .deleteFrom('channel')
    .where('application_id', '=', applicationId)
    .where('release_id', '=', releaseId)
    .returning('channel')
    .execute();
  if (left.length === 0) return;
  const published = await tx
    .selectFrom('release')
    .where('application_id', '=', applicationId)
    .where('state', '=', 'published')
    .select('id')
    .execute();
  for (const { id } of published) await movePointers(tx, applicationId, id);
}

/**
 * Points a channel to a release, also to an older one than before: who has a newer one keeps it.
 * @throws UpdaterError RELEASE_NOT_FOUND; RELEASE_STATE for a release that is not published, or not of the channel's types.
 */
export async function promoteRelease(
  tx: Tx,
  actor: Actor,
  to: ReleaseName & { readonly channel: Channel; readonly reason: string },
): Promise<void> {
  const release = await takeRelease(tx, to);
  if (release.state !== 'published' || !channelTakes(to.channel, release.type)) {
    const what = release.state === 'published' ? `a ${release.type} release` : `in the state ${release.state}`;
    throw new UpdaterError('RELEASE_STATE', `${shown(to)} is ${what}; the channel ${to.channel} can not point to it`, {
      details: { version: release.version, state: release.state, type: release.type },
    });
  }
  await pointChannel(tx, { applicationId: release.application_id, channel: to.channel, releaseId: release.id });
  await recordAudit(tx, actor, {
    action: 'release_promoted',
    subjectKind: 'release',
    subject: shown({ application: to.application, version: release.version }),
    reason: to.reason,
    detail: { channel: to.channel },
  });
}

/** @throws UpdaterError APPLICATION_NOT_FOUND. */
export async function changeApplication(tx: Tx, actor: Actor, slug: string, change: ApplicationChange): Promise<void> {
  const { reason, preserve, ...rest } = change;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  const values = { ...given, ...(preserve === undefined ? {} : { preserve: JSON.stringify(preserve) }) };
  const found = await tx
    .updateTable('application')
    .set({ slug, ...values })
    .where('slug', '=', slug)
    .returning('id')
    .executeTakeFirst();
  if (found === undefined) {
    throw new UpdaterError('APPLICATION_NOT_FOUND', `there is no application ${slug}`, { details: { application: slug } });
  }
  const detail = { ...given, ...(preserve === undefined ? {} : { preserve }) };
  await recordAudit(tx, actor, { action: 'application_changed', subjectKind: 'application', subject: slug, reason, detail });
}

/** The rule as the wire writes it. */
export const shownRule = (rule: HaltRule) => ({
  failure_rate_max: rule.failureRateMax,
  attempts_min: rule.attemptsMin,
  rollback_votes_max: rule.rollbackVotesMax,
});
