import { describe, expect, it } from 'vitest';
import { BufferSink, bufferSource } from '../bytes/byte-source.js';
import { digestOf } from '../hash/digest.js';
import { Bsdiff40Encoder } from '../testing/bsdiff40-encoder.js';
import { memoryScratch } from '../testing/memory-scratch.js';
import { applyPatch } from './apply-patch.js';
import { type CodecName, codecNames, transformsOf } from './codec-name.js';
import { codecFor } from './codecs.js';
import type { ApplyPatchInput, PatchCodec } from './patch-codec.js';
import { encodePatchHeader, type TransformName } from './remendo/patch-header.js';

const contentOf = (bytes: Uint8Array) => ({ sha256: digestOf(bytes), bytes: bytes.length });
const bytesOf = (text: string): Uint8Array => Buffer.from(text);

/** A codec that does as it is told. */
const codecOf = (apply: (input: ApplyPatchInput) => Promise<void>): PatchCodec => ({ name: 'bsdiff40', apply });

function inputOf(codec: string | PatchCodec, targets: readonly string[], bases: readonly string[] = ['base']) {
  const sinks = targets.map(() => new BufferSink(1_000));
  return {
    sinks,
    input: {
      codec,
      bases: bases.map((text) => ({ source: bufferSource(bytesOf(text)), content: contentOf(bytesOf(text)) })),
      patch: bufferSource(new Uint8Array()),
      scratch: memoryScratch,
      targets: targets.map((text, index) => ({ sink: sinks[index] ?? new BufferSink(0), content: contentOf(bytesOf(text)) })),
    },
  };
}

describe('applying a patch', () => {
  it('makes the announced target with a codec named as in a delta', async () => {
    const patch = bufferSource(new Bsdiff40Encoder().triple(4, 2, 0).diff(new Uint8Array(4)).extra(bytesOf('ck')).finish());
    const { input, sinks } = inputOf('bsdiff40', ['baseck']);
    await applyPatch({ ...input, patch });
    expect(sinks[0]?.toBuffer()).toEqual(new Uint8Array(bytesOf('baseck')));
  });

  it('makes several targets from several bases, written in turns', async () => {
    const codec = codecOf(async ({ bases, targets }) => {
      const [first, second] = targets;
      expect(bases.map((base) => base.bytes)).toEqual([1, 2]);
      expect(targets.map((target) => target.bytes)).toEqual([4, 2]);
      await first?.sink.write(bytesOf('on'));
      await second?.sink.write(bytesOf('tw'));
      await first?.sink.write(bytesOf('es'));
    });
    const { input, sinks } = inputOf(codec, ['ones', 'tw'], ['a', 'bc']);
    await applyPatch(input);
    expect(sinks.map((sink) => Buffer.from(sink.toBuffer()).toString())).toEqual(['ones', 'tw']);
  });

  it('refuses a target that is too short or has other bytes', async () => {
    for (const made of ['targe', 'tarGet']) {
      const { input } = inputOf(
        codecOf(async ({ targets }) => targets[0]?.sink.write(bytesOf(made))),
        ['target'],
      );
      await expect(applyPatch(input)).rejects.toMatchObject({ code: 'PATCH_TARGET_MISMATCH' });
    }
  });

  it('lets no byte more than announced reach a sink', async () => {
    const codec = codecOf(async ({ targets }) => {
      await targets[0]?.sink.write(bytesOf('targ'));
      await targets[0]?.sink.write(bytesOf('ets'));
    });
    const { input, sinks } = inputOf(codec, ['target']);
    await expect(applyPatch(input)).rejects.toMatchObject({ code: 'PATCH_TARGET_MISMATCH' });
    expect(Buffer.from(sinks[0]?.toBuffer() ?? []).toString()).toBe('targ');
  });

  it('tells a wrong base from a wrong patch', async () => {
    const codec = codecOf(async ({ targets }) => targets[0]?.sink.write(bytesOf('tarGet')));
    const { input } = inputOf(codec, ['target']);
    const damaged = input.bases.map(({ content }) => ({ source: bufferSource(bytesOf('bass')), content }));
    await expect(applyPatch({ ...input, bases: damaged })).rejects.toMatchObject({ code: 'PATCH_BASE_MISMATCH' });
    const shorter = input.bases.map(({ content }) => ({ source: bufferSource(bytesOf('bas')), content }));
    await expect(applyPatch({ ...input, bases: shorter })).rejects.toMatchObject({ code: 'PATCH_BASE_MISMATCH' });
  });

  it('refuses more bases or targets than are allowed before anything is opened', async () => {
    const codec = codecOf(() => Promise.reject(new Error('must not be called')));
    const many = Array.from({ length: 4_097 }, () => 'x');
    await expect(applyPatch(inputOf(codec, many).input)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    await expect(applyPatch(inputOf(codec, ['x'], many).input)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
  });
});

describe('the codec of a name', () => {
  it('is found for every name on the wire, and refused for any other', async () => {
    for (const name of codecNames) expect(codecFor(name).name).toBe(name);
    for (const name of ['', 'whole', 'BSDIFF40', '__proto__', 'constructor', 'remendo+references+containers']) {
      expect(() => codecFor(name)).toThrow(expect.objectContaining({ code: 'PATCH_CODEC_UNKNOWN' }));
    }
    await expect(applyPatch(inputOf('zstd', ['x']).input)).rejects.toMatchObject({ code: 'PATCH_CODEC_UNKNOWN' });
  });

  it('says which transforms its patches may have: others are refused before anything is written', async () => {
    const header = { profile: 'fast', decodeCost: 0, sizes: null } as const;
    const someTransforms: TransformName[][] = [['containers'], ['references'], ['containers', 'references']];
    for (const [codec, transforms] of crossed<CodecName, TransformName>(codecNames.slice(1), someTransforms)) {
      const patch = encodePatchHeader(
        header,
        transforms.map((name) => ({ name, data: new Uint8Array(), savedBytes: 0 })),
        [0, 0, 0],
      );
      const { input } = inputOf(codec, ['x']);
      const error: unknown = await applyPatch({ ...input, patch: bufferSource(patch) }).catch((cause: unknown) => cause);
      const isAnnounced = transforms.every((name) => transformsOf(codec).includes(name));
      const isRefused = /is not one of the codec remendo/.test((error as Error).message);
      expect([codec, transforms, isRefused]).toEqual([codec, transforms, !isAnnounced]);
      if (isRefused) expect(error).toMatchObject({ code: 'PATCH_INVALID' });
    }
  });
});

const crossed = <A, B>(some: readonly A[], others: readonly (readonly B[])[]): readonly (readonly [A, readonly B[]])[] =>
  some.flatMap((one) => others.map((other) => [one, other] as const));
