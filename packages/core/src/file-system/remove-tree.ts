import { join } from 'node:path';
import type { FileSystem } from './file-system.js';

/** Removes a file, a link, or a directory with everything below it. Links are removed, never followed. */
export async function removeTree(fileSystem: FileSystem, path: string): Promise<void> {
  const stat = await fileSystem.stat(path);
  if (stat === null) return;
  if (stat.kind !== 'directory') return fileSystem.removeFile(path);
  for (const name of await fileSystem.list(path)) await removeTree(fileSystem, join(path, name));
  await fileSystem.removeDirectory(path);
}
