import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkProperty } from '../testing/check-property.js';
import { decideHalt, defaultHaltRule, wilsonLowerBound } from './decide-halt.js';

describe('the lower bound of the failure rate', () => {
  // Roots of (rate - p)² = z² p (1 - p) / attempts, which is how Wilson's interval is defined, computed by hand.
  it.each([
    { failures: 1, attempts: 10, bound: 0.0179 },
    { failures: 2, attempts: 10, bound: 0.0567 },
    { failures: 10, attempts: 10, bound: 0.7225 },
    { failures: 10, attempts: 100, bound: 0.0552 },
    { failures: 1_000, attempts: 10_000, bound: 0.0943 },
  ])('of $failures in $attempts is $bound', ({ failures, attempts, bound }) => {
    expect(wilsonLowerBound(failures, attempts)).toBeCloseTo(bound, 4);
  });

  it('lies where the observed rate is z standard deviations away, and grows with failures', async () => {
    const seen = fc
      .integer({ min: 1, max: 100_000 })
      .chain((attempts) => fc.tuple(fc.integer({ min: 1, max: attempts }), fc.constant(attempts)));
    await checkProperty(
      fc.property(seen, fc.double({ min: 0.1, max: 6, noNaN: true }), ([failures, attempts], z) => {
        const bound = wilsonLowerBound(failures, attempts, z);
        const rate = failures / attempts;
        expect(bound).toBeGreaterThanOrEqual(0);
        expect(bound).toBeLessThanOrEqual(rate);
        expect((rate - bound) ** 2).toBeCloseTo((z ** 2 * bound * (1 - bound)) / attempts, 9);
        expect(wilsonLowerBound(failures - 1, attempts, z)).toBeLessThan(bound);
      }),
      2_000,
    );
  });

  it('is a number whatever was counted', () => {
    expect([wilsonLowerBound(0, 0), wilsonLowerBound(0, 50), wilsonLowerBound(3, 0)]).toEqual([0, 0, 0]);
    expect(wilsonLowerBound(12, 10)).toBe(wilsonLowerBound(10, 10));
  });
});

describe('a rollout', () => {
  const decided = (attempts: number, failures: number, rollbacks = 0, rule = defaultHaltRule) => {
    const decision = decideHalt({ attempts, failures, rollbacks }, rule);
    return decision.kind === 'go' ? 'go' : decision.reason;
  };

  it('goes on while too few terminals have tried, however many of them failed', () => {
    expect([decided(0, 0), decided(1, 1), decided(9, 9), decided(10, 10)]).toEqual(['go', 'go', 'go', 'failure_rate']);
  });

  it('goes on with the failures that every fleet has', () => {
    expect([decided(10, 1), decided(50, 3), decided(1_000, 20), decided(100_000, 4_900)]).toEqual(['go', 'go', 'go', 'go']);
  });

  it('halts when more fail than chance explains', () => {
    expect([decided(10, 2), decided(100, 10), decided(1_000, 65), decided(100_000, 5_200)]).toEqual(
      Array.from({ length: 4 }, () => 'failure_rate'),
    );
  });

  it('halts by votes before the rate says anything, and in a fleet too large for them to show in it', () => {
    expect([decided(6, 6, 6), decided(100_000, 6, 6), decided(100_000, 5, 5)]).toEqual(['rollback_votes', 'rollback_votes', 'go']);
  });

  it('follows the rule it is given', () => {
    const never = { failureRateMax: 1, attemptsMin: 0, rollbackVotesMax: Number.POSITIVE_INFINITY };
    expect(decided(100, 100, 100, never)).toBe('go');
    expect(decided(10, 2, 0, { ...defaultHaltRule, z: 3 })).toBe('go');
    expect(decided(3, 3, 0, { ...defaultHaltRule, attemptsMin: 3 })).toBe('failure_rate');
  });

  it('says how bad it is', () => {
    expect(decideHalt({ attempts: 100, failures: 10, rollbacks: 7 })).toEqual({
      kind: 'halt',
      reason: 'failure_rate',
      lowerBound: wilsonLowerBound(10, 100),
    });
  });
});
