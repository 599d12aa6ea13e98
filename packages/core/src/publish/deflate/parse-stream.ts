/** Takes a deflate stream apart (RFC 1951) into blocks and tokens. */

export interface StreamBlock {
  /** 0 stored, 1 with the fixed trees, 2 with trees of its own. */
  readonly kind: number;
  readonly isLast: boolean;
  /** Of `tokens`: where the block's begin and end. */
  readonly from: number;
  readonly to: number;
  /** Bytes of a stored block. */
  readonly storedBytes: number;
  /** Its own trees as they are in the stream, from the first byte's lowest bit on. */
  readonly trees: Uint8Array;
}

export interface ParsedStream {
  /** A distance above a length in 16 bits; or a literal above 0. Stored blocks have none. */
  readonly tokens: Uint32Array;
  readonly blocks: readonly StreamBlock[];
}

const lengthBase = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
const lengthExtra = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const distanceBase = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385,
  24577,
];
const distanceExtra = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];
const lengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/**
 * @param compressed exactly one stream.
 * @param plainBytes how many bytes it stands for.
 * @returns null when it is no such stream, or not written as usual (bytes behind it, fill bits that are not zero).
 */
export function parseStream(compressed: Uint8Array, plainBytes: number): ParsedStream | null {
  const parser = new StreamParser(compressed, plainBytes);
  return parser.parse() ? { tokens: parser.tokens.subarray(0, parser.tokenCount), blocks: parser.blocks } : null;
}

class StreamParser {
  readonly blocks: StreamBlock[] = [];
  tokens = new Uint32Array(4096);
  tokenCount = 0;
  #plain = 0;
  readonly #bits: BitReader;

  constructor(
    compressed: Uint8Array,
    private readonly plainBytes: number,
  ) {
    this.#bits = new BitReader(compressed);
  }

  parse(): boolean {
    for (let isLast = false; !isLast; ) {
      isLast = this.#bits.take(1) === 1;
      if (!this.#block(this.#bits.take(2), isLast) || this.#bits.isOver) return false;
    }
    return this.#bits.align() && this.#bits.isAtEnd && this.#plain === this.plainBytes;
  }

  #block(kind: number, isLast: boolean): boolean {
    const block = { kind, isLast, from: this.tokenCount, storedBytes: 0, trees: noBytes };
    if (kind === 0) {
      const bytes = this.#stored();
      if (bytes === null) return false;
      this.blocks.push({ ...block, to: this.tokenCount, storedBytes: bytes });
      return true;
    }
    const start = this.#bits.position;
    const trees = kind === 1 ? fixedTrees : kind === 2 ? readTrees(this.#bits) : null;
    if (trees === null) return false;
    const bits = kind === 2 ? this.#bits.copy(start, this.#bits.position) : noBytes;
    if (!this.#readTokens(trees)) return false;
    this.blocks.push({ ...block, to: this.tokenCount, trees: bits });
    return true;
  }

  /** @returns how many bytes are stored; null when they are not. */
  #stored(): number | null {
    if (!this.#bits.align()) return null;
    const bytes = this.#bits.take(16);
    if ((bytes ^ this.#bits.take(16)) !== 0xffff || !this.#bits.skipBytes(bytes)) return null;
    this.#plain += bytes;
    return bytes;
  }

  #readTokens({ literals, distances }: Trees): boolean {
    const bits = this.#bits;
    for (;;) {
      const symbol = literals.read(bits);
      if (symbol === 256) return true;
      if (symbol < 0 || this.#plain > this.plainBytes || bits.isOver) return false;
      if (symbol < 256) {
        this.#add(symbol << 16, 1);
        continue;
      }
      const length = (lengthBase[symbol - 257] ?? 0) + bits.take(lengthExtra[symbol - 257] ?? 0);
      const code = distances.read(bits);
      const distance = (distanceBase[code] ?? 0) + bits.take(distanceExtra[code] ?? 0);
      if (length === 0 || distance === 0 || distance > this.#plain) return false;
      // The longest length has a code of its own; by the other one it could not be told from it.
      if (symbol === 284 && length === 258) return false;
      this.#add(((distance << 16) | length) >>> 0, length);
    }
  }

  #add(token: number, bytes: number): void {
    if (this.tokenCount === this.tokens.length) {
      const more = new Uint32Array(this.tokenCount * 2);
      more.set(this.tokens);
      this.tokens = more;
    }
    this.tokens[this.tokenCount++] = token;
    this.#plain += bytes;
  }
}

const noBytes = new Uint8Array();

/** Bits from a byte's lowest on. Behind the end it gives zeros. */
class BitReader {
  #next = 0;
  #held = 0;
  #count = 0;

  constructor(private readonly bytes: Uint8Array) {}

  /** Whether more was taken than there is. */
  get isOver(): boolean {
    return this.#next - (this.#count >> 3) > this.bytes.length;
  }

  get isAtEnd(): boolean {
    return this.#count === 0 && this.#next === this.bytes.length;
  }

  /** In bits. */
  get position(): number {
    return this.#next * 8 - this.#count;
  }

  /** At least 16 bits are there to be looked at. */
  peek(): number {
    while (this.#count < 16) {
      this.#held |= (this.bytes[this.#next++] ?? 0) << this.#count;
      this.#count += 8;
    }
    return this.#held;
  }

  drop(count: number): void {
    this.#held >>>= count;
    this.#count -= count;
  }

  /** At most 16 bits. */
  take(count: number): number {
    const value = this.peek() & ((1 << count) - 1);
    this.drop(count);
    return value;
  }

  /** Goes on at the next whole byte. False when the bits in between are not zero. */
  align(): boolean {
    const isZero = this.take(this.#count & 7) === 0;
    this.#next -= this.#count >> 3;
    this.#held = 0;
    this.#count = 0;
    return isZero;
  }

  /** Only at a whole byte. */
  skipBytes(count: number): boolean {
    this.#next -= this.#count >> 3;
    this.#held = 0;
    this.#count = 0;
    this.#next += count;
    return this.#next <= this.bytes.length;
  }

  /** Bits from one position up to another, as bytes. */
  copy(start: number, end: number): Uint8Array {
    const copy = new Uint8Array((end - start + 7) >> 3);
    for (let bit = start; bit < end; bit++) {
      const set = ((this.bytes[bit >> 3] ?? 0) >> (bit & 7)) & 1;
      const at = (bit - start) >> 3;
      copy[at] = (copy[at] ?? 0) | (set << ((bit - start) & 7));
    }
    return copy;
  }
}

interface Trees {
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

const fixedTrees: Trees = {
  literals: new Codes(Array.from({ length: 288 }, (_, n) => (n < 144 ? 8 : n < 256 ? 9 : n < 280 ? 7 : 8))),
  distances: new Codes(new Array<number>(30).fill(5)),
};

function readTrees(bits: BitReader): Trees | null {
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
