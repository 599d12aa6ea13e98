import { describe, expect, test } from 'vitest';
import { missingRanges, nothingHeld, planCost } from './plan-cost.js';
import { digestNamed, forSeeds, type Random } from './random-plan-input.test.support.js';

const object = digestNamed('object');
const fetch = (...ranges: readonly [number, number][]) => ({
  digest: object,
  objectBytes: 1_000_000,
  ranges: ranges.map(([offset, bytes]) => ({ offset, bytes })),
});
const held = (...ranges: readonly [number, number][]) => new Map([[object, fetch(...ranges).ranges]]);

describe('planCost', () => {
  test('counts the bytes of each range and 600 for its request', () => {
    expect(planCost([fetch([0, 1_000], [5_000, 10])], nothingHeld)).toEqual({ fetchBytes: 1_010, requests: 2, costBytes: 2_210 });
  });

  test('is nothing for no fetches', () => {
    expect(planCost([], nothingHeld)).toEqual({ fetchBytes: 0, requests: 0, costBytes: 0 });
  });

  test('is nothing when everything is held, in whatever pieces', () => {
    expect(planCost([fetch([100, 900], [5_000, 10])], held([5_000, 100], [600, 400], [0, 700])).costBytes).toBe(0);
  });

  test('counts only the rest of a partial download', () => {
    expect(planCost([fetch([0, 10_000])], held([0, 4_000]))).toEqual({ fetchBytes: 6_000, requests: 1, costBytes: 6_600 });
  });

  test('makes one request for each missing piece around a large held one', () => {
    expect(planCost([fetch([0, 10_000])], held([4_000, 601]))).toEqual({ fetchBytes: 9_399, requests: 2, costBytes: 10_599 });
  });

  test('fetches a small held piece again rather than asking twice', () => {
    expect(planCost([fetch([0, 10_000])], held([4_000, 600]))).toEqual({ fetchBytes: 10_000, requests: 1, costBytes: 10_600 });
  });

  test('ignores what is held of other objects and beside the ranges', () => {
    const other = new Map([[digestNamed('other'), [{ offset: 0, bytes: 10_000 }]]]);
    expect(planCost([fetch([100, 100])], other).costBytes).toBe(700);
    expect(planCost([fetch([100, 100])], held([0, 100], [200, 50])).costBytes).toBe(700);
  });

  test('never rises when more is held, and is nothing in the end', () => {
    forSeeds(2_000, (random) => {
      const needed = someRanges(random, 5);
      const holdings = someRanges(random, 8);
      let before = planCost([{ ...fetch(), ranges: needed }], nothingHeld).costBytes;
      for (let count = 1; count <= holdings.length; count += 1) {
        const cost = planCost([{ ...fetch(), ranges: needed }], new Map([[object, holdings.slice(0, count)]])).costBytes;
        expect(cost).toBeLessThanOrEqual(before);
        before = cost;
      }
      expect(planCost([{ ...fetch(), ranges: needed }], new Map([[object, [...holdings, ...needed]]])).costBytes).toBe(0);
    });
  });
});

describe('missingRanges', () => {
  test('covers exactly what a byte-by-byte count finds missing, at the least cost', () => {
    forSeeds(2_000, (random) => {
      const [needed, have] = [someRanges(random, 5), someRanges(random, 5)];
      const onDisk = bytesOf(have);
      const missing = [...bytesOf(needed)].filter((byte) => !onDisk.has(byte));
      const asked = missingRanges(needed, have);
      expect(missing.every((byte) => asked.some(({ offset, bytes }) => byte >= offset && byte < offset + bytes))).toBe(true);
      expect(asked.reduce((sum, range) => sum + range.bytes + 600, 0)).toBe(leastCover(missing.sort((a, b) => a - b)));
    });
  });
});

function someRanges(random: Random, countMax: number) {
  return Array.from({ length: random.between(0, countMax) }, () => ({
    offset: random.between(0, 3_000),
    bytes: random.between(0, 900),
  }));
}

const bytesOf = (ranges: readonly { offset: number; bytes: number }[]): Set<number> =>
  new Set(ranges.flatMap(({ offset, bytes }) => Array.from({ length: bytes }, (_, index) => offset + index)));

/** Each further byte either starts a request or extends the last one over the gap. */
function leastCover(bytes: readonly number[]): number {
  let cost = 0;
  for (const [index, byte] of bytes.entries()) cost += index === 0 ? 601 : Math.min(601, byte - (bytes[index - 1] ?? 0));
  return cost;
}
