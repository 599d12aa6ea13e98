/**
 * One server to a data folder. The lock is a directory whose time is renewed while its holder lives (proper-lockfile);
 * who holds it stands beside it, so that a living holder is refused at once and a dead one's lock is waited out.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { UpdaterError } from '@remendo/core';
import lockfile from 'proper-lockfile';

/** After this long without a sign of life a lock is taken over. */
const staleMs = 5_000;

/**
 * @param onLost called when the lock was taken away (the machine slept): stop at once, another server may be writing.
 * @returns a function that gives the lock back.
 * @throws UpdaterError SERVER_DATA_LOCKED when another living process holds it.
 */
export async function lockDataFolder(folder: string, onLost: (error: Error) => void): Promise<() => Promise<void>> {
  const deadline = Date.now() + 3 * staleMs;
  for (;;) {
    const release = await tryLock(folder, onLost);
    if (release !== null) {
      await writeFile(join(folder, 'lock.pid'), `${process.pid}\n`);
      return release;
    }
    const holder = await holderOf(folder);
    if (Date.now() > deadline || (holder !== null && isAlive(holder))) {
      throw new UpdaterError(
        'SERVER_DATA_LOCKED',
        `another server${holder === null ? '' : ` (process ${holder})`} works on ${folder}`,
        {
          details: { folder, ...(holder === null ? {} : { process: holder }) },
        },
      );
    }
    await wait(250);
  }
}

async function tryLock(folder: string, onLost: (error: Error) => void): Promise<(() => Promise<void>) | null> {
  let isGivenBack = false;
  try {
    const giveBack = await lockfile.lock(folder, {
      lockfilePath: join(folder, 'lock'),
      stale: staleMs,
      update: 1_000,
      // A look at the lock that is under way while it is given back finds none, and takes that for a loss.
      onCompromised: (error) => {
        if (!isGivenBack) onLost(error);
      },
    });
    return () => {
      isGivenBack = true;
      return giveBack();
    };
  } catch (error) {
    if ((error as { code?: string }).code === 'ELOCKED') return null;
    throw new UpdaterError('STORAGE_FAILED', `${folder} can not be locked`, { cause: error });
  }
}

async function holderOf(folder: string): Promise<number | null> {
  const text = await readFile(join(folder, 'lock.pid'), 'utf8').catch(() => '');
  const pid = Number.parseInt(text, 10);
  return Number.isSafeInteger(pid) && pid > 0 ? pid : null;
}

function isAlive(pid: number): boolean {
  // In a container every server has the same number: then it tells nothing, and the lock's age decides.
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM';
  }
}
