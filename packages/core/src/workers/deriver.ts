import type { FileSystem } from '../file-system/file-system.js';
import { type DeriveJob, deriveContents } from './derive-contents.js';

/** Carries out derivations, several at a time where it can. */
export interface Deriver {
  /** How many jobs it works on at the same time; more wait. */
  readonly workers: number;
  /** Settles when the job's targets are on disk and proved, or with the job's UpdaterError. */
  derive(job: DeriveJob, signal?: AbortSignal): Promise<void>;
  /** Ends its workers; jobs that are running fail. */
  close(): Promise<void>;
}

/** On the calling thread, on any file system: one job at a time in effect, since decoding computes. */
export function inlineDeriver(fileSystem: FileSystem): Deriver {
  return { workers: 1, derive: (job, signal) => deriveContents(fileSystem, job, signal), close: async () => {} };
}
