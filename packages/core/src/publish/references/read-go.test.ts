import { describe, expect, it } from 'vitest';
import type { Image, Region } from '../../patch/references/images.js';
import { seededRandom } from '../../testing/seeded-random.js';
import { cutRegions, withGoTables } from './read-go.js';

const memory = 0x1000;
const places = { header: 0x40, names: 0x88, counters: 0x200, functions: 0x400, buckets: 0x800, module: 0xa00, data: 0x300 };

/** A program with all tables in its only region: what Go's linker says in moduledata, and the magic number before the names. */
function goProgram(magic = 0xffff_fff1): { readonly file: Uint8Array; readonly image: Image } {
  const file = new Uint8Array(0x1000);
  const view = new DataView(file.buffer);
  view.setUint32(places.header, magic, true);
  view.setUint8(places.header + 6, 1);
  view.setUint8(places.header + 7, 8);
  view.setUint32(places.header + 32, 72, true);
  const setWord = (word: number, value: number): void => view.setUint32(places.module + word * 8, value, true);
  setWord(0, memory + places.header);
  const slices = {
    1: [places.names, 0x100],
    10: [places.counters, 0x80],
    13: [places.functions, 0x200],
    16: [places.functions, 8],
  };
  for (const [word, [place = 0, length = 0]] of Object.entries(slices)) {
    setWord(Number(word), memory + place);
    setWord(Number(word) + 1, length);
  }
  setWord(19, memory + places.buckets);
  setWord(20, 0x10_0000);
  setWord(21, 0x10_0000 + 4096 * 3);
  setWord(40, memory + places.data);
  const region: Region = { address: 0, bytes: 0x1000, memory, memoryBytes: 0x2000, finder: 'pointers64', switches: [] };
  return { file, image: { imageBase: 0, regions: [region], relocations: null } };
}

describe('the tables of a Go program', () => {
  it('are regions of their own, in order, and the rest stays as it was', () => {
    const { file, image } = goProgram();
    const { regions } = withGoTables(image, file, 0);
    expect(
      regions.filter(({ finder }) => finder !== 'pointers64').map(({ finder, address, bytes }) => [finder, address, bytes]),
    ).toEqual([
      ['go-names', places.names, 0x100],
      ['go-counters', places.counters, 0x80],
      ['go-data', places.data, places.functions - places.data],
      ['go-table', places.functions, 64],
      ['go-functions', places.functions + 64, 0x200 - 64],
      ['go-buckets', places.buckets, 60],
    ]);
    let end = 0;
    for (const region of regions) {
      expect(region.address).toBe(end);
      expect(region.memory).toBe(memory + end);
      end += region.bytes;
    }
    expect(end).toBe(0x1000);
    expect(regions.at(-1)?.memoryBytes).toBe(0x1000 - (places.buckets + 60) + 0x1000);
  });

  it('are looked for in vain in other programs, and in those of an earlier Go', () => {
    const { file, image } = goProgram(0xffff_fffa);
    expect(withGoTables(image, file, 0)).toBe(image);
    expect(withGoTables(image, new Uint8Array(0x1000), 0)).toBe(image);
  });

  it('are regions inside the file, whatever is said of them', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = seededRandom(seed);
      const { file, image } = goProgram();
      const view = new DataView(file.buffer);
      for (let changes = 0; changes < 4; changes++) {
        const word = places.module + 8 + Math.floor(random() * 330);
        view.setUint32(Math.min(word, 0xffc), Math.floor(random() ** 4 * 2 ** 32), true);
      }
      let end = 0;
      for (const region of withGoTables(image, file, 0).regions) {
        expect(region.address, `seed ${seed}`).toBeGreaterThanOrEqual(end);
        end = region.address + region.bytes;
        expect(region.memoryBytes).toBeGreaterThanOrEqual(region.bytes);
      }
      expect(end).toBeLessThanOrEqual(0x1000);
    }
  });
});

describe('a part that is cut from regions', () => {
  const region: Region = { address: 10, bytes: 100, memory: 0x1000, memoryBytes: 300, finder: 'x64', switches: [] };

  it('takes its bytes only, and nothing when it is in none of them', () => {
    const pieces = cutRegions([region], { memory: 0x1000, bytes: 40, finder: 'none' });
    expect(pieces.map(({ address, bytes, memoryBytes, finder }) => [address, bytes, memoryBytes, finder])).toEqual([
      [10, 40, 40, 'none'],
      [50, 60, 260, 'x64'],
    ]);
    expect(cutRegions([region], { memory: 0x1050, bytes: 21, finder: 'none' })).toEqual([region]);
    expect(cutRegions([region], { memory: 0xfff, bytes: 21, finder: 'none' })).toEqual([region]);
  });
});
