/** A clock whose timers run by the time that passes, and whose hands can be set. */
import { setImmediate } from 'node:timers/promises';
import type { Host } from '@remendo/core';

export interface VirtualClock {
  readonly clock: Host['clock'];
  /** Time passes: timers fire in their order, and what they start has its turn. */
  pass(ms: number): Promise<void>;
  /** Somebody sets the clock, or the machine sleeps: timers know nothing of it. */
  set(byMs: number): void;
}

export function virtualClock(startMs: number): VirtualClock {
  let passedMs = 0;
  let handsMs = startMs;
  const sleepers = new Set<{ readonly atMs: number; wake(): void }>();
  const clock: Host['clock'] = {
    now: () => handsMs + passedMs,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const stop = (): void => {
          sleepers.delete(sleeper);
          reject(signal?.reason);
        };
        const sleeper = {
          atMs: passedMs + Math.max(0, ms),
          wake() {
            sleepers.delete(sleeper);
            signal?.removeEventListener('abort', stop);
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', stop, { once: true });
      }),
  };
  return {
    clock,
    set(byMs) {
      handsMs += byMs;
    },
    async pass(ms) {
      const untilMs = passedMs + ms;
      for (;;) {
        for (let turn = 0; turn < 4; turn++) await setImmediate();
        const next = [...sleepers].filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
        if (next === undefined) break;
        passedMs = Math.max(passedMs, next.atMs);
        next.wake();
      }
      passedMs = untilMs;
    },
  };
}
