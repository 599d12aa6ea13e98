import { describe, expect, it } from 'vitest';
import { limits } from '../../limits.js';
import type { Image } from '../../patch/references/images.js';
import { readImages } from './read-images.js';

const file = (bytes: number, write: (view: DataView) => void): Uint8Array => {
  const view = new DataView(new ArrayBuffer(bytes));
  write(view);
  return new Uint8Array(view.buffer);
};

const text = (view: DataView, at: number, value: string): void => {
  for (const [index, c] of [...value].entries()) view.setUint8(at + index, c.charCodeAt(0));
};

/** ARM64 code of 0x100 bytes at 0x400, names at 0x500, section headers at 0x600. */
const elf = (): Uint8Array =>
  file(0x800, (view) => {
    view.setUint32(0, 0x7f45_4c46);
    view.setUint8(4, 2);
    view.setUint8(5, 1);
    view.setUint16(18, 183, true);
    view.setUint32(0x28, 0x600, true);
    view.setUint16(0x3c, 3, true);
    view.setUint16(0x3e, 2, true);
    const section = (
      index: number,
      [name, type, flags, memory, offset, bytes]: readonly [number, number, number, number, number, number],
    ) => {
      const at = 0x600 + 64 * index;
      view.setUint32(at, name, true);
      view.setUint32(at + 4, type, true);
      for (const [field, value] of [flags, memory, offset, bytes].entries()) view.setUint32(at + 8 + field * 8, value, true);
    };
    section(0, [1, 1, 6, 0x1_0400, 0x400, 0x100]);
    section(1, [7, 8, 3, 0x2_0000, 0x500, 0x40]);
    section(2, [12, 3, 0, 0, 0x500, 0x20]);
    text(view, 0x501, '.text\0.bss\0.shstrtab\0');
  });

/** One segment with ARM64 code of 0x80 bytes at 0x200 and zeroes. */
const machO = (): Uint8Array =>
  file(0x400, (view) => {
    view.setUint32(0, 0xfeed_facf, true);
    view.setUint32(4, 0x0100_000c, true);
    view.setUint32(16, 1, true);
    view.setUint32(32, 0x19, true);
    view.setUint32(36, 72 + 160, true);
    view.setUint32(32 + 28, 1, true);
    view.setUint32(32 + 48, 0x400, true);
    view.setUint32(32 + 64, 2, true);
    const section = (at: number, [name, memory, bytes, offset, flags]: readonly [string, number, number, number, number]) => {
      text(view, at, name);
      text(view, at + 16, '__TEXT');
      view.setUint32(at + 32, memory, true);
      view.setUint32(at + 36, 1, true);
      view.setUint32(at + 40, bytes, true);
      view.setUint32(at + 48, offset, true);
      view.setUint32(at + 64, flags, true);
    };
    section(104, ['__text', 0x200, 0x80, 0x200, 0x8000_0400]);
    section(184, ['__bss', 0x1000, 0x50, 0, 1]);
  });

const outline = ({ regions }: Image) => regions.map(({ address, bytes, memory, finder }) => ({ address, bytes, memory, finder }));

describe('readImages', () => {
  it('reads code and zeroes from an ELF file, whose addresses count among all files', () => {
    expect(readImages(elf(), 5000).map(outline)).toEqual([
      [
        { address: 5000 + 0x400, bytes: 0x100, memory: 0x1_0400, finder: 'arm64' },
        { address: 5000 + 0x500, bytes: 0, memory: 0x2_0000, finder: 'pointers64' },
      ],
    ]);
  });

  it('reads places from the image base of a Mach-O file on', () => {
    expect(readImages(machO(), 0).map(outline)).toEqual([
      [
        { address: 0x200, bytes: 0x80, memory: 0x200, finder: 'arm64' },
        { address: 0, bytes: 0, memory: 0x1000, finder: 'none' },
      ],
    ]);
  });

  it('reads an image for each machine of a file that holds several', () => {
    const thin = machO();
    const fat = file(0x1800, (view) => {
      view.setUint32(0, 0xcafe_babe);
      view.setUint32(4, 2);
      for (const [index, offset] of [0x800, 0x1000].entries()) {
        view.setUint32(8 + 20 * index + 8, offset);
        view.setUint32(8 + 20 * index + 12, thin.length);
      }
    });
    fat.set(thin, 0x800);
    fat.set(thin, 0x1000);
    expect(readImages(fat, 10).map((image) => image.regions[0]?.address)).toEqual([10 + 0x800 + 0x200, 10 + 0x1000 + 0x200]);
  });

  it('takes no region from what is no program', () => {
    expect(readImages(new Uint8Array(), 0)).toEqual([]);
    expect(
      readImages(new TextEncoder().encode('MZ, but otherwise a letter to somebody, and a long enough one at that.'), 0),
    ).toEqual([]);
  });

  it('gives regions in order, apart and inside the file, whatever the headers claim', () => {
    const seed = Number(process.env.REMENDO_TEST_SEED ?? Date.now() % 2 ** 31);
    let state = seed | 1;
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    for (let round = 0; round < 4000; round++) {
      const bytes = (round % 2 === 0 ? elf : machO)();
      const start = random(2) * 0x600;
      for (let change = random(12); change >= 0; change--) bytes[(start + random(0x120)) % bytes.length] = random(256);
      const claimed = bytes.subarray(0, random(4) === 0 ? random(bytes.length) : bytes.length);
      for (const { regions } of readImages(claimed, 0)) {
        let end = 0;
        expect(regions.length, `REMENDO_TEST_SEED=${seed}`).toBeLessThanOrEqual(limits.imageRegionsMax);
        for (const region of regions.filter((one) => one.bytes > 0)) {
          expect(region.address, `REMENDO_TEST_SEED=${seed}`).toBeGreaterThanOrEqual(end);
          end = region.address + region.bytes;
          expect(region.memory + region.memoryBytes, `REMENDO_TEST_SEED=${seed}`).toBeLessThan(2 ** 32);
        }
        expect(end, `REMENDO_TEST_SEED=${seed}`).toBeLessThanOrEqual(claimed.length);
      }
    }
  });
});
