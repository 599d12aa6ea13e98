/** Takes a deflate stream apart (RFC 1951) into blocks and tokens. */
import { BitReader } from './bit-reader.js';
import { fixedTrees, readTrees, type Trees } from './stream-trees.js';

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

const lengthBase = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
];
const lengthExtra = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const distanceBase = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289,
  16385, 24577,
];
const distanceExtra = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];

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
