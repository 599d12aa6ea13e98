import { Worker, type WorkerOptions } from 'node:worker_threads';

/**
 * Starts the thread that `derive-worker.js` is the program of. Where that program lies is known only to the one who
 * packed it: beside this file in an ordinary install, in an asset of a single executable.
 */
export interface WorkerLoader {
  start(options: WorkerOptions): Worker;
}

/** For an ordinary install of the package. */
export function moduleWorkerLoader(): WorkerLoader {
  return { start: (options) => new Worker(new URL('./derive-worker.js', import.meta.url), options) };
}

/**
 * For one bundle without files of its own: the worker's program as text in CommonJS, made by a bundler from
 * `@remendo/core/derive-worker`, from wherever the bundle keeps it.
 */
export function textWorkerLoader(program: string): WorkerLoader {
  return { start: (options) => new Worker(program, { ...options, eval: true }) };
}
