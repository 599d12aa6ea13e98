/**
 * The pipeline around the swap (terminal.md, C12): configured commands before and after it, and some that run in the end in
 * any case.
 *
 *     staged ─▶ before ─▶ swap ─▶ after ─▶ finally ─▶ start, confirm
 *                  └────────┴────────┴────────┴─▶ undo, last step first ─▶ files ─▶ finally
 *
 * Every step is journaled before it begins and when it ends, with all that is needed to take it back: recovery needs no
 * configuration. A crash leads the second way, but for one in `finally`, which is run again: it has to bear that. What of
 * `finally` never ends is handed on to the next transaction, until that has steps of its own.
 *
 * Invariants
 *  1. A step that began is undone, or was without `undo`, before any file goes back; `finally` runs when files are where they
 *     stay.
 *  2. A program that outlived the updater is ended before anything is run, undone or decided.
 *  3. An `undo` that fails stops no other, unless the base would not understand the data, and leaves no mixture of versions.
 */
import { hasCode, UpdaterError } from '../errors.js';
import type { JournalRecord, PlannedStep, StepCommand, StepMark, StepProcess } from './journal-record.js';
import { encodeRecord, journalLineBytesMax } from './journal-record.js';
import type { JournaledStep, JournalState } from './journal-state.js';
import type { StepEnd, StepRunner } from './step-runner.js';
import type { TransactionContext } from './transaction-context.js';

const isWay = ({ phase }: JournaledStep): boolean => phase !== 'finally';
const hasEnded = ({ mark }: JournaledStep): boolean => mark === 'ended';
const isTouched = ({ mark }: JournaledStep): boolean => mark !== 'planned' && mark !== 'undone';

/** Whether a committed target lacks steps, also one that none of them had begun for yet. */
export const areStepsCutShort = ({ steps }: JournalState): boolean => steps.some((step) => isWay(step) && !hasEnded(step));

/** Whether an attempt was under way: what it left is to be taken back. */
export const haveStepsBegun = ({ steps }: JournalState): boolean => steps.some(({ mark }) => mark !== 'planned');

/** Whether steps are being taken back. */
export const hasGoneBack = ({ steps }: JournalState): boolean =>
  steps.some(({ mark }) => mark === 'undoing' || mark === 'undone' || mark === 'undo_failed');

/** Whether `finally` still has to run: what it ends may have begun. */
export const isFinallyDue = (contents: JournalState): boolean => dueFinally(contents).length > 0;

/** The steps of `finally` that still have to end. */
export const dueFinally = (contents: JournalState): readonly PlannedStep[] =>
  haveStepsBegun(contents) ? contents.steps.filter((step) => !isWay(step) && !hasEnded(step)) : [];

/** How the journal of the next transaction says that steps of `finally` are still due. */
export const inheritedFinally = (due: readonly PlannedStep[]): readonly JournalRecord[] =>
  due.length === 0
    ? []
    : [
        ...due.map(({ phase, name, run, undo, changesData, backupPath }): JournalRecord => {
          return { type: 'step_planned', phase, name, run, undo, changesData, backupPath };
        }),
        { type: 'steps', count: due.length, rollbackCompatible: true },
        ...due.map((_, index): JournalRecord => ({ type: 'step', index, mark: 'failed', process: null })),
      ];

/**
 * Whether the application would find data that only the target understands after going back: a step changed it, that can
 * not be or was not undone, there is no backup of it, and the release says that the base does not understand.
 */
export const isDataAhead = (contents: JournalState): boolean =>
  !contents.rollbackCompatible &&
  isDataChanged(contents) &&
  !contents.steps.some((step) => step.backupPath !== null && hasEnded(step));

/** Whether a step changed data that no undo has brought back, or will. */
const isDataChanged = ({ steps }: JournalState): boolean =>
  steps.some((step) => step.changesData && isTouched(step) && (step.undo === null || step.mark === 'undo_failed'));

/** @throws UpdaterError CONFIG_INVALID for steps that are too long for the journal. */
export async function planSteps(
  context: TransactionContext,
  steps: readonly PlannedStep[],
  rollbackCompatible: boolean,
): Promise<void> {
  const planned = steps.map((step): JournalRecord => ({ type: 'step_planned', ...step }));
  for (const [index, record] of planned.entries())
    if (encodeRecord(record).length > journalLineBytesMax)
      throw new UpdaterError('CONFIG_INVALID', `the commands of step ${steps[index]?.name} are too long`);
  await context.journal.enter({ type: 'steps', count: steps.length, rollbackCompatible }, planned);
}

/**
 * Runs the steps of a phase that have not ended, in their order. After the swap that may be steps of `before` as well: those
 * of a held update that were taken back. It is no longer held then: somebody has decided.
 * @throws UpdaterError STEP_FAILED for the first that fails; the signal's reason. What to undo is the caller's to decide.
 */
export async function runSteps(context: TransactionContext, phase: 'before' | 'after', signal?: AbortSignal): Promise<void> {
  if (context.journal.contents.heldBecause !== null) await context.journal.enter({ type: 'held', reason: '' });
  for (const [index, step] of context.journal.contents.steps.entries()) {
    if (hasEnded(step) || !(phase === 'after' ? isWay(step) : step.phase === phase)) continue;
    signal?.throwIfAborted();
    const failure = await runStep(context, index, { step, ...(signal === undefined ? {} : { signal }) });
    signal?.throwIfAborted();
    if (failure !== null) throw stepFailed(step, failure);
  }
}

/** Runs every step of `finally` that is due, also after one that fails. @returns what failed. */
export async function runFinally(context: TransactionContext): Promise<readonly UpdaterError[]> {
  const failures: UpdaterError[] = [];
  if (context.steps === null) return failures;
  for (const [index, step] of context.journal.contents.steps.entries()) {
    if (isWay(step) || hasEnded(step)) continue;
    const failure = await runStep(context, index, { step });
    if (failure !== null) failures.push(stepFailed(step, failure));
  }
  return failures;
}

const stepFailed = ({ phase, name }: JournaledStep, failure: string): UpdaterError =>
  new UpdaterError('STEP_FAILED', `${name}: ${failure}`, { details: { phase, step: name } });

async function runStep(
  context: TransactionContext,
  index: number,
  { step, signal }: { readonly step: JournaledStep; readonly signal?: AbortSignal },
): Promise<string | null> {
  const { phase, name, backupPath } = step;
  // What runs in any case runs on a full disk too, and then once more when there is room again.
  const record = phase === 'finally' ? markIfRoom : mark;
  await record(context, index, 'began');
  context.notify({ kind: 'step-began', phase, name });
  const onStarted = (process: StepProcess): Promise<void> => record(context, index, 'began', process);
  const end = await runnerOf(context).run(step.run, { onStarted, ...(signal === undefined ? {} : { signal }) });
  const failure = end.failure ?? (backupPath === null ? null : await missingBackup(context, backupPath));
  await record(context, index, failure === null ? 'ended' : 'failed');
  const { durationMs, output } = end;
  context.notify({ kind: 'step-ended', phase, name, durationMs, output, failure, backupPath });
  return failure;
}

async function missingBackup({ fileSystem }: TransactionContext, path: string): Promise<string | null> {
  const stat = await fileSystem.stat(path).catch(() => null);
  const isThere = stat?.kind === 'file' ? stat.bytes > 0 : stat?.kind === 'directory' && (await fileSystem.list(path)).length > 0;
  return isThere ? null : `it left no backup at ${path}`;
}

/** Ends the programs of steps that outlived the updater which started them. */
export async function endSurvivors({ journal, steps: runner }: TransactionContext): Promise<void> {
  if (runner === null) return;
  for (const { process } of journal.contents.steps) if (process !== null) await runner.end(process);
}

/**
 * Takes back the steps that began, the last one first. Afterwards none of their programs runs, and `finally` is due.
 * Without room on the disk no more is recorded than that going back has begun: a step may then be undone twice. A backup stays as long as it is all that
 * could bring the data back.
 * @throws UpdaterError STORAGE_NO_SPACE when not even that can be: nothing is undone then.
 * @param options.onFailed asked after an `undo` that failed; what it throws ends the way back here.
 */
export async function undoSteps(
  context: TransactionContext,
  { onFailed = () => Promise.resolve() }: { readonly onFailed?: () => Promise<void> } = {},
): Promise<void> {
  const { contents } = context.journal;
  const { steps } = contents;
  if (context.steps === null || !haveStepsBegun(contents)) return;
  for (const [index, step] of steps.entries()) if (!isWay(step) && hasEnded(step)) await markIfRoom(context, index, 'planned');
  await endSurvivors(context);
  for (const [index, step] of [...steps.entries()].reverse()) {
    if (!isWay(step) || !isTouched(step) || step.undo === null || step.mark === 'undo_failed') continue;
    if (step.backupPath !== null && isDataChanged(contents)) continue;
    if (!(await undoStep(context, index, { step, undo: step.undo }))) await onFailed();
  }
}

/** Whether a crash now would leave the target in place: nothing but a step's record says that it is on its way back. */
const leadsOn = (contents: JournalState): boolean =>
  (contents.state === 'committed' || contents.state === 'confirmed') && !hasGoneBack(contents);

/** @returns whether it was taken back. */
async function undoStep(
  context: TransactionContext,
  index: number,
  { step, undo }: { readonly step: JournaledStep; readonly undo: StepCommand },
): Promise<boolean> {
  const { phase, name } = step;
  await (leadsOn(context.journal.contents) ? mark : markIfRoom)(context, index, 'undoing');
  const end: StepEnd = await runnerOf(context).run(undo, {
    onStarted: (process) => markIfRoom(context, index, 'undoing', process),
  });
  await markIfRoom(context, index, end.failure === null ? 'undone' : 'undo_failed');
  context.notify({ kind: 'step-undone', phase, name, ...end });
  return end.failure === null;
}

const runnerOf = ({ steps }: TransactionContext): StepRunner => {
  if (steps === null) throw new UpdaterError('CONFIG_INVALID', 'this program runs no steps');
  return steps;
};

const mark = (context: TransactionContext, index: number, to: StepMark, process: StepProcess | null = null): Promise<void> =>
  context.journal.enter({ type: 'step', index, mark: to, process });

async function markIfRoom(
  context: TransactionContext,
  index: number,
  to: StepMark,
  process: StepProcess | null = null,
): Promise<void> {
  try {
    await mark(context, index, to, process);
  } catch (error) {
    if (!hasCode(error, 'STORAGE_NO_SPACE')) throw error;
    await context.journal.revert().catch(() => undefined);
    context.journal.contents.apply({ type: 'step', index, mark: to, process });
  }
}
