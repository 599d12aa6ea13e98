/** Who looks at backups: in this process, or in one of its own for each look (look-apart.ts). */
import { lstat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { nodeClock, nodeRandom } from '@remendo/core';
import { type CheckPorts, checkJob } from './check-job.js';
import type { CheckedJob } from './checked-job.js';
import type { BackupJob } from './parse-backups.js';
import type { GoodFile, JobRecord } from './records.js';
import type { VerifyOptions } from './verify-backup.js';

export interface LookOptions {
  readonly again: VerifyOptions['again'];
  readonly signal: AbortSignal;
  /** For how long folder and file may say nothing. */
  readonly silentMsMax: number;
}

export interface Looker {
  /** @throws the signal's reason; any error when the look itself failed. */
  check(job: BackupJob, record: JobRecord, options: LookOptions): Promise<CheckedJob>;
  /** Whether a file of a folder is still as it was; may wait for ever. @throws the signal's reason. */
  isThere(folder: string, file: GoodFile, signal: AbortSignal): Promise<boolean>;
}

/** In this process: a folder that hangs takes one of its threads, for as long as it hangs. */
export const lookerHere = (ports: Partial<Omit<CheckPorts, 'signal'>> = {}): Looker => ({
  check: (job, record, { again, ...options }) => {
    const own = { clock: nodeClock(), random: nodeRandom(), environment: process.env };
    return checkJob(job, record, { ...own, ...ports, ...options }, again);
  },
  isThere: isStillThere,
});

async function isStillThere(folder: string, { name, bytes, modifiedMs }: GoodFile): Promise<boolean> {
  if (isAbsolute(name)) return false;
  const stats = await lstat(join(folder, name)).catch(() => null);
  // A name that is no UTF-8 is remembered as far as it can be read, and can not be looked for by that.
  if (stats === null) return name.includes('\ufffd');
  return stats.isFile() && stats.size === bytes && Math.round(stats.mtimeMs) === modifiedMs;
}
