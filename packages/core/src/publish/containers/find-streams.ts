/**
 * Compressed streams in a file, found by what they are rather than by the file's name: entries of zips, members of gzip
 * files, zlib streams wherever they are (PDF, fonts, archives of installers), the image data of PNGs.
 */
import { crc32 } from 'node:zlib';
import type { StreamKind } from '../../patch/containers/containers-data.js';
import { adler32, chunkFrameBytes, idatBytes, zlibHeaderBytes } from '../../patch/containers/idat-chunks.js';
import { directoryEntryBytes, directoryHeaderBytes, isDirectoryEntry } from '../../patch/containers/zip-directory.js';
import { CandidateInflater } from './inflate.js';

export interface FoundStream {
  readonly kind: StreamKind;
  readonly start: number;
  readonly end: number;
  /** The zip entry's name, one character a byte; a constant for directories, empty for what has none. */
  readonly name: string;
}

/** Below this a stream costs more than it can save. */
const streamBytesMin = 48;

/** In the order of the bytes; none inside another. What they inflate to may hold more of them. */
export function findStreams(bytes: Uint8Array): readonly FoundStream[] {
  const search: Search = {
    bytes,
    view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
    inflater: new CandidateInflater(bytes.length),
  };
  const found: FoundStream[] = [];
  for (let at = 0; at + streamBytesMin < bytes.length; ) {
    const find = finders[bytes[at] as number];
    const stream = find === undefined ? null : find(search, at);
    if (stream !== null && stream.end - stream.start >= streamBytesMin) found.push(stream);
    at = stream === null ? at + 1 : stream.end;
  }
  return found;
}

interface Search {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly inflater: CandidateInflater;
}

type Find = (search: Search, at: number) => FoundStream | null;

/** By the first byte of what stands in front of a stream. */
const finders: (Find | undefined)[] = new Array<Find | undefined>(256);
finders[0x50] = (search, at) => findZipEntry(search, at) ?? findZipDirectory(search, at);
finders[0x1f] = findGzipMember;
finders[0x78] = findZlibStream;
finders[0x89] = findPng;

const localHeaderBytes = 30;

/** APPNOTE.TXT 4.3.7, a local header of method 8. */
function findZipEntry({ bytes, view, inflater }: Search, at: number): FoundStream | null {
  if (bytes[at + 1] !== 0x4b || at + localHeaderBytes > bytes.length || view.getUint32(at, true) !== 0x04034b50) return null;
  const flags = view.getUint16(at + 6, true);
  if (view.getUint16(at + 8, true) !== 8 || (flags & 1) !== 0) return null;
  const nameBytes = view.getUint16(at + 26, true);
  const start = at + localHeaderBytes + nameBytes + view.getUint16(at + 28, true);
  if (start >= bytes.length) return null;
  const name = Buffer.from(bytes.buffer, bytes.byteOffset + at + localHeaderBytes, nameBytes).toString('latin1');
  const announced = (flags & 8) === 0 ? view.getUint32(at + 18, true) : 0;
  // Signature after signature: nobody puts one there by chance.
  const isAnnounced = announced > 0 && announced < 0xffff_ffff && isZipSignature(bytes, start + announced);
  const end = isAnnounced ? start + announced : endOfDeflate(bytes, start, inflater);
  return end === null ? null : { kind: 'deflate', start, end, name };
}

const isZipSignature = (bytes: Uint8Array, at: number): boolean => bytes[at] === 0x50 && bytes[at + 1] === 0x4b;

function endOfDeflate(bytes: Uint8Array, start: number, inflater: CandidateInflater): number | null {
  const inflated = isBlockStart(bytes, start) ? inflater.inflate(bytes.subarray(start)) : null;
  return inflated === null ? null : start + inflated.consumed;
}

/** A file's name or a comment; longer ones are looked for nowhere. */
const gzipTextBytesMax = 4_096;

/** As no entry is called. */
const directoryName = '/';

/** All entries of a central directory. */
function findZipDirectory({ bytes }: Search, at: number): FoundStream | null {
  if (bytes[at + 1] !== 0x4b) return null;
  let end = at;
  while (isDirectoryEntry(bytes.subarray(end, end + directoryHeaderBytes))) end += directoryEntryBytes(bytes.subarray(end));
  // Programs that read zips have the signature in them too.
  return end === at || !isZipSignature(bytes, end) ? null : { kind: 'directory', start: at, end, name: directoryName };
}

/** RFC 1952, 2.3. */
function findGzipMember({ bytes, view, inflater }: Search, at: number): FoundStream | null {
  if (bytes[at + 1] !== 0x8b || bytes[at + 2] !== 8 || ((bytes[at + 3] as number) & 0xe0) !== 0) return null;
  const start = endOfGzipHeader(bytes, at);
  const inflated = !isBlockStart(bytes, start) ? null : inflater.inflate(bytes.subarray(start));
  if (inflated === null) return null;
  const end = start + inflated.consumed;
  const isRight = end + 8 <= bytes.length && view.getUint32(end, true) === crc32(inflated.plain);
  if (!isRight) return inflater.refuse(inflated);
  return { kind: 'deflate', start, end, name: '' };
}

function endOfGzipHeader(bytes: Uint8Array, at: number): number {
  const flags = bytes[at + 3] as number;
  let end = at + 10;
  if ((flags & 4) !== 0) end += 2 + (bytes[end] ?? 0) + 256 * (bytes[end + 1] ?? 0);
  for (const text of [8, 16]) if ((flags & text) !== 0) end = afterZero(bytes, end);
  return (flags & 2) !== 0 ? end + 2 : end;
}

function afterZero(bytes: Uint8Array, at: number): number {
  const zero = bytes.subarray(at, at + gzipTextBytesMax).indexOf(0);
  return zero < 0 ? bytes.length : at + zero + 1;
}

/** RFC 1950 with a window of 32 KiB and no dictionary; and a block that can be one (RFC 1951, 3.2.3). */
function findZlibStream({ bytes, view, inflater }: Search, at: number): FoundStream | null {
  const flags = bytes[at + 1] as number;
  if ((0x7800 + flags) % 31 !== 0 || (flags & 0x20) !== 0 || !isBlockStart(bytes, at + zlibHeaderBytes)) return null;
  const start = at + zlibHeaderBytes;
  const inflated = inflater.inflate(bytes.subarray(start));
  if (inflated === null) return null;
  const end = start + inflated.consumed;
  const isLong = inflated.consumed >= streamBytesMin && end + 4 <= bytes.length;
  if (!isLong || view.getUint32(end) !== adler32(inflated.plain)) return inflater.refuse(inflated);
  return { kind: 'deflate', start, end, name: '' };
}

/** Rules out most of what is no deflate stream for next to nothing. */
function isBlockStart(bytes: Uint8Array, at: number): boolean {
  const [first = 0, second = 0, third = 0, fourth = 0, fifth = 0] = bytes.subarray(at, at + 5);
  const type = (first >> 1) & 3;
  if (type === 0) return (second ^ fourth) === 0xff && (third ^ fifth) === 0xff;
  return type === 1 || (type === 2 && first >> 3 <= 29 && (second & 31) <= 29);
}

/** With the start of the chunk that comes first: 13 bytes of IHDR. */
const pngSignature = Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1');

/** Of a PNG, before its image data. */
const chunksBeforeMax = 64;

const pngSignatureBytes = 8;

/** All IDAT chunks of a PNG; whether they can be made again is seen later. */
function findPng({ bytes, view }: Search, at: number): FoundStream | null {
  if (bytes[at + 1] !== pngSignature[1] || pngSignature.some((byte, index) => bytes[at + index] !== byte)) return null;
  let start = at + pngSignatureBytes;
  for (let chunk = 0; chunk < chunksBeforeMax && idatBytes(bytes.subarray(start, start + 8)) === null; chunk++) {
    if (start + chunkFrameBytes > bytes.length) return null;
    start += view.getUint32(start) + chunkFrameBytes;
  }
  const end = endOfIdat(bytes, start);
  // Whoever inflates it takes the zlib header from the first chunk.
  const hasHeader = (idatBytes(bytes.subarray(start, start + 8)) ?? 0) >= zlibHeaderBytes;
  return end === start || !hasHeader ? null : { kind: 'idat', start, end, name: '' };
}

function endOfIdat(bytes: Uint8Array, start: number): number {
  let end = start;
  for (;;) {
    const length = idatBytes(bytes.subarray(end, end + 8));
    if (length === null || length > bytes.length - end - chunkFrameBytes) return end;
    end += length + chunkFrameBytes;
  }
}
