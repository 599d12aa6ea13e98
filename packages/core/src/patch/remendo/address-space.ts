/**
 * All bases one after the other, then all targets one after the other, as far as they are made: what references of a
 * patch point into. Bases are read through a small cache, targets from where they were written.
 */
import type { ByteSource } from '../../bytes/byte-source.js';
import { BaseWindow } from '../base-window.js';
import { JoinedTargets, joinSources } from '../joined-files.js';
import type { PatchTarget } from '../patch-codec.js';

export class AddressSpace {
  /** Of all bases together: the address of the first target's first byte. */
  readonly baseBytes: number;
  readonly targetBytes: number;
  readonly #bases: BaseWindow;
  readonly #targets: JoinedTargets;

  constructor(bases: readonly ByteSource[], targets: readonly PatchTarget[]) {
    const joined = joinSources(bases);
    this.#bases = new BaseWindow(joined);
    this.#targets = new JoinedTargets(targets);
    this.baseBytes = joined.bytes;
    this.targetBytes = this.#targets.bytes;
  }

  /** The address after the last byte that can be read. */
  get madeUpTo(): number {
    return this.baseBytes + this.#targets.made;
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
    if (filled < into.length) await this.#targets.read(address + filled - this.baseBytes, into.subarray(filled));
  }

  /** Writes what comes next, split where one target ends and the next begins. */
  write(chunk: Uint8Array): Promise<void> {
    return this.#targets.write(chunk);
  }
}
