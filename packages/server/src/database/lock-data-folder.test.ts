import { createRequire } from 'node:module';
import { afterEach, expect, it, vi } from 'vitest';
import { newDataFolder, removeFolder } from '../testing/test-server.js';
import { lockDataFolder } from './lock-data-folder.js';

/** The file system that proper-lockfile looks through. */
const fileSystem = createRequire(createRequire(import.meta.url).resolve('proper-lockfile'))('graceful-fs') as {
  stat(path: string, done: (...found: readonly unknown[]) => void): void;
};

afterEach(() => void vi.restoreAllMocks());

it('is given back as it was held, also while it is being looked at', async () => {
  const folder = await newDataFolder();
  try {
    const lost: Error[] = [];
    const release = await lockDataFolder(folder, (error) => lost.push(error));
    const { stat } = fileSystem;
    const looked = await new Promise<() => Promise<void>>((resolve) => {
      // What comes of the look that is made every second, once the lock is gone.
      vi.spyOn(fileSystem, 'stat').mockImplementationOnce((path, done) => {
        const look = () =>
          new Promise<void>((told) =>
            stat(path, (...found) => {
              done(...found);
              told();
            }),
          );
        resolve(look);
      });
    });
    await release();
    await looked();
    expect(lost).toEqual([]);
  } finally {
    await removeFolder(folder);
  }
});
