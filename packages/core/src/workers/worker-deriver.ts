/** Derivations in worker threads. */
import type { DeriveJob } from './derive-contents.js';
import type { Deriver } from './deriver.js';
import { workerCrew } from './worker-crew.js';
import type { WorkerLoader } from './worker-loader.js';

/** What one worker may use, and what is reckoned for it when workers are counted. */
export const workerMemoryBytes = 64 * 1024 * 1024;

/** As many as there are cores, at most four, and so few that they stay under a quarter of the free memory; at least one. */
export const workersFor = (machine: { readonly cores: number; readonly freeMemoryBytes: number }): number =>
  Math.max(1, Math.min(4, machine.cores, Math.floor(machine.freeMemoryBytes / 4 / workerMemoryBytes)));

/** @param options.workers threads at the same time; see `workersFor`. */
export function workerDeriver(options: { readonly loader: WorkerLoader; readonly workers: number }): Deriver {
  const crew = workerCrew<DeriveJob>({ ...options, heapBytesMax: workerMemoryBytes, jobName: 'derivation' });
  return { workers: options.workers, derive: (job, signal) => crew.run(job, signal), close: () => crew.close() };
}
