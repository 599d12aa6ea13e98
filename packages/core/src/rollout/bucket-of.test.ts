import { expect, it } from 'vitest';
import { bucketCount, bucketOf } from './bucket-of.js';

const keys = Array.from({ length: 20_000 }, (_, index) => `terminal-${index}`);

it('a terminal keeps its place for good: another one would take releases away', () => {
  expect([bucketOf('1.2.0', 'T-0001'), bucketOf('1.2.0', 'T-0002'), bucketOf('1.3.0', 'T-0001')]).toEqual([2_942, 5_704, 5_978]);
});

it('places are spread evenly: a share of the buckets is that share of the terminals', () => {
  const buckets = keys.map((key) => bucketOf('a seed', key));
  expect(buckets.every((bucket) => Number.isInteger(bucket) && bucket >= 0 && bucket < bucketCount)).toBe(true);
  for (let share = 1_000; share < bucketCount; share += 1_000) {
    const inside = buckets.filter((bucket) => bucket < share).length / keys.length;
    expect(Math.abs(inside - share / bucketCount)).toBeLessThan(0.015);
  }
});

it('each release has another order: who is first in one is so in the next by chance only', () => {
  const first = (seed: string) => new Set(keys.filter((key) => bucketOf(seed, key) < 1_000));
  const [one, other] = [first('one'), first('other')];
  const inBoth = [...one].filter((key) => other.has(key)).length;
  expect(inBoth / keys.length).toBeGreaterThan(0.005);
  expect(inBoth / keys.length).toBeLessThan(0.015);
});
