/**
 * Which ranges of which objects a set of derivations needs. Two ranges of one object are fetched as one when what lies
 * between them costs no more than a second request would; that makes the ranges the cheapest cover of what is needed,
 * so needing less never costs more.
 */
import type { DeltaObject, Derivation } from '../delta/delta.js';
import { UpdaterError } from '../errors.js';
import type { Digest } from '../hash/digest.js';
import { type ByteRange, type ObjectFetch, requestCostBytes } from './plan.js';

/**
 * The cheapest cover of the given ranges of one object, ascending: neighbours closer than a request are joined, empty
 * ranges dropped. The input may be in any order and overlap.
 */
export function mergeRanges(ranges: readonly ByteRange[], gapBytesMax: number = requestCostBytes): readonly ByteRange[] {
  const ascending = ranges.filter((range) => range.bytes > 0);
  if (ascending.length > 1) ascending.sort((a, b) => a.offset - b.offset);
  return mergeAscending(ascending, gapBytesMax);
}

function mergeAscending(ranges: readonly ByteRange[], gapBytesMax: number): readonly ByteRange[] {
  const merged: { offset: number; bytes: number }[] = [];
  for (const { offset, bytes } of ranges) {
    const last = merged.at(-1);
    if (last === undefined || offset - (last.offset + last.bytes) > gapBytesMax) merged.push({ offset, bytes });
    else last.bytes = Math.max(last.bytes, offset + bytes - last.offset);
  }
  return merged;
}

/**
 * What has to be fetched for the derivations: each object once, by digest, with merged ranges, at most `rangesMax` of
 * them in all (but one for each object there has to be). Throws PLAN_INVALID for a blob that does not lie in one of the
 * objects.
 */
export function fetchesOf(
  derivations: readonly Derivation[],
  objects: readonly DeltaObject[],
  rangesMax: number = Number.POSITIVE_INFINITY,
): readonly ObjectFetch[] {
  const sizes = objectSizes(objects);
  for (const { blob } of derivations) {
    if (!liesIn(blob, sizes.get(blob.object))) {
      throw new UpdaterError('PLAN_INVALID', 'A derivation needs bytes that no known object has.', {
        details: { object: blob.object },
      });
    }
  }
  return fetchesOfAscending(derivations.toSorted(byBlob), sizes, rangesMax);
}

const byBlob = ({ blob: a }: Derivation, { blob: b }: Derivation): number =>
  a.object === b.object ? a.offset - b.offset : a.object < b.object ? -1 : 1;

/** Bytes of each object. */
export const objectSizes = (objects: readonly DeltaObject[]): ReadonlyMap<Digest, number> =>
  new Map(objects.map((object) => [object.digest, object.bytes]));

/** `fetchesOf` for many selections over the same objects, of derivations by ascending object and offset of their blobs. */
export function fetchesOfAscending(
  derivations: readonly Derivation[],
  sizes: ReadonlyMap<Digest, number>,
  rangesMax: number,
): readonly ObjectFetch[] {
  const fetches: ObjectFetch[] = [];
  for (let first = 0, next = 0; first < derivations.length; first = next) {
    const digest = derivations[first]?.blob.object;
    const blobs: ByteRange[] = [];
    for (; next < derivations.length && derivations[next]?.blob.object === digest; next += 1) {
      const blob = derivations[next]?.blob;
      if (blob !== undefined && blob.bytes > 0) blobs.push(blob);
    }
    const objectBytes = digest === undefined ? undefined : sizes.get(digest);
    if (digest === undefined || objectBytes === undefined || blobs.length === 0) continue;
    fetches.push({ digest, objectBytes, ranges: mergeAscending(blobs, requestCostBytes) });
  }
  return limitRanges(fetches, rangesMax);
}

/** Whether the range is one of an object of that many bytes; false when there is no such object. */
export function liesIn(range: ByteRange, objectBytes: number | undefined): boolean {
  const { offset, bytes } = range;
  return (
    objectBytes !== undefined &&
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(bytes) &&
    offset >= 0 &&
    bytes >= 0 &&
    offset + bytes <= objectBytes
  );
}

/** The same fetches in at most `rangesMax` ranges where that can be: the smallest gaps are closed first. */
export function limitRanges(fetches: readonly ObjectFetch[], rangesMax: number): readonly ObjectFetch[] {
  const excess = fetches.reduce((sum, fetch) => sum + fetch.ranges.length, 0) - rangesMax;
  if (excess <= 0) return fetches;
  const closed = new Set(
    gapsOf(fetches)
      .sort(smallestFirst)
      .slice(0, excess)
      .map((gap) => gap.after),
  );
  return fetches.map((fetch) => ({ ...fetch, ranges: closeGaps(fetch.ranges, closed) }));
}

interface Gap {
  readonly bytes: number;
  /** The range that follows the gap. */
  readonly after: ByteRange;
  /** Its place among all ranges. */
  readonly index: number;
}

const smallestFirst = (a: Gap, b: Gap): number => a.bytes - b.bytes || a.index - b.index;

function gapsOf(fetches: readonly ObjectFetch[]): Gap[] {
  const gaps: Gap[] = [];
  let index = 0;
  for (const { ranges } of fetches) {
    let end: number | undefined;
    for (const range of ranges) {
      if (end !== undefined) gaps.push({ bytes: range.offset - end, after: range, index });
      end = range.offset + range.bytes;
      index += 1;
    }
  }
  return gaps;
}

function closeGaps(ranges: readonly ByteRange[], closed: ReadonlySet<ByteRange>): readonly ByteRange[] {
  const joined: { offset: number; bytes: number }[] = [];
  for (const range of ranges) {
    const last = joined.at(-1);
    if (last !== undefined && closed.has(range)) last.bytes = range.offset + range.bytes - last.offset;
    else joined.push({ offset: range.offset, bytes: range.bytes });
  }
  return joined;
}
