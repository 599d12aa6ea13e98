/** Fuzz target of whole patches as they are kept in fixtures/golden: both profiles, every transform, several files. */
import { BufferSink, bufferSource } from '../../bytes/byte-source.js';
import { UpdaterError } from '../../errors.js';
import { describePatch } from '../../patch/describe-patch.js';
import { profileNames } from '../../patch/remendo/patch-header.js';
import { remendoCodec } from '../../patch/remendo/remendo-codec.js';
import { makeContainedPatchOf } from '../container-samples.js';
import { MemoryScratch } from '../memory-scratch.js';
import { type GoldenSample, goldenSamples } from '../remendo-golden-samples.js';
import { joined, makePatchOf } from '../remendo-samples.js';
import type { FuzzTarget } from './fuzz-target.js';

const scratchBytesMax = 64 * 1024 * 1024;

let kept: readonly GoldenSample[] | null = null;
/** Made when they are wanted first; without the one that takes longest to apply and leads nowhere else. */
const samples = (): readonly GoldenSample[] => {
  kept ??= goldenSamples().filter(({ name }) => name !== 'periodic');
  return kept;
};

/** The input is the number of a sample, and a patch for it. */
export const fuzzGoldenPatch: FuzzTarget = {
  name: 'golden-patch',
  async run(bytes) {
    const sample = samples()[bytes[0] ?? 0];
    if (sample === undefined) throw new UpdaterError('PATCH_INVALID', 'there is no such sample');
    const patch = bufferSource(bytes.subarray(1));
    const scratch = new MemoryScratch(scratchBytesMax);
    const sinks = sample.targets.map(({ length }) => new BufferSink(length));
    const targets = sinks.map((sink, index) => ({ sink, bytes: sample.targets[index]?.length ?? 0 }));
    const input = { scratch: scratch.openScratch, bases: sample.bases.map(bufferSource), patch, targets };
    const error: unknown = await remendoCodec.apply(input).catch((thrown: unknown) => thrown);
    if (scratch.open > 0) throw new Error(`${scratch.open} of ${scratch.opened} scratch files are left`);
    if (error !== undefined) throw error;
    if (sinks.some((sink, index) => sink.toBuffer().length !== targets[index]?.bytes)) throw new Error('a target is not whole');
    await describePatch('remendo+containers+references', patch, { targetBytes: joined(sample.targets).length });
  },
  seeds: async () =>
    samples().flatMap((sample, index) =>
      profileNames.map((profile) => {
        const make = sample.isContained === true ? makeContainedPatchOf : makePatchOf;
        return joined([Uint8Array.of(index), make(sample, profile)]);
      }),
    ),
};
