/**
 * What the planner promises, held against enumeration by other code (brute-force.test.support.ts) on random inputs.
 *
 * Exactness means: on inputs where files have nothing to do with each other (each content leads to one wanted content
 * only, each patch has one base and one target, each blob is an object of its own) the first plan costs what the cheapest
 * of all sets of derivations costs, or the zip. Elsewhere the promise is: never dearer than the best chain, than whole
 * contents or than the zip.
 */
import { describe, expect, test } from 'vitest';
import type { Derivation } from '../delta/delta.js';
import {
  cheapestByEnumeration,
  everyChain,
  independentCost,
  makesAll,
  prunedChain,
  wholeContents,
} from './brute-force.test.support.js';
import { fetchesOf } from './merge-ranges.js';
import type { Plan, PlanChoice, PlanInput } from './plan.js';
import { nothingHeld, planCost } from './plan-cost.js';
import { planUpdate } from './plan-update.js';
import {
  digestNamed,
  forSeeds,
  mixedReleasesCase,
  type Random,
  type RandomCase,
  separateFilesCase,
} from './random-plan-input.test.support.js';

const eitherCase = (random: Random): RandomCase => (random.chance(0.7) ? mixedReleasesCase(random) : separateFilesCase(random));

const firstCost = (choice: PlanChoice): number => choice.plans[0]?.cost.costBytes ?? Number.NaN;

test('on 10,000 graphs of separate files the first plan costs what the cheapest set of derivations costs', () => {
  let deltas = 0;
  forSeeds(10_000, (random) => {
    const { input, allDerivations } = separateFilesCase(random);
    const best = cheapestByEnumeration(input, allDerivations);
    const choice = planUpdate(input);
    expect(firstCost(choice)).toBe(Math.min(best ?? Number.POSITIVE_INFINITY, input.zip.bytes + 600));
    const delta = [...choice.plans, ...choice.losers].find((plan) => plan.label !== 'full zip' && plan.cost !== null);
    expect(delta?.cost?.costBytes ?? null).toBe(best);
    deltas += best === null ? 0 : 1;
  });
  if (deltas > 1) expect(deltas).toBeGreaterThan(5_000);
});

test('on 6,000 graphs with shared steps, groups and packs no chain, no whole contents and no zip is cheaper', () => {
  forSeeds(6_000, (random) => {
    const { input, allDerivations } = mixedReleasesCase(random);
    const others = [input.zip.bytes + 600];
    for (const chain of everyChain(input.deltas, 'r0', input.targetRelease)) {
      const pruned = prunedChain(chain, input);
      if (makesAll(pruned, input.held, input.wanted)) others.push(independentCost(pruned));
    }
    const wholes = wholeContents(input, allDerivations);
    if (wholes !== null) others.push(independentCost(wholes));
    expect(firstCost(planUpdate(input))).toBeLessThanOrEqual(Math.min(...others));
  });
});

test('with shared steps, groups and packs a plan is found exactly when there is one, and it is the best one nearly always', () => {
  let reachable = 0;
  let exact = 0;
  forSeeds(3_000, (random) => {
    const { input, allDerivations } = mixedReleasesCase(random);
    const best = cheapestByEnumeration(input, allDerivations);
    const choice = planUpdate({ ...input, zip: { ...input.zip, bytes: 1_000_000_000 } });
    expect(choice.plans[0]?.kind).toBe(best === null ? 'zip' : 'delta');
    if (best === null) return;
    expect(firstCost(choice)).toBeGreaterThanOrEqual(best);
    reachable += 1;
    if (firstCost(choice) === best) exact += 1;
  });
  if (reachable > 1) expect(exact / reachable).toBeGreaterThan(0.9);
});

describe('on 3,000 graphs of every kind', () => {
  test('each plan can be run in its order, fetches all it needs and makes all that is wanted', () => {
    forSeeds(3_000, (random) => {
      const { input } = eitherCase(random);
      const { plans } = planUpdate(input);
      expect(plans.length).toBeGreaterThan(0);
      for (const plan of plans) expectRunnable(plan, input);
    });
  });

  test('plans come cheapest first, are distinct, and carry the costs of their fetches', () => {
    forSeeds(3_000, (random) => {
      const { input } = eitherCase(random);
      const { plans, losers } = planUpdate(input);
      const costs = plans.map((plan) => plan.cost.costBytes);
      expect(costs).toEqual(costs.toSorted((a, b) => a - b));
      expect(plans.length).toBeLessThanOrEqual(4);
      expect(new Set(plans.map(derivationsText)).size).toBe(plans.length);
      for (const plan of plans) expect(planCost(plan.fetches, nothingHeld)).toEqual(plan.cost);
      for (const loser of losers) expect(loser.cost?.costBytes ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual(costs[0] ?? 0);
      expect([...plans, ...losers].filter(({ label }) => label === 'full zip')).toHaveLength(1);
    });
  });

  test('the order of the input changes nothing', () => {
    forSeeds(3_000, (random) => {
      const { input } = eitherCase(random);
      expect(planUpdate(shuffled(input, random))).toEqual(planUpdate(input));
    });
  });

  test('no plan has a derivation that its target can do without', () => {
    forSeeds(3_000, (random) => {
      const { input } = eitherCase(random);
      for (const plan of planUpdate(input).plans) {
        if (plan.kind === 'zip') continue;
        for (const derivation of plan.derivations) expect(isOfUse(derivation, plan.derivations, input)).toBe(true);
      }
    });
  });

  test('plans keep to the number of ranges, one per object at least, and are no dearer than chains that keep to it', () => {
    forSeeds(1_000, (random) => {
      const { input } = eitherCase(random);
      const rangesMax = random.between(1, 4);
      const limited = planUpdate({ ...input, rangesMax });
      for (const plan of limited.plans) {
        const ranges = plan.fetches.reduce((sum, fetch) => sum + fetch.ranges.length, 0);
        expect(ranges).toBeLessThanOrEqual(Math.max(rangesMax, plan.fetches.length));
        expect(planCost(plan.fetches, nothingHeld)).toEqual(plan.cost);
        expectRunnable(plan, input);
      }
      for (const chain of everyChain(input.deltas, 'r0', input.targetRelease)) {
        const pruned = prunedChain(chain, input);
        if (!makesAll(pruned, input.held, input.wanted)) continue;
        expect(firstCost(limited)).toBeLessThanOrEqual(
          planCost(fetchesOf(pruned, input.objects, rangesMax), nothingHeld).costBytes,
        );
      }
    });
  });
});

function expectRunnable(plan: Plan, input: PlanInput): void {
  if (plan.kind === 'zip') {
    expect(plan.fetches).toEqual([
      { digest: input.zip.digest, objectBytes: input.zip.bytes, ranges: [{ offset: 0, bytes: input.zip.bytes }] },
    ]);
    return;
  }
  const made = new Set(input.held);
  for (const derivation of plan.derivations) {
    const bases = derivation.kind === 'whole' ? [] : derivation.bases;
    const targets = derivation.kind === 'whole' ? [derivation.target] : derivation.targets;
    expect(bases.every((base) => made.has(base.sha256))).toBe(true);
    for (const target of targets) made.add(target.sha256);
    expect(isFetched(derivation, plan)).toBe(true);
  }
  expect(input.wanted.every((content) => made.has(content.sha256))).toBe(true);
}

function isFetched({ blob }: Derivation, plan: Plan): boolean {
  const ranges = plan.fetches.find((fetch) => fetch.digest === blob.object)?.ranges ?? [];
  const holds = ranges.some((range) => range.offset <= blob.offset && blob.offset + blob.bytes <= range.offset + range.bytes);
  return blob.bytes === 0 || holds;
}

/** A plan's derivation is of use when the others can't be run to the end, or not to the target, without it. */
const isOfUse = (derivation: Derivation, all: readonly Derivation[], input: PlanInput): boolean => {
  const others = all.filter((other) => other !== derivation);
  return derivation.blob.bytes === 0 || !makesAll(others, input.held, input.wanted);
};

const derivationsText = (plan: Plan): string =>
  plan.kind === 'zip'
    ? 'zip'
    : plan.derivations
        .map(({ blob }) => `${blob.object} ${blob.offset} ${blob.sha256}`)
        .toSorted()
        .join();

const shuffled = (input: PlanInput, random: Random): PlanInput => ({
  ...input,
  held: new Set(random.shuffled([...input.held])),
  wanted: random.shuffled(input.wanted),
  derivations: random.shuffled(input.derivations),
  objects: random.shuffled([...input.objects, { digest: digestNamed('an object nothing lies in'), bytes: 1 }]),
  deltas: random.shuffled(input.deltas.map((delta) => ({ ...delta, derivations: random.shuffled(delta.derivations) }))),
});

test('on 2,000 graphs a terminal that knows fewer codecs gets the plans of a world without the others', () => {
  forSeeds(2_000, (random) => {
    const { input } = eitherCase(random);
    const recoded = new Map(input.derivations.map((one) => [one, random.chance(0.3) ? inOtherCodec(one) : one]));
    const isKnown = (one: Derivation): boolean => one.kind === 'whole' || one.codec === 'bsdiff40';
    const world = (keep: (one: Derivation) => boolean): PlanInput => {
      const kept = (list: readonly Derivation[]) => list.map((one) => recoded.get(one) ?? one).filter(keep);
      const deltas = input.deltas.map((delta) => ({ ...delta, derivations: kept(delta.derivations) }));
      return { ...input, derivations: kept(input.derivations), deltas };
    };
    const withFew = planUpdate({ ...world(() => true), codecs: new Set(['bsdiff40']) });
    expect(withFew.plans).toEqual(planUpdate(world(isKnown)).plans);
    expect(planUpdate({ ...world(() => true), codecs: new Set(['bsdiff40', 'remendo+containers']) })).toEqual(
      planUpdate(world(() => true)),
    );
  });
});

const inOtherCodec = (one: Derivation): Derivation => (one.kind === 'patch' ? { ...one, codec: 'remendo+containers' } : one);
