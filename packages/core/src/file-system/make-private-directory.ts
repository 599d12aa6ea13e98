import type { FileSystem } from './file-system.js';

const nobodyElse = 0o700;

/**
 * A directory that nobody but its owner, and whoever may do everything, looks into or writes to; one that is there already
 * becomes so. Directories above it are made as the system makes them. Where files have no modes (Windows) it takes over
 * what holds for the directory above. One that belongs to somebody else is left as it is: its owner alone can change it.
 */
export async function makePrivateDirectory(fileSystem: FileSystem, path: string): Promise<void> {
  await fileSystem.makeDirectory(path);
  if (!fileSystem.hasModes) return;
  const mode = (await fileSystem.stat(path))?.mode ?? nobodyElse;
  if ((mode & ~nobodyElse) !== 0) await fileSystem.setMode(path, mode & nobodyElse).catch(() => undefined);
}
