import type { MessagePort } from 'node:worker_threads';
import { isUpdaterError } from '../errors.js';
import type { JobAnswer, JobRequest } from './worker-crew.js';

/** The program of one worker thread: takes jobs from its parent one after the other, answers each. */
export function answerJobs<Job, Result = void>(
  port: MessagePort | null,
  perform: (job: Job, signal: AbortSignal) => Promise<Result>,
): void {
  let running: AbortController | null = null;

  async function answer(job: Job): Promise<JobAnswer<Result>> {
    running = new AbortController();
    try {
      return { ok: true, result: await perform(job, running.signal) };
    } catch (error) {
      if (isUpdaterError(error)) return { ok: false, code: error.code, message: error.message, details: error.details };
      return { ok: false, code: null, message: error instanceof Error ? error.message : String(error), details: {} };
    } finally {
      running = null;
    }
  }

  port?.on('message', (request: JobRequest<Job>) => {
    if (request.kind === 'abort') running?.abort();
    else void answer(request.job).then((reply) => port.postMessage(reply));
  });
}
