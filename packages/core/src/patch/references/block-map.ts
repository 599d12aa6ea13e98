/**
 * Where the bytes of the bases went, by the blocks that copied them. Of several blocks that copied the same bytes the
 * longest counts; what no block copied went where its neighbour went.
 */
import type { Block } from '../remendo/patch-blocks.js';

/** Shorter copies say nothing about their surroundings. */
const blockBytesMin = 8;
/** A copy's number is the lower part of a sorting key. */
const keyShift = 2 ** 20;

export class BlockMap {
  readonly #starts: Uint32Array;
  /** Where each stretch's first byte went. */
  readonly #places: Uint32Array;
  #last = 0;

  /** @param blocks in order; the first makes the first byte of the targets. Fewer than 2^20 of them. */
  constructor(blocks: Iterable<Block>, baseBytes: number) {
    const stretches = new Stretches(copiesOf(blocks, baseBytes));
    this.#starts = stretches.starts.slice(0, stretches.count);
    this.#places = stretches.places.slice(0, stretches.count);
  }

  /** Where in the targets what is at this address of the bases is, or where it would be; -1 when nothing was copied. */
  placeOf(address: number): number {
    const starts = this.#starts;
    if (starts.length === 0) return -1;
    let index = this.#last;
    if (address < (starts[index] as number) || address >= (starts[index + 1] ?? 2 ** 32)) index = this.#find(address);
    this.#last = index;
    return (this.#places[index] as number) + address - (starts[index] as number);
  }

  #find(address: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] as number) <= address) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** Copies from the bases, by where they begin: columns, as there may be half a million of them. */
interface Copies {
  readonly starts: Uint32Array;
  readonly lengths: Uint32Array;
  readonly places: Uint32Array;
}

function copiesOf(blocks: Iterable<Block>, baseBytes: number): Copies {
  const found = { starts: new Uint32Array(1024), lengths: new Uint32Array(1024), places: new Uint32Array(1024) };
  let count = 0;
  let position = 0;
  for (const { copied, reference, fresh } of blocks) {
    if (copied >= blockBytesMin && reference + copied <= baseBytes) {
      if (count === found.starts.length) {
        found.starts = grown(found.starts);
        found.lengths = grown(found.lengths);
        found.places = grown(found.places);
      }
      found.starts[count] = reference;
      found.lengths[count] = copied;
      found.places[count] = position;
      count += 1;
    }
    position += copied + fresh;
  }
  const keys = Float64Array.from({ length: count }, (_, index) => (found.starts[index] as number) * keyShift + index).sort();
  const inOrder = (column: Uint32Array): Uint32Array => Uint32Array.from(keys, (key) => column[key % keyShift] as number);
  return { starts: inOrder(found.starts), lengths: inOrder(found.lengths), places: inOrder(found.places) };
}

function grown(column: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(column.length * 2);
  larger.set(column);
  return larger;
}

/** Stretches that do not overlap, in order: each byte belongs to the longest copy of it. */
class Stretches {
  count = 0;
  /** Of `count` stretches: where they begin, and where their first bytes went. A copy begins one, and goes on after a longer one. */
  readonly starts: Uint32Array;
  readonly places: Uint32Array;
  /** Copies that have begun, as a heap with the longest first; those that are over leave when they come to the front. */
  readonly #open: number[] = [];
  #at = 0;

  constructor(private readonly copies: Copies) {
    this.starts = new Uint32Array(copies.starts.length * 2);
    this.places = new Uint32Array(copies.starts.length * 2);
    for (let copy = 0; copy < copies.starts.length; copy++) {
      const start = copies.starts[copy] as number;
      this.#closeUpTo(start);
      this.#at = start;
      this.#push(copy);
    }
    this.#closeUpTo(Number.POSITIVE_INFINITY);
  }

  #closeUpTo(end: number): void {
    for (let longest = this.#open[0]; longest !== undefined && this.#at < end; longest = this.#open[0]) {
      const copyEnd = (this.copies.starts[longest] as number) + (this.copies.lengths[longest] as number);
      if (copyEnd <= this.#at) {
        this.#pop();
        continue;
      }
      this.#add(longest);
      this.#at = Math.min(end, copyEnd);
    }
  }

  /** The stretch of a copy that begins here; nothing when the one before goes on. */
  #add(copy: number): void {
    const place = (this.copies.places[copy] as number) + this.#at - (this.copies.starts[copy] as number);
    const last = this.count - 1;
    if (last >= 0 && (this.places[last] as number) + this.#at - (this.starts[last] as number) === place) return;
    this.starts[this.count] = this.#at;
    this.places[this.count] = place;
    this.count += 1;
  }

  /** Whether copy `a` comes before `b`: longer, or as long and earlier. */
  #isBefore(a: number, b: number): boolean {
    const difference = (this.copies.lengths[a] as number) - (this.copies.lengths[b] as number);
    return difference > 0 || (difference === 0 && a < b);
  }

  #push(copy: number): void {
    const heap = this.#open;
    let at = heap.push(copy) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(copy, heap[parent] as number)) break;
      heap[at] = heap[parent] as number;
      at = parent;
    }
    heap[at] = copy;
  }

  #pop(): void {
    const heap = this.#open;
    const moved = heap.pop();
    if (moved === undefined || heap.length === 0) return;
    let at = 0;
    for (let child = 1; child < heap.length; child = at * 2 + 1) {
      if (child + 1 < heap.length && this.#isBefore(heap[child + 1] as number, heap[child] as number)) child++;
      if (!this.#isBefore(heap[child] as number, moved)) break;
      heap[at] = heap[child] as number;
      at = child;
    }
    heap[at] = moved;
  }
}
