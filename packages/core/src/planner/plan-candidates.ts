/**
 * The ways to the target that are worth pricing: derivations in dependency order with nothing among them that the target
 * does not need.
 *
 * - chains: deltas release by release, each link as its recipe says, without what a later release removes;
 * - whole contents: every missing content stored whole, where it is stored smallest;
 * - contents: the best that several passes over all derivations find, and what a local search makes of the best few, the
 *   chains and the whole contents among them; so it is never dearer than any of them.
 */

import type { CodecName } from '../patch/codec-name.js';
import { cheapestContents } from './cheapest-contents.js';
import { type ContentGraph, isKnownTo } from './content-graph.js';
import type { DeltaRecipe, PlanInput } from './plan.js';
import type { Pricing } from './pricing.js';
import { releaseChains } from './release-chains.js';
import { type PricedSelection, Workbench } from './workbench.js';

export interface Candidate {
  readonly label: string;
  /** A clause that says what is missing, when the target can not be reached this way. */
  readonly outcome: PricedSelection | string;
}

/** Chains first, so that of two names for the same derivations the one that says more is kept. */
export function planCandidates(input: PlanInput, graph: ContentGraph, pricing: Pricing): readonly Candidate[] {
  const bench = new Workbench(graph, pricing);
  const stated = [...chainCandidates(input, graph, bench), wholeCandidate(graph, bench)];
  const starts = stated.flatMap((candidate) => (typeof candidate.outcome === 'string' ? [] : [candidate.outcome]));
  return [...stated, { label: 'contents', outcome: cheapestContents(graph, bench, starts) }];
}

function chainCandidates(input: PlanInput, graph: ContentGraph, bench: Workbench): readonly Candidate[] {
  if (input.baseRelease === null || input.baseRelease === input.targetRelease) return [];
  const links = input.deltas
    .map((delta, index) => ({
      ...linkOf(delta.base, delta.target, graph, index),
      recipe: graph.recipes[index] ?? [],
      unknown: unknownCodecs(delta, input.codecs),
    }))
    .sort(
      (a, b) =>
        compareText(a.base, b.base) ||
        compareText(a.target, b.target) ||
        a.bytes - b.bytes ||
        compareLists(a.recipe, b.recipe) ||
        compareText(a.unknown.join(), b.unknown.join()),
    );
  const { chains } = releaseChains(links, input.baseRelease, input.targetRelease);
  if (chains.length === 0) {
    return [{ label: `chain ${input.baseRelease} → ${input.targetRelease}`, outcome: 'no deltas lead there' }];
  }
  return chains.map((chain) => {
    const steps = chain.flatMap((link) => links[link] ?? []);
    const label = ['chain', [input.baseRelease, ...steps.map((step) => step.target)].join(' → ')].join(' ');
    return { label, outcome: chainOutcome(steps, bench) };
  });
}

function linkOf(base: string, target: string, graph: ContentGraph, index: number) {
  const recipe = graph.recipes[index] ?? [];
  const bytes = recipe.reduce((sum, derivation) => sum + (graph.blobBytes[derivation] ?? 0), 0);
  return { base, target, bytes, derivations: recipe.length };
}

interface ChainLink {
  readonly recipe: readonly number[];
  /** Codecs of its patches that the terminal does not know: those patches are not in the recipe. */
  readonly unknown: readonly CodecName[];
}

function chainOutcome(links: readonly ChainLink[], bench: Workbench): PricedSelection | string {
  const ordering = bench.ordering.startAgain();
  const order = links.flatMap(({ recipe }) => ordering.appendLink(recipe));
  const lacking = bench.lacking((content) => ordering.isMade(content));
  if (lacking === undefined) return bench.priced(bench.pruning.keepLastMakers(order));
  const unknown = [...new Set(links.flatMap((link) => link.unknown))].sort();
  if (unknown.length === 0) return `needs a patch that does not exist: nothing makes ${lacking}`;
  return `needs the codec ${unknown.join(' and ')}, which the terminal does not know`;
}

function unknownCodecs({ derivations }: DeltaRecipe, known: PlanInput['codecs']): readonly CodecName[] {
  const codecs = derivations.flatMap((one) => (one.kind === 'patch' && !isKnownTo(known, one) ? [one.codec] : []));
  return [...new Set(codecs)].sort();
}

function wholeCandidate(graph: ContentGraph, bench: Workbench): Candidate {
  const order: number[] = [];
  const bytesOf = (derivation: number): number => graph.blobBytes[derivation] ?? 0;
  for (const content of graph.wanted) {
    const wholes = graph.madeBy.of(content).filter((maker) => graph.derivations[maker]?.kind === 'whole');
    const [smallest] = wholes.toSorted((a, b) => bytesOf(a) - bytesOf(b) || a - b);
    if (smallest !== undefined) order.push(smallest);
  }
  const isMade = new Set(order.flatMap((derivation) => graph.targets.of(derivation)));
  const lacking = bench.lacking((content) => isMade.has(content));
  return { label: 'whole contents', outcome: lacking === undefined ? bench.priced(order) : `${lacking} is not stored whole` };
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function compareLists(a: readonly number[], b: readonly number[]): number {
  const differs = a.findIndex((item, index) => item !== b[index]);
  return differs === -1 ? a.length - b.length : (a[differs] ?? 0) - (b[differs] ?? -1);
}
