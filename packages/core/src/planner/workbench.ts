import type { ContentGraph } from './content-graph.js';
import { DependencyOrder } from './dependency-order.js';
import type { PlanCost } from './plan.js';
import type { Pricing } from './pricing.js';
import { Pruning } from './pruning.js';
import { Selection } from './selection.js';

/** Derivation numbers of the graph, in dependency order, with their real price. */
export interface PricedSelection {
  readonly order: readonly number[];
  readonly cost: PlanCost;
}

/** How many derivations of one selection are tried to do without: each try takes time in proportion to the selection. */
const replaceableMax = 64;

/** What all candidates of one input are made with. */
export class Workbench {
  readonly ordering: DependencyOrder;
  readonly selection: Selection;
  readonly pruning: Pruning;
  readonly #graph: ContentGraph;
  readonly #pricing: Pricing;

  constructor(graph: ContentGraph, pricing: Pricing) {
    this.#graph = graph;
    this.ordering = new DependencyOrder(graph);
    this.selection = new Selection(graph);
    this.pruning = new Pruning(graph);
    this.#pricing = pricing;
  }

  get rangesMax(): number {
    return this.#pricing.rangesMax;
  }

  /** From derivations in dependency order; what the wanted contents can do without is dropped. */
  priced(order: readonly number[]): PricedSelection {
    const kept = this.#dropReplaceable(this.pruning.keepFirstMakers(order));
    return { order: kept, cost: this.#pricing.cost(kept) };
  }

  /** The first wanted contents that the ordering has not made, as text; undefined when it made them all. */
  lacking(isMade: (content: number) => boolean): string | undefined {
    const missing = this.#graph.wanted.filter((content) => !isMade(content)).map((content) => this.#graph.digests[content] ?? '');
    const [first] = missing.sort();
    if (first === undefined) return undefined;
    return `content ${first.slice(0, 12)}${missing.length > 1 ? ` and ${missing.length - 1} more` : ''}`;
  }

  /** Groups may make contents twice: what is left when one derivation is dropped may still make everything. Large ones first. */
  #dropReplaceable(order: readonly number[]): readonly number[] {
    let kept = order;
    const bytesOf = (derivation: number): number => this.#graph.blobBytes[derivation] ?? 0;
    const replaceable = this.pruning.replaceable(order).toSorted((a, b) => bytesOf(b) - bytesOf(a) || a - b);
    for (const derivation of replaceable.slice(0, replaceableMax)) {
      const others = kept.filter((other) => other !== derivation).sort((a, b) => a - b);
      const left = this.ordering.startAgain().append(others);
      const lacking = this.lacking((content) => this.ordering.isMade(content));
      if (lacking === undefined) kept = this.pruning.keepFirstMakers(left);
    }
    return kept;
  }
}
