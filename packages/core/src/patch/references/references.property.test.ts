import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BufferSink, bufferSource } from '../../bytes/byte-source.js';
import { isUpdaterError } from '../../errors.js';
import { imagesArbitrary, imagesOfWish } from '../../testing/arbitrary-images.js';
import { checkProperty } from '../../testing/check-property.js';
import { fuzzInputs } from '../../testing/fuzz/fuzz-inputs.js';
import {
  fuzzReferencedBase,
  fuzzReferenceImages,
  fuzzReferenceMaker,
  fuzzReferencePatch,
} from '../../testing/fuzz/fuzz-references.js';
import { memoryScratch } from '../../testing/memory-scratch.js';
import { patchKnowing } from '../../testing/reference-samples.js';
import { applySample, type BlockWish, blocksOfWishes, joined, makePatchOf } from '../../testing/remendo-samples.js';
import { decodeByTwin } from '../../testing/remendo-twin.js';
import { buildAssembly } from '../../testing/sample-assembly.js';
import { sampleRelease } from '../../testing/sample-programs.js';
import { remendoCodec } from '../remendo/remendo-codec.js';
import { decodeImages, encodeImages } from './images-format.js';

const releases = (['pe32', 'pe64', 'elf64'] as const).map((machine) => sampleRelease(machine, 60));
/** Every third byte begins what may be a type in a signature. */
const signatures = Uint8Array.from({ length: 6_000 }, (_, index) => (index % 3 === 0 ? 0x12 : (index * 7) & 0xff));
const members = Array.from({ length: 60 }, (_, index) => `member${index}`);
const assembly = buildAssembly({ members, methods: members.map((name) => ({ name, calls: members.slice(0, 5) })) });
const base = joined([...releases.map((release) => release.base), signatures, assembly]);
const sizes = { windowBits: 16, historyBits: 12, guessBits: 14 };

const wishArbitrary: fc.Arbitrary<BlockWish> = fc.record({
  from: fc.constantFrom('base' as const, 'base' as const, 'lately' as const, 'anywhere' as const),
  place: fc.double({ min: 0, max: 0.999_999, noNaN: true }),
  copied: fc.oneof(fc.nat(40), fc.nat(3_000), fc.nat(70_000)),
  fresh: fc.oneof(fc.constant(0), fc.nat(20)),
  wrongEvery: fc.constantFrom(0, 7, 300, 20_000),
});

describe('whatever is said of programs', () => {
  it('what was coded knowing it decodes to the same, by the kernel and its twin, compact and fast', async () => {
    await checkProperty(
      fc.asyncProperty(
        fc.tuple(imagesArbitrary, fc.array(wishArbitrary, { minLength: 1, maxLength: 12 }), fc.integer()),
        async ([wish, blockWishes, seed]) => {
          const { blocks, space } = blocksOfWishes(base, blockWishes, seed);
          const target = space.all.subarray(base.length);
          const images = imagesOfWish(wish, base.length, target.length);
          const patch = patchKnowing(images, blocks, { sizes, space });
          const files = { bases: [base], targets: [target] };
          expect(Buffer.compare(joined(await applySample(patch, files)), target)).toBe(0);
          expect(Buffer.compare(decodeByTwin(base, patch, target.length), target)).toBe(0);
          const fast = patchKnowing(images, blocks, { sizes: null, space });
          expect(Buffer.compare(joined(await applySample(fast, files)), target)).toBe(0);
        },
      ),
      40,
    );
  });

  it('it is read from a patch as it was written', async () => {
    await checkProperty(
      fc.property(imagesArbitrary, (wish) => {
        const images = imagesOfWish(wish, 30_000, 20_000);
        expect(decodeImages(encodeImages(images), { baseBytes: 30_000, targetBytes: 20_000 })).toEqual(images);
      }),
      200,
    );
  });
});

describe('whatever the bytes are', () => {
  for (const target of [fuzzReferenceImages, fuzzReferencedBase, fuzzReferencePatch, fuzzReferenceMaker]) {
    it(`they are accepted or refused by ${target.name}`, async () => {
      await checkProperty(
        fc.asyncProperty(fuzzInputs(await target.seeds()), async (bytes) => {
          const error: unknown = await target.run(bytes).catch((thrown: unknown) => thrown);
          const isRefusal = isUpdaterError(error) && ['PATCH_INVALID', 'PATCH_CODEC_UNKNOWN'].includes(error.code);
          if (error !== undefined && (!isRefusal || target === fuzzReferenceMaker)) throw error;
        }),
        150,
      );
    });
  }

  it('kernel and twin accept the same compact patches of programs and make the same of them', async () => {
    const { base, target } = sampleRelease('pe64', 12);
    const seed = makePatchOf({ bases: [base], targets: [target] });
    const byKernel = async (patch: Uint8Array): Promise<Uint8Array> => {
      const sink = new BufferSink(target.length);
      const targets = [{ sink, bytes: target.length }];
      await remendoCodec.apply({ scratch: memoryScratch, bases: [bufferSource(base)], patch: bufferSource(patch), targets });
      return sink.toBuffer();
    };
    const byTwin = async (patch: Uint8Array): Promise<Uint8Array> => decodeByTwin(base, patch, target.length);
    // The fast profile, one bit from the compact one, is none of the twin's.
    const inputs = fuzzInputs([seed]).filter((patch) => patch[0] !== 0x11);
    await checkProperty(
      fc.asyncProperty(inputs, async (patch) => {
        const [made = null, madeByTwin = null] = await Promise.all([byKernel, byTwin].map((make) => make(patch).catch(() => null)));
        expect(made === null).toBe(madeByTwin === null);
        if (made !== null && madeByTwin !== null) expect(Buffer.compare(made, madeByTwin)).toBe(0);
      }),
      200,
    );
  });
});
