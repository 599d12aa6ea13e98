/**
 * One worker of a terminal and nothing else: starts the library's worker program, gives it the job in a file, and prints
 * the answer, the seconds, and the peak memory of the whole process. Imports nothing, so that what is measured is Node
 * and the worker.
 *
 *     node bench/dist/derive-alone.js JOB.json
 */
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';

const job: unknown = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));
const worker = new Worker(new URL(import.meta.resolve('@remendo/core/derive-worker')));
const start = performance.now();
worker.once('message', (answer: unknown) => {
  const seconds = (performance.now() - start) / 1_000;
  process.stdout.write(JSON.stringify({ answer, seconds, peakBytes: process.resourceUsage().maxRSS * 1024 }));
  void worker.terminate();
});
worker.postMessage({ kind: 'derive', job });
