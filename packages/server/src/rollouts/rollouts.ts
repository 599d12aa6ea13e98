/** Rollouts: how far a release is let out, and how it fares there. */
import { defaultHaltRule, type HaltRule, UpdaterError, wilsonLowerBound } from '@remendo/core';
import type { Rollout, RolloutChange } from '@remendo/core/protocol';
import { sql } from 'kysely';
import { type Actor, recordAudit } from '../audit/record-audit.js';
import type { Db, Tx } from '../database/open-database.js';
import { type ReleaseName, shownRule, takeRelease } from '../releases/change-release.js';

export interface OutcomeCounts {
  readonly completed: number;
  readonly failed: number;
  readonly rolled_back: number;
}

/** One outcome for each enrolled terminal. */
export async function countOutcomes(tx: Db | Tx, releaseId: number): Promise<OutcomeCounts> {
  const { rows } = await sql<OutcomeCounts>`
    select count(*) filter (where outcome = 'completed') as completed, count(*) filter (where outcome = 'failed') as failed,
      count(*) filter (where outcome = 'rolled_back') as rolled_back
    from rollout_outcome where release_id = ${releaseId}`.execute(tx);
  return rows[0] ?? { completed: 0, failed: 0, rolled_back: 0 };
}

export const haltRuleOf = (changed: Partial<HaltRule>): HaltRule => ({ ...defaultHaltRule, ...changed });

/** Newest release first. */
export async function listRollouts(db: Db, application: string, version?: string): Promise<readonly Rollout[]> {
  let query = db
    .selectFrom('rollout')
    .innerJoin('release', 'release.id', 'rollout.release_id')
    .innerJoin('application', 'application.id', 'release.application_id')
    .where('application.slug', '=', application)
    .select(['release.version', 'release.id'])
    .selectAll('rollout')
    .orderBy('release.id', 'desc')
    .limit(1_000);
  if (version !== undefined) query = query.where('release.version', '=', version);
  const rows = await query.execute();
  return Promise.all(
    rows.map(async (row) => ({
      application,
      version: row.version,
      share: row.share,
      groups: [...row.groups],
      rings: [...row.rings],
      state: row.state,
      halt_reason: row.halt_reason,
      halt_rule: shownRule(haltRuleOf(row.halt_rule)),
      outcomes: shownOutcomes(await countOutcomes(db, row.id)),
      updated_at: row.updated_at.toISOString(),
    })),
  );
}

function shownOutcomes(counts: OutcomeCounts): Rollout['outcomes'] {
  const failures = counts.failed + counts.rolled_back;
  const attempts = counts.completed + failures;
  return { attempts, ...counts, failure_rate_lower_bound: wilsonLowerBound(failures, attempts) };
}

/**
 * A halted rollout that is resumed starts to count anew: what halted it has been looked at.
 * @throws UpdaterError RELEASE_NOT_FOUND.
 */
export async function changeRollout(tx: Tx, actor: Actor, name: ReleaseName, change: RolloutChange): Promise<void> {
  const release = await takeRelease(tx, name);
  const before = await tx.selectFrom('rollout').where('release_id', '=', release.id).selectAll().forUpdate().executeTakeFirst();
  if (before === undefined) throw new UpdaterError('SERVER_FAILED', `release ${release.id} has no rollout`);
  const { share, groups, rings, state, halt_rule, reason } = change;
  await tx
    .updateTable('rollout')
    .set({
      ...(share === undefined ? {} : { share }),
      ...(groups === undefined ? {} : { groups: JSON.stringify(groups) }),
      ...(rings === undefined ? {} : { rings: JSON.stringify(rings) }),
      ...(state === undefined ? {} : { state, halt_reason: null }),
      ...(halt_rule === undefined ? {} : { halt_rule: JSON.stringify({ ...before.halt_rule, ...givenRule(halt_rule) }) }),
      updated_at: new Date(),
    })
    .where('release_id', '=', release.id)
    .execute();
  if (before.state === 'halted' && state === 'running') {
    await tx.deleteFrom('rollout_outcome').where('release_id', '=', release.id).execute();
  }
  const { reason: _kept, ...detail } = change;
  await recordAudit(tx, actor, {
    action: state === undefined || state === before.state ? 'rollout_changed' : `rollout_${state}`,
    subjectKind: 'rollout',
    subject: `${name.application} ${release.version}`,
    reason,
    detail: { ...detail, was: { share: before.share, groups: before.groups, rings: before.rings, state: before.state } },
  });
}

function givenRule(rule: NonNullable<RolloutChange['halt_rule']>): Partial<HaltRule> {
  const { failure_rate_max, attempts_min, rollback_votes_max } = rule;
  return {
    ...(failure_rate_max === undefined ? {} : { failureRateMax: failure_rate_max }),
    ...(attempts_min === undefined ? {} : { attemptsMin: attempts_min }),
    ...(rollback_votes_max === undefined ? {} : { rollbackVotesMax: rollback_votes_max }),
  };
}
