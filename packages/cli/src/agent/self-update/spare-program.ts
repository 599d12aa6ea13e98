/**
 * The spare: the program that was running when the last update of the agent was committed, under a name of its own that no
 * swap touches. While a swap is under way there is a moment in which nothing stands at the program's own name; after a crash
 * in that moment the spare is what can still be started. It costs no room where the disk has links.
 */
import { chmod, copyFile, link, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type FileSystem, hashFile, syncNames } from '@remendo/core';

/** @param home the updater's folder of the agent's own install. */
export const sparePath = (home: string, program: string): string => join(home, 'spare', program);

/**
 * A file under a second name, which it replaces in one step. Neither is written through afterwards. When the promise is
 * fulfilled the name survives a power cut.
 * @throws UpdaterError STORAGE_*, TRANSACTION_FILE_HELD; `to` then leads to what it led to.
 */
export async function linkOrCopy(fileSystem: FileSystem, from: string, to: string): Promise<void> {
  // Windows lets nothing be put over a name of a program that runs, not even another name of the same one.
  if (await isSameFile(from, to)) return;
  const partial = `${to}.partial`;
  await fileSystem.makeDirectory(dirname(to));
  await fileSystem.removeFile(partial);
  try {
    await link(from, partial).catch(() => copy(fileSystem, from, partial));
    await fileSystem.rename(partial, to);
  } finally {
    await fileSystem.removeFile(partial).catch(() => undefined);
  }
  await syncNames(fileSystem, { files: [to], directories: [dirname(to), dirname(dirname(to))] });
}

/** Keeps the spare that is there; one that somebody took away, or a disk lost, is made of the program anew. */
export async function keepSpare(fileSystem: FileSystem, live: string, spare: string): Promise<void> {
  const found = await fileSystem.stat(spare);
  if (found?.kind === 'file' && found.bytes > 0) return;
  if ((await fileSystem.stat(live))?.kind === 'file') await linkOrCopy(fileSystem, live, spare);
}

/**
 * Puts the spare in the place of a program that does not work, in one step. What the install knows of itself stays, so that the
 * next update finds another file than it thinks and fetches it whole.
 * @param onDecided called before anything changes.
 * @returns false when there is no spare, or it is the same program.
 * @throws UpdaterError STORAGE_*, TRANSACTION_FILE_HELD, or what the system says; the program is then what it was.
 */
export async function putSpareInPlace(
  fileSystem: FileSystem,
  { live, spare }: { readonly live: string; readonly spare: string },
  onDecided: () => Promise<void>,
): Promise<boolean> {
  const found = await fileSystem.stat(spare);
  if (found?.kind !== 'file' || found.bytes === 0 || (await isSameProgram(fileSystem, live, spare))) return false;
  await onDecided();
  await linkOrCopy(fileSystem, spare, live);
  return true;
}

async function isSameProgram(fileSystem: FileSystem, live: string, spare: string): Promise<boolean> {
  if ((await fileSystem.stat(live))?.kind !== 'file') return false;
  if (await isSameFile(live, spare)) return true;
  const [one, other] = [await hashFile(fileSystem, live), await hashFile(fileSystem, spare)];
  return one.sha256 === other.sha256;
}

async function isSameFile(one: string, other: string): Promise<boolean> {
  const [first, second] = await Promise.all([one, other].map((path) => stat(path, { bigint: true }).catch(() => null)));
  return first?.ino !== undefined && first.ino !== 0n && first.ino === second?.ino && first.dev === second.dev;
}

/** Not durable under a name before its bytes are. */
async function copy(fileSystem: FileSystem, from: string, to: string): Promise<void> {
  await copyFile(from, to);
  const { mode } = await stat(from);
  await chmod(to, (mode | 0o200) & 0o777);
  const handle = await fileSystem.open(to, 'write');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  await chmod(to, mode & 0o777);
}
