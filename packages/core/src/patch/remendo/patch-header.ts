/**
 * What a patch begins with (docs/format/patch-v1.md):
 *
 * | offset | length | meaning                                                          |
 * |--------|--------|------------------------------------------------------------------|
 * | 0      | 1      | 0x10 compact profile, 0x11 fast profile, of format version 1      |
 * | 1      | varint | decode cost                                                      |
 * | …      | varint | number of transforms                                             |
 * | …      |        | for each transform, in the order of their numbers: u8 its number, varint length of its data, varint about how many bytes it saves |
 * | …      | 3      | compact only: windowBits, historyBits, guessBits                  |
 * | …      | varint | compact: length of the block list · fast: of blocks, runs, wrong bytes |
 * | …      |        | the data of each transform                                       |
 * | …      |        | the streams; the last reaches to the end                         |
 */
import { ByteReader, BytesMalformed } from '../../bytes/byte-reader.js';
import { type ByteSource, readWhole, sliceSource } from '../../bytes/byte-source.js';
import { ByteWriter } from '../../bytes/byte-writer.js';
import { UpdaterError } from '../../errors.js';
import type { CoderSizes } from './coder-kernel.js';
import { patchInvalid } from './patch-invalid.js';

export const profileNames = ['compact', 'fast'] as const;
/** compact: the fewest bytes · fast: a sixth to a half larger, decoded by brotli five to ten times faster. */
export type ProfileName = (typeof profileNames)[number];

/** By their numbers in the header, from 1; only added to. In this order they are applied to the bases. */
export const transformNames = ['containers', 'references'] as const;
/** containers: compressed streams are seen inflated · references: addresses in programs are seen where they point to. */
export type TransformName = (typeof transformNames)[number];

/** A transform of a patch, with what it has to know; its data is hostile. */
export interface PatchTransform<Data> {
  readonly name: TransformName;
  readonly data: Data;
  /** About how much larger the patch would be without it, as its maker reckons; 0 when that is not known. For people. */
  readonly savedBytes: number;
}

const versionBits = 0x10;
const headerBytesMax = 64;
/** How many streams' lengths are written; the last stream has the rest. */
const lengthCounts = { compact: 1, fast: 3 } as const;

/** What the sizes may be: the upper bounds keep a decoder below 64 MiB, whatever the patch says. */
export const sizeBounds = {
  windowBits: { min: 16, max: 21 },
  historyBits: { min: 12, max: 24 },
  guessBits: { min: 14, max: 22 },
} as const;

export interface PatchHeader {
  readonly profile: ProfileName;
  /** About how many thousand binary decisions decoding takes; each takes some 0.1 µs on a terminal of today. */
  readonly decodeCost: number;
  /** The compact profile's; null in the fast one. */
  readonly sizes: CoderSizes | null;
}

/** The header alone: after it come the transforms' data and the streams. `transforms` are in the order of their numbers. */
export function encodePatchHeader(
  header: PatchHeader,
  transforms: readonly PatchTransform<Uint8Array>[],
  streamBytes: readonly number[],
): Uint8Array {
  const writer = new ByteWriter()
    .u8(versionBits | profileNames.indexOf(header.profile))
    .varint(header.decodeCost)
    .varint(transforms.length);
  for (const { name, data, savedBytes } of transforms)
    writer
      .u8(transformNames.indexOf(name) + 1)
      .varint(data.length)
      .varint(savedBytes);
  if (header.sizes !== null) writer.u8(header.sizes.windowBits).u8(header.sizes.historyBits).u8(header.sizes.guessBits);
  for (const bytes of streamBytes.slice(0, lengthCounts[header.profile])) writer.varint(bytes);
  return writer.toBuffer();
}

export interface OpenedPatch {
  readonly header: PatchHeader;
  readonly transforms: readonly PatchTransform<ByteSource>[];
  readonly streams: readonly ByteSource[];
}

/** @throws UpdaterError PATCH_INVALID, or PATCH_CODEC_UNKNOWN when the patch is of a newer format or has transforms. */
export async function openPatch(patch: ByteSource): Promise<OpenedPatch> {
  const reader = new ByteReader(await readWhole(sliceSource(patch, 0, headerBytesMax)));
  try {
    const first = reader.u8();
    const profile = profileNames[first & 0x0f];
    if ((first & 0xf0) !== versionBits || profile === undefined) throw unknown(`format ${first}`);
    const decodeCost = reader.varint();
    const transforms = readTransforms(reader);
    const sizes = profile === 'compact' ? readSizes(reader) : null;
    const lengths = Array.from({ length: lengthCounts[profile] }, () => reader.varint());
    const slices = sliceStreams(patch, reader.offset, [...transforms.map(({ data }) => data), ...lengths]);
    return {
      header: { profile, decodeCost, sizes },
      transforms: transforms.map((transform, index) => ({ ...transform, data: slices[index] as ByteSource })),
      streams: slices.slice(transforms.length),
    };
  } catch (cause) {
    if (cause instanceof BytesMalformed) throw patchInvalid('its header is malformed', cause);
    throw cause;
  }
}

/** Names and lengths of data. */
function readTransforms(reader: ByteReader): readonly PatchTransform<number>[] {
  const count = reader.varint();
  const transforms: PatchTransform<number>[] = [];
  for (let last = 0; transforms.length < count; ) {
    const number = reader.u8();
    const name = transformNames[number - 1];
    if (name === undefined) throw unknown(`transform ${number}`);
    if (number <= last) throw patchInvalid('its transforms are out of order');
    last = number;
    transforms.push({ name, data: reader.varint(), savedBytes: reader.varint() });
  }
  return transforms;
}

function readSizes(reader: ByteReader): CoderSizes {
  const read = (name: keyof typeof sizeBounds): number => {
    const bits = reader.u8();
    if (bits < sizeBounds[name].min || bits > sizeBounds[name].max) throw patchInvalid(`${name} is ${bits}`);
    return bits;
  };
  return { windowBits: read('windowBits'), historyBits: read('historyBits'), guessBits: read('guessBits') };
}

function sliceStreams(patch: ByteSource, start: number, lengths: readonly number[]): readonly ByteSource[] {
  let offset = start;
  const streams = lengths.map((length) => {
    if (length > patch.bytes - offset) throw patchInvalid('a stream is longer than the patch');
    offset += length;
    return sliceSource(patch, offset - length, length);
  });
  return [...streams, sliceSource(patch, offset, patch.bytes - offset)];
}

const unknown = (what: string): UpdaterError =>
  new UpdaterError('PATCH_CODEC_UNKNOWN', `The patch has ${what}, which this program does not know: the release is newer.`, {
    details: { codec: 'remendo' },
  });
