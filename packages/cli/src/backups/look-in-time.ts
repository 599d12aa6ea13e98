/**
 * How long a look may take. A share whose machine is away neither answers nor fails, and what waits for it can not be called
 * back. So a look is given up when nothing has come for some time, and when it takes too long altogether. The time of the
 * operator's own programs does not count: they have a limit of their own.
 */
import type { Clock } from '@remendo/core';

export interface LookTimes {
  readonly clock: Clock;
  /** For how long nothing may come; noticed within twice that. */
  readonly silentMsMax: number;
  readonly msMax: number;
  readonly signal: AbortSignal;
}

/** What a look says of its progress. */
export class Progress {
  #steps = 0;
  readonly #held = new Set<Promise<unknown>>();
  /** The file that is being read; null: none yet. */
  file: string | null = null;

  get steps(): number {
    return this.#steps;
  }

  get isHeld(): boolean {
    return this.#held.size > 0;
  }

  /** Something came. */
  step(): void {
    this.#steps += 1;
  }

  /** What has a limit of its own is waited for. */
  async hold<T>(work: Promise<T>): Promise<T> {
    this.#held.add(work);
    try {
      return await work;
    } finally {
      this.#held.delete(work);
      this.step();
    }
  }

  /** Nothing of that runs any more. */
  async released(): Promise<void> {
    await Promise.allSettled(this.#held);
  }
}

/**
 * @returns what the look gives, or why it was given up: then it may go on for ever, and its signal is aborted. Nothing that was
 *   held runs any more.
 * @throws what it throws, and the signal's reason.
 */
export async function lookInTime<T extends object>(
  progress: Progress,
  times: LookTimes,
  look: (signal: AbortSignal) => Promise<T>,
): Promise<T | 'silent' | 'late'> {
  const over = new AbortController();
  const signal = AbortSignal.any([times.signal, over.signal]);
  const looking = look(signal);
  const watching = watch(progress, { ...times, signal });
  try {
    return await Promise.race([looking, watching]);
  } finally {
    over.abort();
    for (const loser of [looking, watching]) loser.catch(() => undefined);
    await progress.released();
  }
}

/** Counts what it has slept: a clock that is set does not end a look. */
async function watch(progress: Progress, { clock, silentMsMax, msMax, signal }: LookTimes): Promise<'silent' | 'late'> {
  for (let passedMs = 0; ; ) {
    const { steps } = progress;
    const ms = Math.min(silentMsMax, msMax - passedMs);
    await clock.sleep(ms, signal);
    if (progress.isHeld) {
      await progress.released();
      continue;
    }
    passedMs += ms;
    if (passedMs >= msMax) return 'late';
    if (progress.steps === steps) return 'silent';
  }
}
