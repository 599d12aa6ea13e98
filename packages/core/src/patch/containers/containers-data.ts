/**
 * The data of the transform `containers` (docs/format/patch-v1.md): which streams are seen inflated. Streams form a
 * forest on each side: each stream's `depth`, before those inside it, in the order of the view. Numbers of one meaning
 * stand together; what a target's stream has in common with one of the base is left out.
 */
import { ByteReader, BytesMalformed } from '../../bytes/byte-reader.js';
import { BufferSink, type ByteSource, bufferSource, readWhole, sliceSource } from '../../bytes/byte-source.js';
import { ByteWriter } from '../../bytes/byte-writer.js';
import { limits } from '../../limits.js';
import { type DeflateParameters, deflateVariants } from '../deflate/deflater.js';
import { AddressSpace } from '../remendo/address-space.js';
import { decodeCompact } from '../remendo/compact-decoder.js';
import { openPatch } from '../remendo/patch-header.js';
import { patchInvalid } from '../remendo/patch-invalid.js';

export const containersVersion = 1;
export const depthMax = 4;

/**
 * By their numbers; only added to. deflate: a raw deflate stream · idat: the IDAT chunks of a PNG · directory: the central
 * directory of a zip, which is not compressed, but seen with offsets that say less.
 */
export const streamKinds = ['deflate', 'idat', 'directory'] as const;
export type StreamKind = (typeof streamKinds)[number];

export interface BaseStream {
  /** 1 for a stream of the files, 2 for one inside such a stream, and so on. */
  readonly depth: number;
  readonly kind: StreamKind;
  /** Bytes between it and the end of the stream before it at its depth, or the start of the stream or the files around it. */
  readonly gap: number;
}

/** How a target's stream is made again. */
export interface StreamForm {
  readonly kind: StreamKind;
  /** Null for directories. */
  readonly deflate: DeflateParameters | null;
  /** Bytes of each IDAT chunk but the last; 0 for other kinds. */
  readonly chunkBytes: number;
}

export interface TargetStream {
  readonly depth: number;
  readonly form: number;
  /** Index of the base's stream whose gap and length predict this one's; as many as there are for none. */
  readonly like: number;
  readonly gap: number;
  /** Bytes of the view from which it is made: corrections, what its kind needs, and the plain bytes as they are seen. */
  readonly viewBytes: number;
  readonly correctionsBytes: number;
}

/** A target's gap and length as they are coded: how much more they are than those of the base's stream. */
export interface CodedTargetStream extends Omit<TargetStream, 'gap' | 'viewBytes'> {
  readonly gapMore: number;
  readonly viewBytesMore: number;
}

export interface ContainersData {
  /** Bytes of all of the base's streams, inflated. */
  readonly inflatedBytes: number;
  readonly base: readonly BaseStream[];
  /** Bytes of the targets' view. */
  readonly targetViewBytes: number;
  readonly forms: readonly StreamForm[];
  readonly target: readonly CodedTargetStream[];
}

const signed = (value: number): number => (value < 0 ? -2 * value - 1 : 2 * value);

/** The numbers before they are compressed. */
export function encodeContainers({ inflatedBytes, base, targetViewBytes, forms, target }: ContainersData): Uint8Array {
  const writer = new ByteWriter().varint(inflatedBytes).varint(base.length);
  for (const { depth } of base) writer.u8(depth);
  for (const { kind } of base) writer.u8(streamKinds.indexOf(kind));
  for (const { gap } of base) writer.varint(gap);
  writer.varint(targetViewBytes).varint(target.length).varint(forms.length);
  for (const form of forms) writeForm(writer, form);
  for (const { depth } of target) writer.u8(depth);
  for (const { form } of target) writer.varint(form);
  for (const { correctionsBytes } of target) writer.varint(correctionsBytes);
  let expected = 0;
  for (const { like } of target) {
    writer.varint(signed(like - expected));
    expected = Math.min(like + 1, base.length);
  }
  for (const { gapMore } of target) writer.varint(signed(gapMore));
  for (const { viewBytesMore } of target) writer.varint(signed(viewBytesMore));
  return writer.toBuffer();
}

function writeForm(writer: ByteWriter, { kind, deflate, chunkBytes }: StreamForm): void {
  writer.u8(streamKinds.indexOf(kind));
  if (deflate !== null) writer.u8(deflateVariants.indexOf(deflate.variant)).u8(deflate.level).u8(deflate.memLevel);
  if (kind === 'idat') writer.varint(chunkBytes);
}

/**
 * From the transform's data in a patch.
 * @throws UpdaterError PATCH_INVALID for anything that `encodeContainers` does not make, PATCH_CODEC_UNKNOWN for a newer version.
 */
export async function decodeContainers(data: ByteSource): Promise<ContainersData> {
  const expanded = await expand(data);
  try {
    const reader = new ByteReader(expanded);
    const read = readContainers(reader);
    reader.end();
    return read;
  } catch (cause) {
    if (cause instanceof BytesMalformed) throw patchInvalid('its list of streams is malformed', cause);
    throw cause;
  }
}

/** Behind a version and a length the numbers are a compact patch of their own, from nothing. */
async function expand(data: ByteSource): Promise<Uint8Array> {
  if (data.bytes > limits.containersDataBytesMax) throw patchInvalid('its list of streams is too long');
  const encoded = await readWhole(data);
  const reader = new ByteReader(encoded);
  try {
    if (reader.u8() !== containersVersion) throw patchInvalid('its list of streams has another version');
    const bytes = reader.index(limits.containersDataBytesMax + 1);
    const sink = new BufferSink(bytes);
    const { header, transforms, streams } = await openPatch(sliceSource(bufferSource(encoded), reader.offset, encoded.length));
    const [blocks, coded] = streams;
    if (header.sizes === null || transforms.length > 0 || blocks === undefined || coded === undefined)
      throw patchInvalid('its list of streams is coded otherwise');
    await decodeCompact({ sizes: header.sizes, references: null, blocks, bytes: coded }, new AddressSpace([], [{ sink, bytes }]));
    return sink.toBuffer();
  } catch (cause) {
    if (cause instanceof BytesMalformed) throw patchInvalid('its list of streams is malformed', cause);
    throw cause;
  }
}

function readContainers(reader: ByteReader): ContainersData {
  const inflatedBytes = reader.index(limits.remendoBytesMax + 1);
  const base = readBase(reader);
  const targetViewBytes = reader.index(limits.remendoBytesMax + 1);
  const count = reader.count(limits.containerStreamsMax, 6);
  const forms = Array.from({ length: reader.count(limits.containerStreamsMax) }, () => readForm(reader));
  const column = <T>(read: () => T): readonly T[] => Array.from({ length: count }, read);
  const depths = readDepths(reader, count);
  const formOf = column(() => reader.index(forms.length));
  const corrections = column(() => reader.index(limits.correctionsBytesMax + 1));
  const likes = readLikes(reader, count, base.length);
  const gaps = column(() => readSigned(reader));
  const lengths = column(() => readSigned(reader));
  const target = depths.map((depth, index) => ({
    depth,
    form: formOf[index] ?? 0,
    like: likes[index] ?? 0,
    correctionsBytes: corrections[index] ?? 0,
    gapMore: gaps[index] ?? 0,
    viewBytesMore: lengths[index] ?? 0,
  }));
  return { inflatedBytes, base, targetViewBytes, forms, target };
}

function readBase(reader: ByteReader): readonly BaseStream[] {
  const count = reader.count(limits.containerStreamsMax, 3);
  const depths = readDepths(reader, count);
  const kinds = Array.from({ length: count }, () => readName(reader, streamKinds));
  return depths.map((depth, index) => {
    return { depth, kind: kinds[index] ?? 'deflate', gap: reader.index(limits.remendoBytesMax + 1) };
  });
}

/** From the first stream's 1, each at most one deeper than the one before. */
function readDepths(reader: ByteReader, count: number): readonly number[] {
  let before = 0;
  return Array.from({ length: count }, () => {
    const depth = reader.u8();
    if (depth < 1 || depth > Math.min(before + 1, depthMax)) throw new BytesMalformed(`a stream at depth ${depth}`);
    before = depth;
    return depth;
  });
}

function readForm(reader: ByteReader): StreamForm {
  const kind = readName(reader, streamKinds);
  if (kind === 'directory') return { kind, deflate: null, chunkBytes: 0 };
  const deflate = { variant: readName(reader, deflateVariants), level: reader.u8(), memLevel: reader.u8() };
  const chunkBytes = kind === 'idat' ? reader.index(limits.idatChunkBytesMax + 1) : 0;
  const isPossible =
    [deflate.level, deflate.memLevel].every((level) => level >= 1 && level <= 9) && chunkBytes > 0 === (kind === 'idat');
  if (!isPossible) throw new BytesMalformed('a form of streams that does not exist');
  return { kind, deflate, chunkBytes };
}

function readLikes(reader: ByteReader, count: number, none: number): readonly number[] {
  let expected = 0;
  return Array.from({ length: count }, () => {
    const like = expected + readSigned(reader);
    if (like < 0 || like > none) throw new BytesMalformed('a stream like one that is not there');
    expected = Math.min(like + 1, none);
    return like;
  });
}

function readName<Name>(reader: ByteReader, names: readonly Name[]): Name {
  const name = names[reader.u8()];
  if (name === undefined) throw new BytesMalformed('a number without a meaning');
  return name;
}

function readSigned(reader: ByteReader): number {
  const value = reader.index(4 * limits.remendoBytesMax);
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

/** The targets' streams as they are, once the lengths of the base's are known. @throws PATCH_INVALID for less than nothing. */
export function targetStreams(
  { base, target }: Pick<ContainersData, 'base' | 'target'>,
  baseViewBytes: readonly number[],
): readonly TargetStream[] {
  return target.map(({ gapMore, viewBytesMore, ...stream }) => {
    const gap = (base[stream.like]?.gap ?? 0) + gapMore;
    const viewBytes = (baseViewBytes[stream.like] ?? 0) + viewBytesMore;
    if (gap < 0 || viewBytes < 1 || stream.correctionsBytes > viewBytes) throw patchInvalid('a stream is shorter than nothing');
    return { ...stream, gap, viewBytes };
  });
}
