/** Several files as one: bases that are read one after the other, targets that are written one after the other. */
import type { ByteSource } from '../bytes/byte-source.js';
import type { PatchTarget } from './patch-codec.js';
import { patchInvalid } from './remendo/patch-invalid.js';

/** Sources one after the other as one source. */
export function joinSources(sources: readonly ByteSource[]): ByteSource {
  const [only] = sources;
  if (only !== undefined && sources.length === 1) return only;
  let bytes = 0;
  const starts = sources.map((source) => {
    bytes += source.bytes;
    return bytes - source.bytes;
  });
  return {
    bytes,
    async read(offset, into) {
      let filled = 0;
      for (let index = lastAtOrBefore(starts, offset); index < sources.length && filled < into.length; index++) {
        const source = sources[index];
        if (source === undefined) break;
        const within = offset + filled - (starts[index] ?? 0);
        const wanted = Math.min(into.length - filled, source.bytes - within);
        if (wanted <= 0) continue;
        const count = await source.read(within, into.subarray(filled, filled + wanted));
        filled += count;
        if (count < wanted) break;
      }
      return filled;
    },
  };
}

/** The last of ascending starts that is not above the offset; 0 when all are. */
export function lastAtOrBefore(starts: ArrayLike<number>, offset: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Targets as one: written in order, split where one ends and the next begins; what is written can be read. */
export class JoinedTargets {
  readonly bytes: number;
  /** Bytes that are written. */
  #made = 0;
  #targetIndex = 0;
  #targetStart = 0;

  constructor(private readonly targets: readonly PatchTarget[]) {
    this.bytes = targets.reduce((sum, target) => sum + target.bytes, 0);
  }

  get made(): number {
    return this.#made;
  }

  /** Fills `into` from `offset` on. @throws PATCH_INVALID when not all of it was written. */
  async read(offset: number, into: Uint8Array): Promise<void> {
    let start = 0;
    let filled = 0;
    for (const target of this.targets) {
      const within = offset + filled - start;
      if (filled < into.length && within < target.bytes) {
        const part = into.subarray(filled, Math.min(into.length, filled + target.bytes - within));
        if ((await target.sink.read(within, part)) < part.length) throw patchInvalid('it refers to bytes that were not made');
        filled += part.length;
      }
      start += target.bytes;
    }
  }

  async write(chunk: Uint8Array): Promise<void> {
    for (let done = 0; done < chunk.length; ) {
      const target = this.targets[this.#targetIndex];
      if (target === undefined) throw patchInvalid('it makes more than its targets');
      const room = this.#targetStart + target.bytes - this.#made;
      const part = chunk.subarray(done, done + room);
      if (part.length > 0) await target.sink.write(part);
      done += part.length;
      this.#made += part.length;
      if (part.length < room) continue;
      this.#targetStart += target.bytes;
      this.#targetIndex += 1;
    }
  }
}
