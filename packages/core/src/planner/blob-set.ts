/**
 * What a changing set of derivations costs, kept up to date in about constant time: per object the price of
 * the first request, the bytes of each blob, and for each gap between neighbours its bytes or the price of another
 * request, whichever is less.
 * That is what merged ranges cost, exact as long as blobs lie beside each other or are one and the same; for blobs
 * that overlap in other ways it is an estimate, so it may guide a search and never be the price that is shown.
 */
import type { ContentGraph } from './content-graph.js';
import { IndexSet } from './index-set.js';
import { requestCostBytes } from './plan.js';

export class BlobSet {
  readonly #members: IndexSet;
  /** By derivation: the blob's start, its bytes, and the number of its object. */
  readonly #offset: Float64Array;
  readonly #bytes: Float64Array;
  readonly #object: Int32Array;
  #requestBytes = requestCostBytes;
  #costBytes = 0;

  constructor(graph: ContentGraph) {
    this.#members = new IndexSet(graph.derivations.length);
    this.#offset = graph.blobOffset;
    this.#bytes = graph.blobBytes;
    this.#object = graph.blobObject;
  }

  get costBytes(): number {
    return this.#costBytes;
  }

  /** Empty, and with another price of a request if told so. */
  clear(requestBytes: number): void {
    this.#requestBytes = requestBytes;
    this.#members.clear();
    this.#costBytes = 0;
  }

  /** The derivation must not be a member. */
  add(derivation: number): void {
    this.#costBytes += this.#marginalBytes(derivation);
    if (this.#bytes[derivation] !== 0) this.#members.add(derivation);
  }

  /** The derivation must be a member. */
  remove(derivation: number): void {
    this.#members.delete(derivation);
    this.#costBytes -= this.#marginalBytes(derivation);
  }

  /** What a derivation that is not a member would add. */
  #marginalBytes(derivation: number): number {
    const bytes = this.#bytes[derivation] ?? 0;
    if (bytes === 0) return 0;
    const before = this.#neighbour(derivation, this.#members.before(derivation));
    const after = this.#neighbour(derivation, this.#members.after(derivation));
    if (before < 0 && after < 0) return bytes + this.#requestBytes;
    if (before < 0) return bytes + this.#linkBytes(derivation, after);
    if (after < 0) return bytes + this.#linkBytes(before, derivation);
    return bytes + this.#linkBytes(before, derivation) + this.#linkBytes(derivation, after) - this.#linkBytes(before, after);
  }

  /** −1 when it lies in another object. */
  #neighbour(derivation: number, other: number): number {
    return other >= 0 && this.#object[derivation] === this.#object[other] ? other : -1;
  }

  /** From the end of one blob to the start of the next: fetched along or requested apart. Negative where they overlap. */
  #linkBytes(one: number, next: number): number {
    const gap = (this.#offset[next] ?? 0) - (this.#offset[one] ?? 0) - (this.#bytes[one] ?? 0);
    return Math.min(gap, this.#requestBytes);
  }
}
