import { createCipheriv } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { applySample, joined, makePatchOf } from '../../testing/remendo-samples.js';
import { makePatch, roomFor } from './make-patch.js';
import type { WindowSizes } from './match-windows.js';

const MB = 1_000_000;

/** Bytes that nothing can compress, the same for the same seed. */
function noise(bytes: number, seed: number): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16)).update(Buffer.alloc(bytes));
}

function periodic(bytes: number, period: number): Buffer {
  return Buffer.alloc(bytes, noise(period, 7));
}

/** A database of pages of rows, as far as a patch can tell. */
function database(rows: number): Buffer {
  const salt = noise(rows * 4, 3).toString('hex');
  const row = (index: number): string => `${index}|${salt.slice(index * 8, index * 8 + 8)}|Branch ${index % 97}|open\n`;
  return Buffer.from(Array.from({ length: rows }, (_, index) => row(index)).join(''));
}

const lengthOf = (parts: readonly Uint8Array[]): number => parts.reduce((sum, part) => sum + part.length, 0);

function patchParts(base: Uint8Array, target: Uint8Array, sizes?: WindowSizes): readonly Uint8Array[] {
  const room = roomFor(base.length, target.length, sizes);
  room.all.set(base);
  room.all.set(target, base.length);
  return makePatch(room);
}

// Each of these takes hours when anything is quadratic; the test's time limit is the proof.
describe('a patch is small and soon made', () => {
  it.each<readonly [what: string, base: () => Buffer, target: () => Buffer, bytesMax: number]>([
    ['of zeros', () => Buffer.alloc(30 * MB), () => Buffer.alloc(31 * MB), 400],
    ['of zeros from nothing', () => Buffer.alloc(0), () => Buffer.alloc(30 * MB), 400],
    ['of data with a period of 3', () => periodic(20 * MB, 3), () => periodic(20 * MB + 1, 3), 400],
    ['of data with another period', () => periodic(20 * MB, 1000), () => periodic(20 * MB, 1001), 2_500],
    ['of zeros with noise in them', () => sparse(10 * MB, 1), () => sparse(10 * MB, 2), 30_000],
    ['of two equal files of 200 MB', () => noise(200 * MB, 5), () => noise(200 * MB, 5), 2_000],
  ])(
    '%s',
    (_, base, target, bytesMax) => {
      expect(lengthOf(patchParts(base(), target()))).toBeLessThan(bytesMax);
    },
    120_000,
  );

  it('of a database with one row changed', async () => {
    const base = database(500_000);
    const target = Buffer.from(base);
    target.write('closed', base.length / 2);
    const patch = makePatchOf({ bases: [base], targets: [target] });
    expect(patch.length).toBeLessThan(250);
    expect(Buffer.compare(joined(await applySample(patch, { bases: [base], targets: [target] })), target)).toBe(0);
  });
});

function sparse(bytes: number, seed: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  for (const [index, value] of noise(bytes / 1000, seed).entries()) buffer[index * 1000] = value;
  return buffer;
}

describe('files that do not fit into the matcher at once', () => {
  it('are matched in windows, and come out exactly', async () => {
    const base = database(60_000);
    const target = joined([base.subarray(0, 900_000), noise(3_000, 1), base.subarray(900_000), base.subarray(0, 5_000)]);
    const patch = joined(patchParts(base, target, { baseBytes: 700_000, targetBytes: 400_000 }));
    expect(Buffer.compare(joined(await applySample(patch, { bases: [base], targets: [target] })), target)).toBe(0);
    expect(patch.length).toBeLessThan(12_000);
  });
});

describe('what is compressed already', () => {
  it('has no patch when it has nothing of its bases', () => {
    expect(() => patchParts(noise(2 * MB, 1), noise(2 * MB, 2))).toThrow(/compressed already/);
  });

  it('has one when it has', () => {
    const base = noise(2 * MB, 1);
    expect(lengthOf(patchParts(base, joined([noise(9_000, 2), base])))).toBeLessThan(10_000);
  });
});
