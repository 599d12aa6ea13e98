import { digestOf } from '@remendo/core';
import { describe, expect, it } from 'vitest';
import { patchesAtOnce } from './patches-at-once.js';

const mebibyte = 1024 ** 2;
const pairOf = (baseBytes: number, targetBytes = baseBytes) => ({
  base: { sha256: digestOf('base'), bytes: baseBytes },
  target: { sha256: digestOf('target'), bytes: targetBytes },
});

describe('patchesAtOnce', () => {
  it('uses all cores but one for small files, four at most', () => {
    const pairs = [pairOf(mebibyte)];
    expect(patchesAtOnce(pairs, { cores: 3, memoryBytes: 4_096 * mebibyte })).toBe(2);
    expect(patchesAtOnce(pairs, { cores: 64, memoryBytes: 4_096 * mebibyte })).toBe(4);
  });

  it('makes large patches one after the other when memory is short', () => {
    const pairs = [pairOf(1), pairOf(100 * mebibyte), pairOf(1)];
    expect(patchesAtOnce(pairs, { cores: 8, memoryBytes: 8_192 * mebibyte })).toBe(2);
    expect(patchesAtOnce(pairs, { cores: 8, memoryBytes: 1_024 * mebibyte })).toBe(1);
  });

  it('counts many small files as what they are made of together', () => {
    const pairs = Array.from({ length: 5_000 }, () => pairOf(50_000));
    expect(patchesAtOnce(pairs, { cores: 8, memoryBytes: 700 * mebibyte })).toBe(2);
  });

  it('counts a file that has nothing to be patched from', () => {
    expect(patchesAtOnce([{ ...pairOf(100 * mebibyte), base: null }], { cores: 8, memoryBytes: 4_096 * mebibyte })).toBe(1);
  });
});
