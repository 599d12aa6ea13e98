/**
 * Compares contents of a release with what a terminal has of them, block by block, in one pass through the published zip:
 * nothing is stored for it, and nothing grows with the content. Frames: core's `delta/content-blocks.ts`.
 */
import { pipeline } from 'node:stream';
import { promisify } from 'node:util';
import { createInflateRaw, deflateRaw } from 'node:zlib';
import {
  blockDigest,
  blockDigestCharacters,
  blockRunBytesMax,
  type Digest,
  encodeBlockFrameHead,
  UpdaterError,
} from '@remendo/core';
import type { ObjectStore } from '../object-store/object-store.js';

const deflate = promisify(deflateRaw);

/** How far the server is, is told so often: a terminal waits no longer than it takes to inflate so much. */
const toldEveryBytes = 16 * 1024 * 1024;
const readAheadBytes = 256 * 1024;

export interface ContentToCompare {
  readonly sha256: string;
  readonly bytes: number;
  readonly blockBytes: number;
  /** Of the terminal's blocks, one after the other. */
  readonly digests: string;
  /** Where it lies in the release's zip. */
  readonly offset: number;
  readonly encodedBytes: number;
  readonly encoding: 'identity' | 'deflate' | 'brotli';
}

export interface CompareBlocksOptions {
  /** The object that all of them lie in. */
  readonly zip: Digest;
  /** Without the bytes of the blocks that differ. */
  readonly onlyWhich: boolean;
  /** Asked now and then: true ends the answer where it is, and the terminal asks again. */
  readonly isOver: (comparedBytes: number) => boolean;
}

/** The frames of the answer. Ending it early frees everything. @throws UpdaterError DOWNLOAD_NOT_FOUND, STORAGE_FAILED, ARTIFACT_INVALID. */
export async function* compareBlocks(
  objects: Pick<ObjectStore, 'openStream'>,
  contents: readonly ContentToCompare[],
  { zip, onlyWhich, isOver }: CompareBlocksOptions,
): AsyncGenerator<Uint8Array, void> {
  let comparedBytes = 0;
  let toldBytes = 0;
  for (const [index, content] of contents.entries()) {
    const run = new Run(index, content, onlyWhich);
    let block = 0;
    for await (const bytes of blocksOf(objects, zip, content)) {
      const isEqual = content.digests.substr(block * blockDigestCharacters, blockDigestCharacters) === blockDigest(bytes);
      if (isEqual ? !run.isEmpty : run.isFullFor(bytes.length)) {
        yield* run.end();
        // It may have taken as long as somebody reads: what this block is like is asked again.
        if (isOver(comparedBytes)) return;
      }
      if (!isEqual) run.add(block, bytes);
      block += 1;
      comparedBytes += bytes.length;
      if (comparedBytes - toldBytes < toldEveryBytes) continue;
      toldBytes = comparedBytes;
      // A run says as well how far this is.
      if (run.isEmpty) yield encodeBlockFrameHead({ content: index, block, count: 0, encodedBytes: 0 });
      else yield* run.end();
      if (isOver(comparedBytes)) return;
    }
    yield* run.end();
  }
  yield encodeBlockFrameHead({ content: contents.length, block: 0, count: 0, encodedBytes: 0 });
}

/** Blocks that differ and follow on each other. */
class Run {
  readonly #bytes: Buffer;
  #first = 0;
  #count = 0;
  #filled = 0;

  constructor(
    private readonly content: number,
    { blockBytes, bytes }: ContentToCompare,
    private readonly onlyWhich: boolean,
  ) {
    this.#bytes = onlyWhich ? Buffer.alloc(0) : Buffer.allocUnsafe(Math.max(blockBytes, Math.min(blockRunBytesMax, bytes)));
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  isFullFor(bytes: number): boolean {
    return this.#filled + bytes > blockRunBytesMax;
  }

  add(block: number, bytes: Uint8Array): void {
    if (this.#count === 0) this.#first = block;
    this.#bytes.set(this.onlyWhich ? [] : bytes, this.#filled);
    this.#count += 1;
    this.#filled += bytes.length;
  }

  async *end(): AsyncGenerator<Uint8Array, void> {
    if (this.#count === 0) return;
    const head = { content: this.content, block: this.#first, count: this.#count };
    const bytes = this.#bytes.subarray(0, this.#filled);
    this.#count = this.#filled = 0;
    if (this.onlyWhich) return yield encodeBlockFrameHead({ ...head, encodedBytes: 0 });
    const deflated = await deflate(bytes);
    // It is filled anew while this one is on its way.
    const encoded = deflated.length < bytes.length ? deflated : Buffer.from(bytes);
    yield encodeBlockFrameHead({ ...head, encodedBytes: encoded.length });
    yield encoded;
  }
}

/** A block is valid until the next one is asked for; the last one is shorter. */
async function* blocksOf(
  objects: Pick<ObjectStore, 'openStream'>,
  zip: Digest,
  content: ContentToCompare,
): AsyncGenerator<Uint8Array, void> {
  const block = Buffer.allocUnsafe(Math.min(content.blockBytes, content.bytes));
  let filled = 0;
  let bytes = 0;
  for await (const chunk of await openContent(objects, zip, content)) {
    bytes += chunk.length;
    for (let at = 0; at < chunk.length; ) {
      const copied = chunk.copy(block, filled, at);
      at += copied;
      filled += copied;
      if (filled < block.length) continue;
      filled = 0;
      yield block;
    }
  }
  if (bytes !== content.bytes) throw new UpdaterError('ARTIFACT_INVALID', `content ${content.sha256} is not in the zip any more`);
  if (filled > 0) yield block.subarray(0, filled);
}

async function openContent(
  objects: Pick<ObjectStore, 'openStream'>,
  zip: Digest,
  { offset, encodedBytes, encoding }: ContentToCompare,
): Promise<AsyncIterable<Buffer>> {
  const encoded = await objects.openStream(zip, { offset, bytes: encodedBytes });
  if (encoding === 'identity') return encoded;
  const decoded = createInflateRaw({ chunkSize: readAheadBytes });
  // One ends with the other; whoever reads is told of a failure.
  pipeline(encoded, decoded, () => {});
  return decoded;
}
