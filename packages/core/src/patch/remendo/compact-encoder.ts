/** Codes blocks and bytes in the compact profile; the mirror of compact-decoder.ts, over buffers in memory. */

import type { ReferencePredictor } from '../references/reference-predictor.js';
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
  takeCoderKernel,
} from './coder-kernel.js';
import { type Block, type PlacedPiece, piecesOf } from './patch-blocks.js';

export interface CompactStreams {
  readonly blocks: Uint8Array;
  readonly bytes: Uint8Array;
}

/** Everything that references can point to: bases, then targets. */
export interface EncodedSpace {
  readonly all: Uint8Array;
  readonly baseBytes: number;
}

/** The blocks cover the targets exactly, and keep to what `codeBlock` of the kernel and `Batch` of the decoder allow. */
export function encodeCompact(
  blocks: readonly Block[],
  space: EncodedSpace,
  sizes: CoderSizes,
  predictor: ReferencePredictor | null = null,
): CompactStreams {
  const kernel = takeCoderKernel();
  try {
    kernel.open(true, { bases: space.baseBytes, targets: space.all.length - space.baseBytes }, sizes, predictor !== null);
    const streams = { blocks: encodeBlocks(kernel, blocks), bytes: encodeBytes(kernel, blocks, { ...space, sizes, predictor }) };
    return streams;
  } finally {
    kernel.giveBack();
  }
}

function encodeBlocks(kernel: CoderKernel, blocks: readonly Block[]): Uint8Array {
  const output = new StreamOutput(kernel, blockStream);
  for (let first = 0; first < blocks.length; first += batchBlocksMax) {
    const numbers = kernel.blocks();
    const batch = blocks.slice(first, first + batchBlocksMax);
    for (const [index, block] of batch.entries()) numbers.set([block.copied, block.reference, block.fresh], index * 3);
    for (let done = 0; done < batch.length; ) {
      kernel.exports.select(blockStream);
      const coded = kernel.exports.codeBlocks(batch.length - done, false);
      if (coded < 1) throw new RangeError('the blocks are not possible, or more than the targets');
      output.take();
      numbers.copyWithin(0, coded * 3);
      done += coded;
    }
  }
  return output.finish();
}

interface EncodedBytes extends EncodedSpace {
  readonly sizes: CoderSizes;
  readonly predictor: ReferencePredictor | null;
}

function encodeBytes(kernel: CoderKernel, blocks: readonly Block[], space: EncodedBytes): Uint8Array {
  const { sizes } = space;
  const output = new StreamOutput(kernel, byteStream);
  const at = { address: space.baseBytes, bases: space.baseBytes, windowBits: sizes.windowBits };
  const bytesMax = Math.min(batchBytesMax, 2 ** sizes.windowBits);
  let batch: PlacedPiece[] = [];
  let batchBytes = 0;
  let batchAddress = space.baseBytes;
  const runBatch = (): void => {
    const operands = loadBatch(kernel, batch, { ...space, address: batchAddress, bytes: batchBytes });
    kernel.exports.select(byteStream);
    kernel.exports.begin(batch.length, operands);
    while (kernel.exports.run(false) > 0) output.take();
    output.take();
    batchAddress += batchBytes;
    batch = [];
    batchBytes = 0;
  };
  for (const block of blocks) {
    for (const piece of piecesOf(block, at)) {
      if (batch.length === batchPiecesMax || batchBytes + piece.bytes > bytesMax) runBatch();
      batch.push(piece);
      batchBytes += piece.bytes;
    }
    at.address += block.copied + block.fresh;
  }
  runBatch();
  return output.finish();
}

/** Returns how many operands are known. */
function loadBatch(
  kernel: CoderKernel,
  batch: readonly PlacedPiece[],
  { all, baseBytes, predictor, address, bytes }: EncodedBytes & { readonly address: number; readonly bytes: number },
): number {
  kernel.actual().set(all.subarray(address, address + bytes));
  const pieces = kernel.pieces();
  const references = kernel.references();
  const operands = predictor === null ? null : kernel.operands();
  let referenceBytes = 0;
  let operandsEnd = 0;
  let position = address - baseBytes;
  for (const [index, piece] of batch.entries()) {
    setPiece(pieces, index, piece);
    if (piece.reference !== null) {
      const predicted = all.subarray(piece.reference, piece.reference + piece.bytes);
      references.set(predicted, referenceBytes);
      referenceBytes += piece.bytes;
      if (predictor !== null && operands !== null && piece.reference + piece.bytes <= baseBytes)
        operandsEnd = predictor.predict({ reference: piece.reference, position, bytes: predicted }, operands, operandsEnd);
    }
    position += piece.bytes;
  }
  return operandsEnd / operandNumbers;
}

class StreamOutput {
  readonly #chunks: Uint8Array[] = [];

  constructor(
    private readonly kernel: CoderKernel,
    private readonly stream: number,
  ) {}

  take(): void {
    this.kernel.exports.select(this.stream);
    const count = this.kernel.exports.taken();
    if (count > 0) this.#chunks.push(this.kernel.stream(this.stream).slice(0, count));
  }

  finish(): Uint8Array {
    this.kernel.exports.select(this.stream);
    this.kernel.exports.flush();
    this.take();
    return Buffer.concat(this.#chunks);
  }
}
