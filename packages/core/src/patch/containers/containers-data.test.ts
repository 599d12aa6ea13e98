import { describe, expect, it } from 'vitest';
import { bufferSource } from '../../bytes/byte-source.js';
import { ByteWriter } from '../../bytes/byte-writer.js';
import { limits } from '../../limits.js';
import { codedNumbers } from '../../publish/containers/encode-data.js';
import { joined } from '../../testing/remendo-samples.js';
import { type ContainersData, decodeContainers, encodeContainers, targetStreams } from './containers-data.js';

const deflate = { variant: 'zlib', level: 6, memLevel: 8 } as const;
const form = { kind: 'deflate', deflate, chunkBytes: 0 } as const;
const data: ContainersData = {
  inflatedBytes: 900,
  base: [
    { depth: 1, kind: 'deflate', gap: 30 },
    { depth: 2, kind: 'deflate', gap: 7 },
    { depth: 1, kind: 'idat', gap: 0 },
  ],
  targetViewBytes: 5_000,
  forms: [
    form,
    { kind: 'idat', deflate: { ...deflate, variant: 'gzip' }, chunkBytes: 8_192 },
    { kind: 'directory', deflate: null, chunkBytes: 0 },
  ],
  target: [
    { depth: 1, form: 0, like: 0, correctionsBytes: 0, gapMore: 0, viewBytesMore: 10 },
    { depth: 2, form: 0, like: 1, correctionsBytes: 3, gapMore: -2, viewBytesMore: -5 },
    { depth: 3, form: 0, like: 3, correctionsBytes: 0, gapMore: 0, viewBytesMore: 40 },
    { depth: 1, form: 1, like: 2, correctionsBytes: 0, gapMore: 100, viewBytesMore: 0 },
  ],
};

const decode = (numbers: Uint8Array) => decodeContainers(bufferSource(codedNumbers(numbers)));
const malformed = { code: 'PATCH_INVALID' };

describe('the list of streams', () => {
  it('comes back as it was', async () => {
    expect(await decode(encodeContainers(data))).toEqual(data);
    const empty = { inflatedBytes: 0, base: [], targetViewBytes: 0, forms: [], target: [] };
    expect(await decode(encodeContainers(empty))).toEqual(empty);
  });

  it('gives a target’s gaps and lengths by those of the bases', () => {
    const streams = targetStreams(data, [200, 100, 50]);
    expect(streams.map(({ gap, viewBytes }) => [gap, viewBytes])).toEqual([
      [30, 210],
      [5, 95],
      [0, 40],
      [100, 50],
    ]);
    expect(() => targetStreams(data, [200, 5, 50])).toThrow(/shorter than nothing/);
    expect(() => targetStreams({ ...data, base: data.base.map((stream) => ({ ...stream, gap: 1 })) }, [200, 100, 50])).toThrow(
      /shorter than nothing/,
    );
  });

  it.each<readonly [what: string, changed: ContainersData]>([
    ['a stream deeper than one in it can be', { ...data, base: [{ depth: 2, kind: 'deflate', gap: 0 }] }],
    ['a fifth layer', { ...data, base: [1, 2, 3, 4, 5].map((depth) => ({ depth, kind: 'deflate', gap: 0 })) }],
    ['a form that is not there', { ...data, forms: [form] }],
    ['a level that is not there', { ...data, forms: [form, { ...form, deflate: { ...deflate, level: 10 } }] }],
    ['a memory level that is not there', { ...data, forms: [{ ...form, deflate: { ...deflate, memLevel: 0 } }, form] }],
    ['chunks of nothing', { ...data, forms: [form, { ...form, kind: 'idat' }] }],
    ['chunks that are too long', { ...data, forms: [form, { ...form, kind: 'idat', chunkBytes: limits.idatChunkBytesMax + 1 }] }],
    ['a stream like one that is not there', { ...data, target: data.target.map((stream) => ({ ...stream, like: 4 })) }],
    ['corrections that are too long', { ...data, target: data.target.map((stream) => ({ ...stream, correctionsBytes: 2 ** 24 })) }],
    ['a view that is too long', { ...data, targetViewBytes: limits.remendoBytesMax + 1 }],
    ['bases that inflate to too much', { ...data, inflatedBytes: limits.remendoBytesMax + 1 }],
  ])('is refused with %s', async (_, changed) => {
    await expect(decode(encodeContainers(changed))).rejects.toMatchObject(malformed);
  });

  it('is refused with a kind that is not there, cut anywhere, and with bytes behind it', async () => {
    const numbers = encodeContainers(data);
    // Behind the length, the count and the depths of the base's streams stand their kinds.
    await expect(decode(numbers.map((byte, index) => (index === 6 ? 3 : byte)))).rejects.toMatchObject(malformed);
    for (let length = 0; length < numbers.length; length++)
      await expect(decode(numbers.subarray(0, length)), `${length}`).rejects.toMatchObject(malformed);
    await expect(decode(joined([numbers, Uint8Array.of(0)]))).rejects.toMatchObject(malformed);
  });

  it('is refused when counts are beyond what there is, or beyond the limits', async () => {
    const many = new ByteWriter()
      .varint(0)
      .varint(limits.containerStreamsMax + 1)
      .bytes(new Uint8Array(400_000))
      .toBuffer();
    await expect(decode(many)).rejects.toMatchObject(malformed);
    await expect(decode(new ByteWriter().varint(0).varint(1_000).toBuffer())).rejects.toMatchObject(malformed);
  });

  it('is refused in another version, cut, coded otherwise or expanding to too much', async () => {
    const coded = codedNumbers(encodeContainers(data));
    const decodeCoded = (bytes: Uint8Array) => decodeContainers(bufferSource(bytes));
    // The coder takes the last bytes for zeros when they are not there: what comes out means something else, or nothing.
    for (let length = 0; length < coded.length - 4; length++)
      await expect(decodeCoded(coded.subarray(0, length)), `${length}`).rejects.toMatchObject(malformed);
    await expect(decodeCoded(coded.map((byte, index) => (index === 0 ? 2 : byte)))).rejects.toMatchObject(malformed);
    const tooMuch = new ByteWriter()
      .u8(1)
      .varint(limits.containersDataBytesMax + 1)
      .bytes(coded.subarray(2))
      .toBuffer();
    await expect(decodeCoded(tooMuch)).rejects.toMatchObject(malformed);
    await expect(decodeCoded(new Uint8Array(limits.containersDataBytesMax + 1))).rejects.toMatchObject(malformed);
    const fast = coded.map((byte, index) => (index === 2 ? 0x11 : byte));
    await expect(decodeCoded(fast)).rejects.toMatchObject(malformed);
  });
});
