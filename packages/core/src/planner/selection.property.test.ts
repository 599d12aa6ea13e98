/** The running cost and taking back, on which the local search stands, against prices from scratch. */
import { expect, test } from 'vitest';
import { independentCost } from './brute-force.test.support.js';
import { cheapestDerivations } from './cheapest-derivations.js';
import { buildContentGraph, type ContentGraph } from './content-graph.js';
import { nothingHeld, planCost } from './plan-cost.js';
import { Pricing } from './pricing.js';
import { Pruning } from './pruning.js';
import { forSeeds, mixedReleasesCase } from './random-plan-input.test.support.js';
import { Selection } from './selection.js';

const used = (selection: Selection, graph: ContentGraph): number[] =>
  graph.derivations.map((_, derivation) => derivation).filter((derivation) => selection.isUsed(derivation));

test('the running cost is the price of what is in use, and nothing is made in vain, through changes and back', () => {
  forSeeds(2_000, (random) => {
    const graph = buildContentGraph(mixedReleasesCase(random).input);
    const { order, maker } = cheapestDerivations(graph, graph.blobBytes, 'all');
    if (graph.wanted.some((content) => maker[content] === -1)) return;
    const selection = new Selection(graph);
    selection.load(order);
    expect(used(selection, graph)).toEqual(new Pruning(graph).keepFirstMakers(order).toSorted((a, b) => a - b));
    const [before, costBefore, mark] = [used(selection, graph), selection.costBytes, selection.mark()];
    for (let step = 0; step < 10; step += 1) tryAnotherMaker(selection, graph, () => random.next());
    expect(selection.costBytes).toBe(
      independentCost(used(selection, graph).flatMap((derivation) => graph.derivations[derivation] ?? [])),
    );
    for (const content of graph.digests.keys()) if (selection.isMade(content)) expect(selection.isNeeded(content)).toBe(true);
    selection.takeBack(mark);
    expect([used(selection, graph), selection.costBytes]).toEqual([before, costBefore]);
  });
});

function tryAnotherMaker(selection: Selection, graph: ContentGraph, chance: () => number): void {
  const derivation = Math.floor(chance() * graph.derivations.length);
  const bases = graph.bases.of(derivation);
  const [target] = graph.targets.of(derivation);
  if (target === undefined || !selection.isMade(target) || !bases.every((base) => selection.isMade(base))) return;
  if (bases.some((base) => selection.rankOf(base) >= selection.rankOf(target))) return;
  selection.assign(target, derivation, selection.rankOf(target));
}

test('the quick price of a selection is the price of its fetches, with any number of ranges', () => {
  forSeeds(2_000, (random) => {
    const graph = buildContentGraph(mixedReleasesCase(random).input);
    const selection = graph.derivations.map((_, derivation) => derivation).filter(() => random.chance(0.5));
    const pricing = new Pricing(graph, random.between(1, 12));
    expect(pricing.cost(random.shuffled(selection))).toEqual(planCost(pricing.fetches(selection), nothingHeld));
  });
});
