/**
 * What the twin of the compact profile counts with: numbers, logarithms of chances, chances that learn, and their
 * mixing. 32-bit integers throughout; docs/format/patch-v1.md, "Chances" and "Mixing", has the same in words.
 */

/** 65536 / (1 + e^-x) for x = -8 … 8 in steps of 1/2. */
const squashKnots = [
  22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812, 11955, 17625, 24743, 32768, 40793, 47911, 53581, 57724, 60565,
  62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476, 65500, 65514,
] as const;

const squashTable = Array.from({ length: 4096 }, (_, place) => {
  const [knot, between] = [place >> 7, place & 127];
  return ((squashKnots[knot] ?? 0) * (128 - between) + (squashKnots[knot + 1] ?? 0) * between + 64) >> 7;
});

const stretchTable = makeStretchTable();

function makeStretchTable(): Int16Array {
  const table = new Int16Array(4096);
  let d = -2048;
  for (let p = 0; p < 4096; p++) {
    while (d < 2047 && squash(d) < p * 16 + 8) d++;
    table[p] = d;
  }
  return table;
}

/** A logarithm, in 1/256, as far as tables go. */
export const clampLogarithm = (d: number): number => Math.max(-2047, Math.min(2047, d));

/** The chance of a logarithm of -2048 … 2047, in 1/65536. */
export function squash(d: number): number {
  return squashTable[d + 2048] as number;
}

/** What is mixed in beside the contexts, so that there is something to weigh when none of them knows anything. */
export const constantLogarithm = 256;

/** No chance is so small that it can not be coded. */
export const clampChance = (p: number): number => Math.max(24, Math.min(65_512, p));

/** Two numbers of 32 bits as one that looks random. */
export function hash(a: number, b: number): number {
  let mixed = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca77);
  mixed ^= mixed >>> 15;
  return Math.imul(mixed, 0xc2b2ae3d) >>> 0;
}

/** 22 bits of chance that a bit is 1, and 10 bits of how often it was learnt from, for each index. */
export class Chances {
  readonly #chances: Uint32Array;
  readonly #uses: Uint16Array;

  /** @param first in 1/2^22. */
  constructor(first: Uint32Array | { readonly count: number }) {
    this.#chances = 'count' in first ? new Uint32Array(first.count).fill(2 ** 21) : first.slice();
    this.#uses = new Uint16Array(this.#chances.length);
  }

  /** In 1/65536. */
  chance(index: number): number {
    return (this.#chances[index] as number) >>> 6;
  }

  logarithm(index: number): number {
    return stretchTable[(this.#chances[index] as number) >>> 10] as number;
  }

  /** Goes towards the bit by 1 / (uses + 1.6); uses are counted up to `usesMax`. */
  learn(index: number, bit: number, usesMax: number): void {
    const chance = this.#chances[index] as number;
    const uses = this.#uses[index] as number;
    const rate = Math.floor(655_360 / (uses * 10 + 16));
    // The product has up to 38 bits, which a double holds exactly.
    this.#chances[index] = chance + Math.floor((((bit === 1 ? 2 ** 22 - 1 : 0) - chance) * rate) / 65_536);
    if (uses < usesMax) this.#uses[index] = uses + 1;
  }
}

/** Chances of 32 bits that go to each bit at the same pace, however often they were used. */
export class SteadyChances {
  readonly #chances: Uint32Array;

  /** @param first in 1/2^22. */
  constructor(first: Uint32Array) {
    this.#chances = first.map((chance) => chance * 1024);
  }

  logarithm(index: number): number {
    return stretchTable[(this.#chances[index] as number) >>> 20] as number;
  }

  learn(index: number, bit: number): void {
    const chance = this.#chances[index] as number;
    this.#chances[index] = bit === 1 ? chance + ((2 ** 32 - 1 - chance) >>> 7) : chance - (chance >>> 7);
  }
}

const weightMax = 98_304;

/** Sets of eight weights, in 1/16384: a logarithm is the weighted sum of eight. */
export class Mixer {
  readonly #weights: Int32Array;

  constructor(
    sets: number,
    weight: number,
    private readonly rate: number,
  ) {
    this.#weights = new Int32Array(sets * 8).fill(weight);
  }

  mix(set: number, logarithms: readonly number[]): number {
    return logarithms.reduce((sum, d, index) => sum + d * (this.#weights[set * 8 + index] as number), 0) >> 14;
  }

  /** @param p the mixed chance of a 1, before the bit was known. */
  learn(set: number, logarithms: readonly number[], { bit, p }: { readonly bit: number; readonly p: number }): void {
    const error = ((bit * 65_536 - p) * this.rate) >> 2;
    for (const [index, d] of logarithms.entries()) {
      const weight = (this.#weights[set * 8 + index] as number) + ((d * error + 2 ** 19) >> 20);
      this.#weights[set * 8 + index] = Math.max(-weightMax, Math.min(weightMax, weight));
    }
  }
}
