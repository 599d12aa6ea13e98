/**
 * What each new content is patched from: what its name says it was (pair-contents.ts) unless its bytes say otherwise,
 * or what its bytes are most like; and further contents that hold what is missing there, as a bundle holds what a module
 * beside it holds. All by sketches: the contents themselves are read once.
 */
import type { Sketch } from './sketch-content.js';
import type { SketchIndex } from './sketch-index.js';

/** A content by its number in the index: what is there before has the lowest numbers, then come new ones as they are made. */
export interface ReferenceQuery {
  readonly number: number;
  readonly bytes: number;
  /** The number of what it is a new version of by its name. */
  readonly named: number | null;
  readonly referencesMax: number;
  readonly bytesOf: (number: number) => number;
}

/** A further reference pays when it brings so many bytes: some hundred when they are compressed. */
const gainBytesMin = 2_048;
/** And a share of its own size, which has to be read and searched for it. */
const gainShareMin = 1 / 512;
/** A small content with no name to go by needs a quarter of itself. */
const smallShareMin = 1 / 4;
/** Fewer shared anchors may be chance. */
const sharedMin = 3;
/** Names lose to a content that has twice as much of the target, and a quarter of it more. */
const clearlyTimes = 2;
const clearlyShare = 1 / 4;

/** Numbers below `query.number`, the most like first. The same sketches, the same choice. */
export function chooseReferences(index: SketchIndex, query: ReferenceQuery): readonly number[] {
  const open = new OpenAnchors(index.sketchOf(query.number));
  const references: number[] = [];
  for (let next = first(index, open, query); next !== null; next = best(index, open, query, gainBytesMin)?.number ?? null) {
    references.push(next);
    if (references.length === query.referencesMax) break;
    open.cover(index.sketchOf(next));
  }
  return references;
}

function first(index: SketchIndex, open: OpenAnchors, query: ReferenceQuery): number | null {
  const like = best(index, open, query, Math.min(gainBytesMin, query.bytes * smallShareMin));
  if (query.named === null || like?.number === query.named) return like?.number ?? null;
  const namedBytes = open.bytesIn(index.sketchOf(query.named));
  const isClear = like !== null && like.bytes >= namedBytes * clearlyTimes && like.bytes - namedBytes >= query.bytes * clearlyShare;
  return isClear ? like.number : query.named;
}

interface Likeness {
  readonly number: number;
  /** Of the target's bytes that no reference has so far, how many this one has, by what the anchors stand for. */
  readonly bytes: number;
}

/** Of equals the first. */
function best(index: SketchIndex, open: OpenAnchors, query: ReferenceQuery, bytesMin: number): Likeness | null {
  let found: Likeness | null = null;
  for (const [number, count] of index.countShared(open.anchors(), query.number)) {
    const bytes = count * 2 ** Math.max(open.level, index.sketchOf(number).level);
    if (count < sharedMin || bytes < Math.max(bytesMin, query.bytesOf(number) * gainShareMin)) continue;
    if (found === null || bytes > found.bytes || (bytes === found.bytes && number < found.number)) found = { number, bytes };
  }
  return found;
}

/** The anchors of a target that none of its references has. */
class OpenAnchors {
  level: number;
  readonly #sketch: Sketch;
  readonly #isOpen: Uint8Array;

  constructor(sketch: Sketch) {
    this.#sketch = sketch;
    this.level = sketch.level;
    this.#isOpen = new Uint8Array(sketch.anchors.length).fill(1);
  }

  *anchors(): Generator<number> {
    const { anchors } = this.#sketch;
    for (let index = 0; index < anchors.length; index += 1) if (this.#isOpen[index] === 1) yield anchors[index] ?? 0;
  }

  bytesIn(reference: Sketch): number {
    let count = 0;
    this.#eachShared(reference, () => {
      count += 1;
    });
    return count * 2 ** Math.max(this.level, reference.level);
  }

  /** What a reference with a higher level does not say is left out from then on. */
  cover(reference: Sketch): void {
    this.#eachShared(reference, (index) => {
      this.#isOpen[index] = 0;
    });
    if (reference.level <= this.level) return;
    this.level = reference.level;
    for (const [index, level] of this.#sketch.levels.entries()) if (level < this.level) this.#isOpen[index] = 0;
  }

  #eachShared(reference: Sketch, visit: (index: number) => void): void {
    const { anchors } = this.#sketch;
    for (let index = 0, at = 0; index < anchors.length && at < reference.anchors.length; ) {
      const difference = (anchors[index] ?? 0) - (reference.anchors[at] ?? 0);
      if (difference === 0 && this.#isOpen[index] === 1) visit(index);
      if (difference <= 0) index += 1;
      if (difference >= 0) at += 1;
    }
  }
}
