import { UpdaterError } from '@remendo/core';

export interface RequestedRange {
  readonly offset: number;
  readonly bytes: number;
}

/**
 * The one range of an object that is asked for: `bytes=first-last`, as terminals ask.
 * @returns null for the whole object: without a range, or when If-Range names another.
 * @throws UpdaterError REQUEST_RANGE for every other range: nobody gets a whole object for a range that was not understood.
 */
export function requestedRange(
  headers: { readonly range?: string | undefined; readonly 'if-range'?: string | undefined },
  object: { readonly bytes: number; readonly etag: string },
): RequestedRange | null {
  const { range, 'if-range': condition } = headers;
  if (range === undefined || (condition !== undefined && condition !== object.etag)) return null;
  const [, first = '', last = ''] = /^bytes=(\d{1,15})-(\d{0,15})$/.exec(range) ?? [];
  const offset = Number(first);
  const end = last === '' ? object.bytes : Math.min(Number(last) + 1, object.bytes);
  if (first !== '' && offset < end) return { offset, bytes: end - offset };
  throw new UpdaterError('REQUEST_RANGE', `the range is not one of ${object.bytes} bytes`, {
    details: { range: range.slice(0, 80), objectBytes: object.bytes },
  });
}
