/**
 * Keeps a plan answer small whatever the number of files: neighbouring ranges are joined (a few bytes more to fetch for a
 * shorter list), then the least interesting alternatives are left out. What is left out of the answer is in the delta's
 * index, which names every blob.
 */
import { limitRanges, limits, nothingHeld, planCost } from '@remendo/core';
import type { OfferedPlan, PlanAnswer } from '@remendo/core/protocol';
import type { ComposedPlan, ComposedPlans } from './compose-plans.js';

/** Tried one after the other until the answer fits: ranges per plan, losers, plans. */
const steps = [
  { ranges: Number.POSITIVE_INFINITY, losers: 8, plans: 3 },
  { ranges: 128, losers: 8, plans: 3 },
  { ranges: 64, losers: 6, plans: 3 },
  { ranges: 32, losers: 4, plans: 3 },
  { ranges: 32, losers: 2, plans: 2 },
  { ranges: 64, losers: 1, plans: 1 },
  { ranges: 16, losers: 0, plans: 1 },
] as const;

export function fitAnswer(head: Omit<PlanAnswer, 'plans' | 'losers'>, composed: ComposedPlans): PlanAnswer {
  let answer: PlanAnswer = { ...head, plans: [], losers: [] };
  for (const step of steps) {
    const plans = composed.plans
      .slice(0, step.plans)
      .map((plan) => offer(plan, step.ranges))
      .sort((a, b) => a.cost_bytes - b.cost_bytes);
    answer = { ...head, plans, losers: losersOf(composed, step.plans).slice(0, step.losers) };
    if (Buffer.byteLength(JSON.stringify(answer)) <= limits.planAnswerBytesGoal) break;
  }
  return answer;
}

function offer(plan: ComposedPlan, rangesMax: number): OfferedPlan {
  const fetches = limitRanges(plan.fetches, rangesMax);
  const cost = planCost(fetches, nothingHeld);
  const fields = {
    label: plan.label.slice(0, 500),
    fetches: fetches.map(({ digest, objectBytes, ranges }) => ({
      digest,
      object_bytes: objectBytes,
      ranges: ranges.map(({ offset, bytes }): [number, number] => [offset, bytes]),
    })),
    fetch_bytes: cost.fetchBytes,
    requests: cost.requests,
    cost_bytes: cost.costBytes,
  };
  if (plan.index === null) return { kind: 'zip', ...fields };
  return { kind: 'delta', ...fields, index: { digest: plan.index.digest, bytes: plan.index.encoded.length } };
}

function losersOf(composed: ComposedPlans, plansOffered: number): PlanAnswer['losers'] {
  const left = composed.plans
    .slice(plansOffered)
    .map(({ label, cost }) => ({ label, costBytes: cost.costBytes, reason: 'dearer' }));
  return [...left, ...composed.losers].map(({ label, costBytes, reason }) => ({
    label: label.slice(0, 200),
    cost_bytes: costBytes,
    reason: reason.slice(0, 200),
  }));
}
