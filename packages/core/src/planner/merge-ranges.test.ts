import { describe, expect, test } from 'vitest';
import { hasCode } from '../errors.js';
import { fetchesOf, limitRanges, mergeRanges } from './merge-ranges.js';
import { nothingHeld, planCost } from './plan-cost.js';
import { contentNamed, digestNamed, forSeeds, wholeOf } from './random-plan-input.test.support.js';

const range = (offset: number, bytes: number) => ({ offset, bytes });
const blob = (object: string, offset: number, bytes: number) => ({
  object: digestNamed(object),
  offset,
  bytes,
  sha256: digestNamed('bytes'),
});
const whole = (object: string, offset: number, bytes: number) => wholeOf(contentNamed('content'), blob(object, offset, bytes));

describe('mergeRanges', () => {
  test('joins neighbours with a gap of up to 600 bytes', () => {
    expect(mergeRanges([range(0, 10), range(610, 10)])).toEqual([range(0, 620)]);
    expect(mergeRanges([range(0, 10), range(611, 10)])).toEqual([range(0, 10), range(611, 10)]);
  });

  test('takes any order, overlaps and ranges inside others, and drops empty ones', () => {
    expect(mergeRanges([range(5_000, 10), range(100, 50), range(0, 1_000), range(900, 200), range(9_000, 0)])).toEqual([
      range(0, 1_100),
      range(5_000, 10),
    ]);
  });

  test('leaves its input alone', () => {
    const ranges = [range(100, 10), range(0, 10)];
    mergeRanges(ranges);
    expect(ranges).toEqual([range(100, 10), range(0, 10)]);
  });
});

describe('fetchesOf', () => {
  const objects = ['a', 'b'].map((name) => ({ digest: digestNamed(name), bytes: 10_000 }));

  test('names each object once, by digest, with merged ranges', () => {
    const fetches = fetchesOf([whole('b', 0, 10), whole('a', 5_000, 10), whole('a', 0, 10), whole('a', 20, 5)], objects);
    expect(fetches.map((fetch) => fetch.digest)).toEqual([digestNamed('a'), digestNamed('b')].sort());
    expect(fetches.find((fetch) => fetch.digest === digestNamed('a'))).toEqual({
      digest: digestNamed('a'),
      objectBytes: 10_000,
      ranges: [range(0, 25), range(5_000, 10)],
    });
  });

  test('fetches nothing for a blob without bytes', () => {
    expect(fetchesOf([whole('a', 7, 0)], objects)).toEqual([]);
  });

  test.each([
    ['of an object that is not known', whole('c', 0, 1)],
    ['beyond the end of its object', whole('a', 9_999, 2)],
    ['before the start of its object', whole('a', -1, 2)],
    ['of part of a byte', whole('a', 0.5, 1)],
    ['of no number', whole('a', Number.NaN, 1)],
  ])('refuses a blob %s', (_, derivation) => {
    const attempt = () => fetchesOf([derivation], objects);
    expect(attempt).toThrow(expect.toSatisfy((error: unknown) => hasCode(error, 'PLAN_INVALID')));
  });
});

describe('limitRanges', () => {
  const fetches = [
    { digest: digestNamed('a'), objectBytes: 100_000, ranges: [range(0, 10), range(1_010, 10), range(3_020, 10)] },
    { digest: digestNamed('b'), objectBytes: 100_000, ranges: [range(0, 10), range(1_510, 10)] },
  ];

  test('changes nothing when there are few enough', () => {
    expect(limitRanges(fetches, 5)).toBe(fetches);
  });

  test('closes the smallest gaps first, across objects', () => {
    expect(limitRanges(fetches, 4).map((fetch) => fetch.ranges.length)).toEqual([2, 2]);
    expect(limitRanges(fetches, 3).map((fetch) => fetch.ranges)).toEqual([[range(0, 1_020), range(3_020, 10)], [range(0, 1_520)]]);
  });

  test('keeps one range for each object even when that is more than allowed', () => {
    expect(limitRanges(fetches, 1).map((fetch) => fetch.ranges)).toEqual([[range(0, 3_030)], [range(0, 1_520)]]);
  });

  test('costs the least that so few ranges can', () => {
    forSeeds(300, (random) => {
      let end = 0;
      const ranges = Array.from({ length: random.between(1, 8) }, () => {
        const offset = end + random.between(601, 3_000);
        end = offset + random.between(1, 2_000);
        return range(offset, end - offset);
      });
      const max = random.between(1, 8);
      const cost = planCost(limitRanges([{ digest: digestNamed('a'), objectBytes: end, ranges }], max), nothingHeld).costBytes;
      expect(cost).toBe(leastByEnumeration(ranges, max));
    });
  });
});

/** Every way to close some of the gaps. */
function leastByEnumeration(ranges: readonly { offset: number; bytes: number }[], max: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let closed = 0; closed < 2 ** (ranges.length - 1); closed += 1) {
    let cost = 0;
    let requests = 0;
    for (const [index, { offset, bytes }] of ranges.entries()) {
      const before = ranges[index - 1];
      const joins = before !== undefined && (closed & (1 << (index - 1))) !== 0;
      cost += bytes + (joins ? offset - before.offset - before.bytes : 600);
      requests += joins ? 0 : 1;
    }
    if (requests <= max) least = Math.min(least, cost);
  }
  return least;
}
