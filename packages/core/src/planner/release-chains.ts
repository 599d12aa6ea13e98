/**
 * Ways from one release to another over known deltas, the one with the fewest bytes first. No release is passed twice,
 * so cycles (downgrades) end.
 */
import { MinHeap } from './min-heap.js';

/** One known delta as an edge between releases. */
export interface ReleaseEdge {
  readonly base: string;
  readonly target: string;
  /** Of all its blobs. */
  readonly bytes: number;
  /** How many derivations have to be looked at to price it. */
  readonly derivations: number;
}

export interface ReleaseChains {
  /** Each a list of positions in the given edges. */
  readonly chains: readonly (readonly number[])[];
  /** False when a bound stopped the enumeration: the chains not named have at least the bytes of the last one. */
  readonly isComplete: boolean;
}

/** Bounds of the enumeration: chains, derivations in them all, and partial chains looked at (cyclic graphs have dead ends). */
export interface ChainBounds {
  readonly chainsMax: number;
  readonly derivationsMax: number;
  readonly stepsMax: number;
}

export const chainBounds: ChainBounds = { chainsMax: 1_000, derivationsMax: 500_000, stepsMax: 50_000 };

interface PartialChain {
  readonly at: string;
  readonly bytes: number;
  readonly edges: readonly number[];
}

/**
 * Best first by bytes behind plus the fewest bytes that can still follow. Edges of equal bytes come in the order given.
 * At least one chain is named if there is one within `stepsMax`.
 */
export function releaseChains(
  edges: readonly ReleaseEdge[],
  from: string,
  to: string,
  bounds: ChainBounds = chainBounds,
): ReleaseChains {
  const ahead = bytesAhead(edges, to);
  const leaving = groupBy(edges, (edge) => edge.base);
  const partial: PartialChain[] = [{ at: from, bytes: 0, edges: [] }];
  const open = new MinHeap();
  if (from !== to && ahead.has(from)) open.push(0, 0);
  const chains: (readonly number[])[] = [];
  let derivations = 0;
  for (let steps = 0; open.length > 0; steps += 1) {
    const chain = partial[open.pop() ?? 0];
    if (chain === undefined) break;
    if (steps >= bounds.stepsMax || chains.length >= bounds.chainsMax || derivations > bounds.derivationsMax) {
      return { chains, isComplete: false };
    }
    if (chain.at === to) {
      chains.push(chain.edges);
      derivations += chain.edges.reduce((sum, edge) => sum + (edges[edge]?.derivations ?? 0), 0);
      continue;
    }
    for (const next of extensions(chain, leaving, edges)) {
      const rest = ahead.get(next.at);
      if (rest !== undefined && next.at !== from) open.push(next.bytes + rest, partial.push(next) - 1);
    }
  }
  return { chains, isComplete: true };
}

function extensions(
  chain: PartialChain,
  leaving: ReadonlyMap<string, readonly number[]>,
  edges: readonly ReleaseEdge[],
): PartialChain[] {
  const passed = new Set(chain.edges.map((edge) => edges[edge]?.target));
  const longer: PartialChain[] = [];
  for (const edge of leaving.get(chain.at) ?? []) {
    const { target, bytes } = edges[edge] ?? { target: chain.at, bytes: 0 };
    if (target !== chain.at && !passed.has(target))
      longer.push({ at: target, bytes: chain.bytes + bytes, edges: [...chain.edges, edge] });
  }
  return longer;
}

function groupBy(edges: readonly ReleaseEdge[], keyOf: (edge: ReleaseEdge) => string): ReadonlyMap<string, readonly number[]> {
  const groups = new Map<string, number[]>();
  for (const [index, edge] of edges.entries()) {
    const others = groups.get(keyOf(edge));
    if (others === undefined) groups.set(keyOf(edge), [index]);
    else others.push(index);
  }
  return groups;
}

/** By release the fewest delta bytes from it to `to`; releases that don't lead there are absent (Dijkstra, backwards). */
function bytesAhead(edges: readonly ReleaseEdge[], to: string): ReadonlyMap<string, number> {
  const arriving = groupBy(edges, (edge) => edge.target);
  const ahead = new Map<string, number>();
  const reached = [to];
  const open = new MinHeap();
  open.push(0, 0);
  while (open.length > 0) {
    const bytes = open.nextKey;
    const release = reached[open.pop() ?? 0] ?? to;
    if (ahead.has(release)) continue;
    ahead.set(release, bytes);
    for (const index of arriving.get(release) ?? []) {
      const edge = edges[index];
      if (edge !== undefined) open.push(bytes + edge.bytes, reached.push(edge.base) - 1);
    }
  }
  return ahead;
}
