/**
 * The spare: the program that was running when the last update of the agent was committed, under a name of its own that no
 * swap touches. While a swap is under way there is a moment in which nothing stands at the program's own name; after a crash
 * in that moment the spare is what can still be started. It costs no room where the disk has links.
 */
import { chmod, copyFile, link, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FileSystem } from '@remendo/core';

/** @param home the updater's folder of the agent's own install. */
export const sparePath = (home: string, program: string): string => join(home, 'spare', program);

/**
 * A file under a second name, which it replaces in one step. Neither is written through afterwards.
 * @throws UpdaterError STORAGE_*, TRANSACTION_FILE_HELD; `to` then leads to what it led to.
 */
export async function linkOrCopy(fileSystem: FileSystem, from: string, to: string): Promise<void> {
  const partial = `${to}.partial`;
  await fileSystem.makeDirectory(dirname(to));
  await fileSystem.removeFile(partial);
  try {
    await link(from, partial).catch(() => copy(from, partial));
    await fileSystem.rename(partial, to);
  } finally {
    // It is still there, too, when both were names of one file already: then a rename does nothing at all.
    await fileSystem.removeFile(partial).catch(() => undefined);
  }
}

async function copy(from: string, to: string): Promise<void> {
  await copyFile(from, to);
  await chmod(to, (await stat(from)).mode & 0o777);
}
