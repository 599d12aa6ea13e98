import type { Sketch } from './sketch-content.js';

/** Of those that have an anchor, so many are looked at: what all files have (licences, headers) tells nothing about any. */
const holdersMax = 16;
/** One number holds an anchor and the number of a content. */
const contentsMax = 2 ** 20;

/** Finds the contents that share anchors with another one. Contents are numbered as they are given. */
export class SketchIndex {
  readonly #entries: Float64Array;

  constructor(private readonly sketches: readonly Sketch[]) {
    if (sketches.length > contentsMax) throw new RangeError(`more than ${contentsMax} contents`);
    this.#entries = new Float64Array(sketches.reduce((count, { anchors }) => count + anchors.length, 0));
    let at = 0;
    for (const [number, { anchors }] of sketches.entries())
      for (const anchor of anchors) this.#entries[at++] = anchor * contentsMax + number;
    this.#entries.sort();
  }

  sketchOf(number: number): Sketch {
    const sketch = this.sketches[number];
    if (sketch === undefined) throw new RangeError(`content ${number} has no sketch`);
    return sketch;
  }

  /** How many of the anchors each content with a number below `bound` has; those that have none are left out. */
  countShared(anchors: Iterable<number>, bound: number): ReadonlyMap<number, number> {
    const counts = new Map<number, number>();
    for (const anchor of anchors) {
      const first = anchor * contentsMax;
      const start = this.#lowerBound(first);
      for (let at = start; at < start + holdersMax; at += 1) {
        const number = (this.#entries[at] ?? Number.POSITIVE_INFINITY) - first;
        if (number >= bound) break;
        counts.set(number, (counts.get(number) ?? 0) + 1);
      }
    }
    return counts;
  }

  #lowerBound(entry: number): number {
    let [low, high] = [0, this.#entries.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle] ?? 0) < entry) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
