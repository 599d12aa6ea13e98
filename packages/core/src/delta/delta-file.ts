/**
 * A delta in one file, for people and USB sticks: magic, index, and the one object that all blobs lie in.
 *
 * | offset | length | meaning                                   |
 * |--------|--------|-------------------------------------------|
 * | 0      | 8      | `RMDELTA1`                                |
 * | 8      | varint | length of the index                       |
 * | …      | 32     | SHA-256 of the index                      |
 * | …      |        | index (delta-index.ts)                    |
 * | …      |        | body: the object with every blob, the rest |
 */
import { ByteReader, BytesMalformed } from '../bytes/byte-reader.js';
import { type ByteSource, readWhole, sliceSource } from '../bytes/byte-source.js';
import { ByteWriter } from '../bytes/byte-writer.js';
import { UpdaterError } from '../errors.js';
import { digestFromBytes, digestOf, digestToBytes } from '../hash/digest.js';
import { limits } from '../limits.js';
import { type DeltaIndex, decodeDeltaIndex, encodeDeltaIndex } from './delta-index.js';

const magic = new TextEncoder().encode('RMDELTA1');
const headerBytesMax = magic.length + 8 + 32;

/** What comes before the body. */
export function encodeDeltaFileHead(index: DeltaIndex): Uint8Array {
  const encoded = encodeDeltaIndex(index);
  return new ByteWriter()
    .bytes(magic)
    .varint(encoded.length)
    .bytes(digestToBytes(digestOf(encoded)))
    .bytes(encoded)
    .toBuffer();
}

export interface DeltaFile {
  readonly index: DeltaIndex;
  readonly indexBytes: number;
  /** Where the body starts in the file. */
  readonly bodyOffset: number;
  readonly bodyBytes: number;
}

/** True when the bytes start as a delta file does. */
export const isDeltaFile = (head: Uint8Array): boolean => Buffer.compare(head.subarray(0, magic.length), magic) === 0;

/** Reads head and index; the body is left where it is. @throws UpdaterError as `decodeDeltaIndex`. */
export async function decodeDeltaFile(source: ByteSource): Promise<DeltaFile> {
  const head = await readWhole(sliceSource(source, 0, headerBytesMax));
  const { indexOffset, indexBytes, sha256 } = readHead(head);
  if (indexBytes > limits.deltaIndexEncodedBytesMax || indexOffset + indexBytes > source.bytes) {
    throw new UpdaterError('DELTA_INVALID', 'the index is longer than the file or the limit');
  }
  const encoded = await readWhole(sliceSource(source, indexOffset, indexBytes));
  if (digestOf(encoded) !== sha256) throw new UpdaterError('DELTA_INVALID', 'the index of the delta is damaged');
  const index = decodeDeltaIndex(encoded);
  const bodyOffset = indexOffset + indexBytes;
  const bodyBytes = source.bytes - bodyOffset;
  const expected = index.objects.reduce((sum, object) => sum + object.bytes, 0);
  if (index.objects.length > 1 || bodyBytes !== expected)
    throw new UpdaterError('DELTA_INVALID', 'the body of the delta has the wrong length');
  return { index, indexBytes, bodyOffset, bodyBytes };
}

function readHead(head: Uint8Array) {
  if (!isDeltaFile(head)) throw new UpdaterError('DELTA_INVALID', 'this is not a delta file');
  try {
    const reader = new ByteReader(head);
    reader.take(magic.length);
    const indexBytes = reader.varint();
    const sha256 = digestFromBytes(reader.take(32));
    return { indexOffset: reader.offset, indexBytes, sha256 };
  } catch (cause) {
    if (cause instanceof BytesMalformed) throw new UpdaterError('DELTA_INVALID', 'the head of the delta is malformed', { cause });
    throw cause;
  }
}
