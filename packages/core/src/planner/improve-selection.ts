/**
 * Local search on the running cost, which knows what the first passes don't: that one derivation may serve several
 * contents and that blobs side by side share a request. Two moves, each kept only if it lowers the cost:
 *
 * - adopt: a derivation whose bases are made becomes the maker of all it can make; what that leaves useless goes;
 * - introduce: a content that is not made yet is made, and then whatever can be made from it more cheaply, is.
 */
import type { ContentGraph } from './content-graph.js';
import type { DependencyOrder } from './dependency-order.js';
import { none, type Selection } from './selection.js';

/** Rounds over all moves; the second one rarely finds much. */
const roundsMax = 4;

/** How many steps back a content is introduced with all it needs. */
const introducedStepsMax = 32;

/** Moves tried before the search stops where it is: a second or so of work. */
export const improvementMovesMax = 400_000;

/** In larger graphs only contents that several derivations may start from are introduced. */
const thoroughDerivationsMax = 5_000;

export interface Improvement {
  readonly graph: ContentGraph;
  readonly selection: Selection;
  readonly ordering: DependencyOrder;
  /** By content, the derivation it is introduced with. */
  readonly maker: Int32Array;
  readonly movesMax: number;
  /** What a request counts as: more than it costs where there may be few of them. */
  readonly requestBytes: number;
}

/** From derivations in dependency order to others that make the same wanted contents, never dearer by the running cost. */
export function improveSelection(start: readonly number[], options: Improvement): readonly number[] {
  const search = new Search(options);
  options.selection.load(start, options.requestBytes);
  let order = search.relinearise();
  for (let round = 0; round < roundsMax && search.moves < options.movesMax; round += 1) {
    const before = options.selection.costBytes;
    search.adoptEach();
    search.introduceEach();
    order = search.relinearise();
    if (options.selection.costBytes >= before) break;
  }
  return order;
}

class Search {
  moves = 0;
  readonly #graph: ContentGraph;
  readonly #selection: Selection;
  readonly #options: Improvement;

  constructor(options: Improvement) {
    this.#options = options;
    this.#graph = options.graph;
    this.#selection = options.selection;
  }

  /** Fresh ranks: as low as they can be, so that as many moves as possible keep them ascending. */
  relinearise(): readonly number[] {
    const used: number[] = [];
    for (let derivation = 0; derivation < this.#graph.derivations.length; derivation += 1) {
      if (this.#selection.isUsed(derivation)) used.push(derivation);
    }
    const order = this.#options.ordering.startAgain().append(used);
    this.#selection.load(order, this.#options.requestBytes);
    return order;
  }

  adoptEach(): void {
    for (let derivation = 0; derivation < this.#graph.derivations.length; derivation += 1) {
      if (this.moves > this.#options.movesMax) return;
      this.#adopt(derivation);
    }
  }

  introduceEach(): void {
    const usersMin = this.#graph.derivations.length > thoroughDerivationsMax ? 2 : 1;
    for (let content = 0; content < this.#graph.digests.length; content += 1) {
      if (this.moves > this.#options.movesMax) return;
      if (!this.#selection.isMade(content) && this.#servesAtLeast(usersMin, content)) this.#introduce(content);
    }
  }

  #adopt(derivation: number): void {
    const rank = this.#rankAfterBases(derivation);
    if (rank === none || !this.#mayChangeAny(derivation, rank)) return;
    const targets = this.#graph.targets.of(derivation).filter((content) => this.#mayChange(content, derivation, rank));
    this.moves += 1;
    const mark = this.#selection.mark();
    const before = this.#selection.costBytes;
    for (const content of targets) {
      if (this.#selection.isMade(content)) this.#selection.assign(content, derivation, this.#selection.rankOf(content));
    }
    if (this.#selection.costBytes >= before) this.#selection.takeBack(mark);
  }

  #introduce(content: number): void {
    const mark = this.#selection.mark();
    const before = this.#selection.costBytes;
    this.moves += 1;
    if (this.#provide(content, introducedStepsMax)) {
      for (const user of this.#graph.usedBy.of(content)) this.#adopt(user);
      this.#selection.letGo(content);
    }
    if (this.#selection.costBytes >= before) this.#selection.takeBack(mark);
  }

  /** Makes a content, with what that needs, for free where a derivation in use makes it anyway. */
  #provide(content: number, stepsMax: number): boolean {
    if (this.#selection.isMade(content)) return true;
    const makers = this.#graph.madeBy.of(content);
    const used = makers.find((maker) => this.#selection.isUsed(maker) && this.#rankAfterBases(maker) !== none);
    const maker = used ?? this.#options.maker[content] ?? none;
    if (maker === none || stepsMax === 0) return false;
    if (!this.#graph.bases.of(maker).every((base) => this.#provide(base, stepsMax - 1))) return false;
    const rank = this.#rankAfterBases(maker);
    if (rank === none) return false;
    if (!this.#selection.isMade(content)) this.#selection.assign(content, maker, rank);
    return true;
  }

  /** Whether so many contents of the selection could be made from this one. */
  #servesAtLeast(count: number, content: number): boolean {
    const { usedBy, targets } = this.#graph;
    const served = new Set<number>();
    for (let at = usedBy.start(content); at < usedBy.end(content); at += 1) {
      const user = usedBy.item(at);
      for (let to = targets.start(user); to < targets.end(user); to += 1) {
        if (this.#selection.isMade(targets.item(to))) served.add(targets.item(to));
        if (served.size >= count) return true;
      }
    }
    return false;
  }

  #mayChangeAny(derivation: number, rank: number): boolean {
    const { targets } = this.#graph;
    for (let at = targets.start(derivation); at < targets.end(derivation); at += 1) {
      if (this.#mayChange(targets.item(at), derivation, rank)) return true;
    }
    return false;
  }

  #mayChange(content: number, derivation: number, rank: number): boolean {
    return (
      this.#selection.isMade(content) && this.#selection.makerOf(content) !== derivation && this.#selection.rankOf(content) >= rank
    );
  }

  /**
   * A rank above those of the bases and below the next whole number, so that what has a whole rank above may still
   * follow; `none` when a base is not made, or when the halves between two numbers are used up.
   */
  #rankAfterBases(derivation: number): number {
    let highest = 0;
    const { bases } = this.#graph;
    for (let at = bases.start(derivation); at < bases.end(derivation); at += 1) {
      const base = bases.item(at);
      if (!this.#selection.isMade(base)) return none;
      highest = Math.max(highest, this.#selection.rankOf(base));
    }
    const rank = (highest + Math.floor(highest) + 1) / 2;
    return rank > highest ? rank : none;
  }
}
