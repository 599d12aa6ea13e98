/** Bit histories: what followed a context, in one byte, and the table in which contexts find theirs. */

export interface History {
  readonly zeros: number;
  readonly ones: number;
  /** Which came last; 0 where it goes without saying. */
  readonly last: number;
}

/** How many of the one bit are counted beside so many of the rarer one. */
const countsMax = [48, 20, 8, 5, 4];
const isHistory = (zeros: number, ones: number): boolean => Math.max(zeros, ones) <= (countsMax[Math.min(zeros, ones)] ?? 0);

/** All histories by number: by their total, then by their ones. */
export const histories: readonly History[] = listHistories();

function listHistories(): readonly History[] {
  const list: History[] = [];
  for (let total = 0; total <= 48; total++) {
    for (let ones = 0; ones <= total; ones++) {
      const zeros = total - ones;
      if (!isHistory(zeros, ones)) continue;
      list.push({ zeros, ones, last: 0 });
      if (zeros > 0 && ones > 0) list.push({ zeros, ones, last: 1 });
    }
  }
  return list;
}

/** How many of a bit still count when the other one comes. */
const lessened = (count: number): number => (count < 3 ? count : count < 5 ? count - 1 : count < 12 ? 4 : count < 24 ? 5 : 6);

function nextHistory({ zeros, ones }: History, bit: number): number {
  const [came, other] = bit === 1 ? [ones, zeros] : [zeros, ones];
  let cameNow = came + 1;
  let otherNow = lessened(other);
  while (!isHistory(cameNow, otherNow)) {
    if (cameNow > otherNow) cameNow -= 1;
    else otherNow -= 1;
  }
  const [zerosNow, onesNow] = bit === 1 ? [otherNow, cameNow] : [cameNow, otherNow];
  const last = zerosNow > 0 && onesNow > 0 ? bit : 0;
  return histories.findIndex((history) => history.zeros === zerosNow && history.ones === onesNow && history.last === last);
}

/** The number of the history after a bit, at twice the number plus the bit. */
export const nextHistories: readonly number[] = histories.flatMap((history) => [nextHistory(history, 0), nextHistory(history, 1)]);

/** The chance of a 1 that a history starts with, in 1/2^22; of 256, the numbers that are not in use start even. */
export const historyChances = Uint32Array.from({ length: 256 }, (_, number) => {
  const { zeros, ones } = histories[number] ?? { zeros: 0, ones: 0 };
  return Math.min(0x3ffff0, Math.floor(((ones * 2 + 1) * 2 ** 21) / (zeros + ones + 1)));
});

const slotBytes = 16;

/** Slots of a check byte and 15 histories, the nodes of four bits. */
export class HistoryTable {
  readonly bytes: Uint8Array;
  readonly #slots: number;

  constructor(bits: number) {
    this.bytes = new Uint8Array(2 ** bits);
    this.#slots = this.bytes.length / slotBytes;
  }

  /** Where the slot of a hash is: one of three that has its check, or else the one whose first history is least used. */
  slot(hash: number): number {
    const check = hash >>> 24;
    const index = (hash & (this.#slots - 1)) >>> 0;
    const places = [index, index ^ 1, index ^ 2].map((place) => place * slotBytes);
    const found = places.find((place) => this.bytes[place] === check);
    if (found !== undefined) return found;
    const uses = (place: number): number => this.bytes[place + 1] as number;
    const least = places.reduce((best, place) => (uses(place) < uses(best) ? place : best));
    this.bytes.fill(0, least, least + slotBytes);
    this.bytes[least] = check;
    return least;
  }
}
