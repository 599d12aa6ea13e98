import type { ContentGraph } from './content-graph.js';

/** Leaves out of lists of derivations what the wanted contents don't need. Made for many lists over one graph. */
export class Pruning {
  readonly #graph: ContentGraph;
  /** By content: the first derivation that makes it; in `replaceable` how many make it. */
  readonly #maker: Int32Array;
  readonly #isNeeded: Uint8Array;

  constructor(graph: ContentGraph) {
    this.#graph = graph;
    this.#maker = new Int32Array(graph.digests.length);
    this.#isNeeded = new Uint8Array(graph.digests.length);
  }

  #startAgain(): void {
    this.#isNeeded.fill(0);
    for (const content of this.#graph.wanted) this.#isNeeded[content] = 1;
  }

  /**
   * Of several derivations that make a content the last one is kept, as the last link of a chain would have it. In
   * dependency order before and after; each derivation once.
   */
  keepLastMakers(order: readonly number[]): readonly number[] {
    this.#startAgain();
    const kept = new Uint8Array(this.#graph.derivations.length);
    for (let index = order.length - 1; index >= 0; index -= 1) {
      const derivation = order[index] ?? 0;
      if (!this.#takeTargets(derivation)) continue;
      kept[derivation] = 1;
      this.#needBases(derivation);
    }
    return order.filter((derivation) => {
      const isKept = kept[derivation] === 1;
      kept[derivation] = 0;
      return isKept;
    });
  }

  /** Of several derivations that make a content the first one is kept. In dependency order before and after. */
  keepFirstMakers(order: readonly number[]): readonly number[] {
    const { targets } = this.#graph;
    this.#maker.fill(-1);
    for (const derivation of order) {
      for (let at = targets.start(derivation); at < targets.end(derivation); at += 1) {
        if (this.#maker[targets.item(at)] === -1) this.#maker[targets.item(at)] = derivation;
      }
    }
    this.#startAgain();
    const kept: number[] = [];
    for (let index = order.length - 1; index >= 0; index -= 1) {
      const derivation = order[index] ?? 0;
      if (!this.#makesNeeded(derivation)) continue;
      kept.push(derivation);
      this.#needBases(derivation);
    }
    return kept.reverse();
  }

  /** Of derivations that are all needed as they stand, those that make nothing which no other one makes. */
  replaceable(order: readonly number[]): readonly number[] {
    const { targets } = this.#graph;
    this.#startAgain();
    for (const derivation of order) this.#needBases(derivation);
    this.#maker.fill(0);
    for (const derivation of order) {
      for (let at = targets.start(derivation); at < targets.end(derivation); at += 1) {
        this.#maker[targets.item(at)] = (this.#maker[targets.item(at)] ?? 0) + 1;
      }
    }
    return order.filter((derivation) => {
      for (let at = targets.start(derivation); at < targets.end(derivation); at += 1) {
        if (this.#isNeeded[targets.item(at)] === 1 && (this.#maker[targets.item(at)] ?? 0) < 2) return false;
      }
      return true;
    });
  }

  /** Whether something it makes is needed; from then on that is not needed any more. */
  #takeTargets(derivation: number): boolean {
    const { targets } = this.#graph;
    let isNeeded = false;
    for (let at = targets.start(derivation); at < targets.end(derivation); at += 1) {
      if (this.#isNeeded[targets.item(at)] === 1) isNeeded = true;
      this.#isNeeded[targets.item(at)] = 0;
    }
    return isNeeded;
  }

  #makesNeeded(derivation: number): boolean {
    const { targets } = this.#graph;
    for (let at = targets.start(derivation); at < targets.end(derivation); at += 1) {
      if (this.#isNeeded[targets.item(at)] === 1 && this.#maker[targets.item(at)] === derivation) return true;
    }
    return false;
  }

  #needBases(derivation: number): void {
    const { bases } = this.#graph;
    for (let at = bases.start(derivation); at < bases.end(derivation); at += 1) this.#isNeeded[bases.item(at)] = 1;
  }
}
