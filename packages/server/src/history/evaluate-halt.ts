/** Halts a rollout when what became of the release says so. */
import { decideHalt, type HaltDecision, type RolloutOutcomes } from '@remendo/core';
import { recordAudit, serverActor } from '../audit/record-audit.js';
import type { Tx } from '../database/open-database.js';
import type { Notifier } from '../notifications/notifier.js';
import { countOutcomes, haltRuleOf } from '../rollouts/rollouts.js';

type Halt = Extract<HaltDecision, { kind: 'halt' }>;

/**
 * @returns true when it halted the rollout now: the transaction changes the catalogue then. Whoever reports an outcome at
 * the same time waits here, and decides with this one counted.
 */
export async function evaluateHalt(tx: Tx, notifier: Notifier, releaseId: number): Promise<boolean> {
  const rollout = await tx
    .selectFrom('rollout')
    .innerJoin('release', 'release.id', 'rollout.release_id')
    .innerJoin('application', 'application.id', 'release.application_id')
    .where('rollout.release_id', '=', releaseId)
    .where('rollout.state', '!=', 'halted')
    .select(['application.slug', 'release.version', 'rollout.halt_rule', 'rollout.updated_at'])
    .forUpdate('rollout')
    .executeTakeFirst();
  if (rollout === undefined) return false;
  const { completed, failed, rolled_back: rollbacks } = await countOutcomes(tx, releaseId);
  const failures = failed + rollbacks;
  const counted = { attempts: completed + failures, failures, rollbacks };
  const decision = decideHalt(counted, haltRuleOf(rollout.halt_rule));
  if (decision.kind === 'go') return false;
  const reason = tellReason(decision, counted);
  await tx
    .updateTable('rollout')
    .set({ state: 'halted', halt_reason: reason, updated_at: new Date() })
    .where('release_id', '=', releaseId)
    .execute();
  const { slug: application, version } = rollout;
  const detail = { application, version, reason: decision.reason, ...counted, lower_bound: decision.lowerBound };
  await recordAudit(tx, serverActor('halt'), {
    action: 'rollout_halted',
    subjectKind: 'rollout',
    subject: `${application} ${version}`,
    reason,
    detail,
  });
  await notifier.notify(tx, {
    kind: 'rollout_halted',
    customerId: null,
    subject: `${application} ${version}: the rollout was halted`,
    body: `The rollout of ${application} ${version} was halted: ${reason}. No terminal is offered this release until an operator resumes the rollout.`,
    data: detail,
    // A rollout that was resumed and halts again is told again.
    dedupKey: `rollout_halted ${releaseId} ${rollout.updated_at.toISOString()}`,
  });
  return true;
}

function tellReason({ reason, lowerBound }: Halt, { attempts, failures, rollbacks }: RolloutOutcomes): string {
  if (reason === 'rollback_votes') return `${rollbacks} terminals rolled it back`;
  return `it failed on ${failures} of ${attempts} terminals, a rate of at least ${(lowerBound * 100).toFixed(1)} %`;
}
