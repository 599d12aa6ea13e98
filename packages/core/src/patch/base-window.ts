/**
 * The base in blocks, the ones used last kept: patches of text jump about in small steps, and a read of the file for
 * each would take most of the time. At most 2 MiB.
 */
import type { ByteSource } from '../bytes/byte-source.js';
import { UpdaterError } from '../errors.js';

const blockBytes = 32 * 1024;
const blocksMax = 64;

export class BaseWindow {
  /** By index; a map keeps the order of use. */
  readonly #blocks = new Map<number, Uint8Array>();
  #newest = -1;

  constructor(private readonly base: ByteSource) {}

  get bytes(): number {
    return this.base.bytes;
  }

  /**
   * The base from `offset` (inside it) to the end of a block: at least one byte. A view that holds until the next call.
   * @throws PATCH_BASE_MISMATCH when the source ends before its announced end.
   */
  async at(offset: number): Promise<Uint8Array> {
    const kept = this.kept(offset);
    if (kept !== null) return kept;
    const index = Math.floor(offset / blockBytes);
    this.#blocks.set(index, await this.#load(index));
    return this.kept(offset) as Uint8Array;
  }

  /** The same without reading; null when the block is not in memory. */
  kept(offset: number): Uint8Array | null {
    const index = Math.floor(offset / blockBytes);
    const block = this.#blocks.get(index);
    if (block === undefined) return null;
    if (index !== this.#newest) {
      this.#blocks.delete(index);
      this.#blocks.set(index, block);
      this.#newest = index;
    }
    return block.subarray(offset - index * blockBytes, Math.min(blockBytes, this.base.bytes - index * blockBytes));
  }

  async #load(index: number): Promise<Uint8Array> {
    const block = this.#takeBuffer();
    const wanted = Math.min(blockBytes, this.base.bytes - index * blockBytes);
    if ((await this.base.read(index * blockBytes, block.subarray(0, wanted))) < wanted) {
      throw new UpdaterError('PATCH_BASE_MISMATCH', 'The base is shorter than it was when the patch was started.');
    }
    return block;
  }

  /** A new one, or that of the block whose use is longest ago. */
  #takeBuffer(): Uint8Array {
    const oldest = this.#blocks.size < blocksMax ? undefined : this.#blocks.entries().next().value;
    if (oldest === undefined) return new Uint8Array(Math.min(blockBytes, this.base.bytes));
    this.#blocks.delete(oldest[0]);
    return oldest[1];
  }
}
