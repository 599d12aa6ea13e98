/** Blocks in memory, 12 bytes each. */
import type { Block } from './patch-blocks.js';

const blockNumbers = 3;

export class BlockList implements Iterable<Block> {
  #numbers = new Uint32Array(1024 * blockNumbers);
  #length = 0;

  get count(): number {
    return this.#length / blockNumbers;
  }

  push({ copied, reference, fresh }: Block): void {
    if (this.#length === this.#numbers.length) {
      const grown = new Uint32Array(this.#length * 2);
      grown.set(this.#numbers);
      this.#numbers = grown;
    }
    this.#numbers[this.#length++] = copied;
    this.#numbers[this.#length++] = reference;
    this.#numbers[this.#length++] = fresh;
  }

  *[Symbol.iterator](): Generator<Block, void, undefined> {
    for (let at = 0; at < this.#length; at += blockNumbers) {
      const [copied = 0, reference = 0, fresh = 0] = this.#numbers.subarray(at, at + blockNumbers);
      yield { copied, reference, fresh };
    }
  }
}
