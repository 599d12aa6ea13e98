import { describe, expect, it } from 'vitest';
import { findReferences } from './find-references.js';
import { FoundReferences } from './found-references.js';
import { type FinderName, finderNames, type Image, type Region } from './images.js';
import { forms } from './word-forms.js';

const finders: readonly FinderName[] = ['x64', 'go-names', 'go-counters', 'go-table', 'go-functions', 'go-data', 'go-buckets'];
const regions = finders.map(
  (finder, index): Region => ({
    address: index * 0x1000,
    bytes: 0x1000,
    memory: 0x10_0000 * (index + 1),
    memoryBytes: 0x1000,
    finder,
    switches: [],
  }),
);
const image: Image = { imageBase: 0, regions, relocations: null };
const memoryOf = (finder: FinderName): number => regions.find((region) => region.finder === finder)?.memory ?? 0;

/** What is found: where, and from which table it counts how far. */
function findIn(finder: FinderName, words: readonly number[], offset = 0) {
  const region = regions.find((one) => one.finder === finder) as Region;
  const found = new FoundReferences();
  findReferences({ image, region, bytes: new Uint8Array(Uint32Array.from(words).buffer), offset }, found);
  return Array.from({ length: found.count }, (_, index) => {
    const from = finderNames[found.bias[index] as number] as FinderName;
    return [found.at[index], from, (found.leadsTo[index] as number) - memoryOf(from)];
  });
}

describe('the tables of a Go program', () => {
  it('have rows of a function and of what is said of it, wherever a part begins', () => {
    expect(findIn('go-table', [16, 32, 48, 64])).toEqual([
      [0, 'x64', 16],
      [4, 'go-table', 32],
      [8, 'x64', 48],
      [12, 'go-table', 64],
    ]);
    expect(findIn('go-table', [32, 48], 4).map(([, from]) => from)).toEqual(['go-table', 'x64']);
  });

  it('say of a function its code, name, counters and, as many as it says, further counters and data', () => {
    //                 entry name args deferreturn pcsp pcfile pcln npcdata cu startLine funcID,flag,_,nfuncdata
    const functionOf = [0x100, 7, 8, 0, 0x20, 0x30, 0x40, 2, 5, 99, 0x0200_0000];
    expect(findIn('go-functions', [...functionOf, 0x50, 0, 0xffff_ffff, 0x60])).toEqual([
      [0, 'x64', 0x100],
      [4, 'go-names', 7],
      [16, 'go-counters', 0x20],
      [20, 'go-counters', 0x30],
      [24, 'go-counters', 0x40],
      [44, 'go-counters', 0x50],
      [56, 'go-data', 0x60],
    ]);
    // It need not begin where the part does; and what is cut off is not looked at.
    expect(findIn('go-functions', [0xffff_ffff, ...functionOf, 0x50]).map(([at]) => at)).toEqual([4, 8, 20, 24, 28, 48]);
    expect(findIn('go-functions', functionOf.slice(0, -1))).toEqual([]);
    expect(findIn('go-functions', [0x1000, ...functionOf.slice(1)])).toEqual([]);
  });

  it('say of inlined calls which names they have', () => {
    expect(findIn('go-data', [0xffff_ffff, 1, 77, 0x40, 12, 0])).toEqual([[8, 'go-names', 77]]);
    expect(findIn('go-data', [1, 0, 0x40, 12])).toEqual([]);
  });

  it('count rows of functions for each part of the code', () => {
    expect(findIn('go-buckets', [3, 0, 0, 0, 0, 5, 0, 0, 0, 0])).toEqual([
      [0, 'go-table', 24],
      [20, 'go-table', 40],
    ]);
    expect(findIn('go-buckets', [0, 5], 16)).toEqual([[4, 'go-table', 40]]);
  });

  it('are words of 32 bits that count from where a region begins', () => {
    const found = new FoundReferences();
    const region = regions.find((one) => one.finder === 'go-buckets') as Region;
    findReferences({ image, region, bytes: new Uint8Array(4), offset: 0 }, found);
    expect(found.form[0]).toBe(forms.rowInRegion);
  });
});
