/**
 * Applies the fast profile: the same blocks, but what is coded lies in four brotli streams that Node decodes natively.
 * Larger by a sixth to a half, five to ten times faster.
 */
import { createBrotliDecompress } from 'node:zlib';
import { type ByteSource, sourceChunks } from '../../bytes/byte-source.js';
import { transformChunks } from '../../bytes/transform-chunks.js';
import { isUpdaterError } from '../../errors.js';
import { limits } from '../../limits.js';
import type { OpenedReferences } from '../references/open-references.js';
import { WordPredictor } from '../references/word-predictor.js';
import type { AddressSpace } from './address-space.js';
import { BlockList } from './block-list.js';
import { pieceBytesMax } from './coder-kernel.js';
import type { Block } from './patch-blocks.js';
import { patchInvalid } from './patch-invalid.js';

export interface FastStreams<Stream> {
  /** Varints for each block: copied bytes, their reference as a zig-zag difference from the last one's end, new bytes. */
  readonly blocks: Stream;
  /** Varints over all copied bytes: how many are as predicted, how many are not, and so on. */
  readonly runs: Stream;
  /** The bytes that are not as predicted, as differences modulo 256. */
  readonly wrong: Stream;
  readonly fresh: Stream;
}

const chunkBytes = 256 * 1024;
const varintBytesMax = 6;

export interface FastPatch extends FastStreams<ByteSource> {
  /** Null when the patch does not know references. */
  readonly references: OpenedReferences | null;
}

/** Makes every target of the space. @throws UpdaterError PATCH_INVALID. */
export async function decodeFast({ references, ...streams }: FastPatch, space: AddressSpace, signal?: AbortSignal): Promise<void> {
  const pulls = {
    blocks: new PullStream(streams.blocks),
    runs: new PullStream(streams.runs),
    wrong: new PullStream(streams.wrong),
    fresh: new PullStream(streams.fresh),
  };
  try {
    await new FastDecoder(pulls, space, references).run(signal);
    for (const pull of Object.values(pulls)) await pull.end();
  } catch (cause) {
    // What is not ours and not the disk's is node:zlib's opinion of the patch.
    if (isUpdaterError(cause) || signal?.aborted === true || !isBrotliError(cause)) throw cause;
    throw patchInvalid('a stream does not decode', cause);
  } finally {
    for (const pull of Object.values(pulls)) await pull.close();
  }
}

const isBrotliError = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  typeof error.code === 'string' &&
  /^(ERR__ERROR_|ERR_BROTLI|Z_BUF_ERROR)/.test(error.code);

class FastDecoder {
  readonly #chunk: Uint8Array;
  #filled = 0;
  #left: number;
  /** Bytes of the current run of right (or wrong) predictions that are left. */
  #runLeft = 0;
  #isRight = false;
  #isFirstRun = true;

  constructor(
    private readonly streams: FastStreams<PullStream>,
    private readonly space: AddressSpace,
    private readonly references: OpenedReferences | null,
  ) {
    this.#left = space.targetBytes;
    this.#chunk = new Uint8Array(Math.min(chunkBytes, space.targetBytes));
  }

  get #address(): number {
    return this.space.madeUpTo + this.#filled;
  }

  async run(signal?: AbortSignal): Promise<void> {
    const { blocks, predictor } = await this.#openBlocks(signal);
    for await (const { copied, reference, fresh } of blocks) {
      signal?.throwIfAborted();
      if (predictor !== null && reference + copied <= this.space.baseBytes) await this.#copyPredicted(reference, copied, predictor);
      else await this.#copy(reference, copied);
      await this.#fresh(fresh);
    }
    await this.#flush();
  }

  /** Blocks as they are decoded; all of them before when references are to be predicted. */
  async #openBlocks(signal: AbortSignal | undefined) {
    const blocks = this.#decodeBlocks();
    if (this.references === null) return { blocks, predictor: null };
    const list = new BlockList();
    for await (const block of blocks) {
      if (list.count === limits.patchBlocksMax) throw patchInvalid('it has too many blocks');
      if (list.count % 4096 === 0) signal?.throwIfAborted();
      list.push(block);
    }
    return { blocks: list, predictor: new WordPredictor(this.references(list)) };
  }

  async *#decodeBlocks(): AsyncGenerator<Block, void, undefined> {
    const { blocks } = this.streams;
    let left = this.space.targetBytes;
    let referenceEnd = 0;
    while (left > 0) {
      if (!blocks.holdsVarint) await blocks.fill();
      const copied = blocks.varint(left);
      let reference = 0;
      if (copied > 0) {
        if (!blocks.holdsVarint) await blocks.fill();
        const zigzag = blocks.varint(2 ** 34);
        reference = referenceEnd + (zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2);
        if (reference < 0 || reference >= this.space.baseBytes + this.space.targetBytes - left)
          throw patchInvalid('a block is not possible');
        referenceEnd = reference + copied;
      }
      if (!blocks.holdsVarint) await blocks.fill();
      const fresh = blocks.varint(left - copied);
      if (copied + fresh === 0) throw patchInvalid('a block is empty');
      left -= copied + fresh;
      yield { copied, reference, fresh };
    }
  }

  /** The same of bytes of the bases in which addresses are predicted, piece by piece. */
  async #copyPredicted(reference: number, bytes: number, predictor: WordPredictor): Promise<void> {
    for (let start = 0; start < bytes; start += pieceBytesMax) {
      const piece = predictor.room(Math.min(pieceBytesMax, bytes - start));
      if (!this.space.readKept(reference + start, piece)) await this.space.read(reference + start, piece);
      predictor.predict(piece, { reference: reference + start, position: this.#address - this.space.baseBytes });
      for (let done = 0; done < piece.length; ) {
        const part = this.#space(piece.length - done);
        part.set(piece.subarray(done, done + part.length));
        await this.#correct(part);
        done += part.length;
        if (this.#advance(part.length)) await this.#flush();
      }
    }
  }

  async #copy(reference: number, bytes: number): Promise<void> {
    for (let done = 0; done < bytes; ) {
      const space = this.#space(bytes - done);
      const from = reference + done;
      const flushed = this.space.madeUpTo;
      // Never more than lies between a byte and its reference: that much is made.
      const count = Math.min(space.length, from < flushed ? flushed - from : this.#address - from);
      const part = space.subarray(0, count);
      if (from >= flushed) part.set(this.#chunk.subarray(from - flushed, from - flushed + count));
      else if (!this.space.readKept(from, part)) await this.space.read(from, part);
      await this.#correct(part);
      done += count;
      if (this.#advance(count)) await this.#flush();
    }
  }

  /** Turns predicted bytes into what they should be; waits only when a stream has nothing decoded. */
  async #correct(part: Uint8Array): Promise<void> {
    const { runs, wrong } = this.streams;
    for (let done = 0; done < part.length; ) {
      if (this.#runLeft === 0) {
        if (!runs.holdsVarint) await runs.fill();
        this.#isRight = !this.#isRight;
        this.#runLeft = runs.varint(2 ** 32);
        if (this.#runLeft === 0 && !this.#isFirstRun) throw patchInvalid('a run is empty');
        this.#isFirstRun = false;
        continue;
      }
      let count = Math.min(this.#runLeft, part.length - done);
      if (!this.#isRight) {
        if (wrong.held === 0) await wrong.fill();
        count = Math.min(count, wrong.held);
        wrong.addTo(part.subarray(done, done + count));
      }
      this.#runLeft -= count;
      done += count;
    }
  }

  async #fresh(bytes: number): Promise<void> {
    const { fresh } = this.streams;
    for (let done = 0; done < bytes; ) {
      if (fresh.held === 0) await fresh.fill();
      const space = this.#space(Math.min(bytes - done, fresh.held));
      fresh.copyTo(space);
      done += space.length;
      if (this.#advance(space.length)) await this.#flush();
    }
  }

  #space(bytesMax: number): Uint8Array {
    return this.#chunk.subarray(this.#filled, Math.min(this.#chunk.length, this.#filled + bytesMax));
  }

  /** True when the chunk is full. */
  #advance(count: number): boolean {
    this.#filled += count;
    this.#left -= count;
    return this.#filled === this.#chunk.length;
  }

  async #flush(): Promise<void> {
    const filled = this.#filled;
    await this.space.write(this.#chunk.subarray(0, filled));
    this.#filled = 0;
  }
}

/** A brotli stream that is decoded as far as it is asked for. */
class PullStream {
  readonly #chunks: AsyncGenerator<Uint8Array, void, undefined>;
  #chunk: Uint8Array = new Uint8Array();
  #offset = 0;
  #isOver = false;

  constructor(source: ByteSource) {
    this.#chunks = transformChunks(sourceChunks(source, { chunkBytes: 64 * 1024 }), createBrotliDecompress());
  }

  /** Bytes that are decoded and not taken. */
  get held(): number {
    return this.#chunk.length - this.#offset;
  }

  /** Whether the next varint needs no waiting. */
  get holdsVarint(): boolean {
    return this.held >= varintBytesMax || this.#isOver;
  }

  /** Decodes on until there is a byte, and for numbers a whole varint. @throws UpdaterError PATCH_INVALID at the end. */
  async fill(): Promise<void> {
    while (this.held < varintBytesMax && !this.#isOver) await this.#decodeMore();
    if (this.held === 0) throw patchInvalid('a stream is too short');
  }

  /** The next `part.length` bytes, which must be held, are added to those of the part. */
  addTo(part: Uint8Array): void {
    for (let index = 0; index < part.length; index++) {
      part[index] = (part[index] as number) + (this.#chunk[this.#offset + index] as number);
    }
    this.#offset += part.length;
  }

  copyTo(part: Uint8Array): void {
    part.set(this.#chunk.subarray(this.#offset, this.#offset + part.length));
    this.#offset += part.length;
  }

  /** LEB128, at most `max`. */
  varint(max: number): number {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 35; scale *= 128) {
      if (this.held === 0) throw patchInvalid('a stream is too short');
      const byte = this.#chunk[this.#offset++] as number;
      value += (byte & 0x7f) * scale;
      if (byte >= 0x80) continue;
      if (value <= max) return value;
      break;
    }
    throw patchInvalid('a number is too large');
  }

  /** @throws UpdaterError PATCH_INVALID when something is left. */
  async end(): Promise<void> {
    while (this.held === 0 && !this.#isOver) await this.#decodeMore();
    if (this.held > 0) throw patchInvalid('a stream is too long');
  }

  async close(): Promise<void> {
    await this.#chunks.return().catch(() => {});
  }

  async #decodeMore(): Promise<void> {
    const next = await this.#chunks.next();
    if (next.done === true) {
      this.#isOver = true;
      return;
    }
    this.#chunk = this.held === 0 ? next.value : Buffer.concat([this.#chunk.subarray(this.#offset), next.value]);
    this.#offset = 0;
  }
}
