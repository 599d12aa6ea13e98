import { join } from 'node:path';
import { hasCode } from '../errors.js';
import type { FileSystem } from '../file-system/file-system.js';
import type { Digest } from '../hash/digest.js';
import { digestOfName } from './download-folder.js';

/**
 * Removes what was downloaded of objects that are not in `keep`. Foreign names stay, and so do files that another
 * program holds; the next call removes those.
 * @returns the bytes freed.
 */
export async function pruneDownloads(fileSystem: FileSystem, folder: string, keep: ReadonlySet<Digest>): Promise<number> {
  let freedBytes = 0;
  for (const name of await fileSystem.list(folder)) {
    const digest = digestOfName(name);
    if (digest === null || keep.has(digest)) continue;
    const path = join(folder, name);
    const stat = await fileSystem.stat(path);
    try {
      await fileSystem.removeFile(path);
      freedBytes += stat?.bytes ?? 0;
    } catch (error) {
      if (!hasCode(error, 'TRANSACTION_FILE_HELD')) throw error;
    }
  }
  return freedBytes;
}
