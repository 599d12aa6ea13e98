/** A build's manifest as it is stored and sent: canonical form, brotli. Builds never change, so it is read once. */
import { promisify } from 'node:util';
import { brotliCompress, brotliDecompress, constants } from 'node:zlib';
import { type Digest, encodeManifest, limits, type Manifest, parseManifestOfDigest, UpdaterError } from '@remendo/core';
import type { ObjectStore } from '../object-store/object-store.js';
import { BoundedCache } from './bounded-cache.js';

const compress = promisify(brotliCompress);
const decompress = promisify(brotliDecompress);

export function encodeManifestObject(manifest: Manifest): Promise<Buffer> {
  const plain = encodeManifest(manifest);
  return compress(plain, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: plain.length },
  });
}

export class ManifestReader {
  readonly #cache = new BoundedCache<Promise<Manifest>>(32);

  constructor(private readonly objects: ObjectStore) {}

  /** @throws UpdaterError DOWNLOAD_NOT_FOUND, MANIFEST_… when the store does not hold what it should. */
  read(of: { readonly manifest_digest: string; readonly manifest_object: string }): Promise<Manifest> {
    const cached = this.#cache.get(of.manifest_digest);
    if (cached !== undefined) return cached;
    const reading = this.#load(of.manifest_object as Digest, of.manifest_digest as Digest);
    this.#cache.set(of.manifest_digest, reading);
    reading.catch(() => this.#cache.delete(of.manifest_digest));
    return reading;
  }

  async #load(object: Digest, digest: Digest): Promise<Manifest> {
    const source = await this.objects.openSource(object);
    try {
      if (source.bytes > limits.manifestBytesMax) throw new UpdaterError('LIMIT_EXCEEDED', 'the stored manifest is too large');
      const encoded = new Uint8Array(source.bytes);
      await source.read(0, encoded);
      return parseManifestOfDigest(await decompress(encoded, { maxOutputLength: limits.manifestBytesMax }), digest);
    } finally {
      await source.close();
    }
  }
}
