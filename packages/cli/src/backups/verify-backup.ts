/**
 * Proves one file, each way that was asked for: `exists` it can be opened and read, `checksum` it has the digest that lies
 * beside it, `archive` a zip or gzip tests clean, `command` the operator's program says so. Without a wish, what can be proved
 * is: a checksum where there is one, an archive that is one.
 *
 * A file that was proved is not read again while size, time, sample and what was asked are the same, for some days; one that was
 * found damaged neither, for some hours. A file that changes while it is read is not judged: it is still being written.
 */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { type FoundChecksum, findChecksumBeside } from './find-checksum.js';
import { type Finding, finding } from './finding.js';
import { type BackupFile, codeOf, plainPath } from './list-backup-files.js';
import type { Progress } from './look-in-time.js';
import type { BackupJob, Verification } from './parse-backups.js';
import { digestOfBackup, isUnchanged, openBackup, sampleOf } from './read-backup.js';
import type { Proof } from './records.js';
import { runVerifyCommand } from './run-verify-command.js';
import { archiveKindOf, testArchive } from './test-archive.js';

export interface VerifyOptions {
  readonly nowMs: number;
  readonly signal: AbortSignal;
  readonly progress: Progress;
  readonly environment: NodeJS.ProcessEnv;
  /** What is remembered of the job's files. */
  readonly proofs: readonly Proof[];
  /** Reads what was found damaged again, and `all` what was proved too. */
  readonly again: 'when due' | 'damaged' | 'all';
}

/** growing: it changed meanwhile, or its writer holds it. */
export type Verdict =
  | { readonly kind: 'good' | 'bad'; readonly proof: Proof; readonly isRemembered: boolean }
  | { readonly kind: 'growing' };

const damagedAgainMs = 6 * 3_600_000;
const dayMs = 24 * 3_600_000;
/** For how long a file may be held by whoever writes it. */
const heldCodes: readonly string[] = ['EBUSY', 'ETXTBSY', 'EAGAIN'];

/** @throws the signal's reason, nothing else. */
export async function verifyBackup(file: BackupFile, job: BackupJob, options: VerifyOptions): Promise<Verdict> {
  const { nowMs, signal } = options;
  const identity = { name: file.name, bytes: file.bytes, modifiedMs: file.modifiedMs };
  const judged = (bad: Finding | null, key: string): Verdict => ({
    kind: bad === null ? 'good' : 'bad',
    proof: { ...identity, key, atMs: nowMs, bad },
    isRemembered: false,
  });
  options.progress.file = file.name;
  let handle: FileHandle | null = null;
  try {
    handle = await openBackup(file.path);
    if (!(await isUnchanged(handle, file))) return { kind: 'growing' };
    const checksum = wants(job, 'checksum') ? await findChecksumBeside(file, timesOf(job, nowMs)) : null;
    if (checksum === 'growing') return { kind: 'growing' };
    const key = await keyOf(handle, file, job, checksum);
    const known = rememberedProof(file, key, job, options);
    if (known !== null) return { kind: known.bad === null ? 'good' : 'bad', proof: known, isRemembered: true };
    const bad = await proveAll(handle, file, { job, checksum, options });
    if (bad?.kind === 'checksum_differs' && isOfBefore(checksum, file, job, nowMs)) return { kind: 'growing' };
    return (await isUnchanged(handle, file)) ? judged(bad, key) : { kind: 'growing' };
  } catch (error) {
    signal.throwIfAborted();
    const code = codeOf(error);
    if (code === 'ENOENT') return { kind: 'growing' };
    if (heldCodes.includes(code) && nowMs - file.modifiedMs < job.intervalSeconds * 1_000) return { kind: 'growing' };
    return judged(finding('file_unreadable', { file: file.name, why: code === '' ? (error as Error).message : code }), '');
  } finally {
    await handle?.close();
    options.progress.file = null;
  }
}

const timesOf = ({ settleSeconds, intervalSeconds }: BackupJob, nowMs: number) => ({
  nowMs,
  settleMs: settleSeconds * 1_000,
  emptyMs: Math.min(intervalSeconds * 1_000, dayMs),
});

/** A backup that is written over the one before has that one's checksum until its own is there. */
const isOfBefore = (checksum: FoundChecksum | Finding | null, file: BackupFile, job: BackupJob, nowMs: number): boolean =>
  checksum !== null &&
  'hex' in checksum &&
  checksum.modifiedMs < file.modifiedMs &&
  nowMs - file.modifiedMs < job.graceSeconds * 1_000;

const wants = ({ verify }: BackupJob, what: Verification): boolean =>
  verify === null ? what !== 'command' : verify.includes(what);

async function keyOf(
  handle: FileHandle,
  { bytes }: BackupFile,
  { verify, command }: BackupJob,
  checksum: FoundChecksum | Finding | null,
): Promise<string> {
  const said = checksum !== null && 'hex' in checksum ? { ...checksum, modifiedMs: undefined } : checksum;
  const asked = JSON.stringify([verify, command, said, await sampleOf(handle, bytes)]);
  return createHash('sha256').update(asked).digest('hex');
}

function rememberedProof(file: BackupFile, key: string, job: BackupJob, { proofs, nowMs, again }: VerifyOptions): Proof | null {
  if (again === 'all') return null;
  const known = proofs.find(
    (proof) => proof.name === file.name && proof.bytes === file.bytes && proof.modifiedMs === file.modifiedMs && proof.key === key,
  );
  // A clock that was set back makes it look as if it had been proved in the future: then it is read again.
  const ageMs = nowMs - (known?.atMs ?? 0);
  if (known === undefined || ageMs < 0) return null;
  if (known.bad !== null) return again === 'when due' && ageMs < damagedAgainMs ? known : null;
  return ageMs < job.verifyAgainHours * 3_600_000 ? known : null;
}

interface ToProve {
  readonly job: BackupJob;
  readonly checksum: FoundChecksum | Finding | null;
  readonly options: VerifyOptions;
}

/** The first that fails; null when all is proved. */
async function proveAll(handle: FileHandle, file: BackupFile, { job, checksum, options }: ToProve): Promise<Finding | null> {
  if (wants(job, 'checksum')) {
    const bad = await proveChecksum(handle, file, { job, checksum, options });
    if (bad !== null) return bad;
  }
  if (wants(job, 'archive')) {
    const kind = await archiveKindOf(handle, file.name);
    const isDemanded = job.verify !== null;
    if (kind === null && isDemanded) return finding('no_archive', { file: file.name });
    const bad = kind === null ? null : await testArchive(handle, kind, options);
    // What can not be tested fails only where a test was asked for.
    const isUntestable = bad?.kind === 'zip_encrypted' || bad?.kind === 'zip_unsupported';
    if (bad !== null && (isDemanded || !isUntestable)) return finding(bad.kind, { file: file.name, ...bad.values });
  }
  return wants(job, 'command') ? proveByCommand(file, job, options) : null;
}

async function proveChecksum(handle: FileHandle, file: BackupFile, { job, checksum, options }: ToProve): Promise<Finding | null> {
  if (checksum === null) return job.verify === null ? null : finding('no_checksum', { file: file.name });
  if (!('hex' in checksum)) return finding(checksum.kind, { file: file.name, ...checksum.values });
  const { algorithm, hex, where } = checksum;
  const digest = await digestOfBackup(handle, algorithm, options);
  return digest === hex ? null : finding('checksum_differs', { file: file.name, where });
}

async function proveByCommand(file: BackupFile, job: BackupJob, options: VerifyOptions): Promise<Finding | null> {
  const { signal, environment, progress } = options;
  const path = plainPath(file.path);
  const argv = job.command.map((part, index) => (index === 0 ? part : part.replaceAll('{file}', () => path)));
  const running = runVerifyCommand(argv, { msMax: job.commandSecondsMax * 1_000, signal, environment });
  const { code, failure, said } = await progress.hold(running);
  if (code === 0) return null;
  if (failure === 'late') return finding('command_late', { file: file.name, seconds: job.commandSecondsMax });
  if (failure !== null) return finding('command_unusable', { file: file.name, why: said === '' ? failure : said });
  return finding('command_refused', { file: file.name, code: code ?? '', why: said });
}
