/** Bytes that become far more than they are, and are small enough to keep: made from pieces that repeat. */
import { brotliCompressSync, constants, deflateRawSync } from 'node:zlib';
import { joined } from '../remendo-samples.js';

const mebibyte = 1024 * 1024;

const repeated = (piece: Uint8Array, times: number): Uint8Array[] => Array.from({ length: times }, () => piece);

/** Raw deflate of so many MiB of zeros: a full flush forgets what was before, so that the piece can be repeated. */
export function deflateBomb(mebibytes: number): Uint8Array {
  const piece = deflateRawSync(new Uint8Array(4 * mebibyte), { finishFlush: constants.Z_FULL_FLUSH });
  return joined([...repeated(piece, mebibytes / 4), Uint8Array.of(3, 0)]);
}

/** Brotli of so many MiB of zeros, a few hundred bytes. */
export const brotliBomb = (mebibytes: number): Uint8Array =>
  brotliCompressSync(new Uint8Array(mebibytes * mebibyte), { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } });

/** Gzip of so many MiB of zeros: its checksum is wrong, which nobody gets to see. */
export const gzipBomb = (mebibytes: number): Uint8Array =>
  joined([Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3), deflateBomb(mebibytes), new Uint8Array(8)]);

/** Arrays in arrays. */
export const nestedArrays = (depth: number): Uint8Array => Buffer.from('['.repeat(depth) + ']'.repeat(depth));
