import { Worker, type WorkerOptions } from 'node:worker_threads';
import { urlWorkerLoader } from './url-worker-loader.js';

/**
 * Starts threads of one program, such as `derive-worker.js`. Where that program lies is known only to the one who packed
 * it: beside this file in an ordinary install, in an asset of a single executable.
 */
export interface WorkerLoader {
  start(options: WorkerOptions): Worker;
}

/** The program that derives contents, in an ordinary install of the package. */
export const moduleWorkerLoader = (): WorkerLoader => urlWorkerLoader(new URL('./derive-worker.js', import.meta.url));

/**
 * For one bundle without files of its own: the worker's program as text in CommonJS, made by a bundler from
 * `@remendo/core/derive-worker`, from wherever the bundle keeps it.
 */
export function textWorkerLoader(program: string): WorkerLoader {
  return { start: (options) => new Worker(program, { ...options, eval: true }) };
}
