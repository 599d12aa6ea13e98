/** One look at a job: what is in its folder, what that means, and what is to be remembered of it. */
import { statfs } from 'node:fs/promises';
import type { Clock, Random } from '@remendo/core';
import { proofsKept, stateBefore, usualBytes } from './advance-record.js';
import type { CheckedJob } from './checked-job.js';
import { byGravity, type Finding, finding, stateOf } from './finding.js';
import { chooseNewest, type DatedFile, dateFiles, isSettled, judgeAge, judgeSizes, judgeUnfinished } from './judge-files.js';
import { type BackupListing, listBackupFiles } from './list-backup-files.js';
import { lookInTime, Progress } from './look-in-time.js';
import type { BackupJob } from './parse-backups.js';
import type { AheadFile, BackupResult, GoodFile, JobRecord, Proof } from './records.js';
import { type VerifyOptions, verifyBackup } from './verify-backup.js';

export interface CheckPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** Of the programs that prove backups. */
  readonly environment: NodeJS.ProcessEnv;
  /** Bytes free on the volume of a folder; null: it does not say. Default: the system's answer. */
  readonly freeBytes?: ((folder: string) => Promise<number | null>) | undefined;
  /** For how long folder and file may say nothing; default ten minutes. */
  readonly silentMsMax?: number | undefined;
}

export const silentMsMaxDefault = 600_000;

/**
 * Ends in the time that the job has, whatever the folder does; what hangs there is left alone, and takes a thread of this process
 * as long as it hangs.
 * @throws the signal's reason, nothing else on purpose.
 */
export async function checkJob(
  job: BackupJob,
  record: JobRecord,
  ports: CheckPorts,
  again: VerifyOptions['again'] = 'when due',
): Promise<CheckedJob> {
  const { clock, signal, silentMsMax = silentMsMaxDefault } = ports;
  const nowMs = clock.now();
  const progress = new Progress();
  const times = { clock, silentMsMax, msMax: job.lookSecondsMax * 1_000, signal };
  const look = (signal: AbortSignal) => lookAt(job, record, { ...ports, signal, progress, nowMs }, again);
  const end = await lookInTime(progress, times, look);
  if (typeof end === 'object') return end;
  return failedLook(record, ports, nowMs, givenUp(end, job, { silentMsMax, file: progress.file }));
}

/** @param file that was being read. */
function givenUp(
  why: 'silent' | 'late',
  { folder, lookSecondsMax }: BackupJob,
  { silentMsMax, file }: { readonly silentMsMax: number; readonly file: string | null },
): Finding {
  if (why === 'late') return finding('look_late', { folder, seconds: lookSecondsMax });
  const seconds = silentMsMax / 1_000;
  return file === null ? finding('folder_silent', { folder, seconds }) : finding('file_silent', { file, seconds });
}

interface LookPorts extends CheckPorts {
  readonly progress: Progress;
  readonly nowMs: number;
}

async function lookAt(job: BackupJob, record: JobRecord, ports: LookPorts, again: VerifyOptions['again']): Promise<CheckedJob> {
  const { nowMs, signal, progress } = ports;
  const listing = await listBackupFiles({ folder: job.folder, files: job.files, signal, onEntry: () => progress.step() });
  if ('kind' in listing) return failedLook(record, ports, nowMs, listing);
  const { files, ahead } = dateFiles(listing, record.ahead, nowMs);
  const growing = new Set<string>();
  for (;;) {
    const settling = { nowMs, growing, proofs: record.proofs };
    const { newest, latest } = chooseNewest(files, job, settling);
    if (newest === null && latest !== null) return undecided(job, record, ports, { listing, latest, ahead });
    const aged = judgeAge({ newest, latest }, job, { nowMs, was: stateBefore(record) });
    const options = { nowMs, again, proofs: record.proofs, signal, environment: ports.environment, progress };
    const verdict = aged.length > 0 || newest === null ? null : await verifyBackup(newest, job, options);
    if (verdict?.kind === 'growing') {
      growing.add(newest?.name ?? '');
      continue;
    }
    const proof = verdict?.proof ?? null;
    const freeBytes = await (ports.freeBytes ?? freeBytesOf)(job.folder);
    const sizes = judgeSizes(newest, job, {
      usual: usualBytes(record),
      copies: copiesOf(listing, files, (file) => isSettled(file, job, settling)),
      freeBytes,
    });
    const bad = proof?.bad ?? null;
    const findings = byGravity([...aged, ...(bad === null ? [] : [bad]), ...sizes]);
    const isGood = proof !== null && bad === null && !findings.some(({ kind }) => kind === 'file_small' || kind === 'file_shrunk');
    return {
      result: {
        ...{ id: ports.random.id(), atMs: nowMs, state: stateOf(findings), findings: [...findings] },
        ...{ files: listing.count, totalBytes: listing.totalBytes, freeBytes },
        newest: shown(newest ?? latest),
      },
      proofs: proof === null ? [...record.proofs] : remembered(record.proofs, proof),
      ahead: [...ahead],
      good: isGood && newest !== null ? identityOf(newest) : null,
      proven: provenAfter(record, { newest, isGood, hasVerdict: verdict !== null, nowMs }),
      isGrowing: latest !== null && latest.name !== newest?.name,
    };
  }
}

const identityOf = ({ name, bytes, modifiedMs }: DatedFile): GoodFile => ({ name, bytes, modifiedMs });
const shown = (file: DatedFile | null): BackupResult['newest'] =>
  file === null ? null : { name: file.name, bytes: file.bytes, atMs: Math.max(0, file.madeMs) };

/** Nothing could be seen of the job. */
export function failedLook(record: JobRecord, { random }: Pick<CheckPorts, 'random'>, nowMs: number, what: Finding): CheckedJob {
  const findings = [what];
  return {
    result: {
      ...{ id: random.id(), atMs: nowMs, state: stateOf(findings), findings },
      ...{ files: 0, totalBytes: 0, newest: null, freeBytes: null },
    },
    proofs: [...record.proofs],
    ahead: [...record.ahead],
    good: null,
    proven: null,
    isGrowing: false,
  };
}

interface Unfinished {
  readonly listing: BackupListing;
  readonly latest: DatedFile;
  readonly ahead: readonly AheadFile[];
}

/** All that is there is still being written: what was said before stays said, unless it never ends. */
function undecided(job: BackupJob, record: JobRecord, ports: CheckPorts, { listing, latest, ahead }: Unfinished): CheckedJob {
  const { count, totalBytes } = listing;
  const nowMs = ports.clock.now();
  const [last] = record.results;
  const was = last?.findings ?? [];
  const findings = stateBefore(record) === 'ok' ? judgeUnfinished(latest, job, { record, nowMs }) : was;
  return {
    result: {
      ...{ id: ports.random.id(), atMs: nowMs, state: stateOf(findings), findings: [...findings] },
      ...{ files: count, totalBytes, newest: shown(latest), freeBytes: null },
    },
    ...{ proofs: [...record.proofs], ahead: [...ahead], good: null, proven: null, isGrowing: true },
  };
}

/** Files that nobody writes to any more and that hold something. Of more than are remembered by name, all count. */
const copiesOf = ({ count }: BackupListing, files: readonly DatedFile[], isDone: (file: DatedFile) => boolean): number =>
  count - files.filter((file) => file.bytes === 0 || !isDone(file)).length;

/** Each file once, the last judged first. */
const remembered = (proofs: readonly Proof[], proof: Proof): Proof[] =>
  [proof, ...proofs.filter(({ name }) => name !== proof.name)].slice(0, proofsKept);

interface Outcome {
  readonly newest: DatedFile | null;
  readonly isGood: boolean;
  /** Whether the newest was looked at; not when it is too old, for example. */
  readonly hasVerdict: boolean;
  readonly nowMs: number;
}

/** While nothing new is there to be judged, what was proved stays proved, if it is still there. */
function provenAfter({ proven }: JobRecord, { newest, isGood, hasVerdict, nowMs }: Outcome): JobRecord['proven'] {
  if (isGood && newest !== null) return { ...identityOf(newest), madeMs: Math.max(0, newest.madeMs), provenMs: nowMs };
  const isSame =
    newest !== null && newest.name === proven?.name && newest.bytes === proven.bytes && newest.modifiedMs === proven.modifiedMs;
  return !hasVerdict && isSame ? proven : null;
}

async function freeBytesOf(folder: string): Promise<number | null> {
  try {
    const { blocks, bavail, bsize } = await statfs(folder);
    // Some file systems of programs and shares do not count.
    if (blocks === 0) return null;
    return Math.min(Number.MAX_SAFE_INTEGER, bavail * bsize);
  } catch {
    return null;
  }
}
