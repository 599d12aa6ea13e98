/**
 * Derivations in worker threads: a few threads, each with one job at a time and a heap of its own, so that a patch that
 * breaks its decoder costs one job. Threads are started when they are first needed and again after one died.
 */
import type { Worker } from 'node:worker_threads';
import pLimit from 'p-limit';
import { type ErrorCode, type ErrorDetails, UpdaterError } from '../errors.js';
import type { DeriveJob } from './derive-contents.js';
import type { Deriver } from './deriver.js';
import type { WorkerLoader } from './worker-loader.js';

export type JobRequest = { readonly kind: 'derive'; readonly job: DeriveJob } | { readonly kind: 'abort' };
export type JobAnswer =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: ErrorCode | null; readonly message: string; readonly details: ErrorDetails };

/** What one worker may use, and what is reckoned for it when workers are counted. */
export const workerMemoryBytes = 64 * 1024 * 1024;

/** As many as there are cores, at most four, and so few that they stay under a quarter of the free memory; at least one. */
export const workersFor = (machine: { readonly cores: number; readonly freeMemoryBytes: number }): number =>
  Math.max(1, Math.min(4, machine.cores, Math.floor(machine.freeMemoryBytes / 4 / workerMemoryBytes)));

/** @param options.workers threads at the same time; see `workersFor`. */
export function workerDeriver(options: { readonly loader: WorkerLoader; readonly workers: number }): Deriver {
  const crew = new WorkerCrew(options.loader);
  const limit = pLimit(options.workers);
  return {
    workers: options.workers,
    derive: (job, signal) =>
      limit(async () => {
        signal?.throwIfAborted();
        const worker = crew.take();
        try {
          await runJob(worker, job, signal);
        } catch (error) {
          throw crew.isClosed ? closedError(error) : error;
        } finally {
          crew.giveBack(worker);
        }
      }),
    close: () => crew.close(),
  };
}

const closedError = (cause?: unknown): Error => new Error('the workers were closed', { cause });

/** The threads that are alive, and which of them have nothing to do. */
class WorkerCrew {
  readonly #alive = new Set<Worker>();
  readonly #idle: Worker[] = [];
  #closed = false;

  constructor(private readonly loader: WorkerLoader) {}

  get isClosed(): boolean {
    return this.#closed;
  }

  take(): Worker {
    if (this.#closed) throw closedError();
    for (let worker = this.#idle.pop(); worker !== undefined; worker = this.#idle.pop()) {
      if (this.#alive.has(worker)) return worker;
    }
    return this.#start();
  }

  giveBack(worker: Worker): void {
    if (this.#alive.has(worker)) this.#idle.push(worker);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#alive].map((worker) => worker.terminate()));
  }

  #start(): Worker {
    const worker = this.loader.start({ resourceLimits: { maxOldGenerationSizeMb: workerMemoryBytes / 2 ** 20 } });
    worker.unref();
    this.#alive.add(worker);
    // An 'error' nobody listens to would end the process: this listener stays for the worker's life.
    for (const end of ['error', 'exit']) worker.on(end, () => this.#alive.delete(worker));
    return worker;
  }
}

/** Settles with the worker's answer; the worker is idle again afterwards unless this rejects because it died. */
function runJob(worker: Worker, job: DeriveJob, signal?: AbortSignal): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const post = (request: JobRequest): void => worker.postMessage(request);
    const abort = (): void => post({ kind: 'abort' });
    const died = (cause?: unknown): void =>
      settle(() => reject(new UpdaterError('PATCH_INVALID', 'the worker died of this derivation', { cause })));
    const exited = (code: number): void => died(new Error(`exit code ${code}`));
    const settle = (how: () => void): void => {
      worker.off('message', answered).off('error', died).off('exit', exited);
      signal?.removeEventListener('abort', abort);
      worker.unref();
      how();
    };
    const answered = (answer: JobAnswer): void =>
      settle(() => {
        if (answer.ok) resolve();
        else if (signal?.aborted === true) reject(signal.reason);
        else if (answer.code === null) reject(new Error(answer.message));
        else reject(new UpdaterError(answer.code, answer.message, { details: answer.details }));
      });
    worker.ref();
    worker.on('message', answered).once('error', died).once('exit', exited);
    signal?.addEventListener('abort', abort, { once: true });
    post({ kind: 'derive', job });
  });
}
