/** The arithmetic decoder of the compact profile's streams, and the numbers coded with it. */
import { Chances, clampChance } from './remendo-twin-chances.js';

export class BinaryDecoder {
  #low = 0;
  #high = 0xffff_ffff;
  #value = 0;
  #read = 0;

  constructor(private readonly stream: Uint8Array) {
    for (let index = 0; index < 4; index++) this.#takeByte();
  }

  /** @param chance of a 1, in 1/65536. */
  bit(chance: number): number {
    const range = this.#high - this.#low;
    const middle = this.#low + (range >>> 16) * chance + (((range & 0xffff) * chance) >>> 16);
    const bit = this.#value <= middle ? 1 : 0;
    if (bit === 1) this.#high = middle;
    else this.#low = middle + 1;
    while (this.#low >>> 24 === this.#high >>> 24) {
      this.#low = (this.#low << 8) >>> 0;
      this.#high = ((this.#high << 8) | 255) >>> 0;
      this.#takeByte();
    }
    return bit;
  }

  /** A bit by the chance at an index, which learns from it. */
  learntBit(chances: Chances, index: number, usesMax: number): number {
    const bit = this.bit(clampChance(chances.chance(index)));
    chances.learn(index, bit, usesMax);
    return bit;
  }

  /** @throws when the stream has bytes that were not asked for, or more than three were asked for that it does not have. */
  end(): void {
    const over = this.#read - this.stream.length;
    if (over < 0 || over > 3) throw new Error(`a stream of ${this.stream.length} bytes was read to ${this.#read}`);
  }

  #takeByte(): void {
    this.#value = ((this.#value << 8) | (this.stream[this.#read++] ?? 0)) >>> 0;
  }
}

/** What numbers are for: each kind learns for itself. */
export const numberKind = {
  copied: 0,
  fresh: 1,
  referenceKind: 2,
  forwards: 3,
  backwards: 4,
  calmChunks: 8,
  isLess: 9,
  fieldDistance: 10,
  isWholeWord: 11,
  word: 12,
} as const;

const kinds = 13;
const contexts = 16;
const lengthUsesMax = 60;
const digitUsesMax = 120;

export const bitLength = (value: number): number => 32 - Math.clz32(value);
/** 0 … 15: how long the number was that another depends on. */
export const lengthContext = (value: number): number => Math.min(15, bitLength(value));

/** Numbers below 2^32: how many bits they have, then the bits below the highest. */
export class NumberModel {
  readonly #lengths = new Chances({ count: kinds * contexts * 64 });
  readonly #digits = new Chances({ count: kinds * 33 * 16 });

  read(decoder: BinaryDecoder, kind: number, context: number): number {
    let node = 1;
    while (node < 64) node = node * 2 + decoder.learntBit(this.#lengths, (kind * contexts + context) * 64 + node, lengthUsesMax);
    const length = Math.min(32, node - 64);
    if (length === 0) return 0;
    let value = 1;
    for (let left = length - 1; left > 0; left--) {
      // The first four digits have chances of their own, the others are even.
      const bit =
        value < 16 ? decoder.learntBit(this.#digits, (kind * 33 + length) * 16 + value, digitUsesMax) : decoder.bit(32_768);
      value = value * 2 + bit;
    }
    return value;
  }
}
