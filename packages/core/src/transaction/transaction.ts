/**
 * One update of one install, all or nothing: a journaled swap in place, file by file.
 *
 *     begin ──▶ begun ──stage──▶ staged ──commit──▶ committing ──▶ committed ──confirm──▶ confirmed
 *                 │                │                    │               │                    │
 *                 └───discard──────┤                    └───────────────┴─────rollback───────┤
 *                                  ▼                                                         ▼
 *                              discarded                            rolled_back ◀── rolling_back
 *
 * Each state is a record in the journal, synced before anything that relies on it. After a crash `recover` goes on from
 * begun to discarded, from committing to committed (or, when a target is damaged or a file is held, to rolled_back), and
 * from rolling_back to rolled_back; staged and committed are places to stay. Steps that were cut short lead back from each of
 * these, or a rollback of a confirmed target whose way back is gone to committed again, where somebody decides: steps.ts.
 *
 * A file of the install is in one of three places, and moves by renames only: at its path, in staging/<tx>/<index>, or in
 * previous/<tx>/<index>. What is where is found out by reading (observe.ts); what has to move follows from that alone
 * (swap-plan.ts). The journal says which files are meant, never where they are.
 *
 * Invariants
 *  1. Before `committing` is durable nothing in the install changes, and every target is in staging/, complete, verified
 *     from the disk, and synced under its name.
 *  2. No rename ever lands on a file.
 *  3. Between the two renames of one path there is a barrier: its first is durable before its second begins.
 *  4. So from `staged` to `confirmed`, and until a rollback is durable, every target and every base that was there exist
 *     under some name, whatever crash happens; each crash leaves both directions open.
 *  5. What a path held is recorded as it was found on disk, not as a manifest has it: a rollback brings back damaged and
 *     foreign files too. A file edited after that is recorded again when it is moved aside.
 *  6. Nothing that is neither base nor target is ever removed. In the way of a swap it stops it; in the way of a rollback
 *     it is moved aside into previous/ and stays there until the next transaction begins.
 *  7. No parent of a path that is moved is a link.
 *  8. Names in staging/ and previous/ hold the transaction's id, so what a crash brings back of an earlier transaction
 *     is never taken for this one's.
 *
 *  9. Steps around the swap are undone before files go back: steps.ts.
 *
 * It deliberately does not know versions, preserve globs, health checks or where targets come from.
 */
import { UpdaterError } from '../errors.js';
import { withFile } from '../file-system/file-source.js';
import { assertFreeBytes } from '../file-system/free-space.js';
import { digestOfSource } from '../hash/digest.js';
import type { ReleasePath } from '../manifest/release-path.js';
import { type Change, type Content, checkChanges, type ReleaseReference, type Slot } from './change.js';
import { reserveBytes } from './journal.js';
import { type JournalRecord, journalChangesMax, type PlannedStep } from './journal-record.js';
import type { JournaledStep, TransactionState } from './journal-state.js';
import { observeSlots } from './observe.js';
import { assertWayBack, enter, enterFreeing, pending, rollBackAfter, rollBackward, swapFresh, tidy } from './roll.js';
import { dueFinally, isFinallyDue, planSteps, runFinally, runSteps, undoSteps } from './steps.js';
import { type NumberedChange, type Survey, surveyInstall } from './survey.js';
import { barrier } from './swap.js';
import { planSwap } from './swap-plan.js';
import { stagedPath, stagingFolder, type TransactionContext } from './transaction-context.js';

export interface StageOptions {
  /** Free space to insist on, in bytes, beside what is staged already. Default: room for the journal and for a rollback. */
  readonly freeBytesMin?: number;
  readonly signal?: AbortSignal;
}

/** Room for one change in the journal, generously. */
const journalBytesPerChange = 1_024;

/**
 * A transaction that is under way; made by `beginTransaction` or found by `openInstall`. One call at a time: the install's
 * lock keeps other programs away, not other calls.
 */
export class Transaction {
  /** What the last look at the install found; null in a transaction that another run staged. */
  #survey: Survey | null = null;

  constructor(private readonly context: TransactionContext) {}

  get id(): string {
    return this.context.journal.contents.transaction;
  }

  get state(): TransactionState {
    return this.context.journal.contents.state;
  }

  /** Null when nothing was installed, or nobody knew what. */
  get base(): ReleaseReference | null {
    return this.context.journal.contents.base;
  }

  get target(): ReleaseReference {
    return this.context.journal.contents.target;
  }

  /** How often `recordStart` was called: starts of the application that have not led to `confirm` or `rollback` yet. */
  get starts(): number {
    return this.context.journal.contents.starts;
  }

  /** Why it was, or is being, rolled back. */
  get reason(): string | null {
    return this.context.journal.contents.reason;
  }

  /** The steps of the last attempt to commit, and how far each came. */
  get steps(): readonly JournaledStep[] {
    return this.context.journal.contents.steps;
  }

  /** Why neither going on nor going back happens by itself; null: nothing is in the way. */
  get heldBecause(): string | null {
    return this.context.journal.contents.heldBecause;
  }

  /** Steps of `finally` that still have to end; every opening of the install tries them again. */
  get dueFinally(): readonly PlannedStep[] {
    return dueFinally(this.context.journal.contents);
  }

  /** What the transaction changes, with what the disk held before. Empty before it is staged. */
  get slots(): readonly Slot[] {
    return this.context.journal.contents.slots;
  }

  /** Where the caller builds the target of the change at `index`. Its folder exists. */
  stagedPath(index: number): string {
    return stagedPath(this.context, index);
  }

  /**
   * Verifies every staged file from the disk by size and SHA-256, gives it its mode, syncs it, and records what each path
   * holds now. Afterwards the transaction is `staged`: it survives a crash and can be committed by a later run. May be
   * called again, with the same or other changes, until it is committed.
   * @param changes removals too; the target of `changes[index]` is at `stagedPath(index)`.
   * @throws UpdaterError TRANSACTION_STAGING_INVALID, TRANSACTION_PATH_BLOCKED, STORAGE_NO_SPACE; nothing has changed then.
   */
  async stage(changes: readonly Change[], options: StageOptions = {}): Promise<void> {
    this.context.journal.contents.assertMayEnter('staged');
    if (changes.length > journalChangesMax) throw new UpdaterError('LIMIT_EXCEEDED', `${changes.length} changes are too many`);
    checkChanges(changes);
    const freeBytesMin = options.freeBytesMin ?? changes.length * journalBytesPerChange + 2 * reserveBytes;
    await assertFreeBytes(this.context.fileSystem, this.context.layout.home, freeBytesMin);
    const numbered = changes.map((change, index) => ({ ...change, index }));
    await this.#verifyStaged(numbered, options.signal);
    const { fileSystem, layout } = this.context;
    await this.#enterStaged(await surveyInstall(fileSystem, layout, numbered, options));
  }

  /**
   * Swaps the install to the target. When the promise is fulfilled the transaction is `committed`, durably. When it is
   * rejected the install is what it was before, but for the two codes that say otherwise. Can not be cancelled.
   * @throws UpdaterError TRANSACTION_FILE_HELD or whatever stopped it, after going back to the base;
   * TRANSACTION_ROLLBACK_PENDING when going back was stopped as well: the next `openInstall` goes on with it;
   * TRANSACTION_STAGING_INVALID, TRANSACTION_PATH_BLOCKED, TRANSACTION_STATE before anything was moved.
   */
  async commit(): Promise<void> {
    this.context.journal.contents.assertMayEnter('committing');
    if (this.state !== 'staged') throw this.#wrongState('be committed');
    const survey = await this.#surveyAgain();
    try {
      await enter(this.context, { type: 'committing' });
    } catch (error) {
      await this.context.journal.revert().catch(() => undefined);
      throw error;
    }
    try {
      await swapFresh(this.context, survey.stamps);
    } catch (failure) {
      await rollBackAfter(this.context, failure);
      throw failure;
    }
  }

  /**
   * Journals the steps around the swap, those of `finally` among them; to be called between `stage` and `commit`.
   * @param options.rollbackCompatible whether the base understands what the target's steps do to data.
   * @throws UpdaterError CONFIG_INVALID for commands that are too long.
   */
  planSteps(steps: readonly PlannedStep[], { rollbackCompatible }: { readonly rollbackCompatible: boolean }): Promise<void> {
    return planSteps(this.context, steps, rollbackCompatible);
  }

  /**
   * Runs the planned steps of a phase, without those that have ended: `before` between `planSteps` and `commit`, `after`
   * after it. In an update that was held, `after` also runs what was taken back of `before`, and nothing is held any more:
   * it is a new attempt, with starts counted anew. After a failure `discard` or `rollback` undoes what began.
   * @throws UpdaterError STEP_FAILED; the signal's reason.
   */
  runSteps(phase: 'before' | 'after', signal?: AbortSignal): Promise<void> {
    return runSteps(this.context, phase, signal);
  }

  /** Runs the steps of `finally`, each of them whatever the others do. @throws UpdaterError STEP_FAILED, the first. */
  async runFinally(): Promise<void> {
    const [first] = await runFinally(this.context);
    if (first !== undefined) throw first;
  }

  /** Counts a start of the application, durably, before it happens. Only while `committed`. */
  async recordStart(): Promise<void> {
    await enter(this.context, { type: 'started' });
  }

  /**
   * The target has proved healthy. The way back stays until the next transaction begins.
   * @throws UpdaterError INSTALL_MAINTENANCE while it is held; TRANSACTION_STATE unless it is committed.
   */
  async confirm(): Promise<void> {
    const { heldBecause } = this;
    if (heldBecause !== null)
      throw new UpdaterError('INSTALL_MAINTENANCE', `${this.target.version} is held: ${heldBecause}`, {
        details: { version: this.target.version, reason: heldBecause },
      });
    await enter(this.context, { type: 'confirmed' });
    await tidy(this.context, stagingFolder(this.context));
  }

  /**
   * Brings back what the install held before, also after `confirm`. A staged transaction is discarded. Steps are undone
   * first, and those of `finally` run in the end.
   * @param reason one sentence for the log and the journal; cut at 200 characters.
   * @param options.mayHold stay at the target, held, when the base would not understand its data (default: go).
   * @throws UpdaterError INSTALL_MAINTENANCE when it stays held; no file has moved.
   * @throws UpdaterError TRANSACTION_NO_WAY_BACK when a base is damaged or gone (the install stays at the target);
   * TRANSACTION_ROLLBACK_PENDING when it was stopped: the next `openInstall` goes on with it.
   */
  async rollback(reason: string, { mayHold = false }: { readonly mayHold?: boolean } = {}): Promise<void> {
    if (this.state === 'begun' || this.state === 'staged') return this.discard();
    this.context.journal.contents.assertMayEnter('rolling_back');
    const observations = await observeSlots(this.context);
    assertWayBack(planSwap(observations, 'backward').impossible);
    try {
      await rollBackward(this.context, { observations, reason: reason.slice(0, 200).toWellFormed(), mayHold });
    } catch (cause) {
      throw this.state === 'rolling_back' ? pending(this.context, cause) : cause;
    }
  }

  /** Gives up a transaction that has not been committed; the install was not touched. */
  async discard(): Promise<void> {
    await undoSteps(this.context);
    await enterFreeing(this.context, { type: 'discarded' });
    await tidy(this.context, stagingFolder(this.context));
    if (isFinallyDue(this.context.journal.contents)) await runFinally(this.context);
  }

  async #enterStaged(survey: Survey): Promise<void> {
    const { slots, directories } = survey;
    const preparation: JournalRecord[] = [
      ...slots.map(
        (slot): JournalRecord => ({
          type: 'change',
          index: slot.index,
          place: slot.place,
          path: slot.path,
          basePath: slot.basePath,
          base: slot.base,
          target: slot.target,
        }),
      ),
      ...directories.map((directory): JournalRecord => ({ type: 'directory', ...directory })),
    ];
    await enter(this.context, { type: 'staged', changes: slots.length, directories: directories.length }, preparation);
    this.#survey = survey;
    await this.context.journal.keepReserve();
  }

  /** What is in the install may have changed since it was staged, and what is staged if that was in another run. */
  async #surveyAgain(): Promise<Survey> {
    const { fileSystem, layout, journal } = this.context;
    if (this.#survey === null) await this.#verifyStaged(this.slots);
    const survey = await surveyInstall(fileSystem, layout, this.slots, this.#survey === null ? {} : { known: this.#survey });
    const isUnchanged =
      JSON.stringify([survey.slots, survey.directories]) === JSON.stringify([this.slots, journal.contents.directories]);
    if (isUnchanged) this.#survey = survey;
    else await this.#enterStaged(survey);
    return survey;
  }

  async #verifyStaged(changes: readonly NumberedChange[], signal?: AbortSignal): Promise<void> {
    const { layout, fileSystem } = this.context;
    const paths: string[] = [];
    await fileSystem.makeDirectory(stagingFolder(this.context));
    for (const { index, path, target } of changes) {
      if (target === null) continue;
      signal?.throwIfAborted();
      await this.#verifyStagedFile(path, { index, target, ...(signal === undefined ? {} : { signal }) });
      paths.push(this.stagedPath(index));
    }
    await barrier(this.context, [...paths, layout.journal]);
  }

  async #verifyStagedFile(path: ReleasePath, staged: { index: number; target: Content; signal?: AbortSignal }): Promise<void> {
    const { fileSystem } = this.context;
    const { target } = staged;
    const stagedAt = this.stagedPath(staged.index);
    const stat = await fileSystem.stat(stagedAt);
    if (stat?.kind !== 'file' || stat.bytes !== target.bytes) throw stagingInvalid(path, staged.index);
    await fileSystem.setMode(stagedAt, target.mode | 0o600);
    await withFile(fileSystem, stagedAt, { mode: 'write' }, async (handle) => {
      if ((await digestOfSource(handle, staged.signal)) !== target.sha256) throw stagingInvalid(path, staged.index);
      await fileSystem.setMode(stagedAt, target.mode);
      await handle.sync();
    });
    this.context.notify({ kind: 'staged-file-verified', path, bytes: target.bytes });
  }

  #wrongState(what: string): UpdaterError {
    return new UpdaterError('TRANSACTION_STATE', `a transaction that is ${this.state} can not ${what}`, {
      details: { transaction: this.id, state: this.state },
    });
  }
}

const stagingInvalid = (path: ReleasePath, index: number): UpdaterError =>
  new UpdaterError('TRANSACTION_STAGING_INVALID', `what is staged for ${path} is not its target`, { details: { path, index } });
