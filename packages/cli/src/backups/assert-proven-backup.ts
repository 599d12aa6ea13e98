/** "No backup, no update": what an update asks before anything is downloaded, and again before the swap. */
import { type Clock, UpdaterError } from '@remendo/core';
import { durationText } from '../output/duration.js';
import { recordOf } from './advance-record.js';
import { type BackupMonitorOptions, createBackupMonitor } from './backup-monitor.js';
import { clockToleranceMs } from './judge-files.js';
import { type Looker, lookerHere } from './looker.js';
import type { BackupJob } from './parse-backups.js';
import { type BackupRecords, readRecords } from './records.js';

export interface ProvenBackupOptions {
  /** The updater's folder. */
  readonly home: string;
  /** All of them have to be proven. */
  readonly jobs: readonly Pick<BackupJob, 'name' | 'folder'>[];
  readonly maxAgeHours: number;
  readonly clock: Clock;
  /** Default: in this process, which then has to end soon. */
  readonly looker?: Looker | undefined;
}

/** An application may be waiting to be started: a share that says nothing for so long is not there. */
const silentMsMax = 60_000;
/** Jobs at a time: each may take a process. */
const together = 4;

/**
 * Afterwards every job has a backup that was proved, is still there as it was, and is at most so old. Reads only what is
 * remembered, and looks whether the files are there: nothing is verified anew.
 * @throws UpdaterError BACKUP_MISSING with the jobs that have none in `details.jobs`, and a sentence for each in
 *   `details.problems`; STORAGE_FAILED.
 */
export async function assertProvenBackup(options: ProvenBackupOptions): Promise<void> {
  const { home, jobs, maxAgeHours, clock, looker = lookerHere() } = options;
  const records = await readRecords(home);
  const limits = { maxAgeHours, clock, looker };
  const checked: { readonly job: Pick<BackupJob, 'name'>; readonly problem: string | null }[] = [];
  for (let first = 0; first < jobs.length; first += together) {
    const some = jobs.slice(first, first + together);
    checked.push(...(await Promise.all(some.map(async (job) => ({ job, problem: await problemOf(job, records, limits) })))));
  }
  const failing = checked.flatMap(({ job, problem }) => (problem === null ? [] : [{ job, problem }]));
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
  const looker = options.looker ?? lookerHere();
  const limits = { maxAgeHours, clock, looker };
  const monitor = createBackupMonitor({ silentMsMax, ...options });
  for (const job of jobs) if ((await problemOf(job, records, limits)) !== null) await monitor.look(job);
  await assertProvenBackup({ home, jobs, ...limits });
}

type Limits = Required<Pick<ProvenBackupOptions, 'maxAgeHours' | 'clock'>> & { readonly looker: Looker };

/** Null: it is proven. */
async function problemOf(
  { name, folder }: Pick<BackupJob, 'name' | 'folder'>,
  records: BackupRecords,
  { maxAgeHours, clock, looker }: Limits,
): Promise<string | null> {
  const { proven, results } = recordOf(records, name);
  const last = results[0];
  if (last === undefined) return `${name} was never checked`;
  if (proven === null) return `${name} has no proven backup; it is ${last.state}`;
  const ageMs = clock.now() - proven.madeMs;
  const age = durationText(Math.abs(ageMs) / 1_000, 'en');
  if (ageMs < -clockToleranceMs) return `${name} was proven by a clock that is ${age} ahead`;
  if (ageMs > maxAgeHours * 3_600_000) return `${name} has a proven backup that is ${age} old`;
  if (await inTime(clock, (signal) => looker.isThere(folder, proven, signal))) return null;
  return `${name} had a proven backup, which is gone or has changed`;
}

async function inTime(clock: Clock, ask: (signal: AbortSignal) => Promise<boolean>): Promise<boolean> {
  const over = new AbortController();
  const answer = ask(over.signal);
  const late = clock.sleep(silentMsMax, over.signal).then(() => false);
  for (const one of [answer, late]) one.catch(() => undefined);
  return Promise.race([answer, late]).finally(() => over.abort());
}
