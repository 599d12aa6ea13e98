import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** What has arrived below an install root and is not in place yet. */
export async function downloadedBytes(root: string): Promise<number> {
  const folder = join(root, '.remendo', 'downloads');
  const names = await readdir(folder).catch((): string[] => []);
  // A file that is complete by now has another name.
  const sizes = names.map((name) =>
    stat(join(folder, name)).then(
      ({ size }) => size,
      () => 0,
    ),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
