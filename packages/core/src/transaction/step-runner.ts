import type { StepCommand, StepProcess } from './journal-record.js';

export interface StepEnd {
  /** Null: it ended with exit code 0 in its time. Else one sentence. */
  readonly failure: string | null;
  /** The end of what it wrote, printable, at most `limits.stepOutputCharactersMax` characters. */
  readonly output: string;
  readonly durationMs: number;
}

export interface StepRunOptions {
  /** Awaited before the step's end is told: the program runs already. */
  readonly onStarted: (process: StepProcess) => Promise<void>;
  /** Ends the program, and everything it started. */
  readonly signal?: AbortSignal;
}

/** Runs the commands of steps: the program itself, without a shell between. */
export interface StepRunner {
  /** Never rejects, but for what `onStarted` throws; the program is ended then. One that takes longer than its time limit is ended. */
  run(command: StepCommand, options: StepRunOptions): Promise<StepEnd>;
  /** Ends a step's program, and what it started, when it still runs: the updater that started it was killed. */
  end(process: StepProcess): Promise<void>;
}
