/** What both of the twin's byte models know: the targets as far as they are made, and where they said the same before. */

const matchBytesMin = 6;
const matchBytesCompared = 40;
const matchBytesMax = 65_535;

export class MadeBytes {
  readonly bytes: Uint8Array;
  /** How many are made. */
  position = 0;
  /** The byte to come is expected to be the one here, as long as `matchLength` is not 0. */
  matchAt = 0;
  matchLength = 0;
  readonly #window: number;
  readonly #hashShift: number;
  /** Where bytes like the last six were met last; 0 for nowhere. */
  readonly #places: Uint32Array;

  constructor(bytes: number, windowBits: number) {
    this.bytes = new Uint8Array(bytes);
    this.#window = 2 ** windowBits;
    const placeBits = windowBits > 20 ? 18 : windowBits - 2;
    this.#hashShift = 32 - placeBits;
    this.#places = new Uint32Array(2 ** placeBits);
  }

  /** The byte so far back, 1 for the last one; 0 before the first. */
  back(distance: number): number {
    return this.bytes[this.position - distance] ?? 0;
  }

  /** The last bytes as one number, the last one lowest. */
  last(count: 1 | 2 | 3 | 4): number {
    let value = 0;
    for (let distance = count; distance > 0; distance--) value = (value << 8) | this.back(distance);
    return value >>> 0;
  }

  append(byte: number): void {
    this.bytes[this.position] = byte;
    this.position += 1;
  }

  /** After a copied byte; its place is remembered at every so many of them. */
  endMatch(every: number): void {
    this.matchLength = 0;
    if (this.position % every === 0) this.#places[this.#placeIndex()] = this.position;
  }

  /** After a new byte, before it is appended: does the match go on? */
  followMatch(byte: number): void {
    if (this.matchLength === 0) return;
    const goesOn = this.bytes[this.matchAt] === byte;
    this.matchLength = goesOn ? Math.min(matchBytesMax, this.matchLength + 1) : 0;
    if (goesOn) this.matchAt += 1;
  }

  /** After a new byte was appended. */
  findMatch(): void {
    const index = this.#placeIndex();
    const candidate = this.#places[index] as number;
    this.#places[index] = this.position;
    if (this.matchLength > 0 || candidate === 0 || this.position - candidate >= this.#window - 65) return;
    const length = this.#equalBefore(candidate);
    if (length < matchBytesMin) return;
    this.matchLength = length;
    this.matchAt = candidate;
  }

  #equalBefore(candidate: number): number {
    const max = Math.min(matchBytesCompared, candidate);
    let length = 0;
    while (length < max && this.bytes[candidate - 1 - length] === this.back(1 + length)) length++;
    return length;
  }

  #placeIndex(): number {
    const before = (this.back(6) << 8) | this.back(5);
    const mixed = Math.imul(this.last(4), 0x2f0b4c47) ^ Math.imul(before, 0x9e3779b1);
    return Math.imul(mixed, 0x85ebca77) >>> this.#hashShift;
  }
}
