/** The thread that `watchFuzz` starts. */
import { parentPort, workerData } from 'node:worker_threads';
import { type FuzzTarget, fuzzTargets, runFuzz, startCodeCoverage } from '@remendo/core/testing';
import { busyMs, type FuzzJob, InputNote } from './fuzz-watch.js';

const { job, memory } = workerData as { readonly job: FuzzJob; readonly memory: SharedArrayBuffer };
const { seconds, seed, way, runsMax, isTimedByWork = false } = job;
const target = fuzzTargets.find(({ name }) => name === job.target);
if (target === undefined) throw new Error(`there is no target ${job.target}`);

const note = new InputNote(memory);
const noted: FuzzTarget = {
  ...target,
  run(input) {
    note.write(input);
    return target.run(input);
  },
};
const report = await runFuzz(noted, {
  durationMs: seconds * 1_000,
  seed,
  now: isTimedByWork ? busyMs : () => performance.now(),
  busyMs,
  isSteered: way === 'steered',
  ...(way === 'plain' ? {} : { coverage: await startCodeCoverage() }),
  ...(runsMax === undefined ? {} : { runsMax }),
});
parentPort?.postMessage(report);
