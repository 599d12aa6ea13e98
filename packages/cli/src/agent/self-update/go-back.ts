/**
 * The program before is back, for one that was started too often without a round that came to its end. It is brought back by a
 * rollback, as long as the last update of the agent left a way back; and else by the spare, which outlives updates that came to
 * nothing.
 */
import { join } from 'node:path';
import { blockVersion, type FileSystem, hasCode, type InstallLayout, type Updater } from '@remendo/core';
import { hasFormer, type LastTransaction } from './last-transaction.js';
import { putSpareInPlace, sparePath } from './spare-program.js';
import { forgetStarts } from './trial-starts.js';

export interface GoBackOptions {
  readonly fileSystem: FileSystem;
  /** Of the agent's own install. */
  readonly layout: InstallLayout;
  /** File name of the program in the install root. */
  readonly program: string;
  /** The updater of the agent's own install, for what needs no server. */
  readonly localUpdater: Updater;
  /** Tells the server that a version was given up, where no updater does. */
  readonly report: (version: string, reason: string) => void;
  readonly log: (event: string, fields?: object) => void;
}

export interface Failing {
  readonly last: LastTransaction | null;
  /** How many there were before this one. */
  readonly starts: number;
}

/**
 * Afterwards the version that failed is not tried again by itself, and the log and the server's history tell of it.
 * @returns false when there is no other program to go back to.
 * @throws UpdaterError TRANSACTION_ROLLBACK_PENDING (the next start goes on with it), STORAGE_*, TRANSACTION_FILE_HELD.
 */
export async function goBack(options: GoBackOptions, { last, starts }: Failing): Promise<boolean> {
  const { layout, program } = options;
  const isOnTrial = last?.state === 'committed';
  const reason = isOnTrial
    ? `it was started ${starts} times without a healthy round`
    : `it was started ${starts} times without a round that came to its end`;
  if (last !== null && (isOnTrial || last.state === 'confirmed') && (await hasFormer(layout, program))) {
    const isBack = await rollBack(options, last.target.version, reason);
    if (isBack) return true;
  }
  return takeSpare(options, reason);
}

/** @returns false when the way back is gone. */
async function rollBack(options: GoBackOptions, version: string, reason: string): Promise<boolean> {
  const { fileSystem, layout, localUpdater, log } = options;
  // Before: whoever is killed after the last file is back has told it.
  log('agent_rolling_back', { version, reason });
  try {
    await localUpdater.rollback(reason);
  } catch (error) {
    if (hasCode(error, 'TRANSACTION_NO_WAY_BACK')) return false;
    throw error;
  }
  await forgetStarts(fileSystem, layout.home).catch(() => undefined);
  log('agent_rolled_back', { state: 'rolled_back', version, reason });
  return true;
}

/** Blocked and told before: whoever is killed right after it took the program's name does not come here again. */
async function takeSpare(options: GoBackOptions, reason: string): Promise<boolean> {
  const { fileSystem, layout, program, localUpdater, log, report } = options;
  const version = (await localUpdater.status()).state?.version ?? null;
  const places = { live: join(layout.root, program), spare: sparePath(layout.home, program) };
  const isOther = await putSpareInPlace(fileSystem, places, async () => {
    log('agent_rolling_back', { version, reason });
    if (version !== null) await blockVersion(fileSystem, layout, version);
  });
  if (!isOther) return false;
  await forgetStarts(fileSystem, layout.home).catch(() => undefined);
  log('agent_rolled_back', { state: 'rolled_back', version, reason });
  if (version !== null) report(version, reason);
  return true;
}
