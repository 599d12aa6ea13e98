import { Worker, type WorkerOptions } from 'node:worker_threads';

/** A program that lies in a module of its own. Alone in this file: single executables have another in its place. */
export const urlWorkerLoader = (program: URL) => ({ start: (options: WorkerOptions) => new Worker(program, options) });
