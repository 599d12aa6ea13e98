/** "No backup, no update": what an update asks before anything is downloaded, and again before the swap. */
import { lstat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { type Clock, UpdaterError } from '@remendo/core';
import { durationText } from '../output/duration.js';
import { recordOf } from './advance-record.js';
import { type BackupMonitorOptions, createBackupMonitor } from './backup-monitor.js';
import { clockToleranceMs } from './judge-files.js';
import type { BackupJob } from './parse-backups.js';
import { type BackupRecords, type JobRecord, readRecords } from './records.js';

export interface ProvenBackupOptions {
  /** The updater's folder. */
  readonly home: string;
  /** All of them have to be proven. */
  readonly jobs: readonly Pick<BackupJob, 'name' | 'folder'>[];
  readonly maxAgeHours: number;
  readonly clock: Clock;
}

/** An application may be waiting to be started: a share that says nothing for so long is not there. */
const silentMsMax = 60_000;

/**
 * Afterwards every job has a backup that was proved, is still there as it was, and is at most so old. Reads only what is
 * remembered, and looks whether the files are there: nothing is verified anew.
 * @throws UpdaterError BACKUP_MISSING with the jobs that have none in `details.jobs`, and a sentence for each in
 *   `details.problems`; STORAGE_FAILED.
 */
export async function assertProvenBackup({ home, jobs, maxAgeHours, clock }: ProvenBackupOptions): Promise<void> {
  const records = await readRecords(home);
  const checked = await Promise.all(
    jobs.map(async (job) => ({ job, problem: await problemOf(job, records, { maxAgeHours, clock }) })),
  );
  const failing = checked.filter((one): one is { job: BackupJob; problem: string } => one.problem !== null);
  if (failing.length === 0) return;
  const names = failing.map(({ job }) => job.name);
  throw new UpdaterError('BACKUP_MISSING', `no proven backup of ${names.join(', ')} is younger than ${maxAgeHours} hours`, {
    details: { jobs: names, problems: failing.map(({ problem }) => problem), maxAgeHours },
  });
}

/**
 * The same, with a look at the jobs first whose backup is not proven or too old: it may have been made since.
 * For `UpdaterOptions.gate`: `gate: () => proveBackups(options)`. Does nothing unless `backupMaxAgeHours` is set.
 * @throws as `assertProvenBackup`, and the signal's reason.
 */
export async function proveBackups(options: BackupMonitorOptions): Promise<void> {
  const { home, backups, clock } = options;
  const { maxAgeHours } = backups;
  if (maxAgeHours === null) return;
  const jobs = backups.jobs.filter(({ guardsUpdates }) => guardsUpdates);
  const records = await readRecords(home);
  const limits = { maxAgeHours, clock };
  const monitor = createBackupMonitor({ listMsMax: silentMsMax, ...options });
  for (const job of jobs) if ((await problemOf(job, records, limits)) !== null) await monitor.look(job);
  await assertProvenBackup({ home, jobs, ...limits });
}

type Limits = Pick<ProvenBackupOptions, 'maxAgeHours' | 'clock'>;

/** Null: it is proven. */
async function problemOf(
  { name, folder }: Pick<BackupJob, 'name' | 'folder'>,
  records: BackupRecords,
  { maxAgeHours, clock }: Limits,
): Promise<string | null> {
  const { proven, results } = recordOf(records, name);
  const last = results[0];
  if (last === undefined) return `${name} was never checked`;
  if (proven === null) return `${name} has no proven backup; it is ${last.state}`;
  const ageMs = clock.now() - proven.madeMs;
  const age = durationText(Math.abs(ageMs) / 1_000, 'en');
  if (ageMs < -clockToleranceMs) return `${name} was proven by a clock that is ${age} ahead`;
  if (ageMs > maxAgeHours * 3_600_000) return `${name} has a proven backup that is ${age} old`;
  if (await inTime(clock, isStillThere(folder, proven))) return null;
  return `${name} had a proven backup, which is gone or has changed`;
}

async function inTime(clock: Clock, answer: Promise<boolean>): Promise<boolean> {
  const over = new AbortController();
  const late = clock.sleep(silentMsMax, over.signal).then(() => false);
  late.catch(() => undefined);
  return Promise.race([answer, late]).finally(() => over.abort());
}

async function isStillThere(folder: string, proven: NonNullable<JobRecord['proven']>): Promise<boolean> {
  if (isAbsolute(proven.name)) return false;
  const stats = await lstat(join(folder, proven.name)).catch(() => null);
  // A name that is no UTF-8 is remembered as far as it can be read, and can not be looked for by that.
  if (stats === null) return proven.name.includes('\ufffd');
  return stats.isFile() && stats.size === proven.bytes && Math.round(stats.mtimeMs) === proven.modifiedMs;
}
