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
import { type Recovery, recover } from './recover.js';
import { tidy } from './roll.js';
import type { StepRunner } from './step-runner.js';
import { Transaction } from './transaction.js';
import { stagingFolder, type TransactionContext, type TransactionEvent } from './transaction-context.js';

/** `random.id` gives names that are never given twice: letters, digits and hyphens, at most 64. */
export interface InstallPorts extends LockPorts {
  /** Runs the steps of transactions (default: none are run, and those of a journal wait for a program that does). */
  readonly steps?: StepRunner;
}

export interface OpenInstallOptions {
  readonly onEvent?: (event: TransactionEvent) => void;
  /**
   * A journal that can not be believed is renamed to `journal.damaged` instead of refused. Only for a caller that then
   * checks the whole install against a manifest: it may be a mixture. Default: false.
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
  close(): Promise<void>;
}

class OpenedInstall implements Install {
  transaction: Transaction | null;

  constructor(
    readonly ports: InstallPorts,
    readonly layout: InstallLayout,
    readonly recovery: Recovery,
    readonly notify: (event: TransactionEvent) => void,
    private readonly release: () => Promise<void>,
  ) {
    this.transaction = recovery.kind === 'nothing-to-do' ? recovery.last : recovery.transaction;
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
    const journal = await readJournal(ports, layout, options.setDamagedJournalAside ?? false);
    const recovery: Recovery =
      journal === null
        ? { kind: 'nothing-to-do', last: null }
        : await recover({ fileSystem, layout, journal, steps: ports.steps ?? null, notify });
    return new OpenedInstall(ports, layout, recovery, notify, () => lock.release());
  } catch (error) {
    await lock.release().catch(() => undefined);
    throw error;
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

/**
 * What the journal says, without the lock and without changing anything; null when there is none. The install is a
 * mixture while the state is `committing` or `rolling_back` and no program is at work on it.
 * @throws UpdaterError TRANSACTION_JOURNAL_INVALID
 */
export async function peekInstall(
  fileSystem: FileSystem,
  layout: InstallLayout,
): Promise<Pick<Transaction, 'id' | 'state' | 'base' | 'target' | 'starts' | 'reason' | 'heldBecause' | 'steps'> | null> {
  if ((await fileSystem.stat(layout.journal)) === null) return null;
  const { contents } = await withFile(fileSystem, layout.journal, { mode: 'read' }, parseJournal);
  const { transaction: id, state, base, target, starts, reason, heldBecause, steps } = contents;
  return { id, state, base, target, starts, reason, heldBecause, steps };
}

async function readJournal({ fileSystem }: InstallPorts, layout: InstallLayout, setAside: boolean): Promise<Journal | null> {
  try {
    return await Journal.read(fileSystem, layout.journal);
  } catch (error) {
    if (!setAside || !(error instanceof UpdaterError) || error.code !== 'TRANSACTION_JOURNAL_INVALID') throw error;
    await fileSystem.rename(layout.journal, `${layout.journal}.damaged`);
    await syncNames(fileSystem, { files: [`${layout.journal}.damaged`], directories: [layout.home] });
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
 * back among it. A transaction that is only begun or staged is discarded.
 * @throws UpdaterError TRANSACTION_STATE while the last one is committed and neither confirmed nor rolled back.
 */
export async function beginTransaction(install: Install, plan: TransactionPlan): Promise<Transaction> {
  if (!(install instanceof OpenedInstall)) throw new TypeError('an install is made by openInstall');
  const { ports, layout, notify } = install;
  await settleLast(install.transaction);
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
    journal: await Journal.create(fileSystem, layout.journal, begun),
  };
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
