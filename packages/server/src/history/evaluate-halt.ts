/**
 * Halts a rollout when what became of the release says so. Anybody may be able to register and to enrol some terminals: no
 * customer who did, and whom no operator knows, halts it alone.
 */
import { decideHalt, type HaltDecision, type RolloutOutcomes } from '@remendo/core';
import { sql } from 'kysely';
import { recordAudit, serverActor } from '../audit/record-audit.js';
import type { Tx } from '../database/open-database.js';
import type { Notifier } from '../notifications/notifier.js';
import { countOutcomes, haltRuleOf, type OutcomeCounts } from '../rollouts/rollouts.js';

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
  const counted = outcomesOf(await countOutcomes(tx, releaseId));
  const rule = haltRuleOf(rollout.halt_rule);
  const decision = decideHalt(counted, rule);
  if (decision.kind === 'go') return false;
  const strangers = (await countOfStrangers(tx, releaseId)).map(outcomesOf);
  if (strangers.some((own) => decideHalt(without(counted, own), rule).kind === 'go')) return false;
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

const outcomesOf = ({ completed, failed, rolled_back: rollbacks }: OutcomeCounts): RolloutOutcomes => ({
  attempts: completed + failed + rollbacks,
  failures: failed + rollbacks,
  rollbacks,
});

const without = (all: RolloutOutcomes, some: RolloutOutcomes): RolloutOutcomes => ({
  attempts: all.attempts - some.attempts,
  failures: all.failures - some.failures,
  rollbacks: all.rollbacks - some.rollbacks,
});

/** What became of it at each customer whom no operator vouches for. One who is the only one with terminals is the fleet. */
async function countOfStrangers(tx: Tx, releaseId: number): Promise<readonly OutcomeCounts[]> {
  const { rows } = await sql<OutcomeCounts>`
    select count(*) filter (where outcome = 'completed') as completed, count(*) filter (where outcome = 'failed') as failed,
      count(*) filter (where outcome = 'rolled_back') as rolled_back
    from rollout_outcome join terminal on terminal.id = rollout_outcome.terminal_id
      join customer on customer.id = terminal.customer_id
    where release_id = ${releaseId} and not customer.is_vouched
      and exists (select 1 from terminal as other where other.customer_id <> customer.id and other.is_enabled)
    group by customer.id
    having count(*) filter (where outcome <> 'completed') > 0`.execute(tx);
  return rows;
}

function tellReason({ reason, lowerBound }: Halt, { attempts, failures, rollbacks }: RolloutOutcomes): string {
  if (reason === 'rollback_votes') return `${rollbacks} terminals rolled it back`;
  return `it failed on ${failures} of ${attempts} terminals, a rate of at least ${(lowerBound * 100).toFixed(1)} %`;
}
