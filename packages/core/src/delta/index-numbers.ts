/** Numbers and lists of the delta index beyond what `ByteReader` and `ByteWriter` know; docs/format/delta-v1.md has their layout. */
import { type ByteReader, BytesMalformed } from '../bytes/byte-reader.js';
import type { ByteWriter } from '../bytes/byte-writer.js';

/** Zig-zag without bit operations, which stop at 32 bits. */
export function writeSigned(writer: ByteWriter, value: number): void {
  writer.varint(value < 0 ? -value * 2 - 1 : value * 2);
}

export function readSigned(reader: ByteReader): number {
  const value = reader.varint();
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

export function writeAscending(writer: ByteWriter, values: readonly number[]): void {
  writer.varint(values.length);
  let next = 0;
  for (const value of values) {
    writer.varint(value - next);
    next = value + 1;
  }
}

/** All below `bound`. */
export function readAscending(reader: ByteReader, bound: number): readonly number[] {
  let next = 0;
  return readMany(reader, { max: bound, bytesEach: 1 }, () => {
    const value = next + reader.index(Math.max(0, bound - next));
    next = value + 1;
    return value;
  });
}

/** A count, and so many things of at least `bytesEach` bytes. */
export function readMany<T>(
  reader: ByteReader,
  limits: { readonly max: number; readonly bytesEach: number },
  read: () => T,
): readonly T[] {
  return Array.from({ length: reader.count(limits.max, limits.bytesEach) }, read);
}

/** Content numbers, each from the one that would follow the one before it: neighbours cost nothing. */
export class NumberRun {
  #next = 0;

  write(writer: ByteWriter, number: number): void {
    writeSigned(writer, number - this.#next);
    this.#next = number + 1;
  }

  /** Refuses what is not below `bound`. */
  read(reader: ByteReader, bound: number): number {
    const number = this.#next + readSigned(reader);
    if (!(number >= 0 && number < bound)) throw new BytesMalformed(`content ${number} is not below ${bound}`);
    this.#next = number + 1;
    return number;
  }
}
