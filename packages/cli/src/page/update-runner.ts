/** Updates that the page asks for: one at a time, in the background, as `install --yes` does them. */
import { isUpdaterError } from '@remendo/core';
import { Interrupted } from '../exit-codes.js';
import { refused } from './guard-page.js';
import type { UpdateBody, UpdateState } from './page-schemas.js';

/** @returns the command's result, as JSON has it. */
export type RunUpdate = (asked: NonNullable<UpdateBody>) => Promise<Readonly<Record<string, unknown>>>;

export interface UpdateRunner {
  /** @throws a refusal with status 409 while one is running, or when the program is ending. */
  start(asked: NonNullable<UpdateBody>): UpdateState;
  state(): UpdateState;
  /** Resolves when none is running. Never rejects. */
  settled(): Promise<void>;
}

export interface UpdateRunnerOptions {
  readonly run: RunUpdate;
  /** Aborts the update that is running, where it can be; none begins afterwards. */
  readonly signal: AbortSignal;
  readonly now: () => Date;
  /** Told when one begins and when it has ended. */
  readonly onChange: (state: UpdateState) => void;
}

const idle: UpdateState = {
  state: 'idle',
  asked_version: null,
  started_at: null,
  ended_at: null,
  outcome: null,
  version: null,
  code: null,
  message: null,
};

export function openUpdateRunner({ run, signal, now, onChange }: UpdateRunnerOptions): UpdateRunner {
  let state = idle;
  let running: Promise<void> = Promise.resolve();
  const enter = (next: UpdateState): void => {
    state = next;
    onChange(next);
  };
  const runToEnd = async (asked: NonNullable<UpdateBody>): Promise<void> => {
    const end = await run(asked).then(endOfResult, endOfFailure);
    enter({ ...state, ...end, state: 'ended', ended_at: now().toISOString() });
  };
  return {
    start(asked) {
      if (state.state === 'running') throw refused(409, 'TRANSACTION_LOCKED', 'an update is running');
      if (signal.aborted) throw refused(409, 'TRANSACTION_LOCKED', 'the update manager is ending');
      enter({ ...idle, state: 'running', asked_version: asked.version ?? null, started_at: now().toISOString() });
      const started = state;
      running = runToEnd(asked);
      return started;
    },
    state: () => state,
    settled: () => running,
  };
}

type End = Pick<UpdateState, 'outcome' | 'version' | 'code' | 'message'>;

function endOfResult({ outcome, version, reason }: Readonly<Record<string, unknown>>): End {
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  return { outcome: text(outcome), version: text(version), code: null, message: text(reason) };
}

function endOfFailure(error: unknown): End {
  const message = error instanceof Error ? error.message : String(error);
  const outcome = error instanceof Interrupted ? 'interrupted' : 'failed';
  return { outcome, version: null, code: isUpdaterError(error) ? error.code : null, message };
}
