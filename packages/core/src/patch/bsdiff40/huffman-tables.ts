/**
 * Up to six canonical Huffman codes of one bzip2 block, decoded by table: one look-up for codes of up to ten bits, a
 * search by length for the rest. Codes with more words than there is room for are refused; words that a code leaves
 * unused are refused when they are met.
 */
import { patchInvalid } from './patch-invalid.js';

export const tablesMax = 6;
/** RUNA, RUNB, 255 places of the move-to-front list, end of block. */
const alphabetMax = 258;
export const codeBitsMax = 20;

export const rootBits = 10;
const rootEntries = 1 << rootBits;

export class HuffmanTables {
  /** Per table 1,024 entries by the next ten bits: symbol << 5 | code length, or 0 for longer and unused words. */
  readonly roots = new Uint16Array(tablesMax * rootEntries);
  /** Symbols in the order of their code words, per table. */
  readonly #symbols = new Uint16Array(tablesMax * alphabetMax);
  /** First word above the words of this length, left-justified in 20 bits. */
  readonly #limits = new Int32Array(tablesMax * (codeBitsMax + 1));
  /** What to add to a word of this length to get its place in `#symbols`. */
  readonly #offsets = new Int32Array(tablesMax * (codeBitsMax + 1));

  /** Sets one table. @param lengths of each symbol's code word, 1…20. */
  build(table: number, lengths: Uint8Array): void {
    const root = this.roots.subarray(table * rootEntries, (table + 1) * rootEntries).fill(0);
    const symbols = this.#symbols.subarray(table * alphabetMax);
    let word = 0;
    let place = 0;
    for (let bits = 1; bits <= codeBitsMax; bits++) {
      this.#offsets[table * (codeBitsMax + 1) + bits] = place - word;
      for (let symbol = 0; symbol < lengths.length; symbol++) {
        if (lengths[symbol] !== bits) continue;
        symbols[place++] = symbol;
        if (bits <= rootBits) root.fill((symbol << 5) | bits, word << (rootBits - bits), (word + 1) << (rootBits - bits));
        word++;
      }
      if (word > 1 << bits) throw patchInvalid('a Huffman code has too many words');
      this.#limits[table * (codeBitsMax + 1) + bits] = word << (codeBitsMax - bits);
      word <<= 1;
    }
  }

  /** The entry of a word that the root does not know. @param next the next twenty bits. */
  longEntry(table: number, next: number): number {
    const first = table * (codeBitsMax + 1);
    for (let bits = rootBits + 1; bits <= codeBitsMax; bits++) {
      if (next >= (this.#limits[first + bits] as number)) continue;
      const place = (next >>> (codeBitsMax - bits)) + (this.#offsets[first + bits] as number);
      return ((this.#symbols[table * alphabetMax + place] as number) << 5) | bits;
    }
    throw patchInvalid('a Huffman code word is not in use');
  }
}
