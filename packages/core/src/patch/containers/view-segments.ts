import type { ByteSource } from '../../bytes/byte-source.js';
import { lastAtOrBefore } from '../joined-files.js';

/** Reads from a place that a view is made of: all of `into`, or as much as there is. */
export type ReadPlace = (offset: number, into: Uint8Array) => Promise<number>;

/** A view put together of parts of two places; found again in logarithmic time. */
export class ViewSegments {
  readonly #starts: number[] = [];
  readonly #offsets: number[] = [];
  readonly #places: number[] = [];
  #bytes = 0;

  /** Of all segments. */
  get bytes(): number {
    return this.#bytes;
  }

  add(place: 0 | 1, offset: number, bytes: number): void {
    if (bytes === 0) return;
    this.#starts.push(this.#bytes);
    this.#offsets.push(offset);
    this.#places.push(place);
    this.#bytes += bytes;
  }

  /** As `ByteSource.read`, of what was added so far. */
  async read(places: readonly [ReadPlace, ReadPlace], offset: number, into: Uint8Array): Promise<number> {
    let filled = 0;
    for (let index = lastAtOrBefore(this.#starts, offset); index < this.#starts.length && filled < into.length; index++) {
      const within = offset + filled - (this.#starts[index] ?? 0);
      const end = (this.#starts[index + 1] ?? this.#bytes) - (this.#starts[index] ?? 0);
      const part = into.subarray(filled, filled + Math.max(0, end - within));
      if (part.length === 0) continue;
      const read = this.#places[index] === 0 ? places[0] : places[1];
      const count = await read((this.#offsets[index] ?? 0) + within, part);
      filled += count;
      if (count < part.length) break;
    }
    return filled;
  }

  source(places: readonly [ReadPlace, ReadPlace]): ByteSource {
    return { bytes: this.#bytes, read: (offset, into) => this.read(places, offset, into) };
  }
}
