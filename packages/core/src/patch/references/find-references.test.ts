import { describe, expect, it } from 'vitest';
import { findReferences } from './find-references.js';
import { FoundReferences } from './found-references.js';
import type { FinderName, Image, Region } from './images.js';
import { forms } from './word-forms.js';

const region = (finder: FinderName, memory: number, bytes: number): Region => ({
  address: memory,
  bytes,
  memory,
  memoryBytes: bytes,
  finder,
  switches: [],
});

const words = (...list: readonly number[]): Uint8Array => new Uint8Array(Uint32Array.from(list).buffer);

/** What is found in `bytes`, which are the first region of an image with the others. */
function find(finder: FinderName, bytes: Uint8Array, { from = 0, others = [] as readonly Region[] } = {}) {
  const first = region(finder, 0x1_0000, bytes.length);
  const image: Image = { imageBase: 0, regions: [first, ...others], relocations: null };
  const found = new FoundReferences();
  findReferences({ image, region: first, bytes: bytes.subarray(from), offset: from }, found);
  return Array.from({ length: found.count }, (_, index) => ({
    at: from + (found.at[index] as number),
    form: found.form[index],
    leadsTo: found.leadsTo[index],
  }));
}

const data = region('none', 0x2_0000, 0x1000);
const nop = 0xd503201f;

describe('findReferences in ARM64 code', () => {
  const adrpX1 = 0x90000081; // adrp x1, 16 pages on
  const addX1 = 0x91048021; // add x1, x1, #0x120
  const loadW2 = 0xb9412022; // ldr w2, [x1, #0x120]

  it('leads both words of a pair to the place in the page', () => {
    expect(find('arm64', words(adrpX1, nop, addX1), { others: [data] })).toEqual([
      { at: 0, form: forms.page21, leadsTo: 0x2_0120 },
      { at: 8, form: forms.offset12, leadsTo: 0x2_0120 },
    ]);
  });

  it('counts a load in units of what it loads', () => {
    expect(find('arm64', words(adrpX1, loadW2), { others: [data] })[1]).toEqual({
      at: 4,
      form: forms.offset12by4,
      leadsTo: 0x2_0120,
    });
  });

  it('does not take a register for a page when another instruction wrote it', () => {
    const moveX1 = 0xaa0203e1; // mov x1, x2
    expect(find('arm64', words(adrpX1, moveX1, loadW2), { others: [data] }).map(({ at }) => at)).toEqual([0]);
  });

  it('finds calls and conditional jumps, backward too', () => {
    const call = 0x94000002; // bl +8
    const back = 0x54ffffc1; // b.ne -8
    expect(find('arm64', words(call, nop, back))).toEqual([
      { at: 0, form: forms.branch26, leadsTo: 0x1_0008 },
      { at: 8, form: forms.branch19, leadsTo: 0x1_0000 },
    ]);
  });

  it('finds the same when the part begins between two instructions', () => {
    const code = words(nop, adrpX1, addX1);
    expect(find('arm64', code, { from: 3, others: [data] })).toEqual(find('arm64', code, { others: [data] }));
  });
});

describe('findReferences in tables', () => {
  it('finds functions and data for exceptions in frames, wherever the part begins', () => {
    const code = region('x64', 0x2_0000, 0x1000);
    const frames = new Uint8Array(56);
    const view = new DataView(frames.buffer);
    view.setUint32(0, 12, true);
    const put = (at: number, word: number) => view.setInt32(at, word, true);
    for (const entry of [16, 36]) {
      put(entry, 16);
      put(entry + 4, entry + 4);
      put(entry + 8, 0x2_0000 + entry - (0x1_0000 + entry + 8));
      put(entry + 12, 0x20);
    }
    const starts = find('eh-frame', frames, { others: [code] }).filter(({ form }) => form === forms.relative);
    expect(starts).toEqual([
      { at: 24, form: forms.relative, leadsTo: 0x2_0010 },
      { at: 44, form: forms.relative, leadsTo: 0x2_0024 },
    ]);
    const later = find('eh-frame', frames, { from: 21, others: [code] }).filter(({ form }) => form === forms.relative);
    expect(later).toEqual(starts.slice(1));
  });

  it('takes no packed unwind information of ARM64 for a place', () => {
    expect(find('arm64-functions', words(0x2_0000, 0x41, 0x2_0010, 0x2_0100)).map(({ at }) => at)).toEqual([0, 8, 12]);
  });

  it('finds addresses in chains of fixups, and no names of what is elsewhere', () => {
    const chained = words(0x2_0008, 0x0010_0000, 0x2_0010, 0x8010_0000);
    expect(find('chained-pointers64', chained, { others: [data] })).toEqual([{ at: 0, form: forms.absolute, leadsTo: 0x2_0008 }]);
  });

  it('leads a symbol to its name', () => {
    const names = region('names', 0x3_0000, 0x100);
    const symbols = words(0x11, 0, 0x2_0040, 0, 8, 0);
    expect(find('symbols64', symbols, { others: [data, names] })).toEqual([
      { at: 0, form: forms.inRegion, leadsTo: 0x3_0011 },
      { at: 8, form: forms.absolute, leadsTo: 0x2_0040 },
    ]);
  });

  it('takes words that lead from where they are only next to others that do', () => {
    const code = region('x64', 0x8000, 0x1000);
    const table = words(5, 0x8100 - 0x1_0004, 0x8200 - 0x1_0008, 7, 0x8300 - 0x1_0010, 9);
    expect(find('self-relative-guess', table, { others: [code] })).toEqual([
      { at: 4, form: forms.relative, leadsTo: 0x8100 },
      { at: 8, form: forms.relative, leadsTo: 0x8200 },
    ]);
  });
});
