/**
 * Bits of a `ByteSource`, most significant first, through one buffer. Filling is asynchronous and reading is not: who
 * reads calls `fill` for as many bytes as the next piece of work can take at most, and then works without waiting.
 *
 * Reading past the end of the source is allowed for a moment (the buffer has slack behind it) and found by `assertInside`:
 * the hot loop checks once per group of symbols, not once per bit.
 */
import type { ByteSource } from '../../bytes/byte-source.js';
import { patchInvalid } from './patch-invalid.js';

const bufferBytesMax = 64 * 1024;
/** More than one group of symbols may read beyond the end before it is checked. */
const slackBytes = 256;
/** Bits are loaded until no whole byte fits: so many bytes may be loaded before they are asked for. */
const loadAheadBytes = 4;

export class BitInput {
  readonly buffer: Uint8Array;
  /** Next byte of `buffer` to load. Public, as `bits` and `bitCount` are, for the one hot loop that keeps them in locals. */
  position = 0;
  /** Loaded bits, left-justified in 32. */
  bits = 0;
  bitCount = 0;

  #end = 0;
  #sourceOffset = 0;
  #exhausted: boolean;

  /** @param name of the stream, for messages. */
  constructor(
    private readonly source: ByteSource,
    readonly name: string,
  ) {
    this.buffer = new Uint8Array(Math.min(bufferBytesMax, source.bytes) + slackBytes);
    this.#exhausted = source.bytes === 0;
  }

  /** True when `bytes` more can be read without filling, or when there is nothing left to fill with. */
  isReady(bytes: number): boolean {
    return this.#exhausted || this.#end - this.position >= bytes + loadAheadBytes;
  }

  /** Makes `isReady(bytes)` true. @param bytes at most 48 KiB. */
  async fill(bytes: number): Promise<void> {
    while (!this.isReady(bytes)) {
      this.buffer.copyWithin(0, this.position, this.#end);
      this.#end -= this.position;
      this.position = 0;
      const count = await this.source.read(this.#sourceOffset, this.buffer.subarray(this.#end, this.buffer.length - slackBytes));
      this.#end += count;
      this.#sourceOffset += count;
      this.#exhausted = count === 0 || this.#sourceOffset >= this.source.bytes;
    }
  }

  /** The next `count` (1…24) bits as an unsigned number. @throws PATCH_INVALID at the end of the source. */
  read(count: number): number {
    while (this.bitCount <= 24) {
      this.bits |= (this.buffer[this.position++] as number) << (24 - this.bitCount);
      this.bitCount += 8;
    }
    const value = this.bits >>> (32 - count);
    this.bits <<= count;
    this.bitCount -= count;
    this.assertInside();
    return value;
  }

  /** 48 bits: the marks between blocks. */
  readMark(): number {
    return this.read(24) * 2 ** 24 + this.read(24);
  }

  /** 32 bits, signed, as the CRC functions have them. */
  readCrc(): number {
    return (this.read(16) << 16) | this.read(16);
  }

  /** @throws PATCH_INVALID when more bits were taken than the source has. */
  assertInside(): void {
    if (this.position - (this.bitCount >> 3) > this.#end) throw patchInvalid(`the ${this.name} stream is cut off`);
  }

  /** Whole bytes that were not read; the bits that pad the last byte read do not count. Call after `fill(1)`. */
  unreadBytes(): number {
    return (this.bitCount >> 3) + (this.#end - this.position) + (this.source.bytes - this.#sourceOffset);
  }
}
