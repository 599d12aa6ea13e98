import { describe, expect, it } from 'vitest';
import { FoundReferences } from './found-references.js';
import type { Image } from './images.js';
import { RelocatedWords } from './relocated-words.js';
import { forms } from './word-forms.js';

const region = { address: 100, bytes: 0x800, memory: 0x1000, memoryBytes: 0x2000, finder: 'none', switches: [] } as const;
const image: Image = { imageBase: 0x40_0000, regions: [region], relocations: null };

/** A table of one block of the page at 0x1000. */
function table(entries: readonly number[], blockBytes = 8 + entries.length * 2): Uint8Array {
  const bytes = new Uint8Array(8 + entries.length * 2);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x1000, true);
  view.setUint32(4, blockBytes, true);
  for (const [index, entry] of entries.entries()) view.setUint16(8 + index * 2, entry, true);
  return bytes;
}

function merged(bytes: Uint8Array, others: readonly number[] = [], from = 100): readonly (readonly number[])[] {
  const found = new FoundReferences();
  for (const at of others) found.add(at, forms.relative, 7, 4);
  const part = new Uint8Array(64);
  new DataView(part.buffer).setUint32(16, 0x40_1234, true);
  const all = new RelocatedWords([{ image, bytes }]).merge({ image, address: from, bytes: part }, found);
  return Array.from({ length: all.count }, (_, index) => [all.at[index], all.form[index], all.leadsTo[index]] as number[]);
}

describe('words that a loader changes', () => {
  it('are found where the table says, and lead where they point in memory', () => {
    expect(merged(table([0x3010]))).toEqual([[16, forms.absolute, 0x1234]]);
    expect(merged(table([0xa010]))).toEqual([[16, forms.absolute, 0x1234]]);
  });

  it('are taken rather than what overlaps them', () => {
    expect(merged(table([0x3010]), [4, 13, 19, 20, 40]).map(([at]) => at)).toEqual([4, 16, 20, 40]);
  });

  it('are in order and none over another, whatever the order of the table', () => {
    expect(merged(table([0x3020, 0x3010, 0x3011, 0x3010, 0x3016])).map(([at]) => at)).toEqual([16, 22, 32]);
  });

  it('are those that lie wholly in the part', () => {
    expect(merged(table([0x303d])).length).toBe(0);
    expect(merged(table([0x303c])).length).toBe(1);
    expect(merged(table([0x3010]), [], 118).length).toBe(0);
  });

  it('are none where nothing of a region lies, for other kinds, and after a block of an impossible length', () => {
    expect(merged(table([0x3fff])).length).toBe(0);
    expect(merged(table([0x0010, 0x1010, 0x2010])).length).toBe(0);
    for (const length of [0, 7, 11, 0xffff_ffff]) expect(merged(table([0x3010], length))).toEqual([]);
    expect(merged(new Uint8Array(7))).toEqual([]);
  });
});
