/** Images that no program has: any finder anywhere, regions over each other in memory, switches at any place. */
import fc from 'fast-check';
import { tableCount } from '../patch/references/cli-schema.js';
import { buildCli } from '../patch/references/cli-spaces.js';
import { finderNames, type Image, type Images, type Region } from '../patch/references/images.js';

const shareArbitrary = fc.double({ min: 0, max: 1, noNaN: true });

interface RegionWish {
  readonly gap: number;
  readonly share: number;
  readonly memory: number;
  readonly more: number;
  readonly finder: Region['finder'];
  readonly origin: number;
  readonly switches: readonly number[];
}

/** Addresses as programs have them, and any others. */
const memoryArbitrary = fc.oneof(
  { arbitrary: fc.nat(0x2_0000), weight: 4 },
  fc.constantFrom(0, 0x1000, 0x2000, 0x40_1000, 2 ** 31 - 8, 2 ** 31, 2 ** 32 - 2 ** 20),
);

const regionArbitrary: fc.Arbitrary<RegionWish> = fc.record({
  gap: fc.constantFrom(0, 0, 0, 1, 64),
  share: shareArbitrary,
  memory: memoryArbitrary,
  more: fc.constantFrom(0, 0, 1, 100_000),
  finder: fc.constantFrom(...finderNames),
  origin: memoryArbitrary,
  switches: fc.oneof({ arbitrary: fc.constant([]), weight: 3 }, fc.array(fc.nat(5_000), { maxLength: 30 })),
});

/** What is counted by metadata that lies anywhere: rows of a few tables, or of many. */
const cliArbitrary = fc.record({
  memory: memoryArbitrary,
  rows: fc.array(fc.constantFrom(0, 0, 1, 40, 20_000), { minLength: tableCount, maxLength: tableCount }),
  heaps: fc.array(fc.record({ memory: memoryArbitrary, bytes: fc.nat(70_000) }), { minLength: 4, maxLength: 4 }),
  wideHeaps: fc.nat(7),
});

const imageArbitrary = fc.record({
  imageBase: fc.constantFrom(0, 0x40_0000, 0x8000_0000, 0xffff_ffff),
  regions: fc.array(regionArbitrary, { maxLength: 6 }),
  /** Where relocations begin and end; none for most. */
  relocations: fc.option(fc.tuple(shareArbitrary, fc.integer({ min: 1, max: 4_000 }))),
  cli: fc.option(cliArbitrary),
});

const sideArbitrary = fc.array(imageArbitrary, { minLength: 1, maxLength: 3 });

export interface ImagesWish {
  readonly bases: readonly ImageWish[];
  readonly targets: readonly ImageWish[];
}
type ImageWish = typeof imageArbitrary extends fc.Arbitrary<infer Wish> ? Wish : never;

export const imagesArbitrary: fc.Arbitrary<ImagesWish> = fc.record({ bases: sideArbitrary, targets: sideArbitrary });

/** The images as far as they have room in so many bytes. */
export const imagesOfWish = ({ bases, targets }: ImagesWish, baseBytes: number, targetBytes: number): Images => ({
  bases: placeImages(bases, baseBytes),
  targets: placeImages(targets, targetBytes),
});

function placeImages(wishes: readonly ImageWish[], bytes: number): readonly Image[] {
  let end = 0;
  return wishes.map(({ imageBase, regions, relocations, cli }) => ({
    imageBase,
    regions: regions.map((wish) => {
      const region = placeRegion(wish, end, bytes);
      end = region.address + region.bytes;
      return region;
    }),
    relocations: relocations === null ? null : placeRelocations(relocations, bytes),
    cli: cli === null ? undefined : buildCli(cli),
  }));
}

function placeRegion({ gap, share, memory, more, finder, origin, switches }: RegionWish, end: number, all: number): Region {
  const room = Math.max(0, all - end - gap);
  const bytes = Math.floor(room * share);
  const ascending = [...switches].sort((a, b) => a - b);
  return { address: bytes > 0 ? end + gap : end, bytes, memory, memoryBytes: bytes + more, finder, origin, switches: ascending };
}

function placeRelocations([place, wanted]: readonly [number, number], bytes: number): Image['relocations'] {
  const address = Math.floor(place * bytes);
  const length = Math.min(wanted, bytes - address);
  return length > 0 ? { address, bytes: length } : null;
}
