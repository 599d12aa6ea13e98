/**
 * A choice of one maker for each content that is needed, with its running cost, for trying changes and taking them back.
 *
 * Invariants: a made content has a rank above the ranks of its maker's bases, so makers never form a cycle; a derivation
 * is in use while it is the maker of something; what nothing needs any more is let go, with all that was needed for it.
 */
import { BlobSet } from './blob-set.js';
import type { ContentGraph } from './content-graph.js';
import { requestCostBytes } from './plan.js';

/** No maker. */
export const none = -1;

interface Change {
  readonly content: number;
  readonly maker: number;
  readonly rank: number;
}

export class Selection {
  readonly #graph: ContentGraph;
  readonly #blobs: BlobSet;
  readonly #maker: Int32Array;
  readonly #rank: Float64Array;
  /** How many derivations in use have the content as a base, plus one when it is wanted. */
  readonly #needs: Int32Array;
  /** How many contents have the derivation as their maker. */
  readonly #uses: Int32Array;
  readonly #changes: Change[] = [];

  constructor(graph: ContentGraph) {
    this.#graph = graph;
    this.#blobs = new BlobSet(graph);
    this.#maker = new Int32Array(graph.digests.length).fill(none);
    this.#rank = new Float64Array(graph.digests.length);
    this.#needs = new Int32Array(graph.digests.length);
    this.#uses = new Int32Array(graph.derivations.length);
    this.#clear(requestCostBytes);
  }

  /** See BlobSet: a guide, not the price. */
  get costBytes(): number {
    return this.#blobs.costBytes;
  }

  makerOf(content: number): number {
    return this.#maker[content] ?? none;
  }

  isMade(content: number): boolean {
    return this.#maker[content] !== none;
  }

  isNeeded(content: number): boolean {
    return (this.#needs[content] ?? 0) > 0;
  }

  isUsed(derivation: number): boolean {
    return (this.#uses[derivation] ?? 0) > 0;
  }

  rankOf(content: number): number {
    return this.#rank[content] ?? 0;
  }

  /**
   * Starts afresh from derivations in dependency order that are all needed (see Pruning): the first one that
   * makes a content becomes its maker. There is nothing to take back afterwards. `requestBytes` is what a request costs.
   */
  load(order: readonly number[], requestBytes: number = requestCostBytes): void {
    this.#clear(requestBytes);
    const { targets } = this.#graph;
    for (const [index, derivation] of order.entries()) {
      for (let at = targets.start(derivation); at < targets.end(derivation); at += 1) {
        if (!this.isMade(targets.item(at))) this.#change(targets.item(at), derivation, index + 1);
      }
    }
    for (const derivation of order.toReversed()) {
      for (let at = targets.start(derivation); at < targets.end(derivation); at += 1) this.letGo(targets.item(at));
    }
    this.#changes.length = 0;
  }

  #clear(requestBytes: number): void {
    this.#changes.length = 0;
    this.#blobs.clear(requestBytes);
    this.#maker.fill(none);
    this.#rank.fill(0);
    this.#uses.fill(0);
    this.#needs.fill(0);
    for (const content of this.#graph.wanted) this.#needs[content] = 1;
  }

  /** Gives a content another maker, whose bases are all made. The rank must be above theirs. */
  assign(content: number, maker: number, rank: number): void {
    const before = this.makerOf(content);
    this.#set(content, maker, rank);
    if (before !== none && !this.isUsed(before)) this.#letGoBases(before);
  }

  /** Unmakes a content that nothing needs, and what only it needed. */
  letGo(content: number): void {
    if (this.isMade(content) && !this.isNeeded(content)) this.assign(content, none, 0);
  }

  /** A point to come back to. */
  mark(): number {
    return this.#changes.length;
  }

  takeBack(mark: number): void {
    while (this.#changes.length > mark) {
      const change = this.#changes.pop();
      if (change !== undefined) this.#change(change.content, change.maker, change.rank);
    }
  }

  #letGoBases(derivation: number): void {
    const open = [derivation];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      for (const base of this.#graph.bases.of(next)) {
        const maker = this.makerOf(base);
        if (maker === none || this.isNeeded(base)) continue;
        this.#set(base, none, 0);
        if (!this.isUsed(maker)) open.push(maker);
      }
    }
  }

  #set(content: number, maker: number, rank: number): void {
    this.#changes.push({ content, maker: this.makerOf(content), rank: this.rankOf(content) });
    this.#change(content, maker, rank);
  }

  #change(content: number, maker: number, rank: number): void {
    const before = this.makerOf(content);
    this.#maker[content] = maker;
    this.#rank[content] = rank;
    if (before !== none) this.#use(before, -1);
    if (maker !== none) this.#use(maker, 1);
  }

  #use(derivation: number, step: 1 | -1): void {
    const uses = (this.#uses[derivation] ?? 0) + step;
    this.#uses[derivation] = uses;
    const starts = uses === 1 && step === 1;
    if (!starts && uses > 0) return;
    if (starts) this.#blobs.add(derivation);
    else this.#blobs.remove(derivation);
    const { bases } = this.#graph;
    for (let at = bases.start(derivation); at < bases.end(derivation); at += 1) {
      this.#needs[bases.item(at)] = (this.#needs[bases.item(at)] ?? 0) + step;
    }
  }
}
