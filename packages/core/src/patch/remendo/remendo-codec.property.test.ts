import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BufferSink, bufferSource } from '../../bytes/byte-source.js';
import { isUpdaterError } from '../../errors.js';
import { checkProperty } from '../../testing/check-property.js';
import { fuzzInputs } from '../../testing/fuzz/fuzz-inputs.js';
import {
  fuzzRemendo,
  fuzzRemendoBlocks,
  fuzzRemendoBytes,
  fuzzRemendoFar,
  fuzzRemendoFast,
} from '../../testing/fuzz/fuzz-remendo.js';
import { memoryScratch } from '../../testing/memory-scratch.js';
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
import { remendoCodec } from './remendo-codec.js';

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
  guessBits: fc.constantFrom(14, 16),
});

/** Cuts what blocks made into files anywhere, empty ones among them. */
function cutAt(bytes: Uint8Array, cuts: readonly number[]): readonly Uint8Array[] {
  const places = [0, ...cuts.map((cut) => Math.floor(cut * bytes.length)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
}
const cutsArbitrary = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 });

/** Comparing large arrays by `toEqual` is slow. */
async function expectMade(patch: Uint8Array, files: SampleFiles): Promise<void> {
  expect(Buffer.compare(joined(await applySample(patch, files)), joined(files.targets))).toBe(0);
}

describe('whatever the files are', () => {
  it('a patch that the maker makes of them makes the targets, by the kernel and by its twin', async () => {
    await checkProperty(
      fc.asyncProperty(filesArbitrary, async (files) => {
        const patch = makePatchOf(files);
        await expectMade(patch, files);
        const target = joined(files.targets);
        expect(Buffer.compare(decodeByTwin(joined(files.bases), patch, target.length), target)).toBe(0);
      }),
      40,
    );
  });

  it('a fast patch that the maker makes of them makes the targets', async () => {
    await checkProperty(
      fc.asyncProperty(filesArbitrary, async (files) => {
        await expectMade(makePatchOf(files, 'fast'), files);
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
          await expectMade(patch, files);
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
          await expectMade(patch, files);
        },
      ),
      10,
    );
  });
});

describe('whatever the bytes of a patch are', () => {
  for (const target of [fuzzRemendo, fuzzRemendoFar, fuzzRemendoBlocks, fuzzRemendoBytes, fuzzRemendoFast]) {
    it(`they are accepted or refused by ${target.name}, with bounded output and work`, async () => {
      await checkProperty(
        fc.asyncProperty(fuzzInputs(await target.seeds()), async (bytes) => {
          const error: unknown = await target.run(bytes).catch((thrown: unknown) => thrown);
          const isRefusal = isUpdaterError(error) && ['PATCH_INVALID', 'PATCH_CODEC_UNKNOWN'].includes(error.code);
          if (error !== undefined && !isRefusal) throw error;
        }),
        200,
      );
    });
  }

  it('kernel and twin accept the same compact patches and make the same of them', async () => {
    const base = noise(1, 3_000);
    const wish = { from: 'anywhere' as const, copied: 70, fresh: 4, wrongEvery: 30 };
    const wishes = Array.from({ length: 25 }, (_, index) => ({ ...wish, place: (index * 0.618) % 1 }));
    const { blocks, space } = blocksOfWishes(base, wishes, 2);
    const bytes = space.all.length - base.length;
    const seed = patchOfBlocks(blocks, space, { windowBits: 16, historyBits: 12, guessBits: 14 });
    const byKernel = async (patch: Uint8Array): Promise<Uint8Array> => {
      const sink = new BufferSink(bytes);
      await remendoCodec.apply({
        scratch: memoryScratch,
        bases: [bufferSource(base)],
        patch: bufferSource(patch),
        targets: [{ sink, bytes }],
      });
      return sink.toBuffer();
    };
    const byTwin = async (patch: Uint8Array): Promise<Uint8Array> => decodeByTwin(base, patch, bytes);
    // The fast profile, one bit from the compact one, is none of the twin's.
    const inputs = fuzzInputs([seed]).filter((patch) => patch[0] !== 0x11);
    await checkProperty(
      fc.asyncProperty(inputs, async (patch) => {
        const [made, madeByTwin] = await Promise.all([byKernel, byTwin].map((make) => make(patch).catch(() => null)));
        expect(made).toEqual(madeByTwin);
      }),
      400,
    );
  });
});
