import { setTimeout as sleep } from 'node:timers/promises';

/** A token bucket holds this much of a second, so that small answers come at once. */
const burstMs = 100;

/**
 * A terminal's link: bytes come no faster than it carries. What the machine's own buffers have taken already is read
 * later, so that the server sees a slow reader only for what does not fit into them.
 */
export class Link {
  #fullAt = 0;

  /** @param bytesPerSecond null: as fast as it comes. */
  constructor(readonly bytesPerSecond: number | null) {}

  /** Resolves when the bytes are through. */
  async carry(bytes: number, signal: AbortSignal): Promise<void> {
    if (this.bytesPerSecond === null) return;
    const now = performance.now();
    this.#fullAt = Math.max(this.#fullAt, now - burstMs) + (bytes / this.bytesPerSecond) * 1_000;
    const waitMs = this.#fullAt - now;
    if (waitMs >= 1) await sleep(waitMs, undefined, { signal });
  }
}
