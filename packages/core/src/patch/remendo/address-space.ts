/**
 * All bases one after the other, then all targets one after the other, as far as they are made: what references of a
 * patch point into. Bases are read through a small cache, targets from where they were written.
 */
import type { ByteSource } from '../../bytes/byte-source.js';
import { BaseWindow } from '../base-window.js';
import type { PatchTarget } from '../patch-codec.js';
import { patchInvalid } from './patch-invalid.js';

export class AddressSpace {
  /** Of all bases together: the address of the first target's first byte. */
  readonly baseBytes: number;
  readonly targetBytes: number;
  readonly #bases: BaseWindow;
  /** Bytes of targets that are written. */
  #made = 0;
  #targetIndex = 0;
  #targetStart = 0;

  constructor(
    bases: readonly ByteSource[],
    private readonly targets: readonly PatchTarget[],
  ) {
    const joined = joinSources(bases);
    this.#bases = new BaseWindow(joined);
    this.baseBytes = joined.bytes;
    this.targetBytes = targets.reduce((sum, target) => sum + target.bytes, 0);
  }

  /** The address after the last byte that can be read. */
  get madeUpTo(): number {
    return this.baseBytes + this.#made;
  }

  /** Fills `into` from `address` on, when all of it is in memory; false, and nothing promised, when it is not. */
  readKept(address: number, into: Uint8Array): boolean {
    if (address + into.length > this.baseBytes) return false;
    for (let filled = 0; filled < into.length; ) {
      const view = this.#bases.kept(address + filled);
      if (view === null) return false;
      const part = view.length > into.length - filled ? view.subarray(0, into.length - filled) : view;
      into.set(part, filled);
      filled += part.length;
    }
    return true;
  }

  /** Fills `into` from `address` on. All of it must have been made. */
  async read(address: number, into: Uint8Array): Promise<void> {
    let filled = 0;
    while (filled < into.length && address + filled < this.baseBytes) {
      const view = await this.#bases.at(address + filled);
      const part = view.length > into.length - filled ? view.subarray(0, into.length - filled) : view;
      into.set(part, filled);
      filled += part.length;
    }
    if (filled < into.length) await this.#readTargets(address + filled - this.baseBytes, into.subarray(filled));
  }

  async #readTargets(offset: number, into: Uint8Array): Promise<void> {
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

  /** Writes what comes next, split where one target ends and the next begins. */
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

/** Sources one after the other as one source. */
function joinSources(sources: readonly ByteSource[]): ByteSource {
  const [only] = sources;
  if (only !== undefined && sources.length === 1) return only;
  let bytes = 0;
  const starts = sources.map((source) => {
    bytes += source.bytes;
    return bytes - source.bytes;
  });
  /** The last source that starts at or before the offset and is not over there. */
  const indexOf = (offset: number): number => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  };
  return {
    bytes,
    async read(offset, into) {
      let filled = 0;
      for (let index = indexOf(offset); index < sources.length && filled < into.length; index++) {
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
