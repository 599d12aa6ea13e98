/**
 * Where the bytes of the bases went, by the blocks that copied them. Of several blocks that copied the same bytes the
 * longest counts; what no block copied went where its neighbour went.
 */
import type { Block } from '../remendo/patch-blocks.js';

const blockBytesMin = 8;

export class BlockMap {
  readonly #starts: Uint32Array;
  readonly #ends: Uint32Array;
  /** Where each stretch's first byte went. */
  readonly #places: Uint32Array;
  #last = 0;

  /** @param blocks in order, the first making what is at `address`. */
  constructor(blocks: Iterable<Block>, baseBytes: number) {
    const copies: { start: number; end: number; place: number }[] = [];
    let address = baseBytes;
    for (const { copied, reference, fresh } of blocks) {
      if (copied >= blockBytesMin && reference + copied <= baseBytes)
        copies.push({ start: reference, end: reference + copied, place: address - baseBytes });
      address += copied + fresh;
    }
    const stretches = longestFirst(copies);
    this.#starts = Uint32Array.from(stretches, ({ start }) => start);
    this.#ends = Uint32Array.from(stretches, ({ end }) => end);
    this.#places = Uint32Array.from(stretches, ({ place }) => place);
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

  /** Whether a block copied the byte that was asked about last. */
  wasCopied(address: number): boolean {
    return address >= (this.#starts[this.#last] as number) && address < (this.#ends[this.#last] as number);
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

interface Copy {
  readonly start: number;
  readonly end: number;
  readonly place: number;
}

/** Stretches that do not overlap, in order: each byte belongs to the longest copy of it. */
function longestFirst(copies: readonly Copy[]): readonly Copy[] {
  const sorted = [...copies].sort((a, b) => a.start - b.start || b.end - a.end);
  const stretches: Copy[] = [];
  /** Copies that have begun and may not be over, the longest last. */
  const open: Copy[] = [];
  let at = 0;
  const closeUpTo = (end: number): void => {
    while (open.length > 0 && at < end) {
      const longest = open.at(-1) as Copy;
      if (longest.end <= at) {
        open.pop();
        continue;
      }
      const until = Math.min(end, longest.end);
      add(stretches, longest, at, until);
      at = until;
    }
  };
  for (const copy of sorted) {
    closeUpTo(copy.start);
    at = copy.start;
    insert(open, copy);
  }
  closeUpTo(Number.POSITIVE_INFINITY);
  return stretches;
}

function add(stretches: Copy[], copy: Copy, start: number, end: number): void {
  const last = stretches.at(-1);
  const place = copy.place + start - copy.start;
  if (last !== undefined && last.end === start && last.place + start - last.start === place)
    stretches[stretches.length - 1] = { ...last, end };
  else stretches.push({ start, end, place });
}

/** By length, the longest last. */
function insert(open: Copy[], copy: Copy): void {
  let index = open.length;
  while (index > 0 && lengthOf(open[index - 1] as Copy) > lengthOf(copy)) index--;
  open.splice(index, 0, copy);
}

const lengthOf = ({ start, end }: Copy): number => end - start;
