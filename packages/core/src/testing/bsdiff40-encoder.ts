/**
 * Writes BSDIFF40 patches from explicit control triples: legal ones of any size, streaming, and illegal ones as tests
 * need them. It does not look for matches; bsdiff does.
 */
import { Bzip2Encoder, type Bzip2EncoderOptions } from './bzip2-encoder.js';

/** Lengths that tests lie about; what is left out is told truly. */
export interface Bsdiff40HeaderFields {
  readonly controlBytes?: bigint;
  readonly diffBytes?: bigint;
  readonly targetBytes?: bigint;
}

/**
 * `triple`, `diff` and `extra` in any order and any number of times, then `finish` once. The three streams are
 * independent: nothing checks that the bytes given are as many as the triples say.
 */
export class Bsdiff40Encoder {
  readonly #control: Bzip2Encoder;
  readonly #diff: Bzip2Encoder;
  readonly #extra: Bzip2Encoder;
  #targetBytes = 0n;

  constructor(options?: Bzip2EncoderOptions) {
    this.#control = new Bzip2Encoder(options);
    this.#diff = new Bzip2Encoder(options);
    this.#extra = new Bzip2Encoder(options);
  }

  /** Add so many bytes to the base's, copy so many extra bytes, then move in the base. */
  triple(add: number | bigint, copy: number | bigint, seek: number | bigint): this {
    this.#targetBytes += BigInt(add) + BigInt(copy);
    return this.control(encodeTriples([[add, copy, seek]]));
  }

  /** Bytes of the control stream as they are, whole triples or not; their lengths do not count for the header. */
  control(chunk: Uint8Array): this {
    this.#control.write(chunk);
    return this;
  }

  /** Target minus base, byte by byte. */
  diff(chunk: Uint8Array): this {
    this.#diff.write(chunk);
    return this;
  }

  /** Bytes that are the target's as they are. */
  extra(chunk: Uint8Array): this {
    this.#extra.write(chunk);
    return this;
  }

  finish(fields: Bsdiff40HeaderFields = {}): Uint8Array {
    const streams = [this.#control.finish(), this.#diff.finish(), this.#extra.finish()] as const;
    const header = new Uint8Array(32);
    header.set(Buffer.from('BSDIFF40', 'latin1'));
    encodeInt64(header, 8, fields.controlBytes ?? BigInt(streams[0].length));
    encodeInt64(header, 16, fields.diffBytes ?? BigInt(streams[1].length));
    encodeInt64(header, 24, fields.targetBytes ?? this.#targetBytes);
    return new Uint8Array(Buffer.concat([header, ...streams]));
  }
}

/** A control stream before its compression: add, copy and seek of each triple. */
export function encodeTriples(triples: readonly (readonly (number | bigint)[])[]): Uint8Array {
  const bytes = new Uint8Array(triples.length * 24);
  triples.flat().forEach((value, index) => {
    encodeInt64(bytes, index * 8, BigInt(value));
  });
  return bytes;
}

/** Eight bytes, the lowest first, the top bit a sign. */
function encodeInt64(into: Uint8Array, offset: number, value: bigint): void {
  const magnitude = value < 0n ? -value : value;
  new DataView(into.buffer, into.byteOffset).setBigUint64(offset, value < 0n ? magnitude | (1n << 63n) : magnitude, true);
}

/** A stretch of a target: `add` from the base at `basePosition` plus a difference, then new bytes. */
export interface Bsdiff40Part {
  readonly basePosition: number;
  readonly add: number;
  readonly copy: number;
}

/** A legal patch of a target that is cut into parts; the parts' lengths add up to the target's. */
export function encodeBsdiff40(
  base: Uint8Array,
  target: Uint8Array,
  options: { readonly parts: readonly Bsdiff40Part[] } & Bzip2EncoderOptions,
): Uint8Array {
  const encoder = new Bsdiff40Encoder(options);
  if ((options.parts[0]?.basePosition ?? 0) !== 0) encoder.triple(0, 0, options.parts[0]?.basePosition ?? 0);
  let offset = 0;
  options.parts.forEach(({ basePosition, add, copy }, index) => {
    const next = options.parts[index + 1]?.basePosition ?? 0;
    encoder.triple(add, copy, next - (basePosition + add));
    encoder.diff(target.subarray(offset, offset + add).map((byte, at) => byte - (base[basePosition + at] ?? 0)));
    encoder.extra(target.subarray(offset + add, offset + add + copy));
    offset += add + copy;
  });
  return encoder.finish();
}
