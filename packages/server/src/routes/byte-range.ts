import { UpdaterError } from '@remendo/core';
import type { ObjectRange } from '../object-store/object-store.js';

/**
 * The one range a request asks for (RFC 9110, section 14).
 * @returns null when the whole object is to be sent: no range, an unknown unit, or an If-Range that no longer holds.
 * @throws UpdaterError REQUEST_RANGE when the range is malformed, lies outside, or there are several: a terminal on a thin
 * link must not get a whole object that it did not ask for.
 */
export function requestedRange(
  headers: { readonly range?: string | undefined; readonly 'if-range'?: string | undefined },
  object: { readonly bytes: number; readonly etag: string },
): ObjectRange | null {
  const { range } = headers;
  if (range === undefined || !/^bytes=/i.test(range.trim())) return null;
  const condition = headers['if-range'];
  if (condition !== undefined && condition !== object.etag) return null;
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/i.exec(range.trim()) ?? [];
  const parsed = parseRange(first, last, object.bytes);
  if (parsed !== null) return parsed;
  throw new UpdaterError('REQUEST_RANGE', `the range ${range.slice(0, 80)} is not one of ${object.bytes} bytes`, {
    details: { range: range.slice(0, 80), objectBytes: object.bytes },
  });
}

function parseRange(first: string, last: string, bytes: number): ObjectRange | null {
  if (first === '') {
    const suffix = Math.min(Number(last), bytes);
    return last === '' || suffix === 0 ? null : { offset: bytes - suffix, bytes: suffix };
  }
  const offset = Number(first);
  const end = last === '' ? bytes : Math.min(Number(last) + 1, bytes);
  return offset < bytes && end > offset ? { offset, bytes: end - offset } : null;
}

/** Whether an If-None-Match names this object: then the caller has it. */
export function isNotModified(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const tags = ifNoneMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes('*') || tags.includes(etag);
}
