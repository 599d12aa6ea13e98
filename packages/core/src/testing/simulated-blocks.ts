/** How a server answers which blocks of damaged files differ: as plainly as it can be written. */
import { deflateRawSync } from 'node:zlib';
import { blockDigest, blockDigestCharacters, encodeBlockFrameHead } from '../delta/content-blocks.js';
import type { BlocksRequest } from '../protocol/index.js';

/** @param bytesOf a content; null: there is no such content. @returns null when one is not there. */
export function answerBlocks(request: BlocksRequest, bytesOf: (sha256: string) => Uint8Array | null): Uint8Array | null {
  const frames: Uint8Array[] = [];
  for (const [content, { sha256, block_bytes: blockBytes, digests }] of request.contents.entries()) {
    const bytes = bytesOf(sha256);
    if (bytes === null) return null;
    for (let block = 0; block * blockBytes < bytes.length; block++) {
      const piece = bytes.subarray(block * blockBytes, (block + 1) * blockBytes);
      const held = digests.slice(block * blockDigestCharacters, (block + 1) * blockDigestCharacters);
      if (held === blockDigest(piece)) continue;
      const deflated = deflateRawSync(piece);
      const encoded = request.only_which === true ? new Uint8Array() : deflated.length < piece.length ? deflated : piece;
      frames.push(encodeBlockFrameHead({ content, block, count: 1, encodedBytes: encoded.length }), encoded);
    }
  }
  frames.push(encodeBlockFrameHead({ content: request.contents.length, block: 0, count: 0, encodedBytes: 0 }));
  return Buffer.concat(frames);
}
