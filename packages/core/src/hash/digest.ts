import { createHash, hash } from 'node:crypto';
import type { ByteSource } from '../bytes/byte-source.js';

/** SHA-256 in lower-case hex: the name of a content or an object. */
export type Digest = string & { readonly __digest: unique symbol };

const pattern = /^[0-9a-f]{64}$/;

export const isDigest = (text: unknown): text is Digest => typeof text === 'string' && pattern.test(text);

export const digestFromBytes = (bytes: Uint8Array): Digest => Buffer.from(bytes).toString('hex') as Digest;

export const digestToBytes = (digest: Digest): Uint8Array => Buffer.from(digest, 'hex');

/** SHA-256 of what is in memory. */
export const digestOf = (bytes: Uint8Array | string): Digest => hash('sha256', bytes) as Digest;

/** SHA-256 of bytes that come in pieces. */
export class DigestStream {
  readonly #hash = createHash('sha256');

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
  }

  digest(): Digest {
    return this.#hash.digest('hex') as Digest;
  }
}

/** SHA-256 of a source, read once from start to end through one buffer of at most 256 KiB. */
export async function digestOfSource(source: ByteSource, signal?: AbortSignal): Promise<Digest> {
  const stream = new DigestStream();
  const buffer = new Uint8Array(Math.max(1, Math.min(256 * 1024, source.bytes)));
  for (let offset = 0; offset < source.bytes; ) {
    signal?.throwIfAborted();
    const count = await source.read(offset, buffer);
    if (count === 0) break;
    stream.update(buffer.subarray(0, count));
    offset += count;
  }
  return stream.digest();
}
