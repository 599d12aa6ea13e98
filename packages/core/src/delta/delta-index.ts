/**
 * The binary index of a delta, as docs/format/delta-v1.md lays it out. It carries the target manifest as a difference
 * from the base manifest, so that a terminal that has the one needs nothing else to know the other.
 *
 * Contents are named by number: 0 … baseContents - 1 are the distinct contents of the base manifest in the order of its
 * files, the next ones are what the derivations make, in their order. A number is always below what exists so far, so
 * derivations can not be cyclic. This file knows bytes and numbers only; resolve-delta.ts gives them their meaning.
 */
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import { ByteReader, BytesMalformed } from '../bytes/byte-reader.js';
import { ByteWriter } from '../bytes/byte-writer.js';
import { UpdaterError } from '../errors.js';
import { type Digest, digestFromBytes, digestToBytes } from '../hash/digest.js';
import { limits } from '../limits.js';
import { type CodecName, codecNames } from '../patch/patch-codec.js';
import { type Blob, type Content, type DeltaObject, type EncodingName, encodingNames } from './delta.js';

/** A blob with its object by position in `DeltaIndex.objects`. */
export interface IndexBlob extends Omit<Blob, 'object'> {
  readonly object: number;
}

export type IndexDerivation =
  | { readonly kind: 'whole'; readonly encoding: EncodingName; readonly target: Content; readonly blob: IndexBlob }
  | {
      readonly kind: 'patch';
      readonly codec: CodecName;
      readonly bases: readonly number[];
      readonly targets: readonly Content[];
      readonly blob: IndexBlob;
    };

export interface IndexFile {
  readonly path: string;
  readonly content: number;
  /** Of contents that a derivation makes; those of the base have theirs in the base manifest. */
  readonly xxh64?: string;
}

export interface DeltaIndex {
  /** SHA-256 of the base's paths and contents (see `contentsDigest`); modes do not count. */
  readonly baseContentsDigest: Digest;
  readonly baseVersion: string;
  readonly baseFiles: number;
  readonly baseContents: number;
  readonly application: string;
  readonly platform: string;
  readonly version: string;
  readonly displayVersion: string;
  readonly targetManifestDigest: Digest;
  readonly objects: readonly DeltaObject[];
  readonly derivations: readonly IndexDerivation[];
  /** Files of the target that the base does not have with the same content, by path. */
  readonly files: readonly IndexFile[];
  /** Positions of base files that the target does not have at all, ascending. */
  readonly removed: readonly number[];
  /** Positions, in the target manifest, of files that are executable, ascending. */
  readonly executable: readonly number[];
}

const formatVersion = 1;
const patchKind = 16;

/** The index as it is stored. Same index, same bytes on the same Node major. */
export const encodeDeltaIndex = (index: DeltaIndex): Uint8Array => compressIndex(encodePlainIndex(index));

/** Brotli, quality 11. */
export const compressIndex = (plain: Uint8Array): Uint8Array =>
  brotliCompressSync(plain, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_LGWIN]: 22,
      [constants.BROTLI_PARAM_SIZE_HINT]: plain.length,
    },
  });

/** Before its compression. */
export function encodePlainIndex(index: DeltaIndex): Uint8Array {
  const writer = new ByteWriter().u8(formatVersion);
  writer.bytes(digestToBytes(index.baseContentsDigest)).text(index.baseVersion).varint(index.baseFiles).varint(index.baseContents);
  writer.text(index.application).text(index.platform).text(index.version).text(index.displayVersion);
  writer.bytes(digestToBytes(index.targetManifestDigest));
  writer.varint(index.objects.length);
  for (const object of index.objects) writer.bytes(digestToBytes(object.digest)).varint(object.bytes);
  writeDerivations(writer, index);
  writeFiles(writer, index);
  writeAscending(writer, index.removed);
  writeAscending(writer, index.executable);
  return writer.toBuffer();
}

function writeDerivations(writer: ByteWriter, index: DeltaIndex): void {
  writer.varint(index.derivations.length);
  const ends = index.objects.map(() => 0);
  for (const derivation of index.derivations) {
    if (derivation.kind === 'whole') {
      writer.u8(encodingNames.indexOf(derivation.encoding));
      writeContent(writer, derivation.target);
    } else {
      writer.u8(patchKind + codecNames.indexOf(derivation.codec)).varint(derivation.bases.length);
      for (const base of derivation.bases) writer.varint(base);
      writer.varint(derivation.targets.length);
      for (const target of derivation.targets) writeContent(writer, target);
    }
    const { blob } = derivation;
    writer.varint(blob.object);
    writeSigned(writer, blob.offset - (ends[blob.object] ?? 0));
    writer.varint(blob.bytes).bytes(digestToBytes(blob.sha256));
    ends[blob.object] = blob.offset + blob.bytes;
  }
}

function writeContent(writer: ByteWriter, content: Content): void {
  writer.bytes(digestToBytes(content.sha256)).varint(content.bytes);
}

function writeFiles(writer: ByteWriter, index: DeltaIndex): void {
  writer.varint(index.files.length);
  let before = '';
  for (const file of index.files) {
    const shared = sharedLength(before, file.path);
    writer.varint(shared).text(file.path.slice(shared)).varint(file.content);
    if (file.content >= index.baseContents) writer.bytes(Buffer.from(file.xxh64 ?? '', 'hex'));
    before = file.path;
  }
}

/** In UTF-16 units, never splitting a surrogate pair. */
function sharedLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && length < b.length && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  const last = a.charCodeAt(length - 1);
  return last >= 0xd800 && last < 0xdc00 ? length - 1 : length;
}

function writeAscending(writer: ByteWriter, values: readonly number[]): void {
  writer.varint(values.length);
  let next = 0;
  for (const value of values) {
    writer.varint(value - next);
    next = value + 1;
  }
}

/** Zig-zag without bit operations, which stop at 32 bits. */
function writeSigned(writer: ByteWriter, value: number): void {
  writer.varint(value < 0 ? -value * 2 - 1 : value * 2);
}

/**
 * Reads an index from bytes that may be hostile. Numbers are below what they point into and sizes under the limits;
 * paths are still plain text until `resolveDelta` makes a manifest of them.
 * @throws UpdaterError LIMIT_EXCEEDED or DELTA_INVALID.
 */
export function decodeDeltaIndex(encoded: Uint8Array): DeltaIndex {
  if (encoded.length > limits.deltaIndexEncodedBytesMax) {
    throw new UpdaterError('LIMIT_EXCEEDED', `a delta's index has at most ${limits.deltaIndexEncodedBytesMax} bytes`);
  }
  try {
    return readIndex(new ByteReader(decompress(encoded)));
  } catch (cause) {
    if (cause instanceof BytesMalformed) throw new UpdaterError('DELTA_INVALID', 'the index of the delta is malformed', { cause });
    throw cause;
  }
}

function decompress(encoded: Uint8Array): Uint8Array {
  try {
    return brotliDecompressSync(encoded, { maxOutputLength: limits.deltaIndexBytesMax });
  } catch (cause) {
    if ((cause as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new UpdaterError('LIMIT_EXCEEDED', `a delta's index has at most ${limits.deltaIndexBytesMax} bytes decompressed`, {
        cause,
      });
    }
    throw new UpdaterError('DELTA_INVALID', 'the index of the delta does not decompress', { cause });
  }
}

function readIndex(reader: ByteReader): DeltaIndex {
  const version = reader.u8();
  if (version !== formatVersion) throw new BytesMalformed(`format version ${version} is not known`);
  const baseContentsDigest = digestFromBytes(reader.take(32));
  const baseVersion = reader.text(limits.versionCharactersMax);
  const baseFiles = reader.index(limits.manifestFilesMax + 1);
  const baseContents = reader.index(baseFiles + 1);
  const names = {
    application: reader.text(limits.nameCharactersMax),
    platform: reader.text(limits.nameCharactersMax),
    version: reader.text(limits.versionCharactersMax),
    displayVersion: reader.text(limits.versionCharactersMax),
  };
  const targetManifestDigest = digestFromBytes(reader.take(32));
  const objects = readMany(reader, limits.deltaObjectsMax, 33, () => ({
    digest: digestFromBytes(reader.take(32)),
    bytes: reader.index(limits.releaseBytesMax),
  }));
  if (new Set(objects.map((object) => object.digest)).size !== objects.length)
    throw new BytesMalformed('an object is listed twice');
  const { derivations, contents } = readDerivations(reader, objects, baseContents);
  const files = readFiles(reader, baseContents, contents);
  const removed = readAscending(reader, baseFiles);
  const executable = readAscending(reader, baseFiles + files.length);
  reader.end();
  return {
    baseContentsDigest,
    baseVersion,
    baseFiles,
    baseContents,
    ...names,
    targetManifestDigest,
    objects,
    derivations,
    files,
    removed,
    executable,
  };
}

function readMany<T>(reader: ByteReader, max: number, bytesEach: number, read: () => T): readonly T[] {
  const count = reader.count(max, bytesEach);
  return Array.from({ length: count }, read);
}

function readDerivations(reader: ByteReader, objects: readonly DeltaObject[], baseContents: number) {
  const ends = objects.map(() => 0);
  let contents = baseContents;
  let references = 0;
  const refer = (count: number): void => {
    references += count;
    if (references > limits.deltaReferencesMax) throw new BytesMalformed('derivations name too many contents');
  };
  const content = (): Content => ({ sha256: digestFromBytes(reader.take(32)), bytes: reader.index(limits.fileBytesMax + 1) });
  const blob = (): IndexBlob => {
    const object = reader.index(objects.length);
    const offset = (ends[object] ?? 0) + readSigned(reader);
    const bytes = reader.varint();
    const end = offset + bytes;
    if (offset < 0 || !(end <= (objects[object]?.bytes ?? 0))) throw new BytesMalformed('a blob lies outside its object');
    ends[object] = end;
    return { object, offset, bytes, sha256: digestFromBytes(reader.take(32)) };
  };
  const derivations = readMany(reader, limits.deltaDerivationsMax, 68, (): IndexDerivation => {
    const kind = reader.u8();
    const encoding = encodingNames[kind];
    if (encoding !== undefined) {
      const target = content();
      contents += 1;
      return { kind: 'whole', encoding, target, blob: blob() };
    }
    const codec = codecNames[kind - patchKind];
    if (codec === undefined) throw new BytesMalformed(`derivation kind ${kind} is not known`);
    const bases = readMany(reader, limits.patchBasesMax, 1, () => reader.index(contents));
    const targets = readMany(reader, limits.patchTargetsMax, 33, content);
    if (bases.length === 0 || targets.length === 0) throw new BytesMalformed('a patch without a base or a target');
    refer(bases.length + targets.length);
    contents += targets.length;
    return { kind: 'patch', codec, bases, targets, blob: blob() };
  });
  return { derivations, contents };
}

function readFiles(reader: ByteReader, baseContents: number, contents: number): readonly IndexFile[] {
  let before = '';
  return readMany(reader, limits.manifestFilesMax, 3, () => {
    const shared = reader.index(before.length + 1);
    const path = before.slice(0, shared) + reader.text(limits.pathBytesMax);
    if (path <= before) throw new BytesMalformed('paths are not in order');
    // Without this each path could be longer than the one before, and all of them together without bound.
    if (path.length > limits.pathBytesMax) throw new BytesMalformed(`a path is longer than ${limits.pathBytesMax}`);
    before = path;
    const content = reader.index(contents);
    if (content < baseContents) return { path, content };
    return { path, content, xxh64: Buffer.from(reader.take(8)).toString('hex') };
  });
}

function readAscending(reader: ByteReader, bound: number): readonly number[] {
  let next = 0;
  return readMany(reader, bound, 1, () => {
    const value = next + reader.index(Math.max(0, bound - next));
    next = value + 1;
    return value;
  });
}

function readSigned(reader: ByteReader): number {
  const value = reader.varint();
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}
