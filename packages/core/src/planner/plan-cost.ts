/**
 * The one cost function. The server prices plans with it as if nothing were held; the terminal prices the offered plans
 * again against what it has on disk; the download fetches exactly the ranges it counted.
 */
import type { Digest } from '../hash/digest.js';
import { mergeRanges } from './merge-ranges.js';
import { type ByteRange, type HeldRanges, type ObjectFetch, type PlanCost, requestCostBytes } from './plan.js';

/** Nothing on disk: how a server sees a terminal. */
export const nothingHeld: HeldRanges = new Map<Digest, readonly ByteRange[]>();

/** What a plan that fetches nothing costs. */
export const noCost: PlanCost = { fetchBytes: 0, requests: 0, costBytes: 0 };

/**
 * What to request of one object: the cheapest cover of `needed` without `held`, ascending, one request each. Held bytes
 * between two missing pieces are fetched again where that is cheaper than a second request; so holding more never costs
 * more. Both lists may be in any order and overlap.
 */
export function missingRanges(needed: readonly ByteRange[], held: readonly ByteRange[]): readonly ByteRange[] {
  if (held.length === 0) return mergeRanges(needed);
  const have = mergeRanges(held, 0);
  const missing: ByteRange[] = [];
  let at = 0;
  for (const range of mergeRanges(needed, 0)) {
    const end = range.offset + range.bytes;
    let offset = range.offset;
    while (offset < end) {
      let next = have[at];
      while (next !== undefined && next.offset + next.bytes <= offset) next = have[++at];
      const stop = Math.min(end, Math.max(offset, next?.offset ?? end));
      if (stop > offset) missing.push({ offset, bytes: stop - offset });
      offset = next === undefined ? end : Math.max(stop, Math.min(end, next.offset + next.bytes));
    }
  }
  return mergeRanges(missing);
}

/**
 * What the fetches still cost a terminal that holds these ranges: the bytes of every request plus 600 for each
 * (`requestCostBytes`). Each object is named once in `fetches`. Nothing missing costs nothing.
 */
export function planCost(fetches: readonly ObjectFetch[], held: HeldRanges): PlanCost {
  let fetchBytes = 0;
  let requests = 0;
  for (const fetch of fetches) {
    for (const range of missingRanges(fetch.ranges, held.get(fetch.digest) ?? [])) {
      fetchBytes += range.bytes;
      requests += 1;
    }
  }
  return { fetchBytes, requests, costBytes: fetchBytes + requests * requestCostBytes };
}
