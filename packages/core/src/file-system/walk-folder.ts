import { join } from 'node:path';
import type { FileStat, FileSystem } from './file-system.js';

export interface WalkedEntry {
  /** Below the root, `/` between segments, spelled as on disk. */
  readonly relative: string;
  readonly filePath: string;
  readonly stat: FileStat;
}

/**
 * Everything below a folder that is not itself a folder, in the order of names; links are not followed.
 * @param enter asked for every entry before anything is done with it: false passes it, and all below it, over.
 */
export async function* walkFolder(
  fileSystem: FileSystem,
  root: string,
  enter: (relative: string) => boolean,
): AsyncIterable<WalkedEntry> {
  const pending: { folder: string; prefix: string }[] = [{ folder: root, prefix: '' }];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const name of await fileSystem.list(at.folder)) {
      const relative = at.prefix + name;
      if (!enter(relative)) continue;
      const filePath = join(at.folder, name);
      const stat = await fileSystem.stat(filePath);
      if (stat?.kind === 'directory') pending.push({ folder: filePath, prefix: `${relative}/` });
      else if (stat !== null) yield { relative, filePath, stat };
    }
  }
}
