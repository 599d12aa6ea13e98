/**
 * Fuzz targets of the transform `references`: what a patch says of programs, programs that are not what it says, patches of
 * programs, and files that a maker takes for programs. Besides "an UpdaterError or nothing" they check that operands are such
 * as the coder relies on, that work is in proportion, and that what a maker makes is applied to what it was made for.
 */

import { BufferSink, bufferSource } from '../../bytes/byte-source.js';
import type { Images } from '../../patch/references/images.js';
import { decodeImages, encodeImages } from '../../patch/references/images-format.js';
import { wordBytesOf } from '../../patch/references/word-forms.js';
import { operandNumbers, pieceBytesMax } from '../../patch/remendo/coder-kernel.js';
import { remendoCodec } from '../../patch/remendo/remendo-codec.js';
import { readImages } from '../../publish/references/read-images.js';
import { imagesArbitrary, imagesOfWish } from '../arbitrary-images.js';
import { memoryScratch } from '../memory-scratch.js';
import { patchKnowing, patchOfReferences, predictorOf, type ReferenceStreams, streamsOfReferences } from '../reference-samples.js';
import { type BlocksSample, blocksOfWishes, joined, makePatchOf, type SampleFiles, startsOf } from '../remendo-samples.js';
import { buildAssembly } from '../sample-assembly.js';
import { type SampleMachine, sampleRelease } from '../sample-programs.js';
import type { FuzzTarget } from './fuzz-target.js';

const machines: readonly SampleMachine[] = ['pe32', 'pe64', 'elf64'];
const sizes = { windowBits: 16, historyBits: 12, guessBits: 14 };

interface Sample {
  readonly files: SampleFiles;
  readonly base: Uint8Array;
  readonly made: BlocksSample;
  readonly targetBytes: number;
  readonly images: Images;
  readonly streams: readonly ReferenceStreams[];
}

function sampleOf(): Sample {
  const assemblyOf = (members: readonly string[]): Uint8Array =>
    buildAssembly({ members, methods: members.map((name) => ({ name, calls: members.slice(-3) })) });
  const assemblies = {
    base: assemblyOf(['one', 'two', 'three', 'four']),
    target: assemblyOf(['a', 'one', 'two', 'three', 'four']),
  };
  const releases = [...machines.map((machine) => sampleRelease(machine, 12)), assemblies];
  const files = { bases: releases.map(({ base }) => base), targets: releases.map(({ target }) => target) };
  const base = joined(files.bases);
  const wish = { from: 'anywhere' as const, fresh: 3, wrongEvery: 70 };
  const wishes = Array.from({ length: 60 }, (_, index) => ({ ...wish, place: (index * 0.618) % 1, copied: (index * 97) % 2_000 }));
  const made = blocksOfWishes(base, wishes, 5);
  const targetBytes = made.space.all.length - base.length;
  const ofBases = startsOf(files.bases).flatMap((start, index) => readImages(files.bases[index] as Uint8Array, start));
  const images = { bases: ofBases, targets: ofBases.filter(({ regions }) => (regions.at(-1)?.address ?? 0) < targetBytes / 2) };
  const streams = [sizes, null].map((one) => streamsOfReferences(made.blocks, made.space, { sizes: one, images }));
  return { files, base, made, targetBytes, images, streams };
}

let kept: Sample | null = null;
/** Made when it is wanted first: whoever imports this file need not fuzz. */
const sample = (): Sample => {
  kept ??= sampleOf();
  return kept;
};

/** One of each kind. */
export const samplePrograms = (): readonly Uint8Array[] => sample().files.bases;

/** The input is what a patch of either profile says of programs; its blocks and bytes are right for something else. */
export const fuzzReferenceImages: FuzzTarget = {
  name: 'reference-images',
  run: async (bytes) => {
    const { base, made, targetBytes, streams } = sample();
    const images = decodeImages(bytes, { baseBytes: base.length, targetBytes });
    assertOperands(images, made);
    await assertAgreed(images, sample());
    for (const one of streams) await apply(patchOfReferences(bytes, one), base, targetBytes);
  },
  seeds: async () => [encodeImages(sample().images)],
  made: () => {
    const { base, targetBytes } = sample();
    return imagesArbitrary.map((wish) => encodeImages(imagesOfWish(wish, base.length, targetBytes)));
  },
};

/** What is coded with these images is decoded with them: both sides see the same in the same bytes. */
async function assertAgreed(images: Images, { base, made, targetBytes }: Sample): Promise<void> {
  const target = made.space.all.subarray(base.length);
  for (const profile of [sizes, null]) {
    const decoded = await apply(patchKnowing(images, made.blocks, { sizes: profile, space: made.space }), base, targetBytes);
    if (Buffer.compare(decoded, target) !== 0) throw new Error('a patch makes something else than it was made for');
  }
}

/** The input is a base of which a patch says that it has programs in it. */
export const fuzzReferencedBase: FuzzTarget = {
  name: 'referenced-base',
  run: async (bytes) => {
    const { base, made, targetBytes, streams, images } = sample();
    const all = made.space.all.slice();
    all.set(bytes.subarray(0, base.length));
    assertOperands(images, { ...made, space: { all, baseBytes: base.length } });
    for (const one of streams) await apply(patchOfReferences(encodeImages(images), one), all.subarray(0, base.length), targetBytes);
  },
  seeds: async () => [sample().base],
};

/** The input is a patch of programs, of either profile. */
export const fuzzReferencePatch: FuzzTarget = {
  name: 'reference-patch',
  run: async (bytes) => void (await apply(bytes, joined(sample().files.bases), joined(sample().files.targets).length)),
  seeds: async () => [makePatchOf(sample().files), makePatchOf(sample().files, 'fast')],
};

/** The input is a file that a maker takes for a program; it gets a patch from it to a program, and back. */
export const fuzzReferenceMaker: FuzzTarget = {
  name: 'reference-maker',
  run: async (bytes) => {
    const [program = bytes] = sample().files.targets.filter(({ length }, index) => length > 0 && index === bytes.length % 4);
    for (const [base, target] of [
      [bytes, program],
      [program, bytes],
    ] as const) {
      const made = await apply(makePatchOf({ bases: [base], targets: [target] }), base, target.length);
      if (Buffer.compare(made, target) !== 0) throw new Error('a patch makes something else than it was made for');
    }
  },
  seeds: async () => sample().files.bases,
};

/** What the coder relies on: operands in order, none over another, each wholly in its part; all of it soon found. */
function assertOperands(images: Images, { blocks, space }: BlocksSample): void {
  const predictor = predictorOf(images, blocks, space);
  const into = new Uint32Array((pieceBytesMax / 2) * operandNumbers);
  let position = 0;
  for (const { copied, reference, fresh } of blocks) {
    if (copied > 0 && reference + copied <= space.baseBytes) {
      const end = predictor.predict({ reference, position, bytes: space.all.subarray(reference, reference + copied) }, into, 0);
      let free = position;
      for (let at = 0; at < end; at += operandNumbers) {
        const [place = 0, form = 0] = into.subarray(at, at + 2);
        if (place < free || place + wordBytesOf(form) > position + copied)
          throw new Error(`an operand at ${place} is not possible`);
        free = place + wordBytesOf(form);
      }
    }
    position += copied + fresh;
  }
}

async function apply(patch: Uint8Array, base: Uint8Array, targetBytes: number): Promise<Uint8Array> {
  const sink = new BufferSink(targetBytes);
  const targets = [{ sink, bytes: targetBytes }];
  await remendoCodec.apply({ scratch: memoryScratch, bases: [bufferSource(base)], patch: bufferSource(patch), targets });
  const made = sink.toBuffer();
  if (made.length !== targetBytes) throw new Error(`${made.length} of ${targetBytes} bytes were made`);
  return made;
}
