import { describe, expect, it } from 'vitest';
import { ByteWriter } from '../../bytes/byte-writer.js';
import { limits } from '../../limits.js';
import { decodeImages, encodeImages } from './images-format.js';

const spaces = { baseBytes: 1_000, targetBytes: 1_000 };

/** One image with one region: its bytes, gap, place (signed), more, finder, origin (signed), and switches. */
function dataOf({ bytes = 10, gap = 0, memory = 0, more = 0, finder = 1, origin = 0, switches = [] as readonly number[] } = {}) {
  const writer = new ByteWriter().u8(1).varint(1).varint(0).varint(0).varint(1);
  writer
    .varint(bytes)
    .varint(gap)
    .varint(memory * 2)
    .varint(more)
    .varint(finder)
    .varint(origin * 2)
    .varint(switches.length);
  for (const offset of switches) writer.varint(offset);
  return writer.varint(0).varint(0).toBuffer();
}

const refusal = (data: Uint8Array): unknown => {
  try {
    return decodeImages(data, spaces);
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error;
  }
};

describe('what a patch says of programs', () => {
  it('may reach to the end of the file and of memory', () => {
    const region = decodeImages(dataOf({ bytes: 1_000, memory: 2 ** 32 - 1_001 }), spaces).bases[0]?.regions[0];
    expect(region).toMatchObject({ address: 0, bytes: 1_000, memory: 2 ** 32 - 1_001 });
    expect(decodeImages(dataOf({ bytes: 1, gap: 999 }), spaces).bases[0]?.regions[0]?.address).toBe(999);
  });

  it.each([
    ['a region beyond the file', dataOf({ bytes: 1_001 })],
    ['a region that begins beyond the file', dataOf({ gap: 991 })],
    ['a region beyond memory', dataOf({ memory: 2 ** 32 - 10 })],
    ['memory beyond memory', dataOf({ more: 2 ** 32 })],
    ['an origin beyond memory', dataOf({ origin: 2 ** 32 })],
    ['more switches than are followed', dataOf().slice(0, -2)],
    ['bytes that follow', new Uint8Array([...dataOf(), 0])],
    [
      'more images than a patch may have',
      new ByteWriter()
        .u8(1)
        .varint(limits.patchImagesMax + 1)
        .toBuffer(),
    ],
    ['nothing', new Uint8Array()],
  ])('is refused with %s', (_, data) => {
    expect(refusal(data)).toBe('PATCH_INVALID');
  });

  it('is refused with relocations that are not in the file', () => {
    const images = { imageBase: 0, regions: [], relocations: { address: 900, bytes: 101 } };
    expect(refusal(encodeImages({ bases: [images], targets: [] }))).toBe('PATCH_INVALID');
    expect(refusal(encodeImages({ bases: [{ ...images, relocations: { address: 900, bytes: 100 } }], targets: [] }))).toMatchObject(
      {
        bases: [{ relocations: { address: 900, bytes: 100 } }],
      },
    );
  });

  it('belongs to a newer program with another version or an unknown finder', () => {
    expect(refusal(dataOf({ finder: 200 }))).toBe('PATCH_CODEC_UNKNOWN');
    expect(refusal(Uint8Array.of(2, 0, 0))).toBe('PATCH_CODEC_UNKNOWN');
  });
});
