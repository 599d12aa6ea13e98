import { hasCode } from '@remendo/core';
import { describe, expect, it } from 'vitest';
import { isNotModified, requestedRange } from './byte-range.js';

const object = { bytes: 1_000, etag: '"abc"' };
const rangeOf = (range: string, ifRange?: string) => requestedRange({ range, 'if-range': ifRange }, object);

describe('requestedRange', () => {
  it.each([
    ['bytes=0-0', { offset: 0, bytes: 1 }],
    ['bytes=10-19', { offset: 10, bytes: 10 }],
    ['bytes=990-', { offset: 990, bytes: 10 }],
    ['bytes=990-5000', { offset: 990, bytes: 10 }],
    ['bytes=-10', { offset: 990, bytes: 10 }],
    ['bytes=-5000', { offset: 0, bytes: 1_000 }],
    ['BYTES=5-9', { offset: 5, bytes: 5 }],
  ])('reads %s', (range, expected) => {
    expect(rangeOf(range)).toEqual(expected);
  });

  it.each([
    'bytes=1000-',
    'bytes=-0',
    'bytes=-',
    'bytes=9-5',
    'bytes=a-b',
    'bytes=0-1,5-6',
    'bytes=',
    'bytes=0-99999999999999999999',
  ])('refuses %s', (range) => {
    expect(() => rangeOf(range)).toThrowError(expect.toSatisfy((error) => hasCode(error, 'REQUEST_RANGE')));
  });

  it('sends the whole object without a range, for another unit, or when If-Range no longer holds', () => {
    expect(requestedRange({}, object)).toBeNull();
    expect(rangeOf('pages=1-2')).toBeNull();
    expect(rangeOf('bytes=0-9', '"other"')).toBeNull();
    expect(rangeOf('bytes=0-9', 'W/"abc"')).toBeNull();
    expect(rangeOf('bytes=0-9', '"abc"')).toEqual({ offset: 0, bytes: 10 });
  });
});

describe('isNotModified', () => {
  it('finds the tag in a list, weak or strong, and the star', () => {
    expect(isNotModified('"x", W/"abc"', '"abc"')).toBe(true);
    expect(isNotModified('*', '"abc"')).toBe(true);
    expect(isNotModified('"x"', '"abc"')).toBe(false);
    expect(isNotModified(undefined, '"abc"')).toBe(false);
  });
});
