/** What has to be so before an update is downloaded, and what happens around its swap. */
import { hasCode, isUpdaterError, UpdaterError } from '../errors.js';
import { assertOneVolume } from '../transaction/assert-one-volume.js';
import type { Transaction } from '../transaction/transaction.js';
import { blockVersion, countSwap, forgetSwaps, readSwaps, rememberSwaps } from './install-state.js';
import type { PlanOffer, UpdatePlan } from './offer-plans.js';
import { rollBack } from './prove-committed.js';
import { assertRequirements } from './requirements.js';
import { assertSteps, planStepsFor } from './steps.js';
import type { SwapAhead, UpdateContext } from './update-context.js';
import type { UpdateOptions } from './update-options.js';

/** An update whose every file lies proved in staging; nothing the application can see has changed. */
export interface StagedUpdate {
  readonly plan: UpdatePlan;
  /** The plan that worked out in the end. */
  readonly offer: PlanOffer;
  readonly transaction: Transaction;
  /** Of the release; the updater's own three are not counted. */
  readonly changedFiles: number;
}

/** Swaps to one version after which it is taken for a loop (Mender bounds its state transitions in the same way). */
const swapsMax = 5;

type PutOptions = Pick<UpdateOptions, 'retry' | 'skipBackup' | 'signal'>;

/**
 * Holds that the update may begin: nothing is downloaded that could not be installed.
 * @throws UpdaterError CONFIG_INVALID for steps, REQUIREMENT_UNMET, RELEASE_BLOCKED for a loop, INSTALL_IN_USE where no step could stop the application,
 * what the gate throws.
 */
export async function assertReady(context: UpdateContext, plan: UpdatePlan, options: PutOptions): Promise<void> {
  assertSteps(context.steps);
  await assertMachine(context, plan, options.signal);
  await assertNoLoop(context, plan.release.version, options);
  await context.gate(updateAhead(plan));
  if ((context.steps.before ?? []).length === 0) await assertIdle(context);
}

/** @throws UpdaterError REQUIREMENT_UNMET */
export async function assertMachine(context: UpdateContext, plan: UpdatePlan, signal?: AbortSignal): Promise<void> {
  const { host, layout, componentVersion } = context;
  const operatingSystem = host.operatingSystem ?? { name: 'unknown', version: '0' };
  const freeBytes = (): Promise<number> => host.fileSystem.freeBytes(layout.root);
  await assertRequirements(plan.requirements, { operatingSystem, freeBytes, componentVersion }, signal);
}

async function assertNoLoop({ host, layout }: UpdateContext, version: string, { retry }: PutOptions): Promise<void> {
  if (retry === true) return forgetSwaps(host.fileSystem, layout);
  const swaps = await readSwaps(host.fileSystem, layout, version);
  if (swaps < swapsMax) return;
  await blockVersion(host.fileSystem, layout, version);
  throw new UpdaterError('RELEASE_BLOCKED', `${version} was put in place ${swaps} times and is wanted again: a loop of updates`, {
    details: { version, swaps },
  });
}

/** Rule 10 of a transaction: nothing is swapped under a program that runs. @throws UpdaterError INSTALL_IN_USE */
export async function assertIdle({ host, layout }: UpdateContext): Promise<void> {
  const running = (await host.programs?.programsRunningFrom(layout.root)) ?? [];
  if (running.length === 0) return;
  const programs = running.slice(0, 20).map(({ pid, program }) => `${program} (${pid})`);
  throw new UpdaterError(
    'INSTALL_IN_USE',
    `${programs.join(', ')} ${programs.length === 1 ? 'runs' : 'run'} from the install root`,
    {
      details: { programs },
    },
  );
}

const updateAhead = ({ release, requiresBackup }: UpdatePlan): SwapAhead => ({
  kind: 'update',
  version: release.version,
  requiresBackup,
});

/**
 * Before a swap that no step goes with, which could stop the application.
 * @throws UpdaterError STORAGE_OTHER_VOLUME, INSTALL_IN_USE, what the gate throws.
 */
export async function assertUndisturbed(context: UpdateContext, kind: 'repair' | 'rollback', version: string): Promise<void> {
  await assertOneVolume(context.host.fileSystem, context.layout);
  await context.gate({ kind, version, requiresBackup: false });
  await assertIdle(context);
}

/**
 * Steps, swap, steps. Afterwards the target is committed; whatever fails, the base is back, every step that began is undone,
 * and `finally` has run.
 * @throws UpdaterError STEP_FAILED, INSTALL_IN_USE, what the gate throws, and what `Transaction.commit` throws; INSTALL_MAINTENANCE when the
 * target stays because the base would not understand its data.
 */
export async function putInPlace(context: UpdateContext, staged: StagedUpdate, options: PutOptions): Promise<void> {
  const { transaction, plan } = staged;
  const { host, layout, steps } = context;
  const { signal, skipBackup = false } = options;
  const { version } = plan.release;
  try {
    await context.gate(updateAhead(plan));
    const base = transaction.base?.version ?? null;
    const planned = planStepsFor(steps, { root: layout.root, base, target: version, transaction: transaction.id, skipBackup });
    // Also none at all: what the last update left to do is no step of this one any more.
    if (planned.length + transaction.steps.length > 0)
      await transaction.planSteps(planned, { rollbackCompatible: plan.rollbackCompatible });
    await transaction.runSteps('before', signal);
    await assertIdle(context);
    const swaps = await countSwap(host.fileSystem, layout, version);
    await transaction.commit().catch(async (error: unknown) => {
      // What somebody held, had no room, or could not be moved, was not put in place: that is no round of a loop.
      if (hasCode(error, 'TRANSACTION_FILE_HELD', 'STORAGE_NO_SPACE', 'STORAGE_OTHER_VOLUME'))
        await rememberSwaps(host.fileSystem, layout, { version, swaps: swaps - 1 }).catch(() => undefined);
      throw error;
    });
  } catch (error) {
    if (transaction.state === 'staged') await transaction.discard();
    throw error;
  }
  context.emit({ kind: 'committed', version });
  await runAfter(context, transaction, signal);
}

/** The rest of the steps of a committed update. A failure rolls it back, and its version is not tried again here. */
export async function runAfter(context: UpdateContext, transaction: Transaction, signal?: AbortSignal): Promise<void> {
  try {
    await transaction.runSteps('after', signal);
    await transaction.runFinally();
  } catch (error) {
    const reason = isUpdaterError(error) ? error.message : 'it was stopped while steps ran';
    await rollBack(context, transaction, reason, { mayHold: true });
    if (!hasCode(error, 'STEP_FAILED'))
      await blockVersion(context.host.fileSystem, context.layout, transaction.target.version, false);
    throw error;
  }
}
