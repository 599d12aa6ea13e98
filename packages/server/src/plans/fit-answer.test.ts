import { digestOf, limits, nothingHeld, planCost } from '@remendo/core';
import type { PlanAnswer } from '@remendo/core/protocol';
import { describe, expect, it } from 'vitest';
import type { ComposedPlan } from './compose-plans.js';
import { fitAnswer } from './fit-answer.js';

const head: Omit<PlanAnswer, 'plans' | 'losers'> = {
  application: 'erp',
  platform: 'any',
  base: null,
  target: {
    version: '1.0.0',
    manifest_digest: digestOf('m'),
    manifest: { digest: digestOf('o'), bytes: 1 },
    zip: { digest: digestOf('z'), bytes: 1 },
    installed_bytes: 1,
  },
};

function planOf(label: string, ranges: number, objects = 1): ComposedPlan {
  const fetches = Array.from({ length: objects }, (_, object) => ({
    digest: digestOf(`${label} ${object}`),
    objectBytes: 1e9,
    ranges: Array.from({ length: ranges }, (_, index) => ({ offset: index * 10_000, bytes: 100 })),
  }));
  return { label, fetches, cost: planCost(fetches, nothingHeld), index: { digest: digestOf(label), encoded: new Uint8Array(100) } };
}

const losers = Array.from({ length: 60 }, (_, index) => ({
  label: `chain ${index} `.repeat(60),
  costBytes: index,
  reason: 'dearer',
}));
const bytesOf = (answer: PlanAnswer) => Buffer.byteLength(JSON.stringify(answer));

describe('fitAnswer', () => {
  it('leaves a small answer as it is', () => {
    const answer = fitAnswer(head, { plans: [planOf('a', 3), planOf('b', 4)], losers: losers.slice(0, 2) });
    expect(answer.plans.map((plan) => plan.fetches[0]?.ranges.length)).toEqual([3, 4]);
    expect(answer.losers).toHaveLength(2);
  });

  it.each([
    ['thousands of ranges', [planOf('a', 3_000), planOf('b', 2_000), planOf('c', 1_500)]],
    ['many objects', [planOf('a', 2, 40), planOf('b', 2, 40), planOf('c', 1, 20)]],
  ])('fits %s into 8 KB', (_name, plans) => {
    const answer = fitAnswer(head, { plans, losers });
    expect(bytesOf(answer)).toBeLessThanOrEqual(limits.planAnswerBytesGoal);
    expect(answer.plans.length).toBeGreaterThan(0);
  });

  it('prices the plans as they are offered, cheapest first', () => {
    const answer = fitAnswer(head, { plans: [planOf('a', 3_000), planOf('b', 20)], losers: [] });
    for (const plan of answer.plans) {
      const bytes = plan.fetches.flatMap((fetch) => fetch.ranges).reduce((sum, [, count]) => sum + count, 0);
      expect(plan.fetch_bytes).toBe(bytes);
    }
    expect(answer.plans.map((plan) => plan.label)).toEqual(['b', 'a']);
  });

  it('still names every byte that the plan needs', () => {
    const plan = planOf('a', 500);
    const [offered] = fitAnswer(head, { plans: [plan], losers: [] }).plans;
    const covered = (offset: number) =>
      offered?.fetches[0]?.ranges.some(([start, count]) => offset >= start && offset + 100 <= start + count) ?? false;
    expect(plan.fetches[0]?.ranges.every((range) => covered(range.offset))).toBe(true);
  });
});
