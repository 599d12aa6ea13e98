/** The checksum that lies beside a backup: in a file named after it, or in a list of the folder's. */
import { type FileHandle, readdir } from 'node:fs/promises';
import { sep } from 'node:path';
import { type Finding, finding } from './finding.js';
import { type BackupFile, codeOf } from './list-backup-files.js';
import { type Checksum, findChecksum } from './parse-checksums.js';
import { openBackup } from './read-backup.js';

/** `x.zip.sha256`, then the folder's lists; the strongest first. */
const besides = ['sha512', 'sha256', 'sha1', 'md5'].flatMap((algorithm) => [`.${algorithm}`, `.${algorithm}sum`]);
const lists = ['sha512sums', 'sha256sums', 'sha1sums', 'md5sums'].flatMap((list) => [list, `${list}.txt`]);
const sumsBytesMax = 4 * 1024 * 1024;

export interface FoundChecksum extends Checksum {
  /** The file that it is in, and when that was written. */
  readonly where: string;
  readonly modifiedMs: number;
}

export interface ChecksumTimes {
  readonly nowMs: number;
  /** For how long a file that says nothing may still be written. */
  readonly settleMs: number;
  /** For how long one with nothing in it: the shell makes it, and `sha256sum` writes when it has read the backup. */
  readonly emptyMs: number;
}

/**
 * @returns null when none is there; `growing` when it is being written; a finding when one is there and says nothing.
 * @throws the system's errors.
 */
export async function findChecksumBeside(
  file: BackupFile,
  times: ChecksumTimes,
): Promise<FoundChecksum | Finding | 'growing' | null> {
  const end = file.path.lastIndexOf(sep) + 1;
  const [folder, name] = [file.path.subarray(0, end), file.path.subarray(end)];
  const names = await readdir(folder, { encoding: 'buffer' });
  for (const found of named(names, besides, name)) {
    const sums = await readSums(Buffer.concat([folder, found]), { name: name.toString(), isOfOneFile: true, times });
    if (sums !== null) return sums;
  }
  for (const list of named(names, lists, Buffer.alloc(0))) {
    const sums = await readSums(Buffer.concat([folder, list]), { name: name.toString(), isOfOneFile: false, times });
    if (sums !== null && typeof sums === 'object' && 'hex' in sums) return sums;
  }
  return null;
}

/** Of those that are there the ones that begin like this and end like one of these, whatever the case, in the order of the ends. */
function named(names: readonly Buffer[], ends: readonly string[], begin: Buffer): readonly Buffer[] {
  const begun = names
    .filter((name) => name.length > begin.length && isSame(name.subarray(0, begin.length), begin))
    .map((name) => ({ name, end: name.subarray(begin.length).toString().toLowerCase() }));
  return ends.flatMap((end) => begun.filter((one) => one.end === end).map(({ name }) => name));
}

/** Two files on POSIX whose names differ by capitals are two files; on Windows there can be one. */
const isSame = (a: Buffer, b: Buffer): boolean =>
  a.equals(b) || (process.platform === 'win32' && a.toString().toLowerCase() === b.toString().toLowerCase());

interface Wanted {
  readonly name: string;
  readonly isOfOneFile: boolean;
  readonly times: ChecksumTimes;
}

async function readSums(path: Buffer, { name, isOfOneFile, times }: Wanted): Promise<FoundChecksum | Finding | 'growing' | null> {
  const where = path.subarray(path.lastIndexOf(sep) + 1).toString();
  let handle: FileHandle;
  try {
    handle = await openBackup(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(codeOf(error))) return null;
    throw error;
  }
  try {
    const { size, mtimeMs } = await handle.stat();
    if (size > sumsBytesMax) return finding('checksum_malformed', { where });
    const found = findChecksum(await handle.readFile(), name, isOfOneFile);
    if (found !== null) return { ...found, where, modifiedMs: Math.round(mtimeMs) };
    const ageMs = Math.abs(times.nowMs - mtimeMs);
    return ageMs < (size === 0 ? times.emptyMs : times.settleMs) ? 'growing' : finding('checksum_malformed', { where });
  } finally {
    await handle.close();
  }
}
