/** The two ways a transaction can go, each from any state that a crash can leave. */
import { errorChain, hasCode, isUpdaterError, UpdaterError } from '../errors.js';
import { digestOfFile } from '../file-system/file-source.js';
import { removeTree } from '../file-system/remove-tree.js';
import type { ReleasePath } from '../manifest/release-path.js';
import type { JournalRecord } from './journal-record.js';
import { observeFresh, observeSlots } from './observe.js';
import { isDataAhead, runFinally, undoSteps } from './steps.js';
import { assertNoLinks, isSameStamp, type Stamp } from './survey.js';
import { barrierForAll, carryOut } from './swap.js';
import { editedBases, type Observation, planSwap } from './swap-plan.js';
import { previousFolder, previousPath, stagingFolder, type TransactionContext } from './transaction-context.js';

export async function enter(
  context: TransactionContext,
  record: JournalRecord,
  preparation: readonly JournalRecord[] = [],
): Promise<void> {
  await context.journal.enter(record, preparation);
  const { transaction, state } = context.journal.contents;
  context.notify({ kind: 'transaction-state-entered', transaction, state });
}

/** The swap of a transaction that is `committing`, and was surveyed and verified a moment ago. */
export async function swapFresh(context: TransactionContext, stamps: ReadonlyMap<number, Stamp>): Promise<void> {
  const plan = planSwap(observeFresh(context), 'forward');
  await carryOut(context, plan, { onceLeft: () => recordLateEdits(context, stamps) });
  await enter(context, { type: 'committed' });
}

/** A file that was written between its survey and its move: what a rollback has to bring back is what was moved. */
async function recordLateEdits(context: TransactionContext, stamps: ReadonlyMap<number, Stamp>): Promise<void> {
  const edits: JournalRecord[] = [];
  for (const { index, base } of context.journal.contents.slots) {
    if (base === null) continue;
    const path = previousPath(context, index);
    const stat = await context.fileSystem.stat(path);
    if (stat === null || isSameStamp(stamps.get(index), stat)) continue;
    const sha256 = await digestOfFile(context.fileSystem, path);
    edits.push({ type: 'base', index, base: { bytes: stat.bytes, sha256, mode: stat.mode } });
  }
  if (edits.length > 0) await enter(context, { type: 'committing' }, edits);
}

/** Goes on to the target from whatever was observed; the plan must be possible. */
export async function rollForward(context: TransactionContext, observations: readonly Observation[]): Promise<void> {
  const edits = editedBases(observations).map((edit): JournalRecord => ({ type: 'base', ...edit }));
  if (edits.length > 0 || context.journal.contents.state !== 'committing') await enter(context, { type: 'committing' }, edits);
  const slots = new Map(context.journal.contents.slots.map((slot) => [slot.index, slot]));
  const current = observations.map((observation) => ({
    ...observation,
    slot: slots.get(observation.slot.index) ?? observation.slot,
  }));
  await assertNoLinks(context.fileSystem, context.layout, context.journal.contents.slots);
  await barrierForAll(context);
  await carryOut(context, planSwap(current, 'forward'));
  await enter(context, { type: 'committed' });
}

export interface GoingBack {
  readonly observations: readonly Observation[];
  readonly reason: string;
  /** Whether a committed target stays, held, when the base would not understand the data (default: it goes). */
  readonly mayHold?: boolean;
}

/**
 * Goes back to the base from whatever was observed; the plan must be possible. Steps are undone first, and `finally` is
 * run in the end.
 * @throws UpdaterError INSTALL_MAINTENANCE, with `mayHold`: no file has moved then.
 */
export async function rollBackward(
  context: TransactionContext,
  { observations, reason, mayHold = false }: GoingBack,
): Promise<void> {
  await context.journal.releaseReserve();
  const observed = await undoBefore(context, { observations, reason, mayHold });
  await enterRollingBack(context, reason);
  await assertNoLinks(context.fileSystem, context.layout, context.journal.contents.slots);
  await barrierForAll(context);
  await carryOut(context, planSwap(observed, 'backward'));
  await enterFreeing(context, { type: 'rolled_back' });
  await tidyAfterRollback(context);
  await runFinally(context);
}

/**
 * What is held stays as whole as it is: nothing is undone when going back is out of the question, and nothing more once an
 * `undo` has made it so.
 * @returns where the files are once the steps are undone: their commands may have moved some.
 */
async function undoBefore(context: TransactionContext, going: GoingBack): Promise<readonly Observation[]> {
  const { contents } = context.journal;
  const holdIfAhead = async (): Promise<void> => (going.mayHold === true ? holdAhead(context, going.reason) : undefined);
  if (contents.steps.length === 0) return going.observations;
  await holdIfAhead();
  await undoSteps(context, { onFailed: holdIfAhead });
  const observations = await observeSlots(context);
  const { impossible } = planSwap(observations, 'backward');
  if (contents.state === 'committed' || contents.state === 'confirmed') assertWayBack(impossible);
  else assertPossible(impossible);
  return observations;
}

/** Somebody has to decide: neither going on nor going back happens by itself from here. Told once. */
export async function hold(context: TransactionContext, why: string): Promise<void> {
  const { contents } = context.journal;
  if (contents.heldBecause !== null) return;
  const reason = why === '' ? 'nobody said why' : why;
  await context.journal.enter({ type: 'held', reason });
  context.notify({ kind: 'update-held', version: contents.target.version, reason });
}

/** @throws UpdaterError INSTALL_MAINTENANCE when the base would find data that it does not understand. */
async function holdAhead(context: TransactionContext, reason: string): Promise<void> {
  const { contents } = context.journal;
  if (contents.state !== 'committed' || !isDataAhead(contents)) return;
  await hold(context, reason);
  const { version } = contents.target;
  throw new UpdaterError(
    'INSTALL_MAINTENANCE',
    `${version} failed (${reason}), and the version before does not understand the data any more`,
    { details: { version, reason } },
  );
}

/**
 * After a swap failed half-way: back to the base at once.
 * @throws UpdaterError TRANSACTION_ROLLBACK_PENDING when that fails as well, TRANSACTION_STUCK when it never can succeed.
 */
export async function rollBackAfter(context: TransactionContext, failure: unknown): Promise<void> {
  try {
    const observations = await observeSlots(context);
    assertPossible(planSwap(observations, 'backward').impossible);
    await rollBackward(context, { observations, reason: reasonOf(failure) });
  } catch (cause) {
    throw hasCode(cause, 'TRANSACTION_STUCK') ? cause : pending(context, cause);
  }
}

export const pending = (context: TransactionContext, cause: unknown): UpdaterError =>
  new UpdaterError(
    'TRANSACTION_ROLLBACK_PENDING',
    `the rollback of transaction ${context.journal.contents.transaction} could not finish`,
    {
      details: { transaction: context.journal.contents.transaction, ...(isUpdaterError(cause) ? cause.details : {}) },
      cause,
    },
  );

/** Of a target that is in place. @throws UpdaterError TRANSACTION_NO_WAY_BACK naming the paths. */
export function assertWayBack(impossible: readonly ReleasePath[]): void {
  if (impossible.length === 0) return;
  throw new UpdaterError('TRANSACTION_NO_WAY_BACK', `${impossible.length} files of the previous version are damaged or gone`, {
    details: { paths: impossible.slice(0, 100) },
  });
}

/** @throws UpdaterError TRANSACTION_STUCK naming the paths. */
export function assertPossible(impossible: readonly ReleasePath[]): void {
  if (impossible.length === 0) return;
  throw new UpdaterError(
    'TRANSACTION_STUCK',
    `${impossible.length} files are nowhere to be found as they were or as they should be`,
    {
      details: { paths: impossible.slice(0, 100) },
    },
  );
}

/** For the journal: the codes of an error, outermost first. */
export const reasonOf = (failure: unknown): string => errorChain(failure).join(' < ').slice(0, 200).toWellFormed();

/** A full disk may have no room for the record that gives the room back: then the files that are not needed go first. */
export async function enterFreeing(context: TransactionContext, record: JournalRecord): Promise<void> {
  try {
    await enter(context, record);
  } catch (error) {
    if (!hasCode(error, 'STORAGE_NO_SPACE')) throw error;
    await context.journal.revert();
    await removeTree(context.fileSystem, stagingFolder(context));
    await enter(context, record);
  }
}

/**
 * A disk that is too full for this record does not stop the rollback: without it a crash in the middle leads to the
 * target instead, which is as whole. But the journal must not claim more than `committing` then.
 */
async function enterRollingBack(context: TransactionContext, reason: string): Promise<void> {
  try {
    await enter(context, { type: 'rolling_back', reason });
  } catch (error) {
    await context.journal.revert();
    if (!hasCode(error, 'STORAGE_NO_SPACE') || context.journal.contents.state !== 'committing') throw error;
  }
}

/** What was set aside because it was somebody's own stays in previous/ until the next transaction begins. */
async function tidyAfterRollback(context: TransactionContext): Promise<void> {
  await tidy(context, stagingFolder(context));
  const names = await context.fileSystem.list(previousFolder(context));
  if (!names.some((name) => name.startsWith('found-'))) await tidy(context, previousFolder(context));
}

/** Removes what nobody needs any more. What resists is left for the next transaction. */
export async function tidy(context: Pick<TransactionContext, 'fileSystem' | 'notify'>, path: string): Promise<void> {
  try {
    await removeTree(context.fileSystem, path);
  } catch (error) {
    if (!isUpdaterError(error)) throw error;
    context.notify({ kind: 'leftover-kept', path });
  }
}
