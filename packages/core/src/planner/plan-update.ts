import { buildContentGraph, type ContentGraph } from './content-graph.js';
import { countText } from './number-text.js';
import {
  type Plan,
  type PlanChoice,
  type PlanCost,
  type PlanInput,
  type PlanLoser,
  planRangesMax,
  plansMaxDefault,
} from './plan.js';
import { type Candidate, planCandidates } from './plan-candidates.js';
import { noCost, nothingHeld, planCost } from './plan-cost.js';
import { Pricing } from './pricing.js';

/**
 * Chooses how a terminal gets from what it holds to what it should have: the best few distinct plans, cheapest first,
 * and every other candidate with the reason why it lost. Costs are of a terminal that has downloaded nothing yet; one
 * that has prices the plans again with `planCost`.
 *
 * The first plan is never dearer than any chain of deltas (within the bounds of `chainBounds`), than whole contents or
 * than the full zip. It is the cheapest there is when each content that is not held leads to one wanted content at most,
 * each patch has one base and one target and each blob is an object of its own; with shared steps, groups and packed
 * objects it is a good one, not always the best (that question is the Steiner problem in directed graphs).
 *
 * The same input gives the same plans whatever the order its lists are in. Any input ends, cyclic or not; contents that
 * nothing makes leave the zip only; nothing wanted gives one plan that costs nothing.
 */
export function planUpdate(input: PlanInput): PlanChoice {
  const graph = buildContentGraph(input);
  const zip = zipPlan(input);
  if (graph.wanted.length === 0) return nothingToFetch(zip);
  const pricing = new Pricing(graph, input.rangesMax ?? planRangesMax);
  const candidates = planCandidates(input, graph, pricing);
  const distinct = withoutRepeated(contenders(candidates, zip));
  const offeredMax = Math.max(1, input.plansMax ?? plansMaxDefault);
  const [best = { label: zip.label, cost: zip.cost, order: null }] = distinct;
  const dearer = distinct.slice(offeredMax).map(({ label, cost }) => ({ label, cost, reason: dearerThan(cost, best) }));
  const plans = distinct.slice(0, offeredMax).map((contender) => planOf(contender, { graph, pricing, zip }));
  return { plans, losers: [...dearer, ...impossible(candidates)] };
}

function zipPlan({ zip }: PlanInput): Plan {
  const ranges = zip.bytes > 0 ? [{ offset: 0, bytes: zip.bytes }] : [];
  const fetches = [{ digest: zip.digest, objectBytes: zip.bytes, ranges }];
  return { kind: 'zip', label: 'full zip', fetches, cost: planCost(fetches, nothingHeld) };
}

function nothingToFetch(zip: Plan): PlanChoice {
  const plan: Plan = { kind: 'delta', label: 'index only', derivations: [], fetches: [], cost: noCost };
  return { plans: [plan], losers: [{ label: zip.label, cost: zip.cost, reason: dearerThan(zip.cost, plan) }] };
}

/** What reaches the target; without derivations it is the zip. */
interface Contender {
  readonly label: string;
  readonly cost: PlanCost;
  readonly order: readonly number[] | null;
}

/** Cheapest first; of equals the ones with fewer requests, then chains before contents before the zip. */
function contenders(candidates: readonly Candidate[], zip: Plan): readonly Contender[] {
  const deltas = candidates.flatMap(({ label, outcome }) => (typeof outcome === 'string' ? [] : [{ label, ...outcome }]));
  return [...deltas, { label: zip.label, cost: zip.cost, order: null }].sort((a, b) => compareCosts(a.cost, b.cost));
}

function planOf(
  { label, cost, order }: Contender,
  { graph, pricing, zip }: { graph: ContentGraph; pricing: Pricing; zip: Plan },
): Plan {
  if (order === null) return zip;
  const derivations = order.flatMap((derivation) => graph.derivations[derivation] ?? []);
  return { kind: 'delta', label, derivations, fetches: pricing.fetches(order), cost };
}

const compareCosts = (a: PlanCost, b: PlanCost): number => a.costBytes - b.costBytes || a.requests - b.requests;

/** The same derivations under two names are one plan, under the first. */
function withoutRepeated(ascending: readonly Contender[]): readonly Contender[] {
  const distinct: Contender[] = [];
  for (const contender of ascending) {
    if (!distinct.some((other) => haveSameDerivations(contender, other))) distinct.push(contender);
  }
  return distinct;
}

function haveSameDerivations(one: Contender, other: Contender): boolean {
  if (one.order === null || other.order === null || one.order.length !== other.order.length) return false;
  if (compareCosts(one.cost, other.cost) !== 0) return false;
  const derivations = new Set(one.order);
  return other.order.every((derivation) => derivations.has(derivation));
}

function impossible(candidates: readonly Candidate[]): readonly PlanLoser[] {
  return candidates.flatMap(({ label, outcome }) => (typeof outcome === 'string' ? [{ label, cost: null, reason: outcome }] : []));
}

function dearerThan(cost: PlanCost, best: { readonly label: string; readonly cost: PlanCost }): string {
  const difference = cost.costBytes - best.cost.costBytes;
  return difference === 0 ? `costs the same as ${best.label}` : `${countText(difference, 'byte')} dearer than ${best.label}`;
}
