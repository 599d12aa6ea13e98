/**
 * The IDAT chunks of a PNG (RFC 2083, sections 3.2 and 4.1.3): one zlib stream (RFC 1950) in pieces, each with a length in
 * front, most significant byte first, its name, and a CRC-32 of name and piece behind it.
 */
import { crc32 } from 'node:zlib';

export const chunkFrameBytes = 12;
export const zlibHeaderBytes = 2;
const name = Uint8Array.of(0x49, 0x44, 0x41, 0x54);

/** The length of the IDAT chunk that begins with these eight bytes; null when it is another chunk. */
export function idatBytes(start: Uint8Array): number | null {
  if (start.length < 8 || name.some((byte, index) => start[4 + index] !== byte)) return null;
  return new DataView(start.buffer, start.byteOffset).getUint32(0);
}

/** Puts chunks around a stream; of `chunkBytes` each, but the last. */
export class IdatCutter {
  readonly #chunk: Uint8Array;
  #filled = 0;

  constructor(chunkBytes: number) {
    this.#chunk = new Uint8Array(chunkBytes + chunkFrameBytes);
    this.#chunk.set(name, 4);
  }

  /** Views that hold until the next one. */
  *write(part: Uint8Array): Generator<Uint8Array, void, undefined> {
    const room = this.#chunk.length - chunkFrameBytes;
    for (let done = 0; done < part.length; ) {
      if (this.#filled === room) yield this.#framed();
      const piece = part.subarray(done, done + room - this.#filled);
      this.#chunk.set(piece, 8 + this.#filled);
      this.#filled += piece.length;
      done += piece.length;
    }
  }

  /** The last chunk, if there is anything for it. */
  *end(): Generator<Uint8Array, void, undefined> {
    if (this.#filled > 0) yield this.#framed();
  }

  #framed(): Uint8Array {
    const view = new DataView(this.#chunk.buffer);
    view.setUint32(0, this.#filled);
    view.setUint32(8 + this.#filled, crc32(this.#chunk.subarray(4, 8 + this.#filled)));
    const framed = this.#chunk.subarray(0, this.#filled + chunkFrameBytes);
    this.#filled = 0;
    return framed;
  }
}

/** Before sums have to be taken modulo 65,521 again: so many bytes never make one above 2^32. */
const adlerBytes = 5_552;

/** @param before of what came before; 1 at the start. */
export function adler32(bytes: Uint8Array, before = 1): number {
  let low = before & 0xffff;
  let high = before >>> 16;
  for (let at = 0; at < bytes.length; ) {
    for (const end = Math.min(bytes.length, at + adlerBytes); at < end; at++) {
      low += bytes[at] as number;
      high += low;
    }
    low %= 65_521;
    high %= 65_521;
  }
  return ((high << 16) | low) >>> 0;
}
