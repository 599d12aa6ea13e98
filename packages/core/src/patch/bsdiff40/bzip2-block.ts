/**
 * One block of a bzip2 stream: parsed, Huffman-decoded, moved to front and chained for the inverse Burrows–Wheeler
 * transform. What comes out is the block before its first run-length coding is undone: at most level × 100,000 bytes,
 * read one by one along the chain by `Bzip2Reader`.
 *
 *     bits      name            meaning
 *     24        origin          which rotation is the block itself
 *     16        map             which of the 16 ranges of 16 byte values are in use
 *     16 each   map             which values of such a range are in use
 *     3         tables          2…6 Huffman codes
 *     15        selectors       number of groups of 50 symbols, 1…18,002
 *     1…6 each  selector        unary place in a move-to-front list of the tables
 *     per table 5 bits length of the first symbol's code word, then per symbol: 10 one longer, 11 one shorter, 0 as it is
 *     rest      symbols         0 and 1 are digits of a run of the front byte, the last one ends the block
 *
 * Every field is checked before it is used as an index or a size. There is no public specification: this follows
 * libbzip2 1.0.8 (decompress.c) in what is legal, and refuses beyond it what no encoder of this century writes.
 */
import type { BitInput } from './bit-input.js';
import { codeBitsMax, HuffmanTables, rootBits, tablesMax } from './huffman-tables.js';
import { patchInvalid } from './patch-invalid.js';

/** ⌈900,000 / 50⌉ and two: what libbzip2 calls BZ_MAX_SELECTORS. */
const selectorsMax = 18_002;
const groupSymbols = 50;
/** 50 words of 20 bits. */
const groupBytesMax = 125;
/** Map, selectors and six tables whose every symbol takes the most steps: a bit over 23 KiB. */
const blockHeaderBytesMax = 32 * 1024;
/** From any length to any other; an encoder never turns back on its way. */
const lengthStepsMax = codeBitsMax - 1;
const chainEntriesStart = 16 * 1024;

export class Bzip2Block {
  /** byte | next index << 8 after `link`; grows with what a block needs, so that small patches stay small. */
  chain = new Uint32Array(chainEntriesStart);
  /** Bytes in the block. */
  length = 0;

  #origin = 0;
  #alphabet = 0;
  #group = 0;
  #groups = 0;
  #run = 0;
  #runDigit = 1;
  readonly #selectors = new Uint8Array(selectorsMax);
  readonly #tables = new HuffmanTables();
  /** The move-to-front list. */
  readonly #order = new Uint8Array(256);
  readonly #counts = new Uint32Array(256);

  /** @param lengthMax level × 100,000. */
  constructor(private readonly lengthMax: number) {}

  /** Decodes what follows the block's CRC, up to and with its end. */
  async decode(input: BitInput): Promise<void> {
    await input.fill(blockHeaderBytesMax);
    this.#readHeader(input);
    while (!this.#decodeGroups(input)) await input.fill(blockHeaderBytesMax);
    if (this.#origin >= this.length) throw patchInvalid(`a block of the ${input.name} stream starts outside itself`);
    this.#link();
  }

  /** Where the chain starts: the index of the block's first byte. */
  get first(): number {
    return (this.chain[this.#origin] as number) >>> 8;
  }

  #readHeader(input: BitInput): void {
    this.#origin = input.read(24);
    this.#alphabet = this.#readMap(input) + 2;
    const tables = input.read(3);
    if (tables < 2 || tables > tablesMax) throw patchInvalid(`a block has ${tables} Huffman tables`);
    this.#readSelectors(input, tables);
    for (let table = 0; table < tables; table++) this.#tables.build(table, this.#readLengths(input));
    this.length = 0;
    this.#group = 0;
    this.#run = 0;
    this.#runDigit = 1;
    this.#counts.fill(0);
  }

  /** Puts the byte values in use into the move-to-front list. @returns how many there are. */
  #readMap(input: BitInput): number {
    const ranges = input.read(16);
    let count = 0;
    for (let range = 0; range < 16; range++) {
      if ((ranges & (0x8000 >>> range)) === 0) continue;
      const values = input.read(16);
      for (let value = 0; value < 16; value++) {
        if ((values & (0x8000 >>> value)) !== 0) this.#order[count++] = range * 16 + value;
      }
    }
    if (count === 0) throw patchInvalid('a block uses no byte values');
    return count;
  }

  #readSelectors(input: BitInput, tables: number): void {
    this.#groups = input.read(15);
    if (this.#groups < 1 || this.#groups > selectorsMax) throw patchInvalid(`a block has ${this.#groups} selectors`);
    const order = [0, 1, 2, 3, 4, 5];
    for (let group = 0; group < this.#groups; group++) {
      let place = 0;
      while (input.read(1) === 1) {
        if (++place >= tables) throw patchInvalid('a selector names a table that is not there');
      }
      const table = order[place] as number;
      order.copyWithin(1, 0, place);
      order[0] = table;
      this.#selectors[group] = table;
    }
  }

  #readLengths(input: BitInput): Uint8Array {
    const lengths = new Uint8Array(this.#alphabet);
    let length = input.read(5);
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      for (let steps = 0; input.read(1) === 1; steps++) {
        if (steps === lengthStepsMax) throw patchInvalid('the length of a Huffman code word goes to and fro');
        length += input.read(1) === 0 ? 1 : -1;
      }
      if (length < 1 || length > codeBitsMax) throw patchInvalid(`a Huffman code word has ${length} bits`);
      lengths[symbol] = length;
    }
    return lengths;
  }

  /** @returns true at the end of the block, false when the input has to be filled. */
  #decodeGroups(input: BitInput): boolean {
    while (input.isReady(groupBytesMax)) {
      if (this.#group === this.#groups) throw patchInvalid('a block has more symbols than selectors');
      const ended = this.#decodeGroup(input, this.#selectors[this.#group++] as number);
      input.assertInside();
      if (ended) return true;
    }
    return false;
  }

  /** The hot loop: 50 symbols, or fewer when the block ends. */
  #decodeGroup(input: BitInput, table: number): boolean {
    const { buffer } = input;
    const { roots } = this.#tables;
    const root = table << rootBits;
    const end = this.#alphabet - 1;
    let { position, bits, bitCount } = input;
    let ended = false;
    for (let left = groupSymbols; left > 0; left--) {
      while (bitCount <= 24) {
        bits |= (buffer[position++] as number) << (24 - bitCount);
        bitCount += 8;
      }
      let entry = roots[root + (bits >>> (32 - rootBits))] as number;
      if (entry === 0) entry = this.#tables.longEntry(table, bits >>> (32 - codeBitsMax));
      bits <<= entry & 31;
      bitCount -= entry & 31;
      const symbol = entry >>> 5;
      if (symbol < 2) {
        this.#addRunDigit(symbol);
        continue;
      }
      if (this.#run > 0) this.#endRun();
      if (symbol === end) {
        ended = true;
        break;
      }
      this.#push(symbol - 1);
    }
    input.position = position;
    input.bits = bits;
    input.bitCount = bitCount;
    return ended;
  }

  /** A run's length is written in digits 1 and 2 of base two, the lowest first. */
  #addRunDigit(digit: number): void {
    this.#run += this.#runDigit << digit;
    this.#runDigit <<= 1;
    if (this.#run > this.lengthMax - this.length) throw patchInvalid('a block is longer than its level allows');
  }

  #endRun(): void {
    const length = this.length + this.#run;
    if (length > this.chain.length) this.#grow(length);
    const byte = this.#order[0] as number;
    this.chain.fill(byte, this.length, length);
    this.#counts[byte] = (this.#counts[byte] as number) + this.#run;
    this.length = length;
    this.#run = 0;
    this.#runDigit = 1;
  }

  /** Adds the byte at a place of the move-to-front list, and moves it. */
  #push(place: number): void {
    const order = this.#order;
    const byte = order[place] as number;
    if (place < 24) for (let at = place; at > 0; at--) order[at] = order[at - 1] as number;
    else order.copyWithin(1, 0, place);
    order[0] = byte;
    if (this.length === this.chain.length) this.#grow(this.length + 1);
    this.chain[this.length++] = byte;
    this.#counts[byte] = (this.#counts[byte] as number) + 1;
  }

  #grow(length: number): void {
    if (length > this.lengthMax) throw patchInvalid('a block is longer than its level allows');
    const grown = new Uint32Array(Math.min(this.lengthMax, Math.max(length, this.chain.length * 2)));
    grown.set(this.chain.subarray(0, this.length));
    this.chain = grown;
  }

  /** The inverse transform: entry i of the sorted column gets the index of the byte that follows it. */
  #link(): void {
    const { chain, length } = this;
    const counts = this.#counts;
    let sum = 0;
    for (let byte = 0; byte < 256; byte++) {
      const count = counts[byte] as number;
      counts[byte] = sum;
      sum += count;
    }
    for (let index = 0; index < length; index++) {
      const byte = (chain[index] as number) & 255;
      const sorted = counts[byte] as number;
      counts[byte] = sorted + 1;
      chain[sorted] = (chain[sorted] as number) | (index << 8);
    }
  }
}
