/**
 * Writes zips field by field, honest ones and such as no tool would write: every field of a header can be told
 * differently from what is true. Layout: APPNOTE.TXT 6.3.10.
 */
import { crc32, deflateRawSync } from 'node:zlib';

export interface ZipEntrySpec {
  /** A text is written in UTF-8 with the flag for it; bytes are written as they are. */
  readonly name: string | Uint8Array;
  readonly content?: Uint8Array | string;
  /** Default 8, deflated; 0 is stored, anything else is a claim. */
  readonly method?: number;
  /** Encoded bytes, instead of those that the method makes of the content. */
  readonly encoded?: Uint8Array;
  /** General purpose flags; default: UTF-8 for a text name. */
  readonly flags?: number;
  /** POSIX mode with its type bits, and the system it was made on (default 3, Unix). */
  readonly mode?: number;
  readonly madeOn?: number;
  /** What the central directory claims, where it is not true. */
  readonly bytes?: number;
  readonly encodedBytes?: number;
  readonly crc32?: number;
  readonly localOffset?: number;
  /** Sizes in a zip64 extra field. */
  readonly zip64?: boolean;
  readonly extra?: Uint8Array;
  readonly comment?: Uint8Array;
  /** A local header with sizes and CRC-32 of zero, and a data descriptor after the data. */
  readonly descriptor?: boolean;
  /** No local header and no data: what it points to is another entry's. */
  readonly ghost?: boolean;
}

export interface ZipSpec {
  readonly comment?: Uint8Array;
  /** What the end record claims, where it is not true. */
  readonly entryCount?: number;
  readonly directoryOffset?: number;
  readonly diskNumber?: number;
  /** End records in their zip64 form too. */
  readonly zip64?: boolean;
  /** In front of the first entry, as in a self-extracting zip. */
  readonly before?: Uint8Array;
}

const field = (bytes: number, value: number): Buffer => {
  const buffer = Buffer.alloc(bytes);
  if (bytes === 8) buffer.writeBigUInt64LE(BigInt(value));
  else buffer.writeUIntLE(value, 0, bytes);
  return buffer;
};

const fields = (...parts: readonly (readonly [bytes: number, value: number])[]): Buffer =>
  Buffer.concat(parts.map(([bytes, value]) => field(bytes, value)));

interface EncodedEntry {
  readonly spec: ZipEntrySpec;
  readonly name: Uint8Array;
  readonly flags: number;
  readonly method: number;
  readonly data: Uint8Array;
  readonly bytes: number;
  readonly crc32: number;
}

function encodeEntry(spec: ZipEntrySpec): EncodedEntry {
  const content = Buffer.from(spec.content ?? '');
  const method = spec.method ?? 8;
  return {
    spec,
    name: Buffer.from(spec.name),
    flags: (spec.flags ?? (typeof spec.name === 'string' ? 0x0800 : 0)) | (spec.descriptor === true ? 8 : 0),
    method,
    data: spec.encoded ?? (method === 8 ? deflateRawSync(content) : content),
    bytes: spec.bytes ?? content.length,
    crc32: spec.crc32 ?? crc32(content),
  };
}

function localPart({ spec, name, flags, method, data, bytes, crc32: crc }: EncodedEntry): Uint8Array {
  if (spec.ghost === true) return Buffer.alloc(0);
  const known = spec.descriptor === true ? [0, 0, 0] : [crc, Math.min(data.length, 0xffffffff), Math.min(bytes, 0xffffffff)];
  const header = fields([4, 0x04034b50], [2, 20], [2, flags], [2, method], [4, 0x00210000]);
  const sizes = fields([4, known[0] ?? 0], [4, known[1] ?? 0], [4, known[2] ?? 0], [2, name.length], [2, 0]);
  const descriptor = spec.descriptor === true ? fields([4, 0x08074b50], [4, crc], [4, data.length], [4, bytes]) : Buffer.alloc(0);
  return Buffer.concat([header, sizes, name, data, descriptor]);
}

function directoryPart({ spec, name, flags, method, data, bytes, crc32: crc }: EncodedEntry, offset: number): Uint8Array {
  const localOffset = spec.localOffset ?? offset;
  const encodedBytes = spec.encodedBytes ?? data.length;
  const large = spec.zip64 === true;
  const zip64 = large ? fields([2, 1], [2, 24], [8, bytes], [8, encodedBytes], [8, localOffset]) : Buffer.alloc(0);
  const extra = Buffer.concat([zip64, spec.extra ?? Buffer.alloc(0)]);
  const comment = spec.comment ?? Buffer.alloc(0);
  const shown = (value: number): number => (large ? 0xffffffff : value);
  return Buffer.concat([
    fields([4, 0x02014b50], [1, 45], [1, spec.madeOn ?? 3], [2, 20], [2, flags], [2, method], [4, 0x00210000], [4, crc]),
    fields([4, shown(encodedBytes)], [4, shown(bytes)], [2, name.length], [2, extra.length], [2, comment.length], [2, 0], [2, 0]),
    fields([4, ((spec.mode ?? 0o100644) * 0x10000) >>> 0], [4, shown(localOffset)]),
    name,
    extra,
    comment,
  ]);
}

export function buildZip(entries: readonly ZipEntrySpec[], spec: ZipSpec = {}): Uint8Array {
  const parts: Uint8Array[] = [spec.before ?? Buffer.alloc(0)];
  const directory: Uint8Array[] = [];
  let offset = parts[0]?.length ?? 0;
  for (const entry of entries.map(encodeEntry)) {
    const local = localPart(entry);
    directory.push(directoryPart(entry, offset));
    parts.push(local);
    offset += local.length;
  }
  const directoryBytes = directory.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([...parts, ...directory, ...endRecords(entries.length, { offset, bytes: directoryBytes }, spec)]);
}

function endRecords(count: number, directory: { offset: number; bytes: number }, spec: ZipSpec): readonly Uint8Array[] {
  const [entries, offset, disk] = [spec.entryCount ?? count, spec.directoryOffset ?? directory.offset, spec.diskNumber ?? 0];
  const comment = spec.comment ?? Buffer.alloc(0);
  const large = spec.zip64 === true;
  const zip64 = fields(
    [4, 0x06064b50],
    [8, 44],
    [2, 45],
    [2, 45],
    [4, disk],
    [4, 0],
    [8, entries],
    [8, entries],
    [8, directory.bytes],
    [8, offset],
  );
  const locator = fields([4, 0x07064b50], [4, 0], [8, directory.offset + directory.bytes], [4, 1]);
  const end = fields(
    [4, 0x06054b50],
    [2, disk],
    [2, 0],
    [2, large ? 0xffff : entries],
    [2, large ? 0xffff : entries],
    [4, directory.bytes],
    [4, large ? 0xffffffff : offset],
    [2, comment.length],
  );
  return [...(large ? [zip64, locator] : []), end, comment];
}
