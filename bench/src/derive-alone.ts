/**
 * One worker of a terminal and nothing else: starts the library's worker program, gives it the jobs in a file one after
 * the other, and prints the answer of the first that failed, or of the last, the seconds, and the peak memory of the whole
 * process. Imports next to nothing, so that what is measured is Node and the worker; the seconds are those of the
 * jobs, without the worker's start.
 *
 *     node bench/dist/derive-alone.js JOBS.json
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { measured } from './report/usage.js';

const jobs = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as readonly object[];
// With the heap that a terminal gives it.
const options = { resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 } };
const worker = new Worker(new URL(import.meta.resolve('@remendo/core/derive-worker')), options);

async function derive(job: object): Promise<{ readonly ok: boolean }> {
  worker.postMessage({ kind: 'run', job });
  const [answer] = (await once(worker, 'message')) as [{ ok: boolean }];
  return answer;
}

// Answered, with a refusal, as soon as the worker's program is loaded.
await derive({});
let answer = { ok: true };
const usage = await measured(async () => {
  for (const job of jobs) if (answer.ok) answer = await derive(job);
});
process.stdout.write(JSON.stringify({ answer, usage }));
await worker.terminate();
