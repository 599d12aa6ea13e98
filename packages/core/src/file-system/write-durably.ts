import { dirname } from 'node:path';
import { hasCode } from '../errors.js';
import type { FileSystem } from './file-system.js';

/** Such files are the updater's own: they say what is trusted and what is run. */
const ownerOnly = 0o600;

/**
 * Replaces a small file so that after any crash it holds either what it held or all of `bytes`, for its owner alone to read
 * and write. When the promise is fulfilled the new contents survive a power cut. Leaves at most one `<path>.partial`
 * behind, which the next write reuses. The caller sees to it that nobody else writes `path` at the same time.
 * @throws UpdaterError STORAGE_NO_SPACE, STORAGE_FAILED or TRANSACTION_FILE_HELD; the file then holds what it held.
 */
export async function writeDurably(fileSystem: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
  const partialPath = `${path}.partial`;
  try {
    await writeSynced(fileSystem, partialPath, bytes);
    await fileSystem.rename(partialPath, path);
  } catch (error) {
    await fileSystem.removeFile(partialPath).catch(() => undefined);
    throw error;
  }
  await syncNames(fileSystem, { files: [path], directories: [dirname(path)] });
}

async function writeSynced(fileSystem: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
  const handle = await fileSystem.open(path, 'create');
  try {
    if (fileSystem.hasModes) await fileSystem.setMode(path, ownerOnly);
    await handle.write(0, bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export interface NamesToSync {
  /** Where moved or made files are now; those that do not exist are passed over. */
  readonly files: Iterable<string>;
  /** Directories that names were added to or removed from; those that do not exist are passed over. */
  readonly directories: Iterable<string>;
}

/**
 * A barrier: what was renamed, made or removed before it stays so whatever happens afterwards. Directories are synced
 * where the system can, else every file by itself.
 *
 * Where directories can not be synced, a file that is running or held without sharing can not be opened for writing
 * either; it is passed over. That system is Windows, whose NTFS logs name changes in their order, so that the syncs of
 * the other files and of the journal carry it along.
 */
export async function syncNames(fileSystem: FileSystem, names: NamesToSync): Promise<void> {
  if (fileSystem.canSyncDirectories) {
    for (const directory of new Set(names.directories)) {
      if ((await fileSystem.stat(directory))?.kind === 'directory') await fileSystem.syncDirectory(directory);
    }
    return;
  }
  for (const file of new Set(names.files)) {
    if ((await fileSystem.stat(file))?.kind === 'file') await syncFile(fileSystem, file);
  }
}

async function syncFile(fileSystem: FileSystem, path: string): Promise<void> {
  try {
    const handle = await fileSystem.open(path, 'write');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (!hasCode(error, 'TRANSACTION_FILE_HELD')) throw error;
  }
}
