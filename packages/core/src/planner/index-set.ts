/**
 * A set of integers below a bound that finds the nearest member on either side: one bit for each, and levels of one bit
 * for every 32 below, so that each step looks at a few words only.
 */
export class IndexSet {
  /** levels[0] has the members' bits; a bit of each further level says whether a word below has any. */
  readonly #levels: Uint32Array[] = [];

  constructor(bound: number) {
    let words = Math.max(1, Math.ceil(bound / 32));
    this.#levels.push(new Uint32Array(words));
    while (words > 1) {
      words = Math.ceil(words / 32);
      this.#levels.push(new Uint32Array(words));
    }
  }

  add(index: number): void {
    let at = index;
    for (const level of this.#levels) {
      level[at >>> 5] = (level[at >>> 5] ?? 0) | (1 << (at & 31));
      at >>>= 5;
    }
  }

  delete(index: number): void {
    let at = index;
    for (const level of this.#levels) {
      const word = (level[at >>> 5] ?? 0) & ~(1 << (at & 31));
      level[at >>> 5] = word;
      if (word !== 0) return;
      at >>>= 5;
    }
  }

  clear(): void {
    for (const level of this.#levels) level.fill(0);
  }

  /** The greatest member below `index`, or −1. */
  before(index: number): number {
    let at = index;
    for (let height = 0; height < this.#levels.length; height += 1) {
      const bits = (this.#levels[height]?.[at >>> 5] ?? 0) & ((1 << (at & 31)) - 1);
      if (bits !== 0) return this.#descend((at & ~31) | (31 - Math.clz32(bits)), height, highestBit);
      at >>>= 5;
    }
    return -1;
  }

  /** The least member above `index`, or −1. */
  after(index: number): number {
    let at = index;
    for (let height = 0; height < this.#levels.length; height += 1) {
      const bits = (this.#levels[height]?.[at >>> 5] ?? 0) & (-2 << (at & 31));
      if (bits !== 0) return this.#descend((at & ~31) | lowestBit(bits), height, lowestBit);
      at >>>= 5;
    }
    return -1;
  }

  #descend(from: number, height: number, choose: (bits: number) => number): number {
    let at = from;
    for (let below = height - 1; below >= 0; below -= 1) at = at * 32 + choose(this.#levels[below]?.[at] ?? 0);
    return at;
  }
}

const highestBit = (bits: number): number => 31 - Math.clz32(bits);
const lowestBit = (bits: number): number => 31 - Math.clz32(bits & -bits);
