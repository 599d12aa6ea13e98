import type { Clock } from '../ports.js';

export interface ManualClock extends Clock {
  /** Every sleep asked for so far, in milliseconds, in order. */
  readonly sleptMs: readonly number[];
  /** Moves time on and wakes whoever has slept long enough. */
  advance(ms: number): void;
}

/**
 * A clock that moves only when it is told to. Sleeps of less than `waitsFromMs` pass at once and move it on by
 * themselves; longer ones (time-outs, mostly) last until `advance` or their signal ends them. Default: all pass at once.
 */
export function manualClock(waitsFromMs = Number.POSITIVE_INFINITY): ManualClock {
  let nowMs = Date.UTC(2026, 0, 1);
  const sleptMs: number[] = [];
  const sleepers = new Set<{ readonly untilMs: number; wake(): void }>();
  return {
    sleptMs,
    now: () => nowMs,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      sleptMs.push(ms);
      if (ms < waitsFromMs) {
        nowMs += ms;
        return;
      }
      await new Promise<void>((resolve, reject) => {
        const stop = (): void => {
          sleepers.delete(sleeper);
          reject(signal?.reason);
        };
        const wake = (): void => {
          sleepers.delete(sleeper);
          signal?.removeEventListener('abort', stop);
          resolve();
        };
        const sleeper = { untilMs: nowMs + ms, wake };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', stop, { once: true });
      });
    },
    advance(ms) {
      nowMs += ms;
      for (const sleeper of [...sleepers]) if (sleeper.untilMs <= nowMs) sleeper.wake();
    },
  };
}
