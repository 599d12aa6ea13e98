/**
 * Wanted contents are connected one after the other, the nearest first, and whatever was made on the way costs nothing
 * from then on: shared intermediates and groups are paid once. After Takahashi and Matsuyama, "An approximate solution
 * for the Steiner problem in graphs" (Mathematica Japonica 24, 1980), on derivations with several bases and targets.
 *
 * Distances only ever fall. They are repaired from the contents just made outwards, so each connection costs time in
 * proportion to what it brings nearer; `stepsMax` bounds the whole all the same.
 */
import type { ContentGraph } from './content-graph.js';
import { MinHeap } from './min-heap.js';

/** Derivations looked at before giving up: seconds of work, far beyond what a real graph asks for. */
const stepsMaxDefault = 10_000_000;

/** Derivations that make all wanted contents that can be made, in no order; null when it would take too long. */
export function connectContents(graph: ContentGraph, weights: Float64Array, stepsMax = stepsMaxDefault): readonly number[] | null {
  const distances = new Distances(graph, weights);
  for (let content = distances.nearestWanted(); content >= 0; content = distances.nearestWanted()) {
    distances.connect(content);
    if (distances.steps > stepsMax) return null;
  }
  return distances.chosen;
}

class Distances {
  readonly chosen: number[] = [];
  steps = 0;
  readonly #graph: ContentGraph;
  readonly #weights: Float64Array;
  readonly #distance: Float64Array;
  readonly #maker: Int32Array;
  readonly #isMade: Uint8Array;
  readonly #isChosen: Uint8Array;
  readonly #isWanted: Uint8Array;
  /** What the bases of a derivation cost together, and how many of them nothing reaches yet. */
  readonly #basesCost: Float64Array;
  readonly #unreached: Int32Array;
  /** The distance of a content that its users have counted. */
  readonly #counted: Float64Array;
  readonly #wave = new MinHeap();
  readonly #nearest = new MinHeap();

  constructor(graph: ContentGraph, weights: Float64Array) {
    this.#graph = graph;
    this.#weights = weights;
    const contents = graph.digests.length;
    const derivations = graph.derivations.length;
    this.#distance = new Float64Array(contents).fill(Number.POSITIVE_INFINITY);
    this.#counted = new Float64Array(contents).fill(Number.POSITIVE_INFINITY);
    this.#maker = new Int32Array(contents).fill(-1);
    this.#isMade = new Uint8Array(contents);
    this.#isWanted = new Uint8Array(contents);
    this.#isChosen = new Uint8Array(derivations);
    this.#basesCost = new Float64Array(derivations);
    this.#unreached = Int32Array.from(graph.derivations, (_, derivation) => graph.bases.length(derivation));
    for (const content of graph.wanted) this.#isWanted[content] = 1;
    for (let derivation = 0; derivation < derivations; derivation += 1) this.#offer(derivation);
    this.#spread();
  }

  /** −1 when no further wanted content can be reached. */
  nearestWanted(): number {
    while (this.#nearest.length > 0) {
      const content = this.#nearest.pop() ?? -1;
      if (this.#isMade[content] === 0) return content;
    }
    return -1;
  }

  /** Chooses the derivations on the way to a content; all they make is free afterwards. */
  connect(content: number): void {
    const open = [content];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const derivation = this.#maker[next] ?? -1;
      if (this.#isMade[next] === 1 || derivation < 0 || this.#isChosen[derivation] === 1) continue;
      this.#isChosen[derivation] = 1;
      this.chosen.push(derivation);
      for (const base of this.#graph.bases.of(derivation)) open.push(base);
    }
    this.#makeFree();
    this.#spread();
  }

  #freeCount = 0;

  #makeFree(): void {
    for (; this.#freeCount < this.chosen.length; this.#freeCount += 1) {
      for (const content of this.#graph.targets.of(this.chosen[this.#freeCount] ?? 0)) {
        if (this.#isMade[content] === 1) continue;
        this.#isMade[content] = 1;
        this.#distance[content] = 0;
        this.#wave.push(0, content);
      }
    }
  }

  /** Each content passes on its distance once per wave: the wave takes them in ascending distance. */
  #spread(): void {
    const { usedBy } = this.#graph;
    while (this.#wave.length > 0) {
      const content = this.#wave.pop() ?? 0;
      const distance = this.#distance[content] ?? 0;
      const counted = this.#counted[content] ?? 0;
      if (distance >= counted) continue;
      this.#counted[content] = distance;
      for (let at = usedBy.start(content); at < usedBy.end(content); at += 1) {
        const user = usedBy.item(at);
        if (counted === Number.POSITIVE_INFINITY) this.#unreached[user] = (this.#unreached[user] ?? 0) - 1;
        const fall = counted === Number.POSITIVE_INFINITY ? -distance : counted - distance;
        this.#basesCost[user] = (this.#basesCost[user] ?? 0) - fall;
        this.#offer(user);
      }
    }
  }

  #offer(derivation: number): void {
    this.steps += 1;
    if (this.#unreached[derivation] !== 0) return;
    const cost = (this.#basesCost[derivation] ?? 0) + (this.#weights[derivation] ?? 0);
    const { targets } = this.#graph;
    for (let at = targets.start(derivation); at < targets.end(derivation); at += 1) {
      const content = targets.item(at);
      if (this.#isMade[content] === 1 || cost >= (this.#distance[content] ?? 0)) continue;
      this.#distance[content] = cost;
      this.#maker[content] = derivation;
      this.#wave.push(cost, content);
      if (this.#isWanted[content] === 1) this.#nearest.push(cost, content);
    }
  }
}
