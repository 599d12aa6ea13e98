import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkProperty } from '../../testing/check-property.js';
import {
  applySample,
  type BlockWish,
  blocksOfWishes,
  joined,
  makePatchOf,
  patchOfBlocks,
  type SampleFiles,
} from '../../testing/remendo-samples.js';
import { decodeByTwin } from '../../testing/remendo-twin.js';
import { seededRandom } from '../../testing/seeded-random.js';

/** Bytes with runs, periods and noise, and of some sizes. */
const bytesArbitrary = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.tuple(fc.nat(255), fc.nat(1_500)).map(([byte, length]) => new Uint8Array(length).fill(byte)),
      fc
        .tuple(fc.uint8Array({ minLength: 1, maxLength: 80 }), fc.nat(100))
        .map(([unit, times]) => new Uint8Array(Buffer.alloc(unit.length * times, unit))),
      fc.tuple(fc.integer(), fc.nat(4_000)).map(([seed, length]) => noise(seed, length)),
    ),
    { maxLength: 6 },
  )
  .map(joined);

function noise(seed: number, length: number): Uint8Array {
  const random = seededRandom(seed);
  return Uint8Array.from({ length }, () => Math.floor(random() * 256));
}

/** How a target comes from what lies before it. */
const editArbitrary = fc.record({
  place: fc.double({ min: 0, max: 1, noNaN: true }),
  share: fc.double({ min: 0, max: 1, noNaN: true }),
  every: fc.integer({ min: 1, max: 500 }),
  added: fc.uint8Array({ maxLength: 60 }),
});

/** Several bases and targets; targets are parts of what there is already, with bytes changed and added. */
const filesArbitrary: fc.Arbitrary<SampleFiles> = fc
  .tuple(
    fc.array(bytesArbitrary, { maxLength: 3 }),
    fc.array(fc.oneof(bytesArbitrary, fc.array(editArbitrary, { maxLength: 8 })), { minLength: 1, maxLength: 4 }),
  )
  .map(([bases, parts]) => {
    const targets: Uint8Array[] = [];
    for (const part of parts) {
      const known = joined([...bases, ...targets]);
      targets.push(part instanceof Uint8Array ? part : joined(part.flatMap((edit) => edited(known, edit))));
    }
    return { bases, targets };
  });

type Edit = { readonly place: number; readonly share: number; readonly every: number; readonly added: Uint8Array };

function edited(known: Uint8Array, { place, share, every, added }: Edit): readonly Uint8Array[] {
  const start = Math.floor(known.length * place);
  const part = known.slice(start, start + Math.floor((known.length - start) * share));
  for (let index = every; index < part.length; index += every) part[index] = (part[index] as number) + 1;
  return [part.subarray(0, 20_000), added];
}

const wishArbitrary: fc.Arbitrary<BlockWish> = fc.record({
  from: fc.constantFrom('base' as const, 'lately' as const, 'anywhere' as const),
  place: fc.oneof(fc.double({ min: 0, max: 0.999_999, noNaN: true }), fc.constant(0.999_999)),
  copied: fc.oneof(fc.nat(40), fc.nat(3_000), fc.integer({ min: 65_000, max: 140_000 })),
  fresh: fc.oneof(fc.constant(0), fc.nat(20), fc.nat(1_000)),
  wrongEvery: fc.constantFrom(0, 1, 7, 300, 20_000),
});

const sizesArbitrary = fc.record({
  windowBits: fc.constantFrom(16, 16, 17, 21),
  historyBits: fc.constantFrom(12, 13, 18),
  tableBits: fc.constantFrom(12, 16),
});

/** Cuts what blocks made into files anywhere, empty ones among them. */
function cutAt(bytes: Uint8Array, cuts: readonly number[]): readonly Uint8Array[] {
  const places = [0, ...cuts.map((cut) => Math.floor(cut * bytes.length)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
}
const cutsArbitrary = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 });

describe('whatever the files are', () => {
  it('a patch that the maker makes of them makes the targets, by the kernel and by its twin', async () => {
    await checkProperty(
      fc.asyncProperty(filesArbitrary, async (files) => {
        const patch = makePatchOf(files);
        expect(await applySample(patch, files)).toEqual(files.targets);
        const target = joined(files.targets);
        expect(decodeByTwin(joined(files.bases), patch, target.length)).toEqual(target);
      }),
      40,
    );
  });

  it('a fast patch that the maker makes of them makes the targets', async () => {
    await checkProperty(
      fc.asyncProperty(filesArbitrary, async (files) => {
        expect(await applySample(makePatchOf(files, 'fast'), files)).toEqual(files.targets);
      }),
      40,
    );
  });
});

describe('whatever the blocks are', () => {
  const wishes = fc.array(wishArbitrary, { minLength: 1, maxLength: 12 });

  it('the compact profile decodes to what was encoded, across file ends, in any window, by the kernel and by its twin', async () => {
    await checkProperty(
      fc.asyncProperty(
        fc.tuple(bytesArbitrary, wishes, fc.integer(), sizesArbitrary),
        fc.tuple(cutsArbitrary, cutsArbitrary),
        async ([base, blockWishes, seed, sizes], [baseCuts, targetCuts]) => {
          const { blocks, space } = blocksOfWishes(base, blockWishes, seed);
          const patch = patchOfBlocks(blocks, space, sizes);
          const target = space.all.subarray(base.length);
          const files = { bases: cutAt(base, baseCuts), targets: cutAt(target, targetCuts) };
          expect(await applySample(patch, files)).toEqual(files.targets);
          expect(Buffer.compare(decodeByTwin(base, patch, target.length), target)).toBe(0);
        },
      ),
      15,
    );
  });

  it('the fast profile decodes to what was encoded, across file ends', async () => {
    await checkProperty(
      fc.asyncProperty(
        fc.tuple(bytesArbitrary, wishes, fc.integer()),
        fc.tuple(cutsArbitrary, cutsArbitrary),
        async ([base, blockWishes, seed], [baseCuts, targetCuts]) => {
          const { blocks, space } = blocksOfWishes(base, blockWishes, seed);
          const patch = patchOfBlocks(blocks, space, null);
          const files = { bases: cutAt(base, baseCuts), targets: cutAt(space.all.subarray(base.length), targetCuts) };
          expect(await applySample(patch, files)).toEqual(files.targets);
        },
      ),
      10,
    );
  });
});
