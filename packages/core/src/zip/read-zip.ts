/**
 * Reads a zip that may be hostile, entry by entry, from random access: zip64, streamed, never more bytes of an entry
 * than the central directory declares and the caller allows. Only what a release needs is accepted: plain files,
 * stored or deflated, with paths that are safe everywhere. Folders are implied by files and passed over.
 *
 * The central directory is what counts: names and sizes in local headers are not looked at, so that there is one
 * meaning. Format: APPNOTE.TXT 6.3.10 (PKWARE); yauzl reads its structures, the entries' bytes are read here.
 */
import { crc32, createInflateRaw } from 'node:zlib';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import { type ByteSource, sliceSource, sourceChunks } from '../bytes/byte-source.js';
import { transformChunks } from '../bytes/transform-chunks.js';
import { UpdaterError } from '../errors.js';
import { limits } from '../limits.js';
import { assertPathsDistinct, isInOwnFolder, parseReleasePath, type ReleasePath, unsafePath } from '../manifest/release-path.js';
import { zipReader } from './zip-reader.js';

export interface ZipEntry {
  readonly path: ReleasePath;
  /** As declared; what `read` gives is exactly this long or fails. */
  readonly bytes: number;
  readonly executable: boolean;
  /** How the entry's bytes lie in the zip. */
  readonly encoding: 'identity' | 'deflate';
  readonly encodedBytes: number;
  /** Where its encoded bytes start in the zip. @throws UpdaterError ARTIFACT_INVALID when they would not end in it. */
  encodedOffset(): Promise<number>;
  /** The decoded bytes. @throws UpdaterError ARTIFACT_INVALID while it is read, when length or CRC-32 are not as declared. */
  read(signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

export interface Zip {
  readonly entries: readonly ZipEntry[];
  /** To be called when nothing is read any more; the source stays the caller's to close. */
  close(): void;
}

/** Errors with a code of their own, such as those of the source, pass through. */
const invalid = (message: string, cause?: unknown): UpdaterError =>
  cause instanceof UpdaterError ? cause : new UpdaterError('ARTIFACT_INVALID', message, cause === undefined ? {} : { cause });

/**
 * Opens a zip and reads its central directory. Every path has been checked, one by one and against each other, and no
 * two entries claim the same bytes.
 * @throws UpdaterError ARTIFACT_INVALID, MANIFEST_PATH_UNSAFE or LIMIT_EXCEEDED. Call `close` when done.
 */
export async function openZip(source: ByteSource): Promise<Zip> {
  const file = await openCentralDirectory(source);
  try {
    const found = await readCentralDirectory(file);
    await assertDirectoryEnds(source, file.readEntryCursor);
    assertPathsDistinct(found.map((entry) => entry.path));
    assertNoOverlap(found);
    return { entries: found.map((entry) => zipEntry(file, source, entry)), close: () => file.close() };
  } catch (cause) {
    file.close();
    throw invalid('the zip can not be read', cause);
  }
}

function openCentralDirectory(source: ByteSource): Promise<ZipFile> {
  const options = { autoClose: false, validateEntrySizes: true, decodeStrings: false };
  return yauzl.fromRandomAccessReaderPromise(zipReader(source), source.bytes, options).catch((cause: unknown) => {
    throw invalid('this is not a zip, or its directory is damaged', cause);
  });
}

/** What is kept of an entry: not its extra fields and comments, which may be large. */
interface FoundEntry {
  readonly path: ReleasePath;
  readonly bytes: number;
  readonly executable: boolean;
  readonly encoding: 'identity' | 'deflate';
  readonly compressedSize: number;
  readonly relativeOffsetOfLocalHeader: number;
  readonly crc32: number;
}

async function readCentralDirectory(file: ZipFile): Promise<readonly FoundEntry[]> {
  if (file.entryCount > limits.zipEntriesMax) {
    throw new UpdaterError('LIMIT_EXCEEDED', `a zip has at most ${limits.zipEntriesMax} entries`, {
      details: { entries: file.entryCount },
    });
  }
  const found: FoundEntry[] = [];
  let bytes = 0;
  for await (const entry of file.eachEntry()) {
    const name = yauzl.getFileNameLowLevel(entry.generalPurposeBitFlag, entry.fileNameRaw, entry.extraFields, true);
    if (name.endsWith('/')) {
      if (entry.uncompressedSize !== 0) throw invalid('a folder in the zip has contents');
      parseReleasePath(name.slice(0, -1));
      continue;
    }
    bytes += entry.uncompressedSize;
    if (entry.uncompressedSize > limits.fileBytesMax || bytes > limits.releaseBytesMax) {
      throw new UpdaterError('LIMIT_EXCEEDED', 'the files of the zip are larger than a release may be');
    }
    found.push(checkEntry(releasePathOf(name), entry));
  }
  return found;
}

const endSignature = 0x06054b50;
const zip64EndSignature = 0x06064b50;

/** The end record's count may be too small: other programs would then see entries that are not looked at here. */
async function assertDirectoryEnds(source: ByteSource, offset: number): Promise<void> {
  const signature = Buffer.alloc(4);
  await source.read(offset, signature);
  if (![endSignature, zip64EndSignature].includes(signature.readUInt32LE()))
    throw invalid('the zip has more entries than it counts');
}

/** A release may bring a `version.txt`, for people; what lies in the updater's folder would be somebody's attempt to speak for it. */
function releasePathOf(name: string): ReleasePath {
  const path = parseReleasePath(name);
  if (isInOwnFolder(path)) throw unsafePath(path, 'the updater keeps it itself');
  return path;
}

/** Encrypted, strongly encrypted, headers masked, patched data (APPNOTE 4.4.4). */
const refusedFlags = 0x0001 | 0x0040 | 0x2000 | 0x0020;
/** Systems that put a POSIX mode into the external attributes: Unix and macOS (APPNOTE 4.4.2). */
const systemsWithModes = [3, 19];
const unixFileType = 0o170000;
const unixRegularFile = 0o100000;

function checkEntry(path: ReleasePath, entry: Entry): FoundEntry {
  const { compressionMethod, compressedSize, relativeOffsetOfLocalHeader } = entry;
  if ((entry.generalPurposeBitFlag & refusedFlags) !== 0) throw invalid(`${path} is encrypted or a patch`);
  const encoding = compressionMethod === 0 ? 'identity' : compressionMethod === 8 ? 'deflate' : null;
  if (encoding === null) {
    throw invalid(`${path} is compressed by method ${compressionMethod}; only stored and deflated files can be read`);
  }
  const mode = systemsWithModes.includes(entry.versionMadeBy >>> 8) ? entry.externalFileAttributes >>> 16 : 0;
  const type = mode & unixFileType;
  if (type !== 0 && type !== unixRegularFile) throw unsafePath(path, 'it is a link or a device, not a file');
  return {
    path,
    bytes: entry.uncompressedSize,
    executable: (mode & 0o111) !== 0,
    encoding,
    compressedSize,
    relativeOffsetOfLocalHeader,
    crc32: entry.crc32,
  };
}

const localHeaderBytes = 30;

/** Each entry has bytes of its own: a small zip can not claim the same megabyte ten thousand times. */
function assertNoOverlap(entries: readonly FoundEntry[]): void {
  let end = 0;
  for (const entry of entries.toSorted((a, b) => a.relativeOffsetOfLocalHeader - b.relativeOffsetOfLocalHeader)) {
    if (entry.relativeOffsetOfLocalHeader < end) throw invalid(`${entry.path} overlaps another entry of the zip`);
    end = entry.relativeOffsetOfLocalHeader + localHeaderBytes + entry.compressedSize;
  }
}

function zipEntry(file: ZipFile, source: ByteSource, entry: FoundEntry): ZipEntry {
  const { path, bytes, executable, encoding, compressedSize: encodedBytes } = entry;
  const encodedOffset = (): Promise<number> => dataStart(file, entry);
  return {
    path,
    bytes,
    executable,
    encoding,
    encodedBytes,
    encodedOffset,
    async *read(signal) {
      const encoded = sourceChunks(sliceSource(source, await encodedOffset(), encodedBytes));
      try {
        for await (const chunk of verified(
          encoding === 'identity' ? encoded : transformChunks(encoded, createInflateRaw()),
          entry,
        )) {
          signal?.throwIfAborted();
          yield chunk;
        }
      } catch (cause) {
        signal?.throwIfAborted();
        throw invalid(`${path} is damaged in the zip`, cause);
      }
    },
  };
}

/** Passes chunks on while they are within the declared length; the last only when length and CRC-32 are right. */
async function* verified(chunks: AsyncIterable<Uint8Array>, { path, ...declared }: FoundEntry): AsyncIterable<Uint8Array> {
  let bytes = 0;
  let crc = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > declared.bytes) throw invalid(`${path} has more than the ${declared.bytes} bytes it declares`);
    crc = crc32(chunk, crc);
    if (bytes < declared.bytes) yield chunk;
    else if (crc !== declared.crc32) throw invalid(`${path} does not have the CRC-32 it declares`);
    else yield chunk;
  }
  if (bytes < declared.bytes) throw invalid(`${path} has ${bytes} of the ${declared.bytes} bytes it declares`);
  if (bytes === 0 && declared.crc32 !== 0) throw invalid(`${path} does not have the CRC-32 it declares`);
}

const dataStart = (file: ZipFile, entry: FoundEntry): Promise<number> =>
  new Promise((resolve, reject) => {
    file.readLocalFileHeader(entry, { minimal: true }, (error, header) => {
      if (header !== undefined) resolve(header.fileDataStart);
      else reject(invalid(`${entry.path} has a damaged header or lies outside the zip`, error));
    });
  });
