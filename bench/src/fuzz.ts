/**
 * Feeds every reader of formats from outside with made-up bytes, for so many seconds each:
 *
 *     node bench/dist/fuzz.js [--seconds 10] [--seed n] [--target name]
 *
 * Prints a line for each target and exits with 1 when one of them crashed, took more than five seconds for one input,
 * or grew memory by more than 512 MiB; then also what repeats it. Each target runs in a thread of its own, which notes
 * down every input before it is tried, so that the input is known even when the thread never comes back.
 */
import { randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import {
  type FuzzReport,
  type FuzzTarget,
  fuzzBsdiff40,
  fuzzBsdiff40Control,
  fuzzBzip2,
  fuzzContainedBase,
  fuzzContainerStreams,
  fuzzContainers,
  fuzzDeflate,
  fuzzDeltaFile,
  fuzzDeltaIndex,
  fuzzJournal,
  fuzzManifest,
  fuzzPlanAnswer,
  fuzzReferencedBase,
  fuzzReferenceImages,
  fuzzReferenceMaker,
  fuzzReferencePatch,
  fuzzReleasePath,
  fuzzRemendo,
  fuzzRemendoBlocks,
  fuzzRemendoBytes,
  fuzzRemendoFar,
  fuzzRemendoFast,
  fuzzState,
  fuzzVersionText,
  fuzzZip,
  runFuzz,
} from '@remendo/core/testing';

const targets: readonly FuzzTarget[] = [
  fuzzManifest,
  fuzzReleasePath,
  fuzzVersionText,
  fuzzDeltaIndex,
  fuzzDeltaFile,
  fuzzZip,
  fuzzBsdiff40,
  fuzzBsdiff40Control,
  fuzzBzip2,
  fuzzRemendo,
  fuzzRemendoFar,
  fuzzRemendoBlocks,
  fuzzRemendoBytes,
  fuzzRemendoFast,
  fuzzContainers,
  fuzzContainerStreams,
  fuzzContainedBase,
  fuzzReferenceImages,
  fuzzReferencedBase,
  fuzzReferencePatch,
  fuzzReferenceMaker,
  fuzzDeflate,
  fuzzJournal,
  fuzzState,
  fuzzPlanAnswer,
];

const oneRunMsMax = 5_000;
const memoryGrowthBytesMax = 512 * 1024 * 1024;
const watchEveryMs = 250;

/** The note: run number and length of the input in 32-bit words, then the input, cut at this length. */
const notedBytesMax = 1024 * 1024;
const noteHeaderBytes = 8;

interface Job {
  readonly target: string;
  readonly seconds: number;
  readonly seed: number;
  readonly note: SharedArrayBuffer;
}

/** In the thread: writes each input down before it is tried. */
async function fuzzInThread({ target: name, seconds, seed, note }: Job): Promise<void> {
  const target = targets.find((candidate) => candidate.name === name);
  if (target === undefined) throw new Error(`there is no target ${name}`);
  const header = new Int32Array(note, 0, 2);
  const bytes = new Uint8Array(note, noteHeaderBytes);
  const noted: FuzzTarget = {
    ...target,
    run(input) {
      bytes.set(input.subarray(0, notedBytesMax));
      Atomics.store(header, 1, input.length);
      Atomics.add(header, 0, 1);
      return target.run(input);
    },
  };
  const report = await runFuzz(noted, { durationMs: seconds * 1_000, seed, now: () => performance.now() });
  parentPort?.postMessage(report);
}

type Outcome = { readonly kind: 'done'; readonly report: FuzzReport } | { readonly kind: 'failed'; readonly reason: string };

function watch(job: Job): Promise<Outcome> {
  const header = new Int32Array(job.note, 0, 2);
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: job });
  let run = 0;
  let since = performance.now();
  return new Promise<Outcome>((resolve) => {
    const settle = (outcome: Outcome): void => {
      clearInterval(watching);
      resolve(outcome);
      void worker.terminate();
    };
    const watching = setInterval(() => {
      const now = performance.now();
      const current = Atomics.load(header, 0);
      if (current !== run) [run, since] = [current, now];
      else if (run > 0 && now - since > oneRunMsMax) {
        settle({ kind: 'failed', reason: `run ${run} takes more than ${oneRunMsMax} ms; ${notedInput(job.note)}` });
      }
    }, watchEveryMs);
    worker.once('message', (report: FuzzReport) => settle({ kind: 'done', report }));
    worker.once('error', (error) => settle({ kind: 'failed', reason: `${chain(error)}; ${notedInput(job.note)}` }));
    worker.once('exit', (code) => settle({ kind: 'failed', reason: `the thread ended with ${code}; ${notedInput(job.note)}` }));
  });
}

function chain(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return cause === undefined ? text : `${text}\ncaused by ${chain(cause)}`;
}

function notedInput(note: SharedArrayBuffer): string {
  const length = new Int32Array(note, 0, 2)[1] ?? 0;
  const input = Buffer.from(new Uint8Array(note, noteHeaderBytes, Math.min(length, notedBytesMax)));
  return `input of ${length} bytes in base64: ${input.toString('base64')}`;
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** @returns whether the target stayed within its bounds. */
function print(name: string, outcome: Outcome, repeat: string): boolean {
  if (outcome.kind === 'failed') {
    process.stdout.write(`${name.padEnd(18)} FAILED ${outcome.reason}\n  repeat: ${repeat}\n`);
    return false;
  }
  const { runs, accepted, refused, slowestMs, memoryDeltaBytesMax: atOnce, memoryGrowthBytesMax: growth } = outcome.report;
  const isWithin = slowestMs <= oneRunMsMax && growth <= memoryGrowthBytesMax;
  const columns = [
    name.padEnd(18),
    `${runs} runs`.padStart(15),
    `${accepted} accepted`.padStart(16),
    `${refused} refused`.padStart(15),
    `slowest ${slowestMs.toFixed(1)} ms`.padStart(18),
    `memory by ${mebibytes(growth)}, at once ${mebibytes(atOnce)}`.padStart(40),
  ];
  process.stdout.write(
    `${columns.join('  ')}${isWithin ? '' : `  ABOVE THE LIMIT\n  slowest input: ${outcome.report.slowestInput}\n  repeat: ${repeat}`}\n`,
  );
  return isWithin;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { seconds: { type: 'string' }, seed: { type: 'string' }, target: { type: 'string' } } });
  const seconds = Number(values.seconds ?? 10);
  const seed = Number(values.seed ?? randomInt(2 ** 31));
  const chosen = targets.filter((target) => values.target === undefined || target.name === values.target);
  if (chosen.length === 0 || !(seconds > 0) || !Number.isInteger(seed)) {
    process.stderr.write(`fuzz.js [--seconds n] [--seed n] [--target ${targets.map((target) => target.name).join('|')}]\n`);
    process.exitCode = 2;
    return;
  }
  process.stdout.write(`seed ${seed}, ${seconds} s for each target\n`);
  for (const { name } of chosen) {
    const note = new SharedArrayBuffer(noteHeaderBytes + notedBytesMax);
    const outcome = await watch({ target: name, seconds, seed, note });
    if (!print(name, outcome, `node bench/dist/fuzz.js --target ${name} --seed ${seed} --seconds ${seconds}`)) process.exitCode = 1;
  }
}

if (isMainThread) await main();
else await fuzzInThread(workerData as Job);
