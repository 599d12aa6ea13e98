/**
 * Keeps a plan answer small whatever the number of files: neighbouring ranges are joined (a few bytes more to fetch for a
 * shorter list), then the least interesting alternatives are left out, but never the zip, a terminal's last resort. What
 * is left out of the answer is in the delta's index, which names every blob.
 */
import { limitRanges, limits, nothingHeld, planCost } from '@remendo/core';
import type { OfferedPlan, PlanAnswer } from '@remendo/core/protocol';
import type { ComposedPlan, ComposedPlans } from './compose-plans.js';

/** Tried one after the other until the answer fits: ranges per plan, losers, plans beside the zip. */
const steps = [
  { ranges: Number.POSITIVE_INFINITY, losers: 8, plans: 3 },
  { ranges: 128, losers: 8, plans: 3 },
  { ranges: 64, losers: 6, plans: 3 },
  { ranges: 32, losers: 4, plans: 3 },
  { ranges: 32, losers: 2, plans: 2 },
  { ranges: 64, losers: 1, plans: 1 },
  { ranges: 16, losers: 0, plans: 1 },
] as const;

/** A chain of many releases has a long name. */
const labelCharactersMax = 200;

export function fitAnswer(head: Omit<PlanAnswer, 'plans' | 'losers'>, composed: ComposedPlans): PlanAnswer {
  let answer: PlanAnswer = { ...head, plans: [], losers: [] };
  for (const step of steps) {
    const best = new Set(composed.plans.filter(isDelta).slice(0, step.plans));
    const plans = composed.plans
      .filter((plan) => !isDelta(plan) || best.has(plan))
      .map((plan) => offer(plan, step.ranges))
      .sort((a, b) => a.cost_bytes - b.cost_bytes);
    const left = composed.plans.filter((plan) => isDelta(plan) && !best.has(plan));
    answer = { ...head, plans, losers: losersOf(left, composed).slice(0, step.losers) };
    if (Buffer.byteLength(JSON.stringify(answer)) <= limits.planAnswerBytesGoal) break;
  }
  return answer;
}

const isDelta = (plan: ComposedPlan): boolean => plan.index !== null;

function offer(plan: ComposedPlan, rangesMax: number): OfferedPlan {
  const fetches = limitRanges(plan.fetches, rangesMax);
  const cost = planCost(fetches, nothingHeld);
  const fields = {
    label: plan.label.slice(0, labelCharactersMax),
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

function losersOf(left: readonly ComposedPlan[], { losers }: ComposedPlans): PlanAnswer['losers'] {
  const dearer = left.map(({ label, cost }) => ({ label, costBytes: cost.costBytes, reason: 'dearer' }));
  return [...dearer, ...losers].map(({ label, costBytes, reason }) => ({
    label: label.slice(0, labelCharactersMax),
    cost_bytes: costBytes,
    reason: reason.slice(0, 200),
  }));
}
