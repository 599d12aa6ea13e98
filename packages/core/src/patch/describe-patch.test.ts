import { describe, expect, it } from 'vitest';
import { bufferSource } from '../bytes/byte-source.js';
import { encodeBsdiff40 } from '../testing/bsdiff40-encoder.js';
import { joined } from '../testing/remendo-samples.js';
import { describePatch, type PatchReport } from './describe-patch.js';
import { encodeImages } from './references/images-format.js';
import { encodePatchHeader, type PatchTransform, type ProfileName } from './remendo/patch-header.js';

const sizes = { windowBits: 16, historyBits: 12, guessBits: 14 };

/** Streams of the given lengths, the last without one in the header; what is in them does not matter here. */
function patchOf(profile: ProfileName, transforms: readonly PatchTransform<Uint8Array>[], streams: readonly number[]): Uint8Array {
  const header = { profile, decodeCost: 7, sizes: profile === 'compact' ? sizes : null };
  const parts = [...transforms.map(({ data }) => data), ...streams.map((bytes) => new Uint8Array(bytes))];
  return joined([encodePatchHeader(header, transforms, streams), ...parts]);
}

const sumOf = ({ causes }: PatchReport): number => Object.values(causes).reduce((sum, bytes) => sum + bytes, 0);

describe('what a patch says of itself', () => {
  it.each<readonly [ProfileName, readonly number[], number, number]>([
    ['compact', [30, 400], 30, 400],
    ['fast', [30, 20, 300, 80], 30, 400],
  ])('in the %s profile: its block list, its bytes, its head', async (profile, streams, blocks, bytes) => {
    const patch = patchOf(profile, [], streams);
    const report = await describePatch('remendo', bufferSource(patch), { targetBytes: 1_000 });
    expect(report).toMatchObject({
      codec: 'remendo',
      profile,
      decodeCost: 7,
      transforms: [],
      causes: { transforms: 0, blocks, bytes },
    });
    expect(sumOf(report)).toBe(patch.length);
  });

  it('with a transform: its codec by what it needs, whatever the delta names, and what the data takes', async () => {
    const image = { imageBase: 0x40_0000, relocations: null, regions: [] };
    const data = encodeImages({ bases: [image], targets: [image, image] });
    const patch = patchOf('compact', [{ name: 'references', data, savedBytes: 900 }], [30, 400]);
    const facts = { targetBytes: 1_000 };
    const report = await describePatch('remendo+containers+references', bufferSource(patch), facts);
    expect(report).toMatchObject({ codec: 'remendo+references', causes: { transforms: data.length, blocks: 30, bytes: 400 } });
    const counts = { targetPrograms: 2, basePrograms: 1 };
    expect(report.transforms).toEqual([{ name: 'references', dataBytes: data.length, counts, savedBytes: 900 }]);
    expect(sumOf(report)).toBe(patch.length);
  });

  it('of bsdiff40: its control stream is the block list', async () => {
    const target = Buffer.from('a target that is new');
    const patch = encodeBsdiff40(new Uint8Array(), target, { parts: [{ basePosition: 0, add: 0, copy: target.length }] });
    const report = await describePatch('bsdiff40', bufferSource(patch), { targetBytes: target.length });
    expect(report).toMatchObject({ codec: 'bsdiff40', profile: null, decodeCost: null, causes: { header: 32, transforms: 0 } });
    expect(sumOf(report)).toBe(patch.length);
  });

  it('is refused when it can not be read', async () => {
    const damaged = patchOf('compact', [{ name: 'containers', data: Buffer.from([0xff]), savedBytes: 0 }], [30, 400]);
    for (const patch of [new Uint8Array(), damaged, patchOf('compact', [], [30, 400]).subarray(0, 20)]) {
      const refused = await describePatch('remendo', bufferSource(patch), { targetBytes: 1_000 }).catch(
        (error: { code?: string }) => error.code,
      );
      expect(['PATCH_INVALID', 'PATCH_CODEC_UNKNOWN']).toContain(refused);
    }
  });
});
