/**
 * Fuzzes one target in a thread of its own, which notes down every input before it is tried, so that the input is known even
 * when the thread never comes back.
 */
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { FuzzReport } from '@remendo/core/testing';

/** Of work, as `busyMs` tells it. */
export const oneRunMsMax = 5_000;
const watchEveryMs = 250;

/** A run that does nothing for so long waits for something that does not come. */
const oneRunWaitMsMax = 120_000;

/** Of processor time that this program took: what a run costs, whatever else the machine does. */
export const busyMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

/** Longer inputs are cut in the note. */
const notedBytesMax = 1024 * 1024;

/** plain: by chance alone · counted: and what is reached is counted · steered: and inputs that reach new code are kept. */
export const fuzzWays = ['plain', 'counted', 'steered'] as const;
export type FuzzWay = (typeof fuzzWays)[number];

export interface FuzzJob {
  readonly target: string;
  readonly seconds: number;
  readonly seed: number;
  readonly way: FuzzWay;
  /** Default: as many as there is time for. */
  readonly runsMax?: number;
  /** Whether the seconds are of processor time (default: of the clock): what else the machine does then changes nothing. */
  readonly isTimedByWork?: boolean;
}

export type FuzzOutcome =
  | { readonly kind: 'done'; readonly report: FuzzReport }
  | { readonly kind: 'failed'; readonly reason: string; readonly input: Uint8Array };

/** The input that is tried now, in memory that both threads see: run number and length in 32-bit words, then its bytes. */
export class InputNote {
  static readonly #headerBytes = 8;
  readonly #header: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(readonly memory = new SharedArrayBuffer(InputNote.#headerBytes + notedBytesMax)) {
    this.#header = new Int32Array(memory, 0, 2);
    this.#bytes = new Uint8Array(memory, InputNote.#headerBytes);
  }

  write(input: Uint8Array): void {
    this.#bytes.set(input.subarray(0, notedBytesMax));
    Atomics.store(this.#header, 1, input.length);
    Atomics.add(this.#header, 0, 1);
  }

  get run(): number {
    return Atomics.load(this.#header, 0);
  }

  get input(): Uint8Array {
    return Uint8Array.from(this.#bytes.subarray(0, Atomics.load(this.#header, 1)));
  }
}

/** Comes back when the time is up, when a run takes more work than `oneRunMsMax`, or when one does nothing any more. */
export function watchFuzz(job: FuzzJob): Promise<FuzzOutcome> {
  const note = new InputNote();
  const thread = fileURLToPath(new URL('fuzz-thread.js', import.meta.url));
  const worker = new Worker(thread, { workerData: { job, memory: note.memory } });
  return new Promise<FuzzOutcome>((resolve) => {
    const settle = (outcome: FuzzOutcome): void => {
      clearInterval(watching);
      resolve(outcome);
      void worker.terminate();
    };
    const fail = (reason: string): void => settle({ kind: 'failed', reason: `run ${note.run}: ${reason}`, input: note.input });
    const watching = watchRuns(note, fail);
    worker.once('message', (report: FuzzReport) => settle({ kind: 'done', report }));
    worker.once('error', (error) => fail(chain(error)));
    worker.once('exit', (code) => fail(`the thread ended with ${code}`));
  });
}

function watchRuns(note: InputNote, onStuck: (reason: string) => void): NodeJS.Timeout {
  let run = 0;
  let [since, busySince] = [performance.now(), busyMs()];
  return setInterval(() => {
    const [now, busy] = [performance.now(), busyMs()];
    if (note.run !== run) [run, since, busySince] = [note.run, now, busy];
    else if (run > 0 && busy - busySince > oneRunMsMax) onStuck(`it takes more than ${oneRunMsMax} ms of work`);
    else if (run > 0 && now - since > oneRunWaitMsMax) onStuck('it waits for something that does not come');
  }, watchEveryMs);
}

function chain(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return cause === undefined ? text : `${text}\ncaused by ${chain(cause)}`;
}
