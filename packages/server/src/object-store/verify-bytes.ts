import { type Digest, DigestStream, UpdaterError } from '@remendo/core';

/** @throws UpdaterError DOWNLOAD_DIGEST_MISMATCH. */
export function verifyDigest(actual: Digest, expected: Digest): void {
  if (actual === expected) return;
  throw new UpdaterError('DOWNLOAD_DIGEST_MISMATCH', 'the bytes of an object do not have its digest', {
    details: { expected, actual },
  });
}

/** Passes chunks on and throws DOWNLOAD_DIGEST_MISMATCH instead of ending when together they do not have the digest. */
export async function* verifiedChunks(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  digest: Digest,
): AsyncGenerator<Uint8Array, void> {
  const stream = new DigestStream();
  for await (const chunk of chunks) {
    stream.update(chunk);
    yield chunk;
  }
  verifyDigest(stream.digest(), digest);
}
