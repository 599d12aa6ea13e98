import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';
import { DigestStream, UpdaterError } from '@remendo/core';
import type { ContentToExtract, ReleaseToExtract } from './build-job.js';

/** Contents extracted at the same time. */
const lanes = 4;

/**
 * Writes the contents to files named by their SHA-256 in a new folder, each proved by it.
 * @throws UpdaterError ARTIFACT_INVALID when the zip no longer holds what it held when it was published.
 */
export async function extractContents(release: ReleaseToExtract, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const waiting = [...release.contents];
  const lane = async (): Promise<void> => {
    for (let content = waiting.pop(); content !== undefined; content = waiting.pop()) {
      await extractContent(release.zipPath, content, join(folder, content.sha256));
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

async function extractContent(zipPath: string, content: ContentToExtract, path: string): Promise<void> {
  const digest = new DigestStream();
  let bytes = 0;
  const check = async function* (chunks: AsyncIterable<Uint8Array>) {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (bytes > content.bytes) break;
      digest.update(chunk);
      yield chunk;
    }
  };
  const encoded = readEncoded(zipPath, content);
  const decoded = content.encoding === 'deflate' ? encoded.pipe(createInflateRaw()) : encoded;
  encoded.on('error', (error) => decoded.destroy(error));
  await pipeline(decoded, check, createWriteStream(path));
  if (bytes !== content.bytes || digest.digest() !== content.sha256) {
    throw new UpdaterError('ARTIFACT_INVALID', `content ${content.sha256} is not in the zip any more`);
  }
}

function readEncoded(zipPath: string, { offset, encodedBytes }: ContentToExtract): Readable {
  if (encodedBytes === 0) return Readable.from([]);
  return createReadStream(zipPath, { start: offset, end: offset + encodedBytes - 1, highWaterMark: 256 * 1024 });
}
