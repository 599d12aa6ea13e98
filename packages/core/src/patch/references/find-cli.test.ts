import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../testing/seeded-random.js';
import { heaps } from './cli-schema.js';
import { buildCli, type CliLayout, memoryOf, numberAt } from './cli-spaces.js';
import { findReferences } from './find-references.js';
import { FoundReferences } from './found-references.js';
import type { FinderName, Image } from './images.js';
import { fieldNumbers, forms, readWord, wordFor, writeWord } from './word-forms.js';

const seed = Number(process.env.REMENDO_TEST_SEED ?? 21);
const tablesMemory = 0x1000;
const heapMemory = 0x8000;

function layoutOf(rows: Readonly<Record<number, number>>, wideHeaps = 0): CliLayout {
  return {
    memory: tablesMemory,
    rows: Array.from({ length: 45 }, (_, table) => rows[table] ?? 0),
    heaps: [0, 1, 2, 3].map((heap) => ({ memory: heapMemory + heap * 0x4000, bytes: 0x4000 })),
    wideHeaps,
  };
}

/** A program of one region. */
function imageOf(finder: FinderName, layout: CliLayout): Image {
  const memory = finder === 'cli-tables' ? tablesMemory : 0x10_0000;
  const region = { address: 0, bytes: 0x4000, memory, memoryBytes: 0x4000, finder, switches: [] };
  return { imageBase: 0, relocations: null, regions: [region], cli: buildCli(layout) };
}

function find(image: Image, bytes: Uint8Array, offset = 0): readonly (readonly number[])[] {
  const found = new FoundReferences();
  const [region] = image.regions;
  if (region !== undefined) findReferences({ image, region, bytes, offset }, found);
  return Array.from({ length: found.count }, (_, index) =>
    [found.at, found.form, found.leadsTo, found.bias].map(
      (column, which) => (column[index] as number) + (which === 0 ? offset : 0),
    ),
  );
}

const tables = { 0: 1, 1: 40, 2: 30, 4: 60, 6: 90, 8: 120, 10: 80, 12: 200, 43: 20 };

describe(`numbers in .NET programs (seed ${seed})`, () => {
  it('count rows of tables, which follow each other, and bytes of heaps', () => {
    const cli = buildCli(layoutOf({ 0: 1, 1: 3, 2: 2 }));
    expect(memoryOf(cli, 0x01, 1)).toBe(tablesMemory + 10);
    expect(memoryOf(cli, 0x02, 2)).toBe(tablesMemory + 10 + 3 * 6 + 14);
    expect(memoryOf(cli, heaps.strings, 5)).toBe(heapMemory + 5);
    expect(memoryOf(cli, heaps.guids, 2)).toBe(heapMemory + 2 * 0x4000 + 16);
  });

  it('end where the table ends, whose end is counted as well', () => {
    const cli = buildCli(layoutOf({ 1: 3 }));
    expect([1, 3, 4, 5].map((row) => memoryOf(cli, 0x01, row) - tablesMemory)).toEqual([0, 12, 18, -1 - tablesMemory]);
    expect([0, 5, 6, 17, 18, 24].map((byte) => numberAt(cli, 0x01, tablesMemory + byte))).toEqual([1, 1, 2, 3, 4, -1]);
    expect(numberAt(cli, 0x01, tablesMemory - 1)).toBe(-1);
  });

  it('are wide where a heap is large or a table that is told by two bits has 2^14 rows', () => {
    const strideOf = (layout: CliLayout): number => buildCli(layout).spaces.get(0x02)?.stride ?? 0;
    expect(strideOf(layoutOf({ 2: 1 }))).toBe(14);
    expect(strideOf(layoutOf({ 2: 1 }, 1))).toBe(18);
    expect(strideOf(layoutOf({ 1: 2 ** 14 - 1, 2: 1 }))).toBe(14);
    expect(strideOf(layoutOf({ 1: 2 ** 14, 2: 1 }))).toBe(16);
  });

  it('are found in a table wherever the part of it begins', () => {
    const image = imageOf('cli-tables', layoutOf(tables));
    const random = seededRandom(seed);
    const bytes = Uint8Array.from({ length: 3_000 }, (_, index) => (index % 2 === 0 ? random() * 256 : random() * 2));
    const whole = find(image, bytes);
    expect(whole.length).toBeGreaterThan(300);
    for (let round = 0; round < 200; round++) {
      const start = Math.floor(random() * 2_900);
      const end = start + Math.floor(random() * 100);
      const isInside = ([at = 0]: readonly number[]): boolean => at >= start && at + 2 <= end;
      const found = find(image, bytes.subarray(start, end), start);
      const cutOff = whole.filter(isInside).filter((one) => !found.some((other) => other[0] === one[0]));
      expect(found.every((one) => whole.some((other) => String(other) === String(one)))).toBe(true);
      // Only a word of four bytes that goes on after the part.
      expect(cutOff.every(([at = 0]) => at + 4 > end)).toBe(true);
    }
  });

  it('are found in code after instructions that take a token of their table', () => {
    const image = imageOf('cli-code', layoutOf(tables));
    const code = [
      [0x28, 3, 0, 0, 0x0a], // call
      [0x72, 9, 0, 0, 0x70], // ldstr
      [0xfe, 0x06, 2, 0, 0, 0x06], // ldftn
      [0x06, 2, 0, 0, 0x06], // the same byte alone takes none
      [0x28, 3, 0, 0, 0x02], // no call of a type
      [0x28, 0xff, 0, 0, 0x0a], // no such row
      [0xd0, 1, 0, 0, 0x1b], // no such table
      [0xd0, 5, 0, 0, 0x02], // ldtoken
      [0x2a],
    ];
    const found = find(image, Uint8Array.from(code.flat()));
    expect(found.map(([at, , , space]) => [at, space])).toEqual([
      [1, 0x0a],
      [6, heaps.userStrings],
      [12, 0x06],
      [37, 0x02],
    ]);
    const cli = buildCli(layoutOf(tables));
    expect(found.map(([, , leadsTo]) => leadsTo)).toEqual([
      memoryOf(cli, 0x0a, 3),
      memoryOf(cli, heaps.userStrings, 9),
      memoryOf(cli, 0x06, 2),
      memoryOf(cli, 0x02, 5),
    ]);
  });

  it('are found in signatures, in one byte or two, after what begins a class or a value type', () => {
    const image = imageOf('cli-signatures', layoutOf({ 1: 200, 2: 30 }));
    const found = find(
      image,
      Uint8Array.from([0x20, 1, 1, 0x12, (5 << 2) | 1, 0x11, 0x83, 0x21, 0x12, (31 << 2) | 0, 0x12, 0xc0, 0, 0, 1]),
    );
    const cli = buildCli(layoutOf({ 1: 200, 2: 30 }));
    expect(found).toEqual([
      [4, forms.signature1, memoryOf(cli, 0x01, 5), 0x01],
      [6, forms.signature2, memoryOf(cli, 0x01, 0x321 >> 2), 0x01],
      // The end of the table, which is counted as well.
      [9, forms.signature1, memoryOf(cli, 0x02, 31), 0x02],
    ]);
  });

  it('are written with the higher byte first where they are compressed to two', () => {
    const bytes = Uint8Array.from([0x83, 0x21]);
    const view = new DataView(bytes.buffer);
    const field = fieldNumbers[forms.signature2] as number;
    writeWord(view, 0, field, wordFor(field, 0x322 >> 2, readWord(view, 0, field)));
    expect([...bytes]).toEqual([0x83, 0x21]);
    writeWord(view, 0, field, wordFor(field, 0x100, readWord(view, 0, field)));
    expect([...bytes]).toEqual([0x84, 0x01]);
  });
});
