import { expect, test } from 'vitest';
import { explainChoice } from './explain-choice.js';
import { numberText } from './number-text.js';
import type { Plan, PlanChoice, PlanCost } from './plan.js';

const cost = (fetchBytes: number, requests: number): PlanCost => ({ fetchBytes, requests, costBytes: fetchBytes + 600 * requests });
const plan = (label: string, price: PlanCost): Plan => ({ kind: 'delta', label, derivations: [], fetches: [], cost: price });

const choice: PlanChoice = {
  plans: [
    plan('contents', cost(1_233_400, 2)),
    plan('chain 1.0.0 → 1.0.1', cost(1_234_000, 1)),
    plan('full zip', cost(50_000_000, 1)),
  ],
  losers: [
    { label: 'whole contents', cost: cost(60_000_000, 1), reason: '58,766,000 bytes dearer than contents' },
    { label: 'chain 1.0.0 → 1.0.2', cost: null, reason: 'no deltas lead there' },
  ],
};

test('a choice is told in sentences with every cost', () => {
  expect(explainChoice(choice)).toEqual([
    'Chosen: contents, 1,234,600 bytes (1,233,400 bytes in 2 requests).',
    'Alternative: chain 1.0.0 → 1.0.1, 1,234,600 bytes (1,234,000 bytes in 1 request), the same cost.',
    'Alternative: full zip, 50,000,600 bytes (50,000,000 bytes in 1 request), 48,766,000 bytes dearer.',
    'Lost: whole contents, 60,000,600 bytes (60,000,000 bytes in 1 request), 58,766,000 bytes dearer than contents.',
    'Not possible: chain 1.0.0 → 1.0.2, no deltas lead there.',
  ]);
});

test('losers beyond the given number are counted', () => {
  expect(explainChoice(choice, 1).slice(3)).toEqual([
    'Lost: whole contents, 60,000,600 bytes (60,000,000 bytes in 1 request), 58,766,000 bytes dearer than contents.',
    'Lost as well: 1 more candidate.',
  ]);
});

test('a plan that fetches nothing names no requests', () => {
  expect(explainChoice({ plans: [plan('index only', cost(0, 0))], losers: [] })).toEqual(['Chosen: index only, 0 bytes.']);
});

test('no plan is told as well', () => {
  expect(explainChoice({ plans: [], losers: [] })).toEqual(['There is no plan.']);
});

test.each([
  [0, '0'],
  [999, '999'],
  [1_000, '1,000'],
  [1_234_567, '1,234,567'],
  [Number.MAX_SAFE_INTEGER, '9,007,199,254,740,991'],
])('%d is written as %s', (value, text) => {
  expect(numberText(value)).toBe(text);
});
