/**
 * A bounds-checked cursor over bytes that may be hostile. Everything it returns lies inside the buffer; what does not
 * fit throws a `BytesMalformed`, which each format turns into its own error code.
 */
export class BytesMalformed extends Error {
  override readonly name = 'BytesMalformed';
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class ByteReader {
  #offset = 0;

  constructor(private readonly buffer: Uint8Array) {}

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.buffer.length - this.#offset;
  }

  /** A view of the next bytes; not a copy. */
  take(length: number): Uint8Array {
    if (!Number.isSafeInteger(length) || length < 0 || length > this.remaining) {
      throw new BytesMalformed(`${length} bytes wanted at ${this.#offset}, ${this.remaining} are left`);
    }
    const part = this.buffer.subarray(this.#offset, this.#offset + length);
    this.#offset += length;
    return part;
  }

  u8(): number {
    return this.take(1)[0] as number;
  }

  /** LEB128, up to 2^53 - 1, in its shortest form only: one value has one spelling. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let index = 0; index < 8; index++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (byte === 0 && index > 0) throw new BytesMalformed(`varint at ${this.#offset} is padded`);
        if (!Number.isSafeInteger(value)) break;
        return value;
      }
      scale *= 128;
    }
    throw new BytesMalformed(`varint at ${this.#offset} is above 2^53 - 1`);
  }

  /** A varint that counts things of at least `bytesEach` bytes that still follow, at most `max`. */
  count(max: number, bytesEach = 1): number {
    const count = this.varint();
    if (count > max || count * bytesEach > this.remaining) throw new BytesMalformed(`a count of ${count} does not fit`);
    return count;
  }

  /** A varint below `bound`. */
  index(bound: number): number {
    const index = this.varint();
    if (index >= bound) throw new BytesMalformed(`index ${index} is not below ${bound}`);
    return index;
  }

  /** Length-prefixed UTF-8 of at most `bytesMax` bytes; malformed UTF-8 is refused. */
  text(bytesMax: number): string {
    const bytes = this.take(this.index(bytesMax + 1));
    try {
      return utf8.decode(bytes);
    } catch (cause) {
      throw new BytesMalformed('text is not UTF-8', { cause });
    }
  }

  /** Throws unless everything was read. */
  end(): void {
    if (this.remaining !== 0) throw new BytesMalformed(`${this.remaining} bytes too many`);
  }
}
