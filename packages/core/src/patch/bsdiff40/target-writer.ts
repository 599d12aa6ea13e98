import type { PatchTarget } from '../patch-codec.js';

const chunkBytes = 256 * 1024;

/** Collects a target in chunks of 256 KiB: who makes bytes puts them into `space` and says how many with `advance`. */
export class TargetWriter {
  readonly #chunk: Uint8Array;
  #filled = 0;
  #bytesLeft: number;

  constructor(
    private readonly target: PatchTarget,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.#bytesLeft = target.bytes;
    this.#chunk = new Uint8Array(Math.min(chunkBytes, target.bytes));
  }

  /** Of the target, not yet made. */
  get bytesLeft(): number {
    return this.#bytesLeft;
  }

  /** Where the next bytes go: `bytesMax` of them or fewer, at least one while any are left to make. */
  space(bytesMax: number): Uint8Array {
    return this.#chunk.subarray(this.#filled, Math.min(this.#chunk.length, this.#filled + Math.min(bytesMax, this.#bytesLeft)));
  }

  /** The first `count` bytes of `space` are made. Writes the chunk once it is full or the target complete. */
  async advance(count: number): Promise<void> {
    this.#filled += count;
    this.#bytesLeft -= count;
    if (this.#filled < this.#chunk.length && this.#bytesLeft > 0) return;
    this.signal?.throwIfAborted();
    const filled = this.#filled;
    this.#filled = 0;
    if (filled > 0) await this.target.sink.write(this.#chunk.subarray(0, filled));
  }
}
