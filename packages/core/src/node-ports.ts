import { randomUUID } from 'node:crypto';
import type { Clock, Random } from './ports.js';

/** What a timer of Node takes at most; a longer sleep ends early, as any sleeper has to expect. */
const timerMsMax = 2 ** 31 - 1;

/** The clock of this machine. */
export const nodeClock = (): Clock => ({
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const wake = (): void => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(
        () => {
          signal?.removeEventListener('abort', wake);
          resolve();
        },
        Math.min(Math.max(ms, 0), timerMsMax),
      );
      signal?.addEventListener('abort', wake, { once: true });
    }),
});

/** Randomness that is good enough for names and jitter, not for keys. */
export const nodeRandom = (): Random => ({ id: () => randomUUID(), fraction: () => Math.random() });
