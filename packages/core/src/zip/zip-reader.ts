import yauzl, { type RandomAccessReader } from 'yauzl';
import type { ByteSource } from '../bytes/byte-source.js';

/** yauzl reads directories in pieces of 46 bytes; they are served from a window of this size. */
const windowBytes = 64 * 1024;

/** Lets yauzl read a source. */
export const zipReader = (source: ByteSource): RandomAccessReader => new SourceReader(source);

class SourceReader extends yauzl.RandomAccessReader {
  #window: { offset: number; bytes: Uint8Array } = { offset: 0, bytes: new Uint8Array() };

  constructor(private readonly source: ByteSource) {
    super();
  }

  override read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
    done: (error: Error | null, count?: number) => void,
  ): void {
    this.#read(buffer.subarray(offset, offset + length), position).then((count) => done(null, count), done);
  }

  async #read(into: Uint8Array, position: number): Promise<number> {
    if (!(position + into.length <= this.source.bytes)) throw new Error('the zip ends too early');
    if (into.length > windowBytes) return this.source.read(position, into);
    const window = this.#holds(position, into.length) ? this.#window : await this.#moveTo(position);
    const held = window.bytes.subarray(position - window.offset, position - window.offset + into.length);
    into.set(held);
    return held.length;
  }

  #holds(position: number, length: number): boolean {
    const { offset, bytes } = this.#window;
    return position >= offset && position + length <= offset + bytes.length;
  }

  async #moveTo(position: number): Promise<{ offset: number; bytes: Uint8Array }> {
    const bytes = new Uint8Array(Math.min(windowBytes, this.source.bytes - position));
    const count = await this.source.read(position, bytes);
    this.#window = { offset: position, bytes: bytes.subarray(0, count) };
    return this.#window;
  }
}
