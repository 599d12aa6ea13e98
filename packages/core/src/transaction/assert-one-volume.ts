import { UpdaterError } from '../errors.js';
import type { FileSystem } from '../file-system/file-system.js';
import type { InstallLayout } from './install-layout.js';

/**
 * Holds, before anything is fetched, that files can be moved between the updater's folder and the install root, neither of which has
 * to exist yet.
 * @throws UpdaterError STORAGE_OTHER_VOLUME
 */
export async function assertOneVolume(fileSystem: FileSystem, { root, home }: Pick<InstallLayout, 'root' | 'home'>): Promise<void> {
  if (await fileSystem.isSameVolume(root, home)) return;
  throw new UpdaterError('STORAGE_OTHER_VOLUME', `${home} lies on another volume than ${root}: no file can be moved between them`, {
    details: { root, home },
  });
}
