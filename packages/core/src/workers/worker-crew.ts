/**
 * Jobs in worker threads: a few threads, each with one job at a time and a heap of its own, so that a job that breaks its
 * thread costs that job only. Threads are started when they are first needed and again after one died.
 */
import type { Worker } from 'node:worker_threads';
import pLimit from 'p-limit';
import { type ErrorCode, type ErrorDetails, UpdaterError } from '../errors.js';
import type { WorkerLoader } from './worker-loader.js';

/** Short-lived objects are few: a small space for them keeps a thread's memory low. */
const youngMiB = 4;

export type JobRequest<Job> = { readonly kind: 'run'; readonly job: Job } | { readonly kind: 'abort' };
export type JobAnswer<Result> =
  | { readonly ok: true; readonly result: Result }
  | { readonly ok: false; readonly code: ErrorCode | null; readonly message: string; readonly details: ErrorDetails };

export interface WorkerCrewOptions {
  readonly loader: WorkerLoader;
  /** Threads at the same time. */
  readonly workers: number;
  /** What a thread's own heap may be; memory of kernels and buffers does not count. */
  readonly heapBytesMax: number;
  /** What a job is called when its thread dies of it: "derivation". */
  readonly jobName: string;
}

export interface WorkerCrew<Job, Result> {
  /** Settles when the job is done, with what it is to tell, or with its UpdaterError; PATCH_INVALID when its thread died. */
  run(job: Job, signal?: AbortSignal): Promise<Result>;
  /** Ends the threads; jobs that are running fail. */
  close(): Promise<void>;
}

export function workerCrew<Job, Result = void>(options: WorkerCrewOptions): WorkerCrew<Job, Result> {
  const threads = new Threads(options);
  const limit = pLimit(options.workers);
  return {
    run: (job, signal) =>
      limit(async () => {
        signal?.throwIfAborted();
        const worker = threads.take();
        try {
          return await runJob<Job, Result>(worker, { job, name: options.jobName }, signal);
        } catch (error) {
          throw threads.isClosed ? closedError(error) : error;
        } finally {
          threads.giveBack(worker);
        }
      }),
    close: () => threads.close(),
  };
}

const closedError = (cause?: unknown): Error => new Error('the workers were closed', { cause });

/** The threads that are alive, and which of them have nothing to do. */
class Threads {
  readonly #alive = new Set<Worker>();
  readonly #idle: Worker[] = [];
  #closed = false;

  constructor(private readonly options: WorkerCrewOptions) {}

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
    const { loader, heapBytesMax } = this.options;
    const worker = loader.start({
      resourceLimits: { maxOldGenerationSizeMb: heapBytesMax / 2 ** 20, maxYoungGenerationSizeMb: youngMiB },
    });
    worker.unref();
    this.#alive.add(worker);
    // An 'error' nobody listens to would end the process: this listener stays for the worker's life.
    for (const end of ['error', 'exit']) worker.on(end, () => this.#alive.delete(worker));
    return worker;
  }
}

/** Settles with the worker's answer; the worker is idle again afterwards unless this rejects because it died. */
function runJob<Job, Result>(
  worker: Worker,
  { job, name }: { readonly job: Job; readonly name: string },
  signal?: AbortSignal,
): Promise<Result> {
  return new Promise<Result>((resolve, reject) => {
    const post = (request: JobRequest<Job>): void => worker.postMessage(request);
    const abort = (): void => post({ kind: 'abort' });
    const died = (cause?: unknown): void =>
      settle(() => reject(new UpdaterError('PATCH_INVALID', `the worker died of this ${name}`, { cause })));
    const exited = (code: number): void => died(new Error(`exit code ${code}`));
    const settle = (how: () => void): void => {
      worker.off('message', answered).off('error', died).off('exit', exited);
      signal?.removeEventListener('abort', abort);
      worker.unref();
      how();
    };
    const answered = (answer: JobAnswer<Result>): void =>
      settle(() => {
        if (answer.ok) resolve(answer.result);
        else if (signal?.aborted === true) reject(signal.reason);
        else if (answer.code === null) reject(new Error(answer.message));
        else reject(new UpdaterError(answer.code, answer.message, { details: answer.details }));
      });
    worker.ref();
    worker.on('message', answered).once('error', died).once('exit', exited);
    signal?.addEventListener('abort', abort, { once: true });
    post({ kind: 'run', job });
  });
}
