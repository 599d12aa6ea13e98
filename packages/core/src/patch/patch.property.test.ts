import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BufferSink, bufferSource } from '../bytes/byte-source.js';
import { isUpdaterError } from '../errors.js';
import { digestOf } from '../hash/digest.js';
import { type Bsdiff40Part, encodeBsdiff40 } from '../testing/bsdiff40-encoder.js';
import { encodeBzip2, flatCodeLengths } from '../testing/bzip2-encoder.js';
import { fuzzBsdiff40, fuzzBsdiff40Control, fuzzBzip2 } from '../testing/fuzz/fuzz-bsdiff40.js';
import { fuzzInputs } from '../testing/fuzz/fuzz-inputs.js';
import { memoryScratch } from '../testing/memory-scratch.js';
import { applyPatch } from './apply-patch.js';
import { Bzip2Reader } from './bsdiff40/bzip2-reader.js';

/** fast-check prints its seed on failure; REMENDO_TEST_SEED=seed repeats a run. */
const seed = process.env.REMENDO_TEST_SEED === undefined ? {} : { seed: Number(process.env.REMENDO_TEST_SEED) };
const check = async <T>(property: fc.IAsyncProperty<T>, numRuns: number): Promise<void> =>
  fc.assert(property, { ...seed, numRuns });

const contentOf = (bytes: Uint8Array) => ({ sha256: digestOf(bytes), bytes: bytes.length });

/** Bytes with runs, repeats and noise. */
const bytesArbitrary = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.tuple(fc.nat(255), fc.nat(1_500)).map(([byte, length]) => new Uint8Array(length).fill(byte)),
      fc
        .tuple(fc.uint8Array({ minLength: 1, maxLength: 9 }), fc.nat(200))
        .map(([unit, times]) => new Uint8Array(Buffer.alloc(unit.length * times, unit))),
    ),
    { maxLength: 8 },
  )
  .map((parts) => new Uint8Array(Buffer.concat(parts)));

/** Words of 1, 2, … 11 bits and the rest equally long: long words are met as well. */
const skewedCodeLengths = (alphabet: number): readonly number[] => {
  const short = Math.min(11, alphabet - 2);
  return [
    ...Array.from({ length: short }, (_, symbol) => symbol + 1),
    ...flatCodeLengths(alphabet - short).map((bits) => bits + short),
  ];
};

describe('whatever the bytes are', () => {
  it('a bzip2 stream of them is decoded to them, in any blocks, codes and pieces', async () => {
    const options = fc.record({
      level: fc.constantFrom(1, 9),
      blockBytesMax: fc.integer({ min: 5, max: 2_000 }),
      skewed: fc.boolean(),
    });
    await check(
      fc.asyncProperty(
        bytesArbitrary,
        options,
        fc.array(fc.integer({ min: 1, max: 900 })),
        async (bytes, { skewed, ...rest }, pieces) => {
          const stream = encodeBzip2(bytes, { ...rest, ...(skewed ? { codeLengths: skewedCodeLengths } : {}) });
          const reader = new Bzip2Reader(bufferSource(stream));
          const read = new Uint8Array(bytes.length);
          let at = 0;
          for (const piece of pieces) {
            const part = read.subarray(at, at + piece);
            if (part.length > 0) await reader.readFully(part);
            at += part.length;
          }
          if (at < read.length) await reader.readFully(read.subarray(at));
          await reader.end();
          expect(read).toEqual(bytes);
        },
      ),
      150,
    );
  });

  it('a patch to them, in any parts, makes them', async () => {
    const partsArbitrary = fc.array(fc.tuple(fc.nat(), fc.nat(400), fc.nat(400)), { minLength: 1, maxLength: 30 });
    await check(
      fc.asyncProperty(bytesArbitrary, bytesArbitrary, partsArbitrary, async (base, target, cuts) => {
        const patch = encodeBsdiff40(base, target, { parts: partsOf(base, target, cuts) });
        const sink = new BufferSink(target.length);
        await applyPatch({
          codec: 'bsdiff40',
          bases: [{ source: bufferSource(base), content: contentOf(base) }],
          patch: bufferSource(patch),
          scratch: memoryScratch,
          targets: [{ sink, content: contentOf(target) }],
        });
        expect(sink.toBuffer()).toEqual(target);
      }),
      150,
    );
  });

  for (const target of [fuzzBsdiff40, fuzzBsdiff40Control, fuzzBzip2]) {
    it(`they are accepted or refused with PATCH_INVALID by ${target.name}, with bounded output and work`, async () => {
      await check(
        fc.asyncProperty(fuzzInputs(await target.seeds()), async (bytes) => {
          const error: unknown = await target.run(bytes).catch((thrown: unknown) => thrown);
          if (error !== undefined && !(isUpdaterError(error) && error.code === 'PATCH_INVALID')) throw error;
        }),
        1_500,
      );
    });
  }
});

/** Cuts the target into parts whose bases are somewhere, at most one of them empty. */
function partsOf(
  base: Uint8Array,
  target: Uint8Array,
  cuts: readonly (readonly [number, number, number])[],
): readonly Bsdiff40Part[] {
  const parts: Bsdiff40Part[] = [];
  let left = target.length;
  for (const [place, addMax, copyMax] of cuts) {
    const basePosition = place % (base.length + 1);
    const add = Math.min(left, addMax, base.length - basePosition);
    const copy = Math.min(left - add, copyMax);
    if (add + copy > 0) parts.push({ basePosition, add, copy });
    left -= add + copy;
  }
  if (left > 0) parts.push({ basePosition: 0, add: 0, copy: left });
  return parts;
}
