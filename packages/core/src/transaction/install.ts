import { dirname } from 'node:path';
import { hasCode, UpdaterError } from '../errors.js';
import { withFile } from '../file-system/file-source.js';
import type { FileSystem } from '../file-system/file-system.js';
import { makePrivateDirectory } from '../file-system/make-private-directory.js';
import { syncNames } from '../file-system/write-durably.js';
import { assertOwnPlaces } from './assert-own-places.js';
import type { ReleaseReference } from './change.js';
import type { InstallLayout } from './install-layout.js';
import { acquireInstallLock, type InstallLock, type LockPorts } from './install-lock.js';
import { Journal, parseJournal, reservePath } from './journal.js';
import type { PlannedStep } from './journal-record.js';
import { type Recovery, recover } from './recover.js';
import { tidy } from './roll.js';
import type { StepRunner } from './step-runner.js';
import { areStepsCutShort, dueFinally, inheritedFinally } from './steps.js';
import { Transaction } from './transaction.js';
import { stagingFolder, type TransactionContext, type TransactionEvent } from './transaction-context.js';
import { assertRepaired, markRepaired, setJournalAside } from './unrepaired.js';

/** `random.id` gives names that are never given twice: letters, digits and hyphens, at most 64. */
export interface InstallPorts extends LockPorts {
  /** Runs the steps of transactions (default: none are run, and those of a journal wait for a program that does). */
  readonly steps?: StepRunner;
}

export interface OpenInstallOptions {
  readonly onEvent?: (event: TransactionEvent) => void;
  /**
   * A journal that can not be believed, or that neither version can be put together from, is set aside instead of refused.
   * Only for a caller that then holds the whole install against a manifest: it may be a mixture, and is refused to everybody
   * else until that caller says `markRepaired`. Default: false.
   */
  readonly setDamagedJournalAside?: boolean;
}

/** An install that this program has for itself until it closes it. */
export interface Install {
  readonly ports: InstallPorts;
  readonly layout: InstallLayout;
  /** What opening it found and did. */
  readonly recovery: Recovery;
  /** The transaction whose journal is there, in whatever state; null before the first. */
  readonly transaction: Transaction | null;
  /** What was set aside is dealt with: from here on everybody may open the install. */
  markRepaired(): Promise<void>;
  close(): Promise<void>;
}

class OpenedInstall implements Install {
  transaction: Transaction | null;
  /** Steps of `finally` that the next transaction takes over. */
  dueFinally: readonly PlannedStep[] = [];

  constructor(
    readonly ports: InstallPorts,
    readonly layout: InstallLayout,
    readonly recovery: Recovery,
    readonly notify: (event: TransactionEvent) => void,
    private readonly release: () => Promise<void>,
  ) {
    this.transaction = recovery.kind === 'nothing-to-do' ? recovery.last : recovery.transaction;
  }

  markRepaired(): Promise<void> {
    return markRepaired(this.ports.fileSystem, this.layout);
  }

  close(): Promise<void> {
    return this.release();
  }
}

/**
 * Makes the updater's folders, takes the lock, and recovers: afterwards the install is exactly at a base or exactly at a
 * target. The caller closes it.
 * @throws UpdaterError TRANSACTION_LOCKED; TRANSACTION_ROLLBACK_PENDING, TRANSACTION_STUCK (the install is a mixture: do
 * not start the application); TRANSACTION_JOURNAL_INVALID; TRANSACTION_PATH_BLOCKED where a link stands in place of what is
 * the updater's; STORAGE_*. The lock is given back then.
 */
export async function openInstall(ports: InstallPorts, layout: InstallLayout, options: OpenInstallOptions = {}): Promise<Install> {
  const { fileSystem } = ports;
  const notify = options.onEvent ?? (() => undefined);
  await assertOwnPlaces(fileSystem, layout);
  await makePrivateDirectory(fileSystem, layout.home);
  const lock = await lockInstall(ports, layout);
  try {
    const setsAside = options.setDamagedJournalAside ?? false;
    const journal = await readJournal(ports, layout, setsAside);
    const context = journal === null ? null : { fileSystem, layout, journal, steps: ports.steps ?? null, notify };
    const { recovery, due } = await recoverOrSetAside(context, setsAside);
    const install = new OpenedInstall(ports, layout, recovery, notify, () => lock.release());
    install.dueFinally = due;
    return install;
  } catch (error) {
    await lock.release().catch(() => undefined);
    throw error;
  }
}

interface Recovered {
  readonly recovery: Recovery;
  /** Steps of `finally` of a journal that was set aside. */
  readonly due: readonly PlannedStep[];
}

async function recoverOrSetAside(context: TransactionContext | null, setsAside: boolean): Promise<Recovered> {
  const nothing = { kind: 'nothing-to-do', last: null } as const;
  if (context === null) return { recovery: nothing, due: [] };
  try {
    return { recovery: await recover(context), due: [] };
  } catch (error) {
    if (!setsAside || !hasCode(error, 'TRANSACTION_STUCK')) throw error;
    await setJournalAside(context.fileSystem, context.layout);
    return { recovery: nothing, due: dueFinally(context.journal.contents) };
  }
}

/** On a full disk the lock takes its room from what is kept for a rollback: there may be one to finish. */
async function lockInstall(ports: InstallPorts, layout: InstallLayout): Promise<InstallLock> {
  try {
    return await acquireInstallLock(ports, layout.lock);
  } catch (error) {
    if (!hasCode(error, 'STORAGE_NO_SPACE')) throw error;
    await ports.fileSystem.removeFile(reservePath(layout.journal));
    return acquireInstallLock(ports, layout.lock);
  }
}

export type PeekedTransaction = Pick<
  Transaction,
  'id' | 'state' | 'base' | 'target' | 'starts' | 'reason' | 'heldBecause' | 'steps'
> & {
  /** Files, or what steps do, stand between two versions, or somebody has to decide: no time to start the application. */
  readonly isBetween: boolean;
};

/**
 * What the journal says, without the lock and without changing anything; null when there is none.
 * @throws UpdaterError TRANSACTION_JOURNAL_INVALID
 */
export async function peekInstall(fileSystem: FileSystem, layout: InstallLayout): Promise<PeekedTransaction | null> {
  await assertRepaired(fileSystem, layout);
  if ((await fileSystem.stat(layout.journal)) === null) return null;
  const { contents } = await withFile(fileSystem, layout.journal, { mode: 'read' }, parseJournal);
  const { transaction: id, state, base, target, starts, reason, heldBecause, steps } = contents;
  const isMoving = state === 'committing' || state === 'rolling_back';
  const isInPlace = state === 'committed' || state === 'confirmed';
  const isBetween = isMoving || (isInPlace && (heldBecause !== null || areStepsCutShort(contents)));
  return { id, state, base, target, starts, reason, heldBecause, steps, isBetween };
}

async function readJournal({ fileSystem }: InstallPorts, layout: InstallLayout, setsAside: boolean): Promise<Journal | null> {
  if (!setsAside) await assertRepaired(fileSystem, layout);
  try {
    return await Journal.read(fileSystem, layout.journal);
  } catch (error) {
    if (!setsAside || !hasCode(error, 'TRANSACTION_JOURNAL_INVALID')) throw error;
    await setJournalAside(fileSystem, layout);
    return null;
  }
}

export interface TransactionPlan {
  /** Null when nothing is installed, or nobody knows what. */
  readonly base: ReleaseReference | null;
  readonly target: ReleaseReference;
}

/**
 * Begins the next transaction: the journal is replaced first, and only then is removed what the last one left, its way
 * back among it. A transaction that is only begun or staged is discarded. What of `finally` never ended is taken over: it is
 * tried again until it ends, or until steps are planned anew.
 * @throws UpdaterError TRANSACTION_STATE while the last one is committed and neither confirmed nor rolled back.
 */
export async function beginTransaction(install: Install, plan: TransactionPlan): Promise<Transaction> {
  if (!(install instanceof OpenedInstall)) throw new TypeError('an install is made by openInstall');
  const { ports, layout, notify } = install;
  await settleLast(install.transaction);
  const due = [...install.dueFinally, ...(install.transaction?.dueFinally ?? [])];
  install.transaction = null;
  const { fileSystem } = ports;
  const transaction = ports.random.id();
  const begun = { type: 'begun', format: 'remendo-journal-1', transaction, base: plan.base, target: plan.target } as const;
  await makePrivateDirectory(fileSystem, layout.home);
  const context: TransactionContext = {
    fileSystem,
    layout,
    notify,
    steps: ports.steps ?? null,
    journal: await Journal.create(fileSystem, layout.journal, [begun, ...inheritedFinally(due)]),
  };
  install.dueFinally = [];
  for (const leftovers of [layout.staging, layout.previous]) await tidy(context, leftovers);
  await fileSystem.makeDirectory(stagingFolder(context));
  await syncNames(fileSystem, { files: [layout.journal], directories: [dirname(layout.home), layout.home, layout.staging] });
  notify({ kind: 'transaction-state-entered', transaction, state: 'begun' });
  install.transaction = new Transaction(context);
  return install.transaction;
}

async function settleLast(last: Transaction | null): Promise<void> {
  if (last?.state === 'begun' || last?.state === 'staged') return last.discard();
  if (last === null || ['confirmed', 'rolled_back', 'discarded'].includes(last.state)) return;
  throw new UpdaterError('TRANSACTION_STATE', `the last transaction is ${last.state}: confirm it or roll it back first`, {
    details: { transaction: last.id, state: last.state },
  });
}

/** The install's last transaction, if `rollback` can undo it. @throws UpdaterError TRANSACTION_NO_WAY_BACK otherwise. */
export function undoableTransaction({ transaction }: Install): Transaction {
  if (transaction?.state === 'committed' || transaction?.state === 'confirmed') return transaction;
  throw new UpdaterError('TRANSACTION_NO_WAY_BACK', 'the last transaction of this install can not be undone', {
    details: { state: transaction?.state ?? 'none' },
  });
}
