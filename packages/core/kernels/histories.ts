/** Bit histories: what followed a context, in one byte, and chances of what follows such a history. */

/**
 * A history is how many zeros and ones were seen and which came last, as far as it matters: many of one kind are worth
 * counting only while there are few of the other. Number 0 is "nothing seen".
 */
const zerosOf: usize = memory.data(256);
const onesOf: usize = memory.data(256);
/** The history after a further bit: two for each. */
const nextHistory: usize = memory.data(512);
@inline function otherMax(fewer: i32): i32 { return fewer == 0 ? 48 : fewer == 1 ? 20 : fewer == 2 ? 8 : fewer == 3 ? 5 : fewer == 4 ? 4 : 0; }
@inline function isHistory(zeros: i32, ones: i32): bool { return (zeros < ones ? ones <= otherMax(zeros) : zeros <= otherMax(ones)); }
/** How many counts of one bit are left when the other comes. */
@inline function lessened(count: i32): i32 { return count < 3 ? count : count < 5 ? count - 1 : count < 12 ? 4 : count < 24 ? 5 : 6; }

function historyNumber(zeros: i32, ones: i32, last: i32, count: i32): i32 {
  for (let number = 0; number < count; number++) {
    if (load<u8>(zerosOf + number) != zeros || load<u8>(onesOf + number) != ones) continue;
    if (zeros == 0 || ones == 0) return number;
    return number + last;
  }
  return -1;
}

export function makeHistories(): void {
  let count = 0;
  for (let total = 0; total <= 48; total++) {
    for (let ones = 0; ones <= total; ones++) {
      const zeros = total - ones;
      if (!isHistory(zeros, ones)) continue;
      // With both kinds there are two histories, by which came last.
      for (let last = 0; last < (zeros > 0 && ones > 0 ? 2 : 1); last++) {
        store<u8>(zerosOf + count, zeros);
        store<u8>(onesOf + count, ones);
        count++;
      }
    }
  }
  for (let number = 0; number < count; number++) {
    for (let bit = 0; bit < 2; bit++) {
      let zeros = <i32>load<u8>(zerosOf + number);
      let ones = <i32>load<u8>(onesOf + number);
      if (bit) {
        ones++;
        zeros = lessened(zeros);
        while (!isHistory(zeros, ones)) if (ones > zeros) ones--; else zeros--;
      } else {
        zeros++;
        ones = lessened(ones);
        while (!isHistory(zeros, ones)) if (zeros > ones) zeros--; else ones--;
      }
      store<u8>(nextHistory + (number << 1) + bit, historyNumber(zeros, ones, bit, count));
    }
  }
}

/** 256 chances, one for each history, that begin where its counts say. */
export function fillHistoryChances(at: usize): void {
  for (let number = 0; number < 256; number++) {
    const zeros = <u32>load<u8>(zerosOf + number);
    const ones = <u32>load<u8>(onesOf + number);
    const p: u32 = ((ones * 2 + 1) << 21) / (zeros + ones + 1);
    store<u32>(at + (<usize>number << 2), ((p > 0x3ffff0 ? 0x3ffff0 : p) << 10));
  }
}

/** Chances of histories have all 32 bits, and a rate that does not change: they begin where they belong. */
@inline export function learnHistory(slot: usize, bit: u32): void {
  const was = load<u32>(slot);
  store<u32>(slot, bit ? was + (~was >>> 7) : was - (was >>> 7));
}
@inline export function nextOf(history: u32, bit: u32): u8 { return load<u8>(nextHistory + (<usize>history << 1) + bit); }
