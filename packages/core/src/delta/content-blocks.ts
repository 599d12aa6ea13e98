/**
 * How a terminal and a server compare a content without sending it: both cut it into blocks of the same length and hash
 * each. The terminal sends what its damaged file has, the server answers with the blocks that differ. Digests are short
 * (48 bits): they only find what to fetch. A block that is taken for equal and is not shows when the whole file is held
 * against its SHA-256, and costs that file whole.
 *
 * An answer is a row of frames, each a head of 16 bytes, little-endian, and perhaps bytes:
 *
 * | offset | length | name         | meaning                                                                         |
 * |--------|--------|--------------|---------------------------------------------------------------------------------|
 * | 0      | 4      | content      | position in the request; the number of contents there: the answer is complete   |
 * | 4      | 4      | block        | the first block of a run; everything before it has been compared                |
 * | 8      | 4      | count        | blocks in the run; 0: nothing but how far the server is                         |
 * | 12     | 4      | encodedBytes | what follows: the run's bytes as they are when it is as long, else raw deflate; 0 when only asked which differ |
 *
 * Frames come in the order of contents and blocks, and no block comes twice. An answer that ends before it is complete was
 * cut by the server or the link: who asked writes down what came and asks again.
 */
import { hash } from 'node:crypto';
import { UpdaterError } from '../errors.js';
import { limits } from '../limits.js';

export const blockDigestBytes = 6;
/** Of one digest in a request: six bytes are eight characters of base64, so the digests of many blocks just follow on each other. */
export const blockDigestCharacters = 8;
export const blockFrameHeadBytes = 16;
const blockBytesMin = 4 * 1024;
const blockBytesMax = 1024 * 1024;
/** Blocks that follow on each other are sent together, up to this. */
export const blockRunBytesMax = 1024 * 1024;

/** All that may be asked for: powers of two. */
export const blockSizes: readonly number[] = Array.from({ length: 9 }, (_, power) => blockBytesMin << power);

/** So many digests fit into one request, beside everything else it says. */
export const blockDigestsPerRequestMax = Math.floor((limits.requestBytesMax * 3) / 4 / blockDigestCharacters);

/**
 * The block length with which a small damage costs least: a digest for each block is sent, and one block comes back. All
 * digests of one content fit into a request.
 */
export function blockBytesFor(contentBytes: number): number {
  const best = Math.sqrt(contentBytes * blockDigestCharacters);
  const isFit = (bytes: number): boolean =>
    bytes * Math.SQRT2 >= best && blockCountOf(contentBytes, bytes) <= blockDigestsPerRequestMax;
  return blockSizes.find(isFit) ?? blockBytesMax;
}

export const blockCountOf = (contentBytes: number, blockBytes: number): number => Math.ceil(contentBytes / blockBytes);

/** One block's digest, as it stands in a request. */
export const blockDigest = (block: Uint8Array): string =>
  hash('sha256', block, 'buffer').subarray(0, blockDigestBytes).toString('base64');

export interface BlockFrameHead {
  readonly content: number;
  readonly block: number;
  readonly count: number;
  readonly encodedBytes: number;
}

export function encodeBlockFrameHead({ content, block, count, encodedBytes }: BlockFrameHead): Buffer {
  const head = Buffer.alloc(blockFrameHeadBytes);
  for (const [index, value] of [content, block, count, encodedBytes].entries()) head.writeUInt32LE(value, index * 4);
  return head;
}

/** A content that was asked for, as far as the answer to it can be checked. */
export interface ComparedContent {
  readonly bytes: number;
  readonly blockBytes: number;
}

export interface BlockFrame extends Omit<BlockFrameHead, 'encodedBytes'> {
  /** As they came; [] when only asked which blocks differ. Valid until the next frame is asked for. */
  readonly encoded: Uint8Array;
  /** What the blocks of the run are long together. */
  readonly bytes: number;
}

/**
 * The frames of an answer, held against what was asked; ends after the complete answer, or where the chunks do.
 * @throws UpdaterError DOWNLOAD_FAILED for what is no answer to this request; whatever the chunks throw.
 */
export async function* readBlockFrames(
  chunks: AsyncIterable<Uint8Array>,
  contents: readonly ComparedContent[],
): AsyncGenerator<BlockFrame, { readonly isComplete: boolean }> {
  const pieces = new Pieces(chunks);
  const order = new FrameOrder(contents);
  try {
    for (;;) {
      const head = await pieces.take(blockFrameHeadBytes);
      if (head === null) return { isComplete: false };
      const { encodedBytes, ...run } = decodeHead(head);
      if (order.isEnd({ ...run, encodedBytes })) return { isComplete: true };
      const bytes = order.check({ ...run, encodedBytes });
      const encoded = await pieces.take(encodedBytes);
      if (encoded === null) return { isComplete: false };
      yield { ...run, bytes, encoded };
    }
  } finally {
    await pieces.close();
  }
}

function decodeHead(head: Uint8Array): BlockFrameHead {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const [content = 0, block = 0, count = 0, encodedBytes = 0] = [0, 4, 8, 12].map((offset) => view.getUint32(offset, true));
  return { content, block, count, encodedBytes };
}

/** No block twice, none that is not there, no run that is longer than was agreed, and no standing still. */
class FrameOrder {
  #content = 0;
  #block = -1;

  constructor(private readonly contents: readonly ComparedContent[]) {}

  isEnd({ content, block, count, encodedBytes }: BlockFrameHead): boolean {
    return content === this.contents.length && block + count + encodedBytes === 0;
  }

  /** @returns the bytes of the run. */
  check({ content, block, count, encodedBytes }: BlockFrameHead): number {
    const compared = this.contents[content];
    if (compared === undefined || content < this.#content) throw invalid('it names a content that was not asked for');
    if (content > this.#content) this.#block = -1;
    const blocks = blockCountOf(compared.bytes, compared.blockBytes);
    const isFurther = count === 0 ? block > this.#block : block >= this.#block;
    if (!isFurther || block + count > blocks) throw invalid('its blocks are not in order');
    const bytes = Math.min((block + count) * compared.blockBytes, compared.bytes) - block * compared.blockBytes;
    if (count > 0 && bytes > blockRunBytesMax) throw invalid('a run of blocks is too long');
    if (encodedBytes > (count === 0 ? 0 : bytes)) throw invalid('a run of blocks has more bytes than it may');
    this.#content = content;
    this.#block = count === 0 ? block : block + count;
    return count === 0 ? 0 : bytes;
  }
}

const invalid = (why: string): UpdaterError =>
  new UpdaterError('DOWNLOAD_FAILED', `The answer about differing blocks is not what was expected: ${why}`);

/** Takes exact lengths from chunks of any. */
class Pieces {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Null when the chunks end before. */
  async take(bytes: number): Promise<Uint8Array | null> {
    const parts: Uint8Array[] = [];
    for (let missing = bytes; missing > 0; ) {
      if (this.#rest.length === 0) {
        const next = await this.#chunks.next();
        if (next.done === true) return null;
        this.#rest = next.value;
      }
      const part = this.#rest.subarray(0, missing);
      this.#rest = this.#rest.subarray(part.length);
      // A chunk is its giver's again when the next one is asked for.
      parts.push(missing > part.length ? part.slice() : part);
      missing -= part.length;
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}
