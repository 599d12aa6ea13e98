/**
 * The 32 bytes a BSDIFF40 patch starts with, and the integers of the format.
 *
 *     offset  bytes  name           meaning
 *     0       8      magic          "BSDIFF40"
 *     8       8      controlBytes   length of the control stream, which starts at 32
 *     16      8      diffBytes      length of the diff stream behind it; the extra stream takes the rest
 *     24      8      targetBytes    length of the target
 */
import { type ByteSource, sliceSource } from '../../bytes/byte-source.js';
import { patchInvalid } from './patch-invalid.js';

export const bsdiff40HeaderBytes = 32;
const magic = Buffer.from('BSDIFF40', 'latin1');

/** The three bzip2 streams, each a window of the patch. */
export interface Bsdiff40Streams {
  readonly control: ByteSource;
  readonly diff: ByteSource;
  readonly extra: ByteSource;
}

/**
 * Eight bytes, the lowest first, the top bit a sign and not a complement.
 * @throws PATCH_INVALID beyond ±(2^53 - 1), and for a negative zero.
 */
export function decodeInt64(bytes: DataView, offset: number, name: string): number {
  const low = bytes.getUint32(offset, true);
  const high = bytes.getUint32(offset + 4, true);
  const magnitude = (high & 0x7fffffff) * 2 ** 32 + low;
  const negative = high >= 0x80000000;
  if (!Number.isSafeInteger(magnitude) || (negative && magnitude === 0))
    throw patchInvalid(`${name} is not an integer it can have`);
  return negative ? -magnitude : magnitude;
}

/** The same, for a field that can not be negative. */
export function decodeLength(bytes: DataView, offset: number, name: string): number {
  const length = decodeInt64(bytes, offset, name);
  if (length < 0) throw patchInvalid(`${name} is negative`);
  return length;
}

/** Reads the header and finds the streams. @param targetBytes what the target has to have. */
export async function openBsdiff40(patch: ByteSource, targetBytes: number): Promise<Bsdiff40Streams> {
  const header = new Uint8Array(bsdiff40HeaderBytes);
  if ((await patch.read(0, header)) < header.length) throw patchInvalid('it is shorter than its header');
  if (!magic.equals(header.subarray(0, magic.length))) throw patchInvalid('it does not start with BSDIFF40');
  const view = new DataView(header.buffer);
  const controlBytes = decodeLength(view, 8, 'the length of the control stream');
  const diffBytes = decodeLength(view, 16, 'the length of the diff stream');
  if (decodeLength(view, 24, 'the length of the target') !== targetBytes)
    throw patchInvalid(`it is not for a target of ${targetBytes} bytes`);
  const extraBytes = patch.bytes - header.length - controlBytes - diffBytes;
  if (extraBytes < 0) throw patchInvalid('its streams are longer than itself');
  return {
    control: sliceSource(patch, header.length, controlBytes),
    diff: sliceSource(patch, header.length + controlBytes, diffBytes),
    extra: sliceSource(patch, header.length + controlBytes + diffBytes, extraBytes),
  };
}
