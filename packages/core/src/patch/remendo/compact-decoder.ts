/**
 * Applies the compact profile in batches: decodes blocks, fetches what they refer to, decodes their bytes into the
 * window, writes them from there. The kernel computes, this file moves bytes in and out of it.
 */
import type { ByteSource } from '../../bytes/byte-source.js';
import { limits } from '../../limits.js';
import type { OpenedReferences } from '../references/open-references.js';
import type { ReferencePredictor } from '../references/reference-predictor.js';
import type { AddressSpace } from './address-space.js';
import { BlockList } from './block-list.js';
import {
  batchBlocksMax,
  batchBytesMax,
  batchPiecesMax,
  blockStream,
  byteStream,
  type CoderKernel,
  type CoderSizes,
  operandNumbers,
  setPiece,
  streamBytesMax,
  takeCoderKernel,
} from './coder-kernel.js';
import { type Block, type PlacedPiece, piecesOf } from './patch-blocks.js';
import { patchInvalid } from './patch-invalid.js';

export interface CompactPatch {
  readonly sizes: CoderSizes;
  /** Null when the patch does not know references. */
  readonly references: OpenedReferences | null;
  readonly blocks: ByteSource;
  readonly bytes: ByteSource;
}

/** Makes every target of the space. @throws UpdaterError PATCH_INVALID. */
export async function decodeCompact(patch: CompactPatch, space: AddressSpace, signal?: AbortSignal): Promise<void> {
  const kernel = takeCoderKernel();
  try {
    await new CompactDecoder(kernel, patch, space).run(signal);
  } finally {
    kernel.giveBack();
  }
}

class CompactDecoder {
  readonly #blocks: StreamFeed;
  readonly #bytes: StreamFeed;
  readonly #batchBytesMax: number;

  constructor(
    private readonly kernel: CoderKernel,
    private readonly patch: CompactPatch,
    private readonly space: AddressSpace,
  ) {
    kernel.open(false, { bases: space.baseBytes, targets: space.targetBytes }, patch.sizes, patch.references !== null);
    this.#blocks = new StreamFeed(kernel, blockStream, patch.blocks);
    this.#bytes = new StreamFeed(kernel, byteStream, patch.bytes);
    this.#batchBytesMax = Math.min(batchBytesMax, 2 ** patch.sizes.windowBits);
  }

  async run(signal?: AbortSignal): Promise<void> {
    await this.#blocks.start();
    await this.#bytes.start();
    const { baseBytes } = this.space;
    const at = { address: baseBytes, bases: baseBytes, windowBits: this.patch.sizes.windowBits };
    const batch = new Batch(this.kernel, this.space, this.#batchBytesMax);
    const { parts, predictor } = await this.#openBlocks(signal);
    if (predictor !== null) batch.expectReferences(predictor);
    for await (const blocks of parts) {
      for (const block of blocks) {
        for (const piece of piecesOf(block, at)) {
          if (!batch.fits(piece)) {
            signal?.throwIfAborted();
            await this.#runBatch(batch);
          }
          // Most references are in memory: a promise for each would take longer than the bytes.
          if (!batch.add(piece)) await batch.fetch(piece);
        }
        at.address += block.copied + block.fresh;
      }
    }
    await this.#runBatch(batch);
    this.#blocks.end();
    this.#bytes.end();
  }

  /** Blocks as they are decoded; all at once when references are to be predicted, which takes to know them all. */
  async #openBlocks(signal: AbortSignal | undefined): Promise<OpenedBlocks> {
    const parts = this.#decodeBlocks();
    if (this.patch.references === null) return { parts, predictor: null };
    const list = new BlockList();
    for await (const blocks of parts) {
      signal?.throwIfAborted();
      for (const block of blocks) list.push(block);
      if (list.count > limits.patchBlocksMax) throw patchInvalid('it has too many blocks');
    }
    return { parts: [list], predictor: this.patch.references(list) };
  }

  async *#decodeBlocks(): AsyncGenerator<readonly Block[], void, undefined> {
    for (let left = this.space.targetBytes; left > 0; ) {
      const blocks = await this.#nextBlocks();
      for (const { copied, fresh } of blocks) left -= copied + fresh;
      yield blocks;
    }
  }

  async #nextBlocks(): Promise<readonly Block[]> {
    for (;;) {
      this.kernel.exports.select(blockStream);
      const count = this.kernel.exports.codeBlocks(batchBlocksMax, this.#blocks.isLast);
      if (count < 0) throw patchInvalid('a block is not possible');
      this.#blocks.check();
      if (count === 0) {
        await this.#blocks.refill();
        continue;
      }
      const numbers = this.kernel.blocks();
      return Array.from({ length: count }, (_, index) => ({
        copied: numbers[index * 3] ?? 0,
        reference: numbers[index * 3 + 1] ?? 0,
        fresh: numbers[index * 3 + 2] ?? 0,
      }));
    }
  }

  async #runBatch(batch: Batch): Promise<void> {
    const { exports } = this.kernel;
    exports.select(byteStream);
    exports.begin(batch.pieces, batch.operands);
    while (exports.run(this.#bytes.isLast) > 0) await this.#bytes.refill();
    this.#bytes.check();
    await this.#writeOut(batch.bytes);
    batch.clear();
  }

  /** Writes the bytes that were made last; they lie in the window, perhaps round its end. */
  async #writeOut(bytes: number): Promise<void> {
    const window = this.kernel.window(this.patch.sizes.windowBits);
    const start = (this.space.madeUpTo - this.space.baseBytes) % window.length;
    const first = window.subarray(start, Math.min(window.length, start + bytes));
    await this.space.write(first);
    if (first.length < bytes) await this.space.write(window.subarray(0, bytes - first.length));
  }
}

interface OpenedBlocks {
  readonly parts: AsyncIterable<readonly Block[]> | readonly BlockList[];
  readonly predictor: ReferencePredictor | null;
}

/** Pieces that are decoded in one go, their references in the kernel's buffer. */
class Batch {
  pieces = 0;
  bytes = 0;
  #referenceBytes = 0;
  #operandsEnd = 0;
  readonly #numbers: Uint32Array;
  readonly #references: Uint8Array;
  #predictor: ReferencePredictor | null = null;
  #operands: Uint32Array = new Uint32Array();

  constructor(
    private readonly kernel: CoderKernel,
    private readonly space: AddressSpace,
    private readonly bytesMax: number,
  ) {
    this.#numbers = kernel.pieces();
    this.#references = kernel.references();
  }

  /** How many words of the pieces are known to be addresses. */
  get operands(): number {
    return this.#operandsEnd / operandNumbers;
  }

  expectReferences(predictor: ReferencePredictor): void {
    this.#predictor = predictor;
    this.#operands = this.kernel.operands();
  }

  /** False when the piece must wait: for room, or for bytes that this batch makes. */
  fits(piece: PlacedPiece): boolean {
    if (this.pieces === 0) return true;
    if (this.pieces === batchPiecesMax || this.bytes + piece.bytes > this.bytesMax) return false;
    return piece.reference === null || piece.reference + piece.bytes <= this.space.madeUpTo;
  }

  /** False when the piece's references must be fetched before anything else is added. */
  add(piece: PlacedPiece): boolean {
    setPiece(this.#numbers, this.pieces, piece);
    this.pieces += 1;
    this.bytes += piece.bytes;
    if (piece.reference === null) return true;
    if (piece.reference + piece.bytes > this.space.madeUpTo) throw patchInvalid('a block refers to what is not made yet');
    const isKept = this.space.readKept(piece.reference, this.#room(piece));
    if (isKept) this.#take(piece, piece.reference);
    return isKept;
  }

  async fetch(piece: PlacedPiece): Promise<void> {
    if (piece.reference === null) return;
    await this.space.read(piece.reference, this.#room(piece));
    this.#take(piece, piece.reference);
  }

  clear(): void {
    this.pieces = 0;
    this.bytes = 0;
    this.#referenceBytes = 0;
    this.#operandsEnd = 0;
  }

  /** The piece, counted already, has its references in the room. */
  #take(piece: PlacedPiece, reference: number): void {
    if (this.#predictor !== null && reference + piece.bytes <= this.space.baseBytes) {
      const position = this.space.madeUpTo - this.space.baseBytes + this.bytes - piece.bytes;
      this.#operandsEnd = this.#predictor.predict(
        { reference, position, bytes: this.#room(piece) },
        this.#operands,
        this.#operandsEnd,
      );
    }
    this.#referenceBytes += piece.bytes;
  }

  #room(piece: PlacedPiece): Uint8Array {
    return this.#references.subarray(this.#referenceBytes, this.#referenceBytes + piece.bytes);
  }
}

/** Keeps a stream's buffer in the kernel filled. */
class StreamFeed {
  #offset = 0;
  #held = 0;

  constructor(
    private readonly kernel: CoderKernel,
    private readonly stream: number,
    private readonly source: ByteSource,
  ) {}

  /** Whether the buffer holds the stream's end. */
  get isLast(): boolean {
    return this.#offset === this.source.bytes;
  }

  async start(): Promise<void> {
    await this.refill();
    this.kernel.exports.prime();
  }

  /** Moves what is not read yet to the front and reads more behind it. */
  async refill(): Promise<void> {
    const { exports } = this.kernel;
    const buffer = this.kernel.stream(this.stream);
    exports.select(this.stream);
    const read = exports.consumed();
    buffer.copyWithin(0, read, this.#held);
    const left = this.#held - read;
    const wanted = Math.min(streamBytesMax - left, this.source.bytes - this.#offset);
    const count = await this.source.read(this.#offset, buffer.subarray(left, left + wanted));
    if (count < wanted || left < 0) throw patchInvalid('it is cut off');
    this.#offset += count;
    this.#held = left + count;
    exports.refilled(this.#held);
  }

  /** Refuses a stream that is too short before more is made of nothing. */
  check(): void {
    if (this.#over() > 3) throw patchInvalid('a stream is too short');
  }

  /** Refuses a stream with bytes that nobody asked for. */
  end(): void {
    this.kernel.exports.select(this.stream);
    if (!this.isLast || this.#over() < 0) throw patchInvalid('a stream is too long');
    this.check();
  }

  /** How many bytes after the end were asked for; they are taken for zeros. */
  #over(): number {
    return this.kernel.exports.consumed() - this.#held;
  }
}
