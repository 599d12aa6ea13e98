import { describe, expect, it } from 'vitest';
import { bufferSource } from '../bytes/byte-source.js';
import { digestFromBytes, digestOf, digestOfSource, digestToBytes, isDigest } from './digest.js';
import { createXxh64 } from './xxh64.js';

const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

describe('SHA-256', () => {
  it('is that of FIPS 180-4, in lower-case hex', () => {
    expect(digestOf('abc')).toBe(abc);
    expect(digestFromBytes(digestToBytes(digestOf('abc')))).toBe(abc);
  });

  it('of a source is that of its bytes, however many chunks they are', async () => {
    for (const length of [0, 1, 256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1, 1_000_000]) {
      const bytes = new Uint8Array(length).map((_, index) => index % 251);
      expect(await digestOfSource(bufferSource(bytes))).toBe(digestOf(bytes));
    }
  });

  it('of a source is not made to its end when it is aborted', async () => {
    const abort = new AbortController();
    abort.abort(new Error('enough'));
    await expect(digestOfSource(bufferSource(new Uint8Array(10)), abort.signal)).rejects.toThrow('enough');
  });

  it.each([
    ['', false],
    [abc, true],
    [abc.toUpperCase(), false],
    [`${abc}\n`, false],
    [abc.slice(1), false],
    [7, false],
    [null, false],
  ])('%j is a digest: %s', (text, expected) => expect(isDigest(text)).toBe(expected));
});

describe('xxHash64', () => {
  it.each([
    ['', 'ef46db3751d8e999'],
    ['a', 'd24ec4f1a98c6e5b'],
    ['abc', '44bc2cf5ad770999'],
  ])('of %j is %s, as its reference says', async (text, expected) => {
    const hash = await createXxh64();
    hash.update(Buffer.from(text));
    expect(hash.digest()).toBe(expected);
  });

  it('is the same whatever the pieces are', async () => {
    const bytes = new Uint8Array(300_000).map((_, index) => (index * 31) % 256);
    const digests = [];
    for (const pieceBytes of [300_000, 65_536, 1_001]) {
      const hash = await createXxh64();
      for (let offset = 0; offset < bytes.length; offset += pieceBytes) hash.update(bytes.subarray(offset, offset + pieceBytes));
      digests.push(hash.digest());
    }
    expect(new Set(digests).size).toBe(1);
  });
});
