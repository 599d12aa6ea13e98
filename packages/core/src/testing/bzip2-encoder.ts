/**
 * A bzip2 encoder for tests: plain, deterministic, streaming, and decodable by any bzip2. It sorts by prefix doubling,
 * so that blocks of one repeated byte are no trouble, and codes all symbols with nearly equally long words: long runs
 * shrink to nothing, everything else to about its size.
 */
import { bzip2CrcCombine, bzip2CrcStart, bzip2CrcUpdate } from '../patch/bsdiff40/bzip2-crc.js';

const groupSymbols = 50;
const runMax = 259;

export interface Bzip2EncoderOptions {
  /** 1…9: a block holds at most level × 100,000 bytes (default 9). */
  readonly level?: number;
  /** Smaller blocks than the level allows; at least 5. */
  readonly blockBytesMax?: number;
  /** Lengths of the code words by symbol, a complete prefix code of 1…20 bits (default: nearly equal). */
  readonly codeLengths?: (alphabet: number) => readonly number[];
}

/** Words of two neighbouring lengths, the shorter first. */
export function flatCodeLengths(alphabet: number): readonly number[] {
  const bits = Math.ceil(Math.log2(alphabet));
  const shorter = 2 ** bits - alphabet;
  return Array.from({ length: alphabet }, (_, symbol) => (symbol < shorter ? bits - 1 : bits));
}

/** `write` any number of chunks, then `finish` once. */
export class Bzip2Encoder {
  readonly #out = new BitOutput();
  readonly #block: Uint8Array;
  /** The run as it was, for its CRC. */
  readonly #runBytes = new Uint8Array(runMax);
  readonly #codeLengths: (alphabet: number) => readonly number[];
  #length = 0;
  #blockCrc = bzip2CrcStart;
  #streamCrc = 0;
  #byte = -1;
  #run = 0;

  constructor(options: Bzip2EncoderOptions = {}) {
    const level = options.level ?? 9;
    this.#block = new Uint8Array(Math.min(level * 100_000, options.blockBytesMax ?? Number.POSITIVE_INFINITY));
    this.#codeLengths = options.codeLengths ?? flatCodeLengths;
    this.#out.put(0x425a68, 24);
    this.#out.put(0x30 + level, 8);
  }

  write(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      const byte = chunk[at] as number;
      let end = at + 1;
      while (end < chunk.length && chunk[end] === byte) end++;
      this.#addRun(byte, end - at);
      at = end;
    }
  }

  finish(): Uint8Array {
    this.#endBlock();
    this.#out.putMark(0x177245385090);
    this.#out.putCrc(this.#streamCrc);
    return this.#out.toBuffer();
  }

  #addRun(byte: number, count: number): void {
    let left = count;
    while (left > 0) {
      if (byte !== this.#byte || this.#run === runMax) this.#endRun();
      this.#byte = byte;
      const taken = Math.min(left, runMax - this.#run);
      this.#run += taken;
      left -= taken;
    }
  }

  /** Writes the run into the block: up to three bytes as they are, four and a count for more. */
  #endRun(): void {
    if (this.#run === 0) return;
    if (this.#length + 5 > this.#block.length) this.#closeBlock();
    const plain = Math.min(this.#run, 4);
    this.#block.fill(this.#byte, this.#length, this.#length + plain);
    this.#length += plain;
    if (plain === 4) this.#block[this.#length++] = this.#run - 4;
    this.#runBytes.fill(this.#byte, 0, this.#run);
    this.#blockCrc = bzip2CrcUpdate(this.#blockCrc, this.#runBytes.subarray(0, this.#run));
    this.#run = 0;
  }

  #endBlock(): void {
    this.#endRun();
    if (this.#length > 0) this.#closeBlock();
  }

  #closeBlock(): void {
    const crc = ~this.#blockCrc;
    this.#streamCrc = bzip2CrcCombine(this.#streamCrc, crc);
    this.#out.putMark(0x314159265359);
    this.#out.putCrc(crc);
    this.#out.put(0, 1);
    writeBlock(this.#out, this.#block.subarray(0, this.#length), this.#codeLengths);
    this.#length = 0;
    this.#blockCrc = bzip2CrcStart;
  }
}

/** One buffer in, one stream out. */
export function encodeBzip2(bytes: Uint8Array, options?: Bzip2EncoderOptions): Uint8Array {
  const encoder = new Bzip2Encoder(options);
  encoder.write(bytes);
  return encoder.finish();
}

function writeBlock(out: BitOutput, block: Uint8Array, codeLengths: (alphabet: number) => readonly number[]): void {
  const rotations = sortRotations(block);
  out.put(rotations.indexOf(0), 24);
  const used = [...new Set(block)].sort((a, b) => a - b);
  writeMap(out, used);
  const symbols = moveToFront(block, rotations, used);
  writeTables(out, symbols.length, codeLengths(used.length + 2));
  writeSymbols(out, symbols, codeLengths(used.length + 2));
}

function writeMap(out: BitOutput, used: readonly number[]): void {
  const ranges = new Array<number>(16).fill(0);
  for (const value of used) ranges[value >> 4] = (ranges[value >> 4] ?? 0) | (0x8000 >>> (value & 15));
  out.put(
    ranges.reduce((map, range, index) => (range === 0 ? map : map | (0x8000 >>> index)), 0),
    16,
  );
  for (const range of ranges) if (range !== 0) out.put(range, 16);
}

/** Two equal tables, as the format wants two at least, and selectors that all name the first. */
function writeTables(out: BitOutput, symbols: number, lengths: readonly number[]): void {
  const groups = Math.ceil(symbols / groupSymbols);
  out.put(2, 3);
  out.put(groups, 15);
  for (let group = 0; group < groups; group++) out.put(0, 1);
  for (let table = 0; table < 2; table++) {
    let current = lengths[0] ?? 1;
    out.put(current, 5);
    for (const length of lengths) {
      for (; current < length; current++) out.put(0b10, 2);
      for (; current > length; current--) out.put(0b11, 2);
      out.put(0, 1);
    }
  }
}

function writeSymbols(out: BitOutput, symbols: Uint16Array, lengths: readonly number[]): void {
  const words = new Uint32Array(lengths.length);
  let word = 0;
  for (let bits = 1; bits <= 20; bits++) {
    for (let symbol = 0; symbol < lengths.length; symbol++) if (lengths[symbol] === bits) words[symbol] = word++;
    word *= 2;
  }
  for (const symbol of symbols) out.put(words[symbol] ?? 0, lengths[symbol] ?? 1);
}

/** The last column of the sorted rotations, moved to front, its zeros as run digits, with the end symbol. */
function moveToFront(block: Uint8Array, rotations: Int32Array, used: readonly number[]): Uint16Array {
  const order = Uint8Array.from(used);
  const symbols = new Uint16Array(block.length + 32);
  let count = 0;
  let run = 0;
  const endRun = (): void => {
    for (; run > 0; run = (run - 1) >> 1) symbols[count++] = (run - 1) & 1;
  };
  for (const rotation of rotations) {
    const byte = block[rotation === 0 ? block.length - 1 : rotation - 1] ?? 0;
    const place = order.indexOf(byte);
    if (place === 0) {
      run++;
      continue;
    }
    endRun();
    symbols[count++] = place + 1;
    order.copyWithin(1, 0, place);
    order[0] = byte;
  }
  endRun();
  symbols[count++] = used.length + 1;
  return symbols.subarray(0, count);
}

/** Starts of all rotations in order; equal rotations in any order. Manber and Myers, by counting: n log n for any input. */
function sortRotations(block: Uint8Array): Int32Array {
  const length = block.length;
  let ranks = Int32Array.from(block);
  let sorted = new Int32Array(length);
  let other = new Int32Array(length);
  for (let index = 0; index < length; index++) other[index] = index;
  countingSort(other, ranks, sorted, 256);
  let classes = 0;
  for (let width = 1; ; width *= 2) {
    // Classes of what is equal in its first `width` bytes; the first round has only bytes for ranks.
    const next = new Int32Array(length);
    const half = width === 1 ? 0 : width / 2;
    classes = 0;
    for (let place = 1; place < length; place++) {
      const a = sorted[place - 1] as number;
      const b = sorted[place] as number;
      if (ranks[a] !== ranks[b] || ranks[(a + half) % length] !== ranks[(b + half) % length]) classes++;
      next[b] = classes;
    }
    next[sorted[0] ?? 0] = 0;
    ranks = next;
    if (classes + 1 === length || width >= length) return sorted;
    for (let place = 0; place < length; place++) other[place] = ((sorted[place] as number) - (width % length) + length) % length;
    const target = new Int32Array(length);
    countingSort(other, ranks, target, classes + 1);
    other = sorted;
    sorted = target;
  }
}

/** Stable. @param into gets `items` by the rank of each. */
function countingSort(items: Int32Array, ranks: Int32Array, into: Int32Array, rankCount: number): void {
  const starts = new Int32Array(rankCount + 1);
  for (const rank of ranks) starts[rank + 1] = (starts[rank + 1] as number) + 1;
  for (let rank = 0; rank < rankCount; rank++) starts[rank + 1] = (starts[rank + 1] as number) + (starts[rank] as number);
  for (const item of items) {
    const rank = ranks[item] as number;
    const place = starts[rank] as number;
    into[place] = item;
    starts[rank] = place + 1;
  }
}

/** Bits, most significant first. */
class BitOutput {
  #buffer = new Uint8Array(1024);
  #length = 0;
  #bits = 0;
  #bitCount = 0;

  /** @param count 1…24 */
  put(value: number, count: number): void {
    this.#bits = (this.#bits << count) | value;
    this.#bitCount += count;
    while (this.#bitCount >= 8) {
      this.#bitCount -= 8;
      this.#byte((this.#bits >>> this.#bitCount) & 255);
    }
    this.#bits &= (1 << this.#bitCount) - 1;
  }

  putMark(mark: number): void {
    this.put(Math.floor(mark / 2 ** 24), 24);
    this.put(mark % 2 ** 24, 24);
  }

  putCrc(crc: number): void {
    this.put(crc >>> 16, 16);
    this.put(crc & 0xffff, 16);
  }

  toBuffer(): Uint8Array {
    if (this.#bitCount > 0) this.put(0, 8 - this.#bitCount);
    return this.#buffer.slice(0, this.#length);
  }

  #byte(byte: number): void {
    if (this.#length === this.#buffer.length) {
      const grown = new Uint8Array(this.#buffer.length * 2);
      grown.set(this.#buffer);
      this.#buffer = grown;
    }
    this.#buffer[this.#length++] = byte;
  }
}
