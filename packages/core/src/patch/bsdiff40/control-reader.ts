/**
 * The control stream: triples of 24 bytes.
 *
 *     offset  bytes  name   meaning
 *     0       8      add    so many bytes are the base's at the current position plus the diff stream's; the position moves along
 *     8       8      copy   so many bytes come from the extra stream
 *     16      8      seek   then the position in the base moves by this, forwards or back
 *
 * Triples that make nothing are legal, but for nothing they would cost time without end. bsdiff looks for a match of
 * more than 8 bytes before it writes a triple and starts looking behind it for the next, so all its triples together are
 * at most ⌈target / 9⌉ + 1; as many empty ones are allowed as the target has eighths, and 16 for the smallest.
 */

import { decodeInt64, decodeLength } from './bsdiff40-header.js';
import type { Bzip2Reader } from './bzip2-reader.js';
import { patchInvalid } from './patch-invalid.js';

const tripleBytes = 24;
const triplesBuffered = 256;

export interface ControlTriple {
  readonly add: number;
  readonly copy: number;
  readonly seek: number;
}

export class ControlReader {
  readonly #buffer = new Uint8Array(tripleBytes * triplesBuffered);
  readonly #view = new DataView(this.#buffer.buffer);
  #offset = 0;
  #filled = 0;
  #emptyLeft: number;

  constructor(
    private readonly stream: Bzip2Reader,
    targetBytes: number,
  ) {
    this.#emptyLeft = 16 + Math.floor(targetBytes / 8);
  }

  /** @param targetBytesLeft how much add and copy may make together at most. */
  async next(targetBytesLeft: number): Promise<ControlTriple> {
    if (this.#filled - this.#offset < tripleBytes) await this.#fill();
    const add = decodeLength(this.#view, this.#offset, 'an add length');
    const copy = decodeLength(this.#view, this.#offset + 8, 'a copy length');
    const seek = decodeInt64(this.#view, this.#offset + 16, 'a seek');
    this.#offset += tripleBytes;
    if (add > targetBytesLeft || copy > targetBytesLeft - add)
      throw patchInvalid('a control triple makes more than the target has');
    if (add === 0 && copy === 0 && --this.#emptyLeft < 0) throw patchInvalid('it has too many control triples that make nothing');
    return { add, copy, seek };
  }

  /** @throws PATCH_INVALID unless the last triple was the stream's last. */
  async end(): Promise<void> {
    if (this.#filled > this.#offset) throw patchInvalid('the control stream goes on after the target is complete');
    await this.stream.end();
  }

  /** Takes what is there, and at least one triple. */
  async #fill(): Promise<void> {
    this.#buffer.copyWithin(0, this.#offset, this.#filled);
    this.#filled -= this.#offset;
    this.#offset = 0;
    while (this.#filled < tripleBytes) {
      const count = this.stream.take(this.#buffer.subarray(this.#filled));
      this.#filled += count;
      if (count === 0 && !(await this.stream.nextBlock()))
        throw patchInvalid('the control stream ends before the target is complete');
    }
  }
}
