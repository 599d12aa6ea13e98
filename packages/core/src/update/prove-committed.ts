/** A committed update is kept only when the application comes up with it (terminal.md, rules 7 and 11). */

import { pruneDownloads } from '../download/prune-downloads.js';
import { hasCode, isUpdaterError, UpdaterError } from '../errors.js';
import type { Transaction } from '../transaction/transaction.js';
import { blockVersion } from './install-state.js';
import { type ApplicationStarter, type HealthRule, proveStart, type RunningApplication, type StartCommand } from './prove-start.js';
import type { UpdateContext } from './update-context.js';

/** Starts that led to no verdict (power cut, killed) before the update is rolled back untried. */
const startsMax = 3;

export type Verdict =
  | { readonly kind: 'confirmed'; readonly running: RunningApplication }
  | { readonly kind: 'rolled-back'; readonly version: string; readonly reason: string };

export interface ProveOptions {
  readonly starter: ApplicationStarter;
  readonly command: StartCommand;
  readonly health?: HealthRule;
  /** What is downloaded may be of a later update than the one that is proved (default false). */
  readonly keepsDownloads?: boolean;
}

/**
 * Starts the application on a committed update. Afterwards the update is confirmed and the application runs (or ended
 * well), or everything is back as it was before and the version is not tried again on this terminal. A disk on which nothing
 * can be written keeps no application from starting, and ends none that came up: it is proved again at the next start.
 * @throws UpdaterError TRANSACTION_NO_WAY_BACK when it did not come up and stays; INSTALL_MAINTENANCE, TRANSACTION_ROLLBACK_PENDING.
 */
export async function proveCommitted(context: UpdateContext, transaction: Transaction, options: ProveOptions): Promise<Verdict> {
  if (transaction.starts >= startsMax) {
    const back = await rollBackUntried(context, transaction);
    if (back !== null) return back;
  }
  await transaction.recordStart().catch(passUnwritable);
  const { clock, probes } = context.host;
  const ports = { starter: options.starter, clock, ...(probes === undefined ? {} : { probes }) };
  const proof = await proveStart(ports, options.command, options.health);
  if (proof.kind === 'failed') return rollBack(context, transaction, proof.reason, { mayHold: true });
  await confirmProved(context, transaction, options);
  return { kind: 'confirmed', running: proof.running };
}

/** @returns null when there is nothing to go back to: what is here is all that can be started. */
async function rollBackUntried(context: UpdateContext, transaction: Transaction): Promise<Verdict | null> {
  const reason = `it was started ${transaction.starts} times without proving healthy`;
  try {
    return await rollBack(context, transaction, reason, { mayHold: true });
  } catch (error) {
    if (hasCode(error, 'TRANSACTION_NO_WAY_BACK')) return null;
    throw error;
  }
}

function passUnwritable(error: unknown): void {
  if (!hasCode(error, 'STORAGE_NO_SPACE', 'STORAGE_FAILED', 'TRANSACTION_FILE_HELD')) throw error;
}

/** The application runs: whatever fails now must not look as if it did not. */
async function confirmProved(context: UpdateContext, transaction: Transaction, options: ProveOptions): Promise<void> {
  try {
    await confirmUpdate(context, transaction, { keepsDownloads: options.keepsDownloads === true });
  } catch (error) {
    const [code, reason] = isUpdaterError(error) ? [error.code, error.message] : [null, String(error)];
    context.emit({ kind: 'confirm-failed', version: transaction.target.version, code, reason });
  }
}

/**
 * Accepts a committed update: its version is no longer one that failed here, and what was downloaded is let go.
 * @param options.keepsDownloads they are those of the next update (default false).
 */
export async function confirmUpdate(
  context: UpdateContext,
  transaction: Transaction,
  options: { readonly keepsDownloads?: boolean } = {},
): Promise<void> {
  const { version } = transaction.target;
  await transaction.confirm();
  await blockVersion(context.host.fileSystem, context.layout, version, false);
  // What can not be removed now is in nobody's way; the next update tries again.
  if (options.keepsDownloads !== true)
    await pruneDownloads(context.host.fileSystem, context.layout.downloads, new Set()).catch(() => 0);
  context.emit({ kind: 'confirmed', version });
}

/**
 * Undoes a committed or confirmed update and remembers not to try that version again: before, since a rollback that is
 * cut short is finished by `openInstall`, which does not know why; and after, in case the disk was too full before.
 * @param options.mayHold for what nobody asked for; see `Transaction.rollback`.
 */
export async function rollBack(
  context: UpdateContext,
  transaction: Transaction,
  reason: string,
  options: { readonly mayHold?: boolean } = {},
) {
  const { version } = transaction.target;
  // What was put in order by a repair is the installed version itself.
  const isRepair = transaction.base?.manifestDigest === transaction.target.manifestDigest;
  const block = async (isBlocked: boolean): Promise<void> => {
    if (!isRepair) await blockVersion(context.host.fileSystem, context.layout, version, isBlocked);
  };
  await block(true).catch(() => undefined);
  try {
    await transaction.rollback(reason, options);
  } catch (error) {
    if (!hasCode(error, 'TRANSACTION_ROLLBACK_PENDING')) await block(false).catch(() => undefined);
    throw error;
  }
  await block(true);
  context.emit({ kind: 'rolled-back', version, reason });
  return { kind: 'rolled-back' as const, version, reason };
}

/** The way on is somebody's to choose: `retry` goes on with the target, a rollback that is asked for goes back. */
export const maintenance = (version: string, reason: string): UpdaterError =>
  new UpdaterError('INSTALL_MAINTENANCE', `${version} is held (${reason}): go on with it, or go back in spite of the data`, {
    details: { version, reason },
  });
