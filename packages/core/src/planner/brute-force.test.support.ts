/** Answers of the planner's questions by enumeration, sharing no code with it. Exponential: for small inputs only. */
import type { Content, Derivation } from '../delta/delta.js';
import type { Digest } from '../hash/digest.js';
import type { DeltaRecipe, PlanInput } from './plan.js';

const targetsOf = (derivation: Derivation): readonly Content[] =>
  derivation.kind === 'whole' ? [derivation.target] : derivation.targets;
const basesOf = (derivation: Derivation): readonly Content[] => (derivation.kind === 'whole' ? [] : derivation.bases);

/** What fetching these derivations costs: every byte of every object is coloured, gaps of up to 600 bytes are filled. */
export function independentCost(derivations: Iterable<Derivation>): number {
  const spans = new Map<Digest, [number, number][]>();
  for (const { blob } of derivations) {
    if (blob.bytes > 0) spans.set(blob.object, [...(spans.get(blob.object) ?? []), [blob.offset, blob.offset + blob.bytes]]);
  }
  let cost = 0;
  for (const list of spans.values()) {
    list.sort((a, b) => a[0] - b[0]);
    let end = Number.NEGATIVE_INFINITY;
    for (const [start, stop] of list) {
      if (start > end) cost += Math.min(start - end, 600);
      if (stop > end) cost += stop - Math.max(start, end);
      end = Math.max(end, stop);
    }
  }
  return cost;
}

/** Whether running every derivation as soon as its bases are there makes all wanted contents. */
export function makesAll(derivations: readonly Derivation[], held: ReadonlySet<Digest>, wanted: readonly Content[]): boolean {
  const made = new Set(held);
  for (let before = -1; before !== made.size; ) {
    before = made.size;
    for (const derivation of derivations) {
      if (basesOf(derivation).every((base) => made.has(base.sha256)))
        for (const target of targetsOf(derivation)) made.add(target.sha256);
    }
  }
  return wanted.every((content) => made.has(content.sha256));
}

/**
 * The least cost of any set of derivations that makes all wanted contents; null when there is none. Each content still
 * open is given each of its makers in turn; a complete choice counts when it can be run. Exact whatever the graph.
 */
export function cheapestByEnumeration(input: PlanInput, derivations: readonly Derivation[]): number | null {
  let best: number | null = null;
  const chosen = new Set<Derivation>();
  const choose = (open: readonly Digest[], settled: ReadonlySet<Digest>): void => {
    const cost = independentCost(chosen);
    if (best !== null && cost >= best) return;
    const [content, ...rest] = open.filter((digest) => !settled.has(digest) && !input.held.has(digest));
    if (content === undefined) {
      if (makesAll([...chosen], input.held, input.wanted)) best = cost;
      return;
    }
    for (const derivation of derivations) {
      if (!targetsOf(derivation).some((target) => target.sha256 === content)) continue;
      const isNew = !chosen.has(derivation);
      chosen.add(derivation);
      choose([...rest, ...basesOf(derivation).map((base) => base.sha256)], new Set([...settled, content]));
      if (isNew) chosen.delete(derivation);
    }
  };
  choose(
    input.wanted.map((content) => content.sha256),
    new Set(),
  );
  return best;
}

/** Every way from one release to another that passes no release twice. */
export function everyChain(deltas: readonly DeltaRecipe[], from: string, to: string): DeltaRecipe[][] {
  if (from === to) return [[]];
  const onward = deltas.filter((delta) => delta.base === from);
  const rest = deltas.filter((delta) => delta.base !== from && delta.target !== from);
  return onward.flatMap((delta) => everyChain(rest, delta.target, to).map((chain) => [delta, ...chain]));
}

/** A chain's derivations without what the target does not need, found from the end backwards. */
export function prunedChain(chain: readonly DeltaRecipe[], input: PlanInput): Derivation[] {
  const needed = new Set(input.wanted.map((content) => content.sha256).filter((digest) => !input.held.has(digest)));
  const kept: Derivation[] = [];
  for (const derivation of chain.flatMap((delta) => delta.derivations).reverse()) {
    const targets = targetsOf(derivation).map((target) => target.sha256);
    if (!targets.some((target) => needed.has(target))) continue;
    kept.unshift(derivation);
    for (const target of targets) needed.delete(target);
    for (const base of basesOf(derivation)) if (!input.held.has(base.sha256)) needed.add(base.sha256);
  }
  return kept;
}

/** Each missing wanted content from its smallest whole blob; null when one is not stored whole. */
export function wholeContents(input: PlanInput, derivations: readonly Derivation[]): Derivation[] | null {
  const chosen: Derivation[] = [];
  for (const { sha256 } of input.wanted.filter((content) => !input.held.has(content.sha256))) {
    const wholes = derivations.filter((derivation) => derivation.kind === 'whole' && derivation.target.sha256 === sha256);
    const [smallest] = wholes.sort((a, b) => a.blob.bytes - b.blob.bytes);
    if (smallest === undefined) return null;
    chosen.push(smallest);
  }
  return chosen;
}
