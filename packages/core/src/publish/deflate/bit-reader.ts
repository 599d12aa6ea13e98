/** Bits from a byte's lowest on. Behind the end it gives zeros. */
export class BitReader {
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
