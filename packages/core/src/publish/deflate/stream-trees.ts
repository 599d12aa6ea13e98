/** The trees of a deflate stream's blocks. */
import type { BitReader } from './bit-reader.js';

const lengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

export interface Trees {
  readonly literals: Codes;
  readonly distances: Codes;
}

const codeBitsMax = 15;

/** Huffman codes by their lengths, each symbol found by the next 15 bits. */
class Codes {
  /** Of all bits that may come: the symbol, times 16, and how many of the bits are its; 0 where there is none. */
  readonly #table: Uint16Array;
  readonly #bits: number;

  constructor(lengths: readonly number[]) {
    this.#bits = Math.max(1, ...lengths);
    this.#table = new Uint16Array(1 << this.#bits);
    const counts = new Array<number>(codeBitsMax + 1).fill(0);
    for (const length of lengths) if (length > 0) counts[length] = (counts[length] ?? 0) + 1;
    let code = 0;
    const next = counts.map((_, length) => {
      code = length === 0 ? 0 : (code + (length === 1 ? 0 : (counts[length - 1] ?? 0))) << 1;
      return code;
    });
    lengths.forEach((length, symbol) => {
      if (length === 0) return;
      const mine = next[length] ?? 0;
      next[length] = mine + 1;
      this.#enter(symbol, length, mine);
    });
  }

  /** -1 when there is no such code. */
  read(bits: BitReader): number {
    const entry = this.#table[bits.peek() & (this.#table.length - 1)] ?? 0;
    if (entry === 0) return -1;
    bits.drop(entry & 15);
    return entry >> 4;
  }

  #enter(symbol: number, length: number, code: number): void {
    let reversed = 0;
    for (let bit = 0; bit < length; bit++) reversed |= ((code >> bit) & 1) << (length - 1 - bit);
    for (let at = reversed; at < this.#table.length; at += 1 << length) this.#table[at] = (symbol << 4) | length;
  }
}

export const fixedTrees: Trees = {
  literals: new Codes(Array.from({ length: 288 }, (_, n) => (n < 144 ? 8 : n < 256 ? 9 : n < 280 ? 7 : 8))),
  distances: new Codes(new Array<number>(30).fill(5)),
};

/** A block's own trees; null when they are none. */
export function readTrees(bits: BitReader): Trees | null {
  const literals = bits.take(5) + 257;
  const distances = bits.take(5) + 1;
  const count = bits.take(4) + 4;
  if (literals > 286 || distances > 30) return null;
  const ofLengths = new Array<number>(19).fill(0);
  for (const symbol of lengthOrder.slice(0, count)) ofLengths[symbol] = bits.take(3);
  const codes = new Codes(ofLengths);
  const lengths: number[] = [];
  while (lengths.length < literals + distances) {
    const symbol = codes.read(bits);
    if (symbol < 0 || bits.isOver || (symbol === 16 && lengths.length === 0)) return null;
    if (symbol < 16) lengths.push(symbol);
    else {
      const run = symbol === 16 ? 3 + bits.take(2) : symbol === 17 ? 3 + bits.take(3) : 11 + bits.take(7);
      const length = symbol === 16 ? (lengths.at(-1) ?? 0) : 0;
      for (let i = 0; i < run; i++) lengths.push(length);
    }
  }
  if (lengths.length > literals + distances) return null;
  return { literals: new Codes(lengths.slice(0, literals)), distances: new Codes(lengths.slice(literals)) };
}
