/** The checksum that lies beside a backup: in a file named after it, or in a list of the folder's. */
import { type FileHandle, readdir } from 'node:fs/promises';
import { sep } from 'node:path';
import { type Finding, finding } from './finding.js';
import { type BackupFile, codeOf } from './list-backup-files.js';
import { type Checksum, findChecksum } from './parse-checksums.js';
import { openBackup } from './read-backup.js';

/** `x.zip.sha256`, then the folder's lists; the strongest first. */
const besides = ['sha512', 'sha256', 'sha1', 'md5'].flatMap((algorithm) => [`.${algorithm}`, `.${algorithm}sum`]);
const lists = ['SHA512SUMS', 'SHA256SUMS', 'SHA1SUMS', 'MD5SUMS'];
const sumsBytesMax = 4 * 1024 * 1024;

export interface FoundChecksum extends Checksum {
  /** The file that it is in. */
  readonly where: string;
}

/** @returns null when none is there; a finding when one is there and says nothing. @throws the system's errors. */
export async function findChecksumBeside(file: BackupFile): Promise<FoundChecksum | Finding | null> {
  const end = file.path.lastIndexOf(sep) + 1;
  const [folder, name] = [file.path.subarray(0, end), file.path.subarray(end)];
  for (const extension of besides) {
    const found = await readSums(Buffer.concat([file.path, Buffer.from(extension)]), name.toString(), true);
    if (found !== null) return found;
  }
  for (const list of await listsIn(folder)) {
    const found = await readSums(Buffer.concat([folder, Buffer.from(list)]), name.toString(), false);
    if (found !== null && 'hex' in found) return found;
  }
  return null;
}

/** Spelled as they are there. */
async function listsIn(folder: Buffer): Promise<readonly string[]> {
  const wanted = lists.flatMap((list) => [list, `${list}.txt`]);
  const names = await readdir(folder).catch(() => []);
  return wanted.flatMap((list) => names.filter((name) => name.toLowerCase() === list.toLowerCase()));
}

async function readSums(path: Buffer, name: string, isOfOneFile: boolean): Promise<FoundChecksum | Finding | null> {
  const where = path.subarray(path.lastIndexOf(sep) + 1).toString();
  let handle: FileHandle;
  try {
    handle = await openBackup(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(codeOf(error))) return null;
    throw error;
  }
  try {
    if ((await handle.stat()).size > sumsBytesMax) return finding('checksum_malformed', { where });
    const found = findChecksum(await handle.readFile(), name, isOfOneFile);
    return found === null ? finding('checksum_malformed', { where }) : { ...found, where };
  } finally {
    await handle.close();
  }
}
