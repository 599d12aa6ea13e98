/**
 * The words that a loader changes when it puts a program elsewhere in memory: they hold addresses for certain. Format:
 * Microsoft, "PE Format", the .reloc section: blocks of a page's address, the block's length and its entries of 16 bits.
 */
import { FoundReferences } from './found-references.js';
import type { Image } from './images.js';
import { forms } from './word-forms.js';

/** Absolute addresses of 32 and of 64 bits. */
const wordTypes = [3, 10];

export class RelocatedWords {
  /** Addresses among all bases, in order. */
  readonly #words: Uint32Array;
  readonly #merged = new FoundReferences();

  /** @param tables of images, as `Image.relocations` says where. Whatever they hold: what is not possible is left out. */
  constructor(tables: readonly { readonly image: Image; readonly bytes: Uint8Array }[]) {
    // Each word has an entry of two bytes.
    const words = new Uint32Array(tables.reduce((sum, { bytes }) => sum + (bytes.length >> 1), 0));
    let count = 0;
    for (const { image, bytes } of tables) count = readTable(image, bytes, { words, count });
    this.#words = words.slice(0, count).sort();
  }

  /** Those of a part among what was found there otherwise, in order; what they overlap gives way. Holds until the next call. */
  merge(
    part: { readonly image: Image; readonly address: number; readonly bytes: Uint8Array },
    others: FoundReferences,
  ): FoundReferences {
    const first = this.#firstFrom(part.address);
    const end = part.address + part.bytes.length - 4;
    if (first === this.#words.length || (this.#words[first] as number) > end) return others;
    const view = new DataView(part.bytes.buffer, part.bytes.byteOffset, part.bytes.byteLength);
    const found = this.#merged;
    found.clear();
    let other = 0;
    let free = 0;
    const addOthersBefore = (limit: number): void => {
      for (; other < others.count && (others.at[other] as number) < limit; other++) {
        const at = others.at[other] as number;
        if (at < free || at + 4 > limit) continue;
        found.add(at, others.form[other] as number, others.leadsTo[other] as number, others.bias[other] as number);
        free = at + 4;
      }
    };
    for (let index = first; index < this.#words.length && (this.#words[index] as number) <= end; index++) {
      const at = (this.#words[index] as number) - part.address;
      addOthersBefore(at);
      if (at < free) continue;
      found.add(at, forms.absolute, (view.getUint32(at, true) - part.image.imageBase) >>> 0, 0);
      free = at + 4;
    }
    addOthersBefore(Number.POSITIVE_INFINITY);
    return found;
  }

  #firstFrom(address: number): number {
    let low = 0;
    let high = this.#words.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#words[middle] as number) < address) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Returns how many words there are afterwards. */
function readTable(image: Image, bytes: Uint8Array, into: { readonly words: Uint32Array; readonly count: number }): number {
  let { count } = into;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let p = 0; p + 8 <= bytes.length; ) {
    const page = view.getUint32(p, true);
    const blockBytes = view.getUint32(p + 4, true);
    if (blockBytes < 8 || p + blockBytes > bytes.length) return count;
    for (let at = p + 8; at + 2 <= p + blockBytes; at += 2) {
      const entry = view.getUint16(at, true);
      if (!wordTypes.includes(entry >> 12)) continue;
      const memory = page + (entry & 0xfff);
      const region = image.regions.find((one) => memory >= one.memory && memory - one.memory + 4 <= one.bytes);
      if (region !== undefined) into.words[count++] = region.address + memory - region.memory;
    }
    p += blockBytes;
  }
  return count;
}
