/**
 * Which of a job's files count, how old they are, and what that alone says. Pure.
 *
 * A file's age is counted from its own time. A time that lies ahead says nothing: the clock was set back, or was wrong on the
 * machine that wrote the file. Such a file counts from when it was first seen here, so that it is new once and grows old like
 * every other. Clocks of two machines may differ by some minutes.
 */
import { type BackupState, type Finding, finding } from './finding.js';
import type { BackupFile, BackupListing } from './list-backup-files.js';
import type { BackupJob } from './parse-backups.js';
import type { AheadFile, JobRecord, Proof } from './records.js';

export const clockToleranceMs = 300_000;
const aheadKept = 200;

export interface DatedFile extends BackupFile {
  /** When it was made, as far as this machine can tell. */
  readonly madeMs: number;
}

export interface DatedFiles {
  /** Newest first. */
  readonly files: readonly DatedFile[];
  /** To be remembered. */
  readonly ahead: readonly AheadFile[];
}

export function dateFiles({ files }: BackupListing, known: readonly AheadFile[], nowMs: number): DatedFiles {
  const isAhead = ({ modifiedMs }: BackupFile): boolean => modifiedMs > nowMs + clockToleranceMs;
  const ahead = files
    .filter(isAhead)
    .slice(0, aheadKept)
    .map(({ name, bytes, modifiedMs }): AheadFile => {
      const seen = known.find((one) => one.name === name && one.bytes === bytes && one.modifiedMs === modifiedMs);
      return { name, bytes, modifiedMs, seenMs: Math.min(seen?.seenMs ?? nowMs, nowMs) };
    });
  const seenByName = new Map(ahead.map(({ name, seenMs }) => [name, seenMs]));
  const dated = files.map((file) => ({
    ...file,
    madeMs: isAhead(file) ? (seenByName.get(file.name) ?? 0) : Math.min(file.modifiedMs, nowMs),
  }));
  return { files: dated.toSorted((a, b) => b.madeMs - a.madeMs || b.modifiedMs - a.modifiedMs), ahead };
}

export interface Chosen {
  /** The newest that nobody writes to any more; null: there is none yet. */
  readonly newest: DatedFile | null;
  /** The newest of all. */
  readonly latest: DatedFile | null;
}

export interface Settling {
  readonly nowMs: number;
  /** Names of files that changed while they were looked at. */
  readonly growing: ReadonlySet<string>;
  /** Of files that were finished already. */
  readonly proofs: readonly Proof[];
}

/** Whether nobody writes to it any more: it was made long enough ago, or is as it was when it was read. */
export function isSettled(file: DatedFile, { settleSeconds }: BackupJob, { nowMs, growing, proofs }: Settling): boolean {
  const { name, bytes, modifiedMs } = file;
  if (growing.has(name)) return false;
  if (file.madeMs <= nowMs - settleSeconds * 1_000) return true;
  return modifiedMs > nowMs && proofs.some((one) => one.name === name && one.bytes === bytes && one.modifiedMs === modifiedMs);
}

export const chooseNewest = (files: readonly DatedFile[], job: BackupJob, settling: Settling): Chosen => ({
  newest: files.find((file) => isSettled(file, job, settling)) ?? null,
  latest: files[0] ?? null,
});

/**
 * No file, an empty one, or none in time. What is still being written counts as there, but not for ever, and it heals nothing.
 * @param was the state before.
 */
export function judgeAge(
  { newest, latest }: Chosen,
  job: BackupJob,
  { nowMs, was }: { readonly nowMs: number; readonly was: BackupState },
): readonly Finding[] {
  if (latest === null) return [finding('no_file', { folder: job.folder, files: job.files })];
  const findings: Finding[] = [];
  if (newest !== null && newest.bytes === 0) findings.push(finding('file_empty', { file: newest.name }));
  const { dueMs, allowedMs } = dueSince(job, nowMs);
  const counted = newest === null || (newest.madeMs >= dueMs - allowedMs && was !== 'stale') ? latest : newest;
  if (counted.madeMs < dueMs) {
    const ageSeconds = Math.max(0, Math.round((nowMs - counted.madeMs) / 1_000));
    findings.push(finding('too_old', { file: counted.name, ageSeconds, allowedSeconds: Math.round(allowedMs / 1_000) }));
  }
  return findings;
}

/** Nothing was finished for twice as long as is allowed, but somebody is always writing: then there is no backup either. */
export function judgeUnfinished(
  latest: DatedFile,
  job: BackupJob,
  { record, nowMs }: { readonly record: JobRecord; readonly nowMs: number },
) {
  if (record.results.length === 0) return [];
  const sinceMs = Math.max(record.sinceMs, ...record.proofs.map(({ atMs }) => atMs));
  if (nowMs - sinceMs <= 2 * (job.intervalSeconds + job.graceSeconds) * 1_000) return [];
  return [finding('never_finished', { file: latest.name, seconds: Math.round((nowMs - sinceMs) / 60_000) * 60 })];
}

/** A backup has to be there that was made since; how old it may be at most. */
function dueSince({ cron, intervalSeconds, graceSeconds }: BackupJob, nowMs: number) {
  const allowedMs = (intervalSeconds + graceSeconds) * 1_000;
  if (cron === null) return { dueMs: nowMs - allowedMs, allowedMs };
  const [run] = cron.previousRuns(1, new Date(nowMs - graceSeconds * 1_000));
  return { dueMs: (run?.getTime() ?? 0) - clockToleranceMs, allowedMs };
}

/** What size and number say. @param usual what a backup usually has; null: nobody knows. */
export function judgeSizes(
  newest: DatedFile | null,
  job: BackupJob,
  { usual, copies, freeBytes }: { readonly usual: number | null; readonly copies: number; readonly freeBytes: number | null },
): readonly Finding[] {
  const findings: Finding[] = [];
  const isEmpty = newest?.bytes === 0;
  if (newest !== null && !isEmpty && newest.bytes < job.bytesMin)
    findings.push(finding('file_small', { file: newest.name, bytes: newest.bytes, bytesMin: job.bytesMin }));
  if (newest !== null && !isEmpty && usual !== null && newest.bytes < usual * (1 - job.shrinkShareMax))
    findings.push(finding('file_shrunk', { file: newest.name, bytes: newest.bytes, usualBytes: usual }));
  if (newest !== null && copies < job.copiesMin) findings.push(finding('few_copies', { copies, copiesMin: job.copiesMin }));
  if (freeBytes !== null && freeBytes < job.freeBytesMin)
    findings.push(finding('disk_low', { freeBytes, freeBytesMin: job.freeBytesMin }));
  return findings;
}
