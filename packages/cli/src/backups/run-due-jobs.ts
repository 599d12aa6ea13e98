/** What an agent calls again and again: looks at the jobs whose time has come and delivers what waits. */
import { recordOf } from './advance-record.js';
import { type BackupMonitor, type BackupMonitorOptions, createBackupMonitor, type LookedAt } from './backup-monitor.js';
import type { Undelivered } from './deliver-messages.js';
import type { FindingKind } from './finding.js';
import { type BackupJob, serverTarget } from './parse-backups.js';
import type { BackupRecords } from './records.js';

export interface BackupRun {
  readonly lookedAt: readonly LookedAt[];
  readonly undelivered: readonly Undelivered[];
  /** When something is due again; call earlier as you like. */
  readonly nextMs: number;
}

/** After something that should not happen. */
const afterFailureMs = 300_000;

/**
 * One round. Never rejects: what fails is logged, and the other jobs and targets go on. Resolves early when the signal is
 * aborted. A job that is bad is no failure: its state says so.
 */
export async function runDueBackupJobs(options: BackupMonitorOptions): Promise<BackupRun> {
  const { backups, clock, signal, log } = options;
  const lookedAt: LookedAt[] = [];
  let undelivered: readonly Undelivered[] = [];
  let nextMs = 0;
  let hasFailed = false;
  const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
    if (signal.aborted) {
      hasFailed = true;
      return;
    }
    await work().catch((error: unknown) => {
      hasFailed = true;
      if (!signal.aborted) log('backup_monitor_failed', { what, message: error instanceof Error ? error.message : String(error) });
    });
  };
  await attempt('monitor', async () => {
    const monitor = createBackupMonitor(options);
    const deliver = (): Promise<void> =>
      attempt('delivery', async () => {
        undelivered = await monitor.deliver();
      });
    const due = await dueJobs(monitor, backups.jobs, clock.now());
    for (const job of due) {
      await attempt(job.name, async () => void lookedAt.push(await monitor.look(job)));
      // Whoever is to be told is told before the next large file is read.
      await deliver();
    }
    if (due.length === 0) await deliver();
    nextMs = nextOf(await monitor.records(), options);
  });
  // What was seen could not be stored, on a full disk for example: large files are not to be read again every second.
  return { lookedAt, undelivered, nextMs: hasFailed ? Math.max(nextMs, clock.now() + afterFailureMs) : nextMs };
}

/**
 * Those that hung last time come last, and one of them in each round, the one that has waited longest: a share that is gone takes
 * minutes of each look, and the others are not to wait for all of that.
 */
const dueJobs = async (monitor: BackupMonitor, jobs: readonly BackupJob[], nowMs: number): Promise<readonly BackupJob[]> => {
  const records = await monitor.records();
  const due = jobs.filter((job) => nextCheckMs(records, job, nowMs) <= nowMs);
  const lastOf = ({ name }: BackupJob) => recordOf(records, name).results[0];
  const hung = due.filter((job) => lastOf(job)?.findings.some(({ kind }) => hangs.includes(kind)));
  const [first] = hung.toSorted((a, b) => (lastOf(a)?.atMs ?? 0) - (lastOf(b)?.atMs ?? 0));
  return [...due.filter((job) => !hung.includes(job)), ...(first === undefined ? [] : [first])];
};

const hangs: readonly FindingKind[] = ['folder_silent', 'file_silent', 'look_late'];

/** A check in the future was made before the clock was set back: it says nothing about when the next one is due. */
function nextCheckMs(records: BackupRecords, job: BackupJob, nowMs: number): number {
  const last = recordOf(records, job.name).results[0]?.atMs;
  return last === undefined || last > nowMs ? nowMs : last + job.checkSeconds * 1_000;
}

/** What waits for a target that is not configured any more is nobody's to deliver. */
function nextOf(records: BackupRecords, { backups, server, clock }: BackupMonitorOptions): number {
  const nowMs = clock.now();
  const checks = backups.jobs.map((job) => nextCheckMs(records, job, nowMs));
  const targets = new Set([...(server === null ? [] : [serverTarget]), ...backups.targets.map(({ name }) => name)]);
  const queues = records.queues
    .filter(({ target, messages }) => messages.length > 0 && targets.has(target))
    .map(({ nextMs }) => nextMs);
  return Math.max(nowMs + 1_000, Math.min(nowMs + 3_600_000, ...checks, ...queues));
}
