/** `remendo cleanup`: removes what nobody needs any more, and says how much room that gives back. */
import { resolve } from 'node:path';
import {
  acquireInstallLock,
  type Host,
  hasCode,
  type InstallLayout,
  installLayout,
  nodeFileSystem,
  nodeHost,
  peekInstall,
  UpdaterError,
} from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import type { SettingSources } from '../config.js';
import { loadSettings } from '../config-files.js';
import { exitCodes } from '../exit-codes.js';
import { printable } from '../output/printable.js';
import { quantities } from '../output/quantity.js';
import { tableLines } from '../output/table.js';
import { guardInstall } from '../permissions/guard-install.js';
import { openUpdateLog, updateLogDefaults, updateLogName } from '../terminal/update-log.js';
import { agentConfigOf } from './agent-config.js';
import { readAgentState } from './agent-state.js';
import { type CleanedUp, type CleanUpOptions, cleanUp } from './clean-up.js';
import { cleanupMessages } from './cleanup-messages.js';
import { changeState } from './job-surroundings.js';

export interface CleanupOptions {
  readonly flags: SettingSources['flags'];
  readonly isDryRun: boolean;
  /** Of downloads; undefined: as the agent's. */
  readonly olderThanDays: number | undefined;
}

export async function runCleanup({ output, environment }: CommandContext, options: CleanupOptions): Promise<number> {
  const settings = loadSettings(['root', 'home', 'agent', 'updateLog', 'language'], { flags: options.flags, environment }, [
    'root',
  ]);
  const layout = installLayout(resolve(settings.root ?? '.'), settings.home === null ? undefined : resolve(settings.home));
  const { isDryRun } = options;
  await assertThere(layout);
  if (!isDryRun) await guardInstall(output, layout);
  const log = openUpdateLog({
    ...settings.updateLog,
    path: `${layout.home}/${updateLogName}`,
    command: 'cleanup',
    now: () => new Date(),
    makeFolder: false,
    onFailure: output.warn,
  });
  const removed = await cleanInstall({
    layout,
    isDryRun,
    downloadDaysMax: options.olderThanDays ?? agentConfigOf(settings.agent).downloadDaysMax,
    oldFilesMax: settings.updateLog?.oldFilesMax ?? updateLogDefaults.oldFilesMax,
  });
  const freedBytes = sum(removed);
  if (!isDryRun) log.write('cleaned_up', { files: removed.length, freedBytes });
  output.document({ outcome: isDryRun ? 'dry_run' : 'cleaned', freedBytes, removed });
  for (const line of linesOf(output.language, removed, isDryRun)) output.line(line);
  return exitCodes.done;
}

/**
 * Under the install's lock: nobody is at work on what it looks at. On a disk that has no room for the lock, what no transaction is
 * made of goes before: nobody else has the lock then.
 * @throws UpdaterError TRANSACTION_LOCKED, STORAGE_*.
 */
export async function cleanInstall(
  options: Omit<CleanUpOptions, 'transaction' | 'nowMs'>,
  host: Pick<Host, 'fileSystem' | 'clock' | 'random' | 'processes'> = nodeHost(),
): Promise<readonly CleanedUp[]> {
  const { layout } = options;
  let before: readonly CleanedUp[] = [];
  const lock = await acquireInstallLock(host, layout.lock).catch(async (error: unknown) => {
    if (options.isDryRun || !hasCode(error, 'STORAGE_NO_SPACE')) throw error;
    before = await cleanUp({ ...options, transaction: 'unreadable', nowMs: host.clock.now() });
    return acquireInstallLock(host, layout.lock);
  });
  try {
    const transaction = await peekInstall(host.fileSystem, layout).then(
      (found) => found?.id ?? null,
      () => 'unreadable' as const,
    );
    const removed = [...before, ...(await cleanUp({ ...options, transaction, nowMs: host.clock.now() }))];
    if (!options.isDryRun && removed.some(({ kind }) => kind === 'download')) forgetPrepared(layout);
    return removed;
  } finally {
    await lock.release();
  }
}

/** What was ready lacks something now: the agent fetches it in the download window, not while it installs. */
function forgetPrepared({ home }: InstallLayout): void {
  if ((readAgentState(home)?.preparedVersion ?? null) === null) return;
  try {
    changeState(home, { preparedVersion: null });
  } catch {
    // A full disk: it is fetched later than it might have been.
  }
}

export const sum = (removed: readonly CleanedUp[]): number => removed.reduce((all, { bytes }) => all + bytes, 0);

async function assertThere({ root, home }: InstallLayout): Promise<void> {
  if ((await nodeFileSystem().stat(home))?.kind === 'directory') return;
  throw new UpdaterError('INSTALL_NOT_FOUND', `nothing was installed in ${root} by this program`, { details: { root } });
}

const rowsMax = 40;

function linesOf(language: CommandContext['language'], removed: readonly CleanedUp[], isDryRun: boolean): readonly string[] {
  const say = cleanupMessages(language);
  const { bytes } = quantities[language];
  if (removed.length === 0) return [say.nothing];
  const rows = removed.slice(0, rowsMax).map(({ path, kind, bytes: size }) => [say[kind], bytes(size), printable(path)]);
  const more = removed.length - rows.length;
  return [
    ...tableLines([{ title: '' }, { title: '', align: 'right' }, { title: '' }], rows),
    ...(more > 0 ? [say.more(more)] : []),
    isDryRun ? say.wouldFree(bytes(sum(removed))) : say.freed(bytes(sum(removed))),
  ];
}
