import { rename } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { FileSystem } from '@remendo/core';
import { withScratchFolder } from './scratch-folder.js';

/** Writes a file whole or not at all. */
export async function writeResult(fileSystem: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
  const target = resolve(path);
  await withScratchFolder(target, async (folder) => {
    const partialPath = join(folder, 'result');
    const handle = await fileSystem.open(partialPath, 'exclusive');
    try {
      await handle.write(0, bytes);
    } finally {
      await handle.close();
    }
    await rename(partialPath, target);
  });
}
