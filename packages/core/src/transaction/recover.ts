/** What every start of any command does first: see in which state the last transaction was left, and finish or undo it. */
import { hasCode } from '../errors.js';
import type { Journal } from './journal.js';
import { observeSlots } from './observe.js';
import { assertPossible, hold, pending, reasonOf, rollBackAfter, rollBackward, rollForward, tidy } from './roll.js';
import { areStepsCutShort, endSurvivors, hasGoneBack, haveStepsBegun, isFinallyDue, runFinally } from './steps.js';
import { planSwap } from './swap-plan.js';
import { Transaction } from './transaction.js';
import { previousFolder, stagedPath, stagingFolder, type TransactionContext } from './transaction-context.js';

export type Recovery =
  /** Nothing was under way. `last` is the transaction whose journal is still there. */
  | { readonly kind: 'nothing-to-do'; readonly last: Transaction | null }
  /** A transaction that had not finished staging, whose staged files are gone, or whose steps were cut short, was given up. */
  | { readonly kind: 'discarded'; readonly transaction: Transaction }
  /** A transaction is staged: it can be committed or discarded. */
  | { readonly kind: 'staged'; readonly transaction: Transaction }
  /** A swap was cut short and has been finished; it awaits `confirm` or `rollback`. */
  | { readonly kind: 'rolled-forward'; readonly transaction: Transaction }
  /** A transaction is committed and awaits `confirm` or `rollback`. */
  | { readonly kind: 'committed'; readonly transaction: Transaction }
  /** A swap or a rollback was cut short; the install holds the base again. */
  | { readonly kind: 'rolled-back'; readonly transaction: Transaction; readonly reason: string };

/**
 * Leaves the install exactly at the base or exactly at the target, and may be interrupted and run again at any point.
 * @throws UpdaterError TRANSACTION_ROLLBACK_PENDING when files are held: the install is a mixture until a later call
 * succeeds; TRANSACTION_STUCK naming the paths when neither side can be put together.
 */
export async function recover(context: TransactionContext): Promise<Recovery> {
  const transaction = new Transaction(context);
  const { contents } = context.journal;
  await endSurvivors(context);
  switch (await stateOnDisk(context)) {
    case 'begun':
      await transaction.discard();
      return { kind: 'discarded', transaction };
    case 'staged':
      if (isCutShortBefore(context) || !(await isStagingWhole(context))) {
        await transaction.discard();
        return { kind: 'discarded', transaction };
      }
      return { kind: 'staged', transaction };
    case 'committing':
      // The steps after it would be missing.
      return finish(context, transaction, contents.steps.length > 0 ? 'backward' : 'forward');
    case 'rolling_back':
      return finish(context, transaction, 'backward');
    case 'committed':
      return recoverCommitted(context, transaction);
    case 'confirmed':
      // A rollback that was asked for, cut short before it came to the files.
      if (context.steps !== null && hasGoneBack(contents)) return goBackOrHold(context, transaction, {});
      break;
    default:
      break;
  }
  await finishSteps(context);
  await tidy(context, stagingFolder(context));
  return { kind: 'nothing-to-do', last: transaction };
}

/** A program that runs no steps leaves them to one that does. */
const isCutShortBefore = ({ steps, journal }: TransactionContext): boolean => steps !== null && haveStepsBegun(journal.contents);

/** A crash among the steps leads back; what has to be decided by somebody waits for them. */
async function recoverCommitted(context: TransactionContext, transaction: Transaction): Promise<Recovery> {
  const { contents } = context.journal;
  if (contents.heldBecause !== null || context.steps === null) return { kind: 'committed', transaction };
  if (areStepsCutShort(contents)) return goBackOrHold(context, transaction, { mayHold: true });
  // Also where nothing but these was planned.
  await runFinally(context);
  return { kind: 'committed', transaction };
}

/** Steps are missing and the base as well: the target stays, and somebody has to decide. */
async function goBackOrHold(
  context: TransactionContext,
  transaction: Transaction,
  options: { readonly mayHold?: boolean },
): Promise<Recovery> {
  try {
    return await goBack(context, transaction, options);
  } catch (error) {
    if (!hasCode(error, 'INSTALL_MAINTENANCE', 'TRANSACTION_NO_WAY_BACK')) throw error;
    if (context.journal.contents.state === 'confirmed') await context.journal.enter({ type: 'committed' });
    await hold(context, reasonOf(error));
    return { kind: 'committed', transaction };
  }
}

async function goBack(
  context: TransactionContext,
  transaction: Transaction,
  options: { readonly mayHold?: boolean },
): Promise<Recovery> {
  const reason = 'it was cut short while steps ran';
  await orPending(context, () => transaction.rollback(reason, options));
  return { kind: 'rolled-back', transaction, reason };
}

/** What `finally` still has to end; what fails of it is told by events, and tried again by the next command. */
async function finishSteps(context: TransactionContext): Promise<void> {
  if (isFinallyDue(context.journal.contents)) await runFinally(context);
}

/** The journal's word, but for one thing: a file in previous/ proves that the swap has begun. */
async function stateOnDisk({ fileSystem, journal, ...context }: TransactionContext): Promise<Journal['contents']['state']> {
  const { state } = journal.contents;
  if (state !== 'staged') return state;
  return (await fileSystem.list(previousFolder({ ...context, fileSystem, journal }))).length > 0 ? 'committing' : 'staged';
}

/** By size only: `commit` reads them again. */
async function isStagingWhole(context: TransactionContext): Promise<boolean> {
  for (const { index, target } of context.journal.contents.slots) {
    if (target === null) continue;
    const stat = await context.fileSystem.stat(stagedPath(context, index));
    if (stat?.kind !== 'file' || stat.bytes !== target.bytes) return false;
  }
  return true;
}

async function finish(context: TransactionContext, transaction: Transaction, preferred: 'forward' | 'backward'): Promise<Recovery> {
  const observations = await orPending(context, () => observeSlots(context));
  const forward = planSwap(observations, 'forward');
  const backward = planSwap(observations, 'backward');
  if (forward.impossible.length > 0) assertPossible(backward.impossible);
  const goesForward = preferred === 'forward' ? forward.impossible.length === 0 : backward.impossible.length > 0;
  if (!goesForward) {
    const why = preferred === 'forward' ? 'what the target needs is no longer there' : 'it was cut short';
    const reason = transaction.reason ?? why;
    await orPending(context, () => rollBackward(context, { observations, reason }));
    return { kind: 'rolled-back', transaction, reason };
  }
  try {
    await rollForward(context, observations);
  } catch (failure) {
    await rollBackAfter(context, failure);
    return { kind: 'rolled-back', transaction, reason: reasonOf(failure) };
  }
  return areStepsCutShort(context.journal.contents)
    ? recoverCommitted(context, transaction)
    : { kind: 'rolled-forward', transaction };
}

/** A recovery that is stopped goes on at the next start. */
async function orPending<T>(context: TransactionContext, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (cause) {
    throw hasCode(cause, 'TRANSACTION_STUCK', 'TRANSACTION_NO_WAY_BACK', 'INSTALL_MAINTENANCE') ? cause : pending(context, cause);
  }
}
