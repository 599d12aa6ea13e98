import type { Derivation } from '../delta/delta.js';
import type { ContentGraph } from './content-graph.js';
import { fetchesOfAscending } from './merge-ranges.js';
import { type ObjectFetch, type PlanCost, requestCostBytes } from './plan.js';

/**
 * What selections of derivations fetch and cost with nothing held. `cost` is `planCost` of `fetches`, to the byte, without
 * building them: hundreds of selections are priced for the few that are shown.
 */
export class Pricing {
  readonly #graph: ContentGraph;
  readonly rangesMax: number;

  constructor(graph: ContentGraph, rangesMax: number) {
    this.#graph = graph;
    this.rangesMax = rangesMax;
  }

  /** Merged ranges, at most `rangesMax` where that can be. */
  fetches(selection: readonly number[]): readonly ObjectFetch[] {
    const derivations: Derivation[] = [];
    for (const number of Int32Array.from(selection).sort()) {
      const derivation = this.#graph.derivations[number];
      if (derivation !== undefined) derivations.push(derivation);
    }
    return fetchesOfAscending(derivations, this.#graph.objectSizes, this.rangesMax);
  }

  cost(selection: readonly number[]): PlanCost {
    const sweep = this.#sweep(Int32Array.from(selection).sort());
    let { fetchBytes } = sweep;
    let requests = sweep.objects + sweep.gaps.length;
    const closed = Math.min(requests - this.rangesMax, sweep.gaps.length);
    if (closed > 0) {
      for (const gap of sweep.gaps.sort((a, b) => a - b).slice(0, closed)) fetchBytes += gap;
      requests -= closed;
    }
    return { fetchBytes, requests, costBytes: fetchBytes + requests * requestCostBytes };
  }

  /** Blobs by ascending object and offset: their bytes with the small gaps between them, and the large gaps. */
  #sweep(ascending: Int32Array): { fetchBytes: number; objects: number; gaps: number[] } {
    const { blobObject, blobOffset, blobBytes } = this.#graph;
    const gaps: number[] = [];
    let fetchBytes = 0;
    let objects = 0;
    let object = -1;
    let end = 0;
    for (const number of ascending) {
      const start = blobOffset[number] ?? 0;
      const stop = start + (blobBytes[number] ?? 0);
      if (stop === start) continue;
      if (blobObject[number] !== object) {
        object = blobObject[number] ?? 0;
        objects += 1;
        end = start;
      }
      if (start - end > requestCostBytes) {
        gaps.push(start - end);
        end = start;
      }
      fetchBytes += Math.max(0, stop - end);
      end = Math.max(end, stop);
    }
    return { fetchBytes, objects, gaps };
  }
}
