import type { Tx } from '../database/open-database.js';
import type { JobKind, JobQueue } from './job-queue.js';

/** A build that failed is tried again after 2, 4, 8, … seconds; after this many it is rejected. */
export const attemptsMax = 5;

/**
 * Says that a delta is there to be built; which one is taken is decided when a worker is free. A build has a lease of its
 * own (see `claim-delta.ts`) that frees a killed server's work; the job's time is only the last resort.
 */
export const buildDeltaKind: JobKind<{ readonly deltaId: number }> = {
  name: 'build-delta',
  isKeyed: true,
  retriesMax: attemptsMax,
  secondsMax: 82_800,
};

export const enqueueDelta = (queue: JobQueue, tx: Tx, deltaId: number): Promise<void> =>
  queue.enqueue(tx, buildDeltaKind, { deltaId }, { key: String(deltaId) });
