import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Runs `use` with a new empty folder beside `path`, on the same volume, so that what is made there can be renamed to
 * `path`. The folder is gone afterwards, however it ends. Missing parents of `path` are made.
 */
export async function withScratchFolder<T>(path: string, use: (folder: string) => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const folder = await mkdtemp(`${path}.partial-`);
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
