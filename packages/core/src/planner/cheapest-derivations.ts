import type { ContentGraph } from './content-graph.js';
import { MinHeap } from './min-heap.js';

export interface CheapestDerivations {
  /** Derivations that make some content first, in the order they were found: bases before what needs them. */
  readonly order: readonly number[];
  /** By content: the derivation that makes it cheapest, −1 where nothing does (or where the search did not go). */
  readonly maker: Int32Array;
}

/**
 * The cheapest way to each wanted content on its own, where a derivation costs its weight plus what all its bases cost
 * (Knuth, "A generalization of Dijkstra's algorithm", Information Processing Letters 6, 1977). Exact for each content
 * with one base at each step; a base that serves several contents is paid by each of them, which is what the other
 * passes are for. Each derivation is looked at once, so cycles don't matter. The search goes as far as `reach` says: to
 * every content, or until all wanted ones are made.
 */
export function cheapestDerivations(graph: ContentGraph, weights: Float64Array, reach: 'all' | 'wanted'): CheapestDerivations {
  const search = new Search(graph, weights, reach);
  const order: number[] = [];
  for (let next = search.nextReady(); next !== undefined; next = search.nextReady()) {
    if (search.settle(next.derivation, next.cost)) order.push(next.derivation);
  }
  return { order, maker: search.maker };
}

class Search {
  readonly maker: Int32Array;
  readonly #graph: ContentGraph;
  readonly #weights: Float64Array;
  readonly #missingBases: Int32Array;
  readonly #basesCost: Float64Array;
  readonly #isWanted: Uint8Array;
  readonly #ready = new MinHeap();
  /** Wanted contents to be made before the search ends. */
  #left: number;

  constructor(graph: ContentGraph, weights: Float64Array, reach: 'all' | 'wanted') {
    this.#graph = graph;
    this.#weights = weights;
    this.maker = new Int32Array(graph.digests.length).fill(-1);
    this.#missingBases = new Int32Array(graph.derivations.length);
    this.#basesCost = new Float64Array(graph.derivations.length);
    this.#isWanted = new Uint8Array(graph.digests.length);
    for (const content of graph.wanted) this.#isWanted[content] = 1;
    this.#left = reach === 'all' ? Number.POSITIVE_INFINITY : graph.wanted.length;
    for (let derivation = 0; derivation < graph.derivations.length; derivation += 1) {
      const count = graph.bases.length(derivation);
      this.#missingBases[derivation] = count;
      if (count === 0) this.#push(derivation);
    }
  }

  nextReady(): { readonly cost: number; readonly derivation: number } | undefined {
    const cost = this.#ready.nextKey;
    const derivation = this.#left === 0 ? undefined : this.#ready.pop();
    return derivation === undefined ? undefined : { cost, derivation };
  }

  /** Whether it is the first to make something. */
  settle(derivation: number, cost: number): boolean {
    const { targets } = this.#graph;
    let isFirst = false;
    for (let at = targets.start(derivation); at < targets.end(derivation); at += 1) {
      const content = targets.item(at);
      if (this.maker[content] !== -1) continue;
      isFirst = true;
      this.maker[content] = derivation;
      this.#left -= this.#isWanted[content] ?? 0;
      this.#passOn(content, cost);
    }
    return isFirst;
  }

  #passOn(content: number, cost: number): void {
    const { usedBy } = this.#graph;
    for (let at = usedBy.start(content); at < usedBy.end(content); at += 1) {
      const user = usedBy.item(at);
      this.#basesCost[user] = (this.#basesCost[user] ?? 0) + cost;
      const missing = (this.#missingBases[user] ?? 0) - 1;
      this.#missingBases[user] = missing;
      if (missing === 0) this.#push(user);
    }
  }

  #push(derivation: number): void {
    this.#ready.push((this.#basesCost[derivation] ?? 0) + (this.#weights[derivation] ?? 0), derivation);
  }
}
