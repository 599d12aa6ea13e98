/**
 * Images as they stand in a patch (docs/format/patch-v1.md, "References"): the bases' and the targets', each a count and
 * the images in the order of their addresses.
 */
import { ByteReader, BytesMalformed } from '../../bytes/byte-reader.js';
import { ByteWriter } from '../../bytes/byte-writer.js';
import { UpdaterError } from '../../errors.js';
import { limits } from '../../limits.js';
import { patchInvalid } from '../remendo/patch-invalid.js';
import { decodeCli, encodeCli } from './cli-format.js';
import { finderNames, type Image, type Images, type Region } from './images.js';
import { fromZigzag, zigzag } from './zigzag.js';

const version = 1;

export function encodeImages({ bases, targets }: Images): Uint8Array {
  const writer = new ByteWriter().u8(version);
  for (const [images, others] of [
    [bases, []],
    [targets, bases],
  ] as const) {
    writer.varint(images.length);
    let end = 0;
    for (const [index, image] of images.entries()) {
      end = encodeImage(writer, image, end);
      encodeCli(writer, image.cli, others[index]?.cli);
    }
  }
  return writer.toBuffer();
}

/** Returns where the image ends. */
function encodeImage(writer: ByteWriter, { imageBase, relocations, regions }: Image, start: number): number {
  writer.varint(imageBase).varint(relocations === null ? 0 : relocations.bytes);
  if (relocations !== null) writer.varint(relocations.address);
  writer.varint(regions.length);
  let end = start;
  let memoryEnd = 0;
  for (const region of regions) {
    if (region.bytes > 0) writer.varint(region.bytes).varint(region.address - end);
    else writer.varint(0);
    writer.varint(zigzag(region.memory - memoryEnd)).varint(region.memoryBytes - region.bytes);
    writer.varint(finderNames.indexOf(region.finder)).varint(zigzag((region.origin ?? region.memory) - region.memory));
    writer.varint(region.switches.length);
    let last = 0;
    for (const offset of region.switches) {
      writer.varint(offset - last);
      last = offset;
    }
    if (region.bytes > 0) end = region.address + region.bytes;
    memoryEnd = region.memory + region.memoryBytes;
  }
  return end;
}

/**
 * @param spaces how many bytes all bases have, and all targets: nothing reaches beyond them.
 * @throws UpdaterError PATCH_INVALID, or PATCH_CODEC_UNKNOWN for a newer version or a finder that this program does not have.
 */
export function decodeImages(data: Uint8Array, spaces: { readonly baseBytes: number; readonly targetBytes: number }): Images {
  const reader = new ByteReader(data);
  try {
    const found = reader.u8();
    if (found !== version) throw unknown(`version ${found}`);
    const bases = decodeSide(reader, spaces.baseBytes, []);
    const targets = decodeSide(reader, spaces.targetBytes, bases);
    reader.end();
    return { bases, targets };
  } catch (cause) {
    if (cause instanceof BytesMalformed) throw patchInvalid('its references are malformed', cause);
    throw cause;
  }
}

/** @param others the images of the other side, in the same order, when they are known already. */
function decodeSide(reader: ByteReader, bytes: number, others: readonly Image[]): readonly Image[] {
  const count = reader.count(limits.patchImagesMax);
  const images: Image[] = [];
  const cursor = { end: 0, bytes };
  while (images.length < count) {
    const image = decodeImage(reader, cursor);
    images.push({ ...image, cli: decodeCli(reader, others[images.length]?.cli) });
  }
  return images;
}

/** How far into its side an image may begin, and how long the side is. */
interface Cursor {
  end: number;
  readonly bytes: number;
}

function decodeImage(reader: ByteReader, cursor: Cursor): Image {
  const imageBase = reader.index(2 ** 32);
  const relocationBytes = reader.index(limits.relocationBytesMax + 1);
  const relocations = relocationBytes === 0 ? null : { address: reader.varint(), bytes: relocationBytes };
  if (relocations !== null && relocations.address > cursor.bytes - relocationBytes) throw patchInvalid('relocations lie outside');
  const count = reader.count(limits.imageRegionsMax);
  const regions: Region[] = [];
  let memoryEnd = 0;
  while (regions.length < count) {
    const region = decodeRegion(reader, cursor, memoryEnd);
    memoryEnd = region.memory + region.memoryBytes;
    regions.push(region);
  }
  return { imageBase, relocations, regions };
}

function decodeRegion(reader: ByteReader, cursor: Cursor, memoryEnd: number): Region {
  const bytes = reader.varint();
  const address = bytes === 0 ? cursor.end : cursor.end + reader.varint();
  if (address > cursor.bytes || bytes > cursor.bytes - address) throw patchInvalid('a region lies outside');
  cursor.end = address + bytes;
  const memory = memoryEnd + fromZigzag(reader.varint());
  const memoryBytes = bytes + reader.varint();
  if (memory < 0 || memory + memoryBytes >= 2 ** 32) throw patchInvalid('a region lies outside of memory');
  const finder = finderNames[reader.varint()];
  if (finder === undefined) throw unknown('finder');
  const origin = memory + fromZigzag(reader.varint());
  if (origin < 0 || origin >= 2 ** 32) throw patchInvalid('a region counts from outside of memory');
  return { address, bytes, memory, memoryBytes, finder, origin, switches: decodeSwitches(reader) };
}

function decodeSwitches(reader: ByteReader): readonly number[] {
  const count = reader.count(limits.regionSwitchesMax);
  const switches: number[] = [];
  let offset = 0;
  while (switches.length < count) {
    offset += reader.index(2 ** 32);
    switches.push(offset);
  }
  return switches;
}

const unknown = (what: string): UpdaterError =>
  new UpdaterError(
    'PATCH_CODEC_UNKNOWN',
    `The patch has references of a ${what}, which this program does not know: the release is newer.`,
    {
      details: { codec: 'remendo' },
    },
  );
