/**
 * A token bucket, in the form of a schedule (GCRA, ITU-T I.371): every chunk takes its share of time after the chunk
 * before it, whoever received that. A limit is shared by giving the same one to all downloads.
 */
import type { Clock } from '../ports.js';

export interface BandwidthLimit {
  /** Resolves when `bytes` more may have been received. Called after receiving: not reading on is what slows a sender. */
  take(bytes: number, signal?: AbortSignal): Promise<void>;
}

/** What may come at once after a pause. */
const burstMs = 250;

/** @param bytesPerSecond above 0. */
export function createBandwidthLimit(bytesPerSecond: number, clock: Clock): BandwidthLimit {
  let scheduledMs = Number.NEGATIVE_INFINITY;
  let lastMs = Number.NEGATIVE_INFINITY;
  return {
    async take(bytes, signal) {
      const nowMs = clock.now();
      // Somebody set the clock back: a schedule in what is now the far future would stop every download.
      if (nowMs < lastMs) scheduledMs = nowMs;
      lastMs = nowMs;
      scheduledMs = Math.max(scheduledMs, nowMs - burstMs) + (bytes / bytesPerSecond) * 1_000;
      if (scheduledMs > nowMs) await clock.sleep(scheduledMs - nowMs, signal);
    },
  };
}
