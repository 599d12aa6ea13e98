/**
 * The binary index of a delta, as docs/format/delta-v1.md lays it out. It carries the target manifest as a difference
 * from the base manifest, so that a terminal that has the one needs nothing else to know the other.
 *
 * Contents are named by number: 0 … baseContents - 1 are the distinct contents of the base manifest in the order of its
 * files, the next ones are what the derivations make, in their order. A number is always below what exists so far, so
 * derivations can not be cyclic. This file and the `index-` files beside it know bytes and numbers only; resolve-delta.ts gives them their meaning.
 */
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import { ByteReader, BytesMalformed } from '../bytes/byte-reader.js';
import { ByteWriter } from '../bytes/byte-writer.js';
import { UpdaterError } from '../errors.js';
import { type Digest, digestFromBytes, digestToBytes } from '../hash/digest.js';
import { limits } from '../limits.js';
import type { DeltaObject } from './delta.js';
import { type IndexDerivation, readDerivations, writeDerivations } from './index-derivations.js';
import { type IndexFile, readFiles, writeFiles } from './index-files.js';
import { readAscending, readMany, writeAscending } from './index-numbers.js';

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
  /** Files of the target that the base does not have with the same content: those at its paths first, by position, then others by path. */
  readonly files: readonly IndexFile[];
  /** Positions of base files that the target does not have at all, ascending. */
  readonly removed: readonly number[];
  /** Positions, in the target manifest, of files that are executable, ascending. */
  readonly executable: readonly number[];
}

const formatVersion = 1;

/**
 * The index as it is stored. Same index, same bytes on the same Node major.
 * @param quality of brotli, 0 to 11 (default 11, the fewest bytes). Most of an index is digests, which nothing makes smaller:
 * 8 takes a thirtieth of the time for one per cent more.
 */
export const encodeDeltaIndex = (index: DeltaIndex, quality = 11): Uint8Array => compressIndex(encodePlainIndex(index), quality);

/** Brotli. */
export const compressIndex = (plain: Uint8Array, quality = 11): Uint8Array =>
  brotliCompressSync(plain, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: quality,
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
  writeDerivations(writer, index.derivations);
  writeFiles(writer, index.files, index.baseContents);
  writeAscending(writer, index.removed);
  writeAscending(writer, index.executable);
  return writer.toBuffer();
}

/**
 * Reads an index from bytes that may be hostile. Numbers are below what they point into and sizes under the limits;
 * paths are still plain text until `resolveDelta` makes a manifest of them.
 * @throws UpdaterError LIMIT_EXCEEDED, DELTA_INVALID, or PATCH_CODEC_UNKNOWN when it is newer than this program.
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

/** Most of an index is digests; lists and paths, which shrink, are a few MiB of the largest. */
const plainBytesMax = (encodedBytes: number): number =>
  Math.min(limits.deltaIndexBytesMax, limits.deltaIndexSpareBytes + encodedBytes * limits.deltaIndexRatioMax);

function decompress(encoded: Uint8Array): Uint8Array {
  const maxOutputLength = plainBytesMax(encoded.length);
  try {
    return brotliDecompressSync(encoded, { maxOutputLength });
  } catch (cause) {
    if ((cause as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new UpdaterError(
        'LIMIT_EXCEEDED',
        `a delta's index of ${encoded.length} bytes has at most ${maxOutputLength} decompressed`,
        {
          cause,
        },
      );
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
  const objects = readMany(reader, { max: limits.deltaObjectsMax, bytesEach: 33 }, () => ({
    digest: digestFromBytes(reader.take(32)),
    bytes: reader.index(limits.releaseBytesMax),
  }));
  if (new Set(objects.map((object) => object.digest)).size !== objects.length)
    throw new BytesMalformed('an object is listed twice');
  const { derivations, contents } = readDerivations(reader, { objects, baseContents });
  const files = readFiles(reader, { baseFiles, baseContents, contents });
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
