/**
 * Removes what nobody needs any more: downloads that no update asked for in weeks, staging of transactions that are over,
 * files that a killed program left half written, logs beyond their number. Never what the running transaction or the way
 * back is made of: the caller has the install's lock, and an unreadable journal means that staging and way back stay.
 */
import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { InstallLayout } from '@remendo/core';
import { updateLogName } from '../terminal/update-log.js';

export interface CleanUpOptions {
  readonly layout: InstallLayout;
  /** The transaction whose journal is there; null: none ever was. `unreadable`: nobody knows. */
  readonly transaction: string | null | 'unreadable';
  readonly nowMs: number;
  readonly downloadDaysMax: number;
  /** Of update.log. */
  readonly oldFilesMax: number;
  /** Nothing is removed. */
  readonly isDryRun: boolean;
}

export type CleanUpKind = 'download' | 'staging' | 'previous' | 'log' | 'leftover';

export interface CleanedUp {
  readonly path: string;
  readonly kind: CleanUpKind;
  readonly bytes: number;
}

const dayMs = 86_400_000;
/** What is younger may be somebody's at work. */
const leftoverDays = 1;
const refusedDays = 30;

/** @returns what was removed, or would be. What can not be removed now is in nobody's way and is left out. */
export async function cleanUp(options: CleanUpOptions): Promise<readonly CleanedUp[]> {
  const removed: CleanedUp[] = [];
  for (const { path, kind } of await findWaste(options)) {
    const bytes = await bytesOf(path);
    const isGone =
      options.isDryRun ||
      (await rm(path, { recursive: true, force: true, maxRetries: 2 }).then(
        () => true,
        () => false,
      ));
    if (isGone) removed.push({ path, kind, bytes });
  }
  return removed;
}

type Waste = Pick<CleanedUp, 'path' | 'kind'>;

async function findWaste(options: CleanUpOptions): Promise<readonly Waste[]> {
  const { layout, downloadDaysMax, nowMs, oldFilesMax, transaction } = options;
  const { home } = layout;
  const older = async (folder: string, isIt: RegExp, days: number): Promise<readonly string[]> => {
    const paths = (await namesIn(folder)).filter((name) => isIt.test(name)).map((name) => join(folder, name));
    const ages = await Promise.all(paths.map((path) => ageMs(path, nowMs)));
    return paths.filter((_, index) => (ages[index] ?? 0) > days * dayMs);
  };
  const named = (kind: CleanUpKind, paths: readonly string[]): readonly Waste[] => paths.map((path) => ({ path, kind }));
  const logs = (await namesIn(home)).filter((name) => Number(oldLog.exec(name)?.[1] ?? 0) > oldFilesMax);
  return [
    ...named('download', await older(layout.downloads, /^[0-9a-f]{64}/, downloadDaysMax)),
    ...(transaction === 'unreadable' ? [] : named('staging', await foldersBut(layout.staging, transaction))),
    ...(transaction === 'unreadable' ? [] : named('previous', await foldersBut(layout.previous, transaction))),
    ...named(
      'log',
      logs.map((name) => join(home, name)),
    ),
    ...named('leftover', await older(home, /\.tmp$|\.rotating$|\.takeover$|^journal\.damaged$/, leftoverDays)),
    ...named('leftover', await older(join(home, 'events'), /\.tmp$/, leftoverDays)),
    ...named('leftover', await older(join(home, 'events', 'refused'), /./, refusedDays)),
    ...named('leftover', await older(layout.trust, /^refresh-/, leftoverDays)),
  ];
}

const oldLog = new RegExp(`^${updateLogName.replace('.', '\\.')}\\.(\\d{1,4})$`);

/** Without any transaction there is nothing to say whose they are: they stay. */
const foldersBut = async (folder: string, transaction: string | null): Promise<readonly string[]> =>
  transaction === null ? [] : (await namesIn(folder)).filter((name) => name !== transaction).map((name) => join(folder, name));

const namesIn = (folder: string): Promise<readonly string[]> => readdir(folder).catch(() => []);

/** A time in the future comes from a clock that was set back: it says nothing, so it is no protection for ever. */
async function ageMs(path: string, nowMs: number): Promise<number> {
  const stat = await lstat(path).catch(() => null);
  return stat === null ? 0 : Math.abs(nowMs - stat.mtimeMs);
}

/** Of a file, or of all files below a folder; links count as themselves. */
async function bytesOf(path: string): Promise<number> {
  const stat = await lstat(path).catch(() => null);
  if (stat === null) return 0;
  if (!stat.isDirectory()) return stat.size;
  const parts = await Promise.all((await namesIn(path)).map((name) => bytesOf(join(path, name))));
  return parts.reduce((sum, bytes) => sum + bytes, 0);
}
