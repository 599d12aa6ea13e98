import { describe, expect, it } from 'vitest';
import { UpdaterError } from '../../errors.js';
import { seededRandom } from '../../testing/seeded-random.js';
import { buildCli, type CliLayout } from './cli-spaces.js';
import type { Image } from './images.js';
import { decodeImages, encodeImages } from './images-format.js';

const seed = Number(process.env.REMENDO_TEST_SEED ?? 22);
const spaces = { baseBytes: 1_000, targetBytes: 1_000 };

const layoutOf = (rows: number): CliLayout => ({
  memory: 0x2000 + rows,
  rows: Array.from({ length: 45 }, (_, table) => (table % 3 === 0 ? rows + table : 0)),
  heaps: [1, 2, 3, 4].map((heap) => ({ memory: 0x8000 * heap + rows, bytes: heap * 10 })),
  wideHeaps: 5,
});
const imageOf = (layout: CliLayout | null): Image => ({
  imageBase: 0x40_0000,
  relocations: null,
  regions: [],
  cli: layout === null ? undefined : buildCli(layout),
});
const layoutsOf = (images: readonly Image[]) => images.map(({ cli }) => cli?.layout ?? null);

describe(`what a patch says of metadata (seed ${seed})`, () => {
  it.each<readonly [string, readonly (CliLayout | null)[], readonly (CliLayout | null)[]]>([
    ['of both sides', [layoutOf(7)], [layoutOf(9)]],
    ['the same on both sides', [layoutOf(7)], [layoutOf(7)]],
    ['of one side', [null, layoutOf(1)], [layoutOf(2), null, layoutOf(3)]],
    ['of the largest numbers', [layoutOf(2 ** 24 - 50)], [layoutOf(0)]],
  ])('comes back as it was: %s', (_, bases, targets) => {
    const data = encodeImages({ bases: bases.map(imageOf), targets: targets.map(imageOf) });
    const images = decodeImages(data, spaces);
    expect(layoutsOf(images.bases)).toEqual(bases);
    expect(layoutsOf(images.targets)).toEqual(targets);
  });

  it('takes few bytes in the target when it is nearly that of the base', () => {
    const base = layoutOf(7);
    const target = { ...base, rows: base.rows.with(6, 14) };
    const alone = encodeImages({ bases: [imageOf(base)], targets: [] });
    expect(encodeImages({ bases: [imageOf(base)], targets: [imageOf(target)] }).length).toBeLessThan(alone.length + 16);
  });

  it('is refused when a table has more rows than a token can count', () => {
    const large = { ...layoutOf(7), rows: layoutOf(7).rows.with(44, 2 ** 24) };
    expect(() => decodeImages(encodeImages({ bases: [imageOf(large)], targets: [] }), spaces)).toThrow(UpdaterError);
  });

  it('is refused with an error of ours, or read, whatever the bytes are', () => {
    const random = seededRandom(seed);
    const data = encodeImages({ bases: [imageOf(layoutOf(7))], targets: [imageOf(layoutOf(90))] });
    for (let round = 0; round < 2_000; round++) {
      const damaged = data.slice(0, round % 4 === 0 ? Math.floor(random() * data.length) : data.length);
      for (let count = 0; count < 3; count++) damaged[Math.floor(random() * damaged.length)] = random() * 256;
      try {
        decodeImages(damaged, spaces);
      } catch (error) {
        expect(error, `round ${round}`).toBeInstanceOf(UpdaterError);
      }
    }
  });
});
