/** The folder that everything of the server lies in: keys, the embedded database with digests of every secret, releases. */
import { chmod, mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { FastifyBaseLogger } from 'fastify';

const nobodyElse = 0o700;

/**
 * The folder is there afterwards. One that was not is the server's user's alone; of one that others can look into the log
 * warns: who made it may have had a reason. Where files have no modes (Windows) it is as the folder above.
 */
export async function makeDataFolder(folder: string, log: FastifyBaseLogger): Promise<void> {
  // Those above are as the system makes them.
  await mkdir(dirname(resolve(folder)), { recursive: true });
  const isMade = await mkdir(folder, { mode: nobodyElse }).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false;
      throw error;
    },
  );
  if (process.platform === 'win32') return;
  // Whatever the umask says, which may take rights from the owner too.
  if (isMade) return chmod(folder, nobodyElse);
  const mode = (await stat(folder)).mode & 0o777;
  if ((mode & ~nobodyElse) === 0) return;
  log.warn(
    { event: 'data_folder_open', folder, mode: mode.toString(8) },
    `other users of this machine can look into the data folder; chmod 700 ${folder} keeps them out`,
  );
}
