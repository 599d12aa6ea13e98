import { UpdaterError } from '../errors.js';
import type { FileSystem } from '../file-system/file-system.js';
import type { InstallLayout } from './install-layout.js';
import { reservePath } from './journal.js';

/**
 * Holds that what the updater writes to are its own folders and files, or nothing yet. A link in place of one would take all
 * that is written to somebody else's.
 * @throws UpdaterError TRANSACTION_PATH_BLOCKED
 */
export async function assertOwnPlaces(fileSystem: FileSystem, layout: InstallLayout): Promise<void> {
  const { home, staging, previous, downloads, journal, lock } = layout;
  for (const folder of [home, staging, previous, downloads]) await assertIs(fileSystem, folder, 'directory');
  for (const file of [lock, journal, reservePath(journal)]) await assertIs(fileSystem, file, 'file');
}

async function assertIs(fileSystem: FileSystem, path: string, kind: 'file' | 'directory'): Promise<void> {
  const found = await fileSystem.stat(path);
  if (found === null || found.kind === kind) return;
  throw new UpdaterError('TRANSACTION_PATH_BLOCKED', `${path} is not the updater's ${kind} but a ${found.kind}`, {
    details: { path, kind: found.kind },
  });
}
