import { UpdaterError } from '../errors.js';
import { limits } from '../limits.js';
import { parseReleasePath, type ReleasePath } from '../manifest/release-path.js';
import type { Content, DirectoryChange, ReleaseReference, Slot } from './change.js';
import { isChangeable } from './change.js';
import { type JournalRecord, journalChangesMax, type PlannedStep, type StepMark, type StepProcess } from './journal-record.js';

/** Where a transaction is; see the diagram in transaction.ts. */
export type TransactionState =
  | 'begun'
  | 'staged'
  | 'committing'
  | 'committed'
  | 'confirmed'
  | 'rolling_back'
  | 'rolled_back'
  | 'discarded';

/** One step of the pipeline around the swap, and how far it came. */
export interface JournaledStep extends PlannedStep {
  readonly mark: StepMark;
  /** Of a step that began and has not ended. */
  readonly process: StepProcess | null;
}

/** From which states a record may lead to its own. `started` and those of steps change none. */
const grounds: Partial<Record<JournalRecord['type'], readonly TransactionState[]>> = {
  staged: ['begun', 'staged'],
  steps: ['begun', 'staged'],
  step: ['begun', 'staged', 'committing', 'committed', 'confirmed', 'rolling_back', 'rolled_back', 'discarded'],
  held: ['committed'],
  committing: ['staged', 'committing', 'rolling_back'],
  // A confirmation is taken back when going back had begun and turns out to be impossible.
  committed: ['committing', 'confirmed'],
  started: ['committed'],
  confirmed: ['committed'],
  rolling_back: ['staged', 'committing', 'committed', 'confirmed', 'rolling_back'],
  rolled_back: ['staged', 'committing', 'rolling_back'],
  discarded: ['begun', 'staged'],
};

/** A record that can not stand where it stands. */
export class JournalMalformed extends Error {
  override readonly name = 'JournalMalformed';
}

/**
 * What the records so far amount to. Reading a journal and writing one go through the same `apply`, so that what a
 * running transaction believes is what its journal would say.
 */
export class JournalState {
  readonly transaction: string;
  readonly base: ReleaseReference | null;
  readonly target: ReleaseReference;
  state: TransactionState = 'begun';
  /** How often the application was started while the transaction was committed and not confirmed. */
  starts = 0;
  /** Why it is being, or was, rolled back. */
  reason: string | null = null;
  /** Of the last attempt; empty when nothing is configured to run around the swap. */
  steps: readonly JournaledStep[] = [];
  /** Whether the base understands what the target's steps did to its data. */
  rollbackCompatible = true;
  /** Why somebody has to decide between going on and going back; null: nobody has to. */
  heldBecause: string | null = null;
  slots: readonly Slot[] = [];
  directories: readonly DirectoryChange[] = [];
  #slots: Slot[] = [];
  #directories: DirectoryChange[] = [];
  #bases = new Map<number, Content | null>();
  #steps: PlannedStep[] = [];

  constructor(begun: JournalRecord) {
    if (begun.type !== 'begun') throw new JournalMalformed(`it starts with ${begun.type}`);
    this.transaction = begun.transaction;
    this.base = begun.base as ReleaseReference | null;
    this.target = begun.target as ReleaseReference;
  }

  /** @throws JournalMalformed when the record can not follow; the state is then as it was. */
  apply(record: JournalRecord): void {
    switch (record.type) {
      case 'begun':
        throw new JournalMalformed('it begins twice');
      case 'change':
        this.#addChange(record);
        return;
      case 'directory':
        if (this.#directories.length >= journalChangesMax) throw new JournalMalformed('too many directories');
        this.#directories.push({ path: checkedPath('root', record.path), baseMode: record.baseMode });
        return;
      case 'base':
        this.#bases.set(record.index, record.base as Content | null);
        return;
      case 'step_planned': {
        if (this.#steps.length >= limits.stepsMax) throw new JournalMalformed('too many steps');
        const { type: _type, ...step } = record;
        this.#steps.push(step);
        return;
      }
      case 'steps':
      case 'step':
      case 'held':
        this.#takeStep(record);
        return;
      default:
        this.#enter(record);
    }
  }

  /** @throws UpdaterError TRANSACTION_STATE */
  assertMayEnter(type: JournalRecord['type']): void {
    if (grounds[type]?.includes(this.state) === true) return;
    throw new UpdaterError('TRANSACTION_STATE', `a transaction that is ${this.state} can not become ${type}`, {
      details: { transaction: this.transaction, state: this.state },
    });
  }

  /** Forgets records that prepared a state which was not reached. */
  forgetPreparation(): void {
    this.#slots = [];
    this.#directories = [];
    this.#bases = new Map();
    this.#steps = [];
  }

  #takeStep(record: JournalRecord & { type: 'steps' | 'step' | 'held' }): void {
    if (grounds[record.type]?.includes(this.state) !== true) throw new JournalMalformed(`${record.type} after ${this.state}`);
    if (record.type === 'held') this.#hold(record.reason);
    else if (record.type === 'steps') {
      if (record.count !== this.#steps.length)
        throw new JournalMalformed(`${this.#steps.length} of ${record.count} steps are there`);
      this.steps = this.#steps.map((step) => ({ ...step, mark: 'planned', process: null }));
      this.rollbackCompatible = record.rollbackCompatible;
      this.#steps = [];
    } else {
      if (record.index >= this.steps.length) throw new JournalMalformed(`there is no step ${record.index}`);
      const { index, mark, process } = record;
      this.steps = this.steps.map((step, at) => (at === index ? { ...step, mark, process } : step));
      if (this.heldBecause !== null && mark === 'began') this.heldBecause = null;
    }
  }

  /** @param reason empty: somebody decided to go on, which makes a new attempt of it. */
  #hold(reason: string): void {
    this.heldBecause = reason === '' ? null : reason;
    if (reason === '') this.starts = 0;
  }

  #addChange(record: JournalRecord & { type: 'change' }): void {
    if (record.index <= (this.#slots.at(-1)?.index ?? -1)) throw new JournalMalformed(`change ${record.index} is out of order`);
    const path = checkedPath(record.place, record.path);
    const basePath = checkedPath(record.place, record.basePath);
    this.#slots.push({ ...record, path, basePath, base: record.base as Content | null, target: record.target as Content | null });
  }

  #enter(
    record: Exclude<
      JournalRecord,
      { type: 'begun' | 'change' | 'directory' | 'base' | 'step_planned' | 'steps' | 'step' | 'held' }
    >,
  ): void {
    if (grounds[record.type]?.includes(this.state) !== true) throw new JournalMalformed(`${record.type} after ${this.state}`);
    if (record.type === 'staged') {
      if (record.changes !== this.#slots.length || record.directories !== this.#directories.length) {
        throw new JournalMalformed(`${this.#slots.length} of ${record.changes} changes are there`);
      }
      this.slots = this.#slots;
      this.directories = this.#directories;
    } else if (this.#slots.length > 0 || this.#directories.length > 0) {
      throw new JournalMalformed(`changes before ${record.type}`);
    }
    this.slots = this.slots.map((slot) => {
      const base = this.#bases.get(slot.index);
      return base === undefined ? slot : { ...slot, base };
    });
    this.forgetPreparation();
    if (record.type === 'started') this.starts++;
    else this.state = record.type;
    if (record.type !== 'started') this.heldBecause = null;
    if (record.type === 'rolling_back') this.reason = record.reason;
  }
}

function checkedPath(place: 'root' | 'home', text: string): ReleasePath {
  const path = parseReleasePath(text);
  if (!isChangeable(place, path)) throw new JournalMalformed(`${JSON.stringify(path)} is not a path to change`);
  return path;
}
