import type { ContentGraph } from './content-graph.js';

/**
 * Puts derivations into an order in which every base was made before (Kahn, CACM 1962). Those that can't be run, from
 * what is held and what was made in the calls before, are left out. Made for many calls on one graph: a call costs
 * time in proportion to what it orders.
 */
export class DependencyOrder {
  readonly #graph: ContentGraph;
  /** Which run made a content, and which call waits for a derivation; anything else means none. */
  readonly #madeInRun: Uint32Array;
  readonly #waitsInCall: Uint32Array;
  readonly #missingBases: Uint32Array;
  /** Which call makes a content itself, if it is one that waits for that, and which call has made it. */
  readonly #ownInCall: Uint32Array;
  readonly #madeInCall: Uint32Array;
  #run = 1;
  #call = 0;

  constructor(graph: ContentGraph) {
    this.#graph = graph;
    this.#madeInRun = new Uint32Array(graph.digests.length);
    this.#ownInCall = new Uint32Array(graph.digests.length);
    this.#madeInCall = new Uint32Array(graph.digests.length);
    this.#waitsInCall = new Uint32Array(graph.derivations.length);
    this.#missingBases = new Uint32Array(graph.derivations.length);
  }

  /** Forgets what was made. */
  startAgain(): this {
    this.#run += 1;
    return this;
  }

  isMade(content: number): boolean {
    return this.#madeInRun[content] === this.#run;
  }

  /** Among those that are ready, first come first served: ascending input gives the same output always. */
  append(derivations: readonly number[]): readonly number[] {
    this.#call += 1;
    return this.#appendInCall(derivations);
  }

  /**
   * One link of a chain: a base that the link makes itself comes from the link, also when an earlier one has made it
   * too. What can't be run that way is run as `append` would.
   */
  appendLink(derivations: readonly number[]): readonly number[] {
    const { targets } = this.#graph;
    this.#call += 1;
    for (const derivation of derivations) {
      for (let at = targets.start(derivation); at < targets.end(derivation); at += 1)
        this.#ownInCall[targets.item(at)] = this.#call;
    }
    const order = this.#appendInCall(derivations);
    if (order.length === derivations.length) return order;
    const done = new Set(order);
    return [...order, ...this.append(derivations.filter((derivation) => !done.has(derivation)))];
  }

  #appendInCall(derivations: readonly number[]): readonly number[] {
    const { targets } = this.#graph;
    const ready = derivations.filter((derivation) => this.#countMissing(derivation) === 0);
    // Grows while it is walked through.
    for (const derivation of ready) {
      for (let at = targets.start(derivation); at < targets.end(derivation); at += 1) {
        if (!this.#isAvailable(targets.item(at))) this.#make(targets.item(at), ready);
      }
    }
    return ready;
  }

  #isAvailable(content: number): boolean {
    return this.#ownInCall[content] === this.#call ? this.#madeInCall[content] === this.#call : this.isMade(content);
  }

  #countMissing(derivation: number): number {
    const { bases } = this.#graph;
    let missing = 0;
    for (let at = bases.start(derivation); at < bases.end(derivation); at += 1)
      if (!this.#isAvailable(bases.item(at))) missing += 1;
    this.#missingBases[derivation] = missing;
    if (missing > 0) this.#waitsInCall[derivation] = this.#call;
    return missing;
  }

  #make(content: number, ready: number[]): void {
    this.#madeInRun[content] = this.#run;
    this.#madeInCall[content] = this.#call;
    const { usedBy } = this.#graph;
    for (let at = usedBy.start(content); at < usedBy.end(content); at += 1) {
      const derivation = usedBy.item(at);
      if (this.#waitsInCall[derivation] !== this.#call) continue;
      const missing = (this.#missingBases[derivation] ?? 0) - 1;
      this.#missingBases[derivation] = missing;
      if (missing === 0) ready.push(derivation);
    }
  }
}
