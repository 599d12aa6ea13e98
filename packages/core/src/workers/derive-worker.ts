/** The program of one worker thread: takes jobs one after the other, answers each. */
import { parentPort } from 'node:worker_threads';
import { isUpdaterError } from '../errors.js';
import { nodeFileSystem } from '../file-system/node-file-system.js';
import { deriveContents } from './derive-contents.js';
import type { JobAnswer, JobRequest } from './worker-deriver.js';

const fileSystem = nodeFileSystem();
let running: AbortController | null = null;

async function answer(request: JobRequest & { kind: 'derive' }): Promise<JobAnswer> {
  running = new AbortController();
  try {
    await deriveContents(fileSystem, request.job, running.signal);
    return { ok: true };
  } catch (error) {
    if (isUpdaterError(error)) return { ok: false, code: error.code, message: error.message, details: error.details };
    return { ok: false, code: null, message: error instanceof Error ? error.message : String(error), details: {} };
  } finally {
    running = null;
  }
}

parentPort?.on('message', (request: JobRequest) => {
  if (request.kind === 'abort') running?.abort();
  else void answer(request).then((reply) => parentPort?.postMessage(reply));
});
