/**
 * A journal that no recovery can go by is set aside for a repair. The install may be a mixture until that has ended, which
 * may take several attempts: until then the journal's new name keeps everybody else out.
 */
import { dirname } from 'node:path';
import { UpdaterError } from '../errors.js';
import type { FileSystem } from '../file-system/file-system.js';
import { syncNames } from '../file-system/write-durably.js';
import type { InstallLayout } from './install-layout.js';

const unrepairedPath = ({ journal }: InstallLayout): string => `${journal}.unrepaired`;

export const setJournalAside = (fileSystem: FileSystem, layout: InstallLayout): Promise<void> =>
  renameDurably(fileSystem, layout.journal, unrepairedPath(layout));

/** @throws UpdaterError TRANSACTION_JOURNAL_INVALID while a repair has not ended. */
export async function assertRepaired(fileSystem: FileSystem, layout: InstallLayout): Promise<void> {
  if ((await fileSystem.stat(unrepairedPath(layout))) === null) return;
  const why = 'it was set aside for a repair, which has not ended';
  throw new UpdaterError('TRANSACTION_JOURNAL_INVALID', `the journal can not be believed: ${why}`, { details: { why } });
}

/** Lets everybody in again; what was set aside stays for whoever wants to know. Nothing happens when nothing was. */
export async function markRepaired(fileSystem: FileSystem, layout: InstallLayout): Promise<void> {
  if ((await fileSystem.stat(unrepairedPath(layout))) === null) return;
  await renameDurably(fileSystem, unrepairedPath(layout), `${layout.journal}.damaged`);
}

async function renameDurably(fileSystem: FileSystem, path: string, targetPath: string): Promise<void> {
  await fileSystem.rename(path, targetPath);
  await syncNames(fileSystem, { files: [targetPath], directories: [dirname(targetPath)] });
}
