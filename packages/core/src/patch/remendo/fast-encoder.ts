/** Codes blocks and bytes in the fast profile; the mirror of fast-decoder.ts, over buffers in memory. */
import { brotliCompressSync, constants } from 'node:zlib';
import { ByteWriter } from '../../bytes/byte-writer.js';
import type { ReferencePredictor } from '../references/reference-predictor.js';
import { WordPredictor } from '../references/word-predictor.js';
import { pieceBytesMax } from './coder-kernel.js';
import type { EncodedSpace } from './compact-encoder.js';
import type { FastStreams } from './fast-decoder.js';
import type { Block } from './patch-blocks.js';

/** The streams before brotli. */
export function encodeFast(
  blocks: readonly Block[],
  space: EncodedSpace,
  predictor: ReferencePredictor | null = null,
): FastStreams<Uint8Array> {
  const list = new ByteWriter();
  const runs = new RunWriter(space, predictor === null ? null : new WordPredictor(predictor));
  const fresh: Uint8Array[] = [];
  let referenceEnd = 0;
  let address = space.baseBytes;
  for (const block of blocks) {
    list.varint(block.copied);
    if (block.copied > 0) {
      const difference = block.reference - referenceEnd;
      list.varint(difference < 0 ? -difference * 2 - 1 : difference * 2);
      runs.copy(block, address);
      referenceEnd = block.reference + block.copied;
    }
    list.varint(block.fresh);
    address += block.copied;
    fresh.push(space.all.subarray(address, address + block.fresh));
    address += block.fresh;
  }
  const { runs: runBytes, wrong } = runs.finish();
  const streams = { blocks: list.toBuffer(), runs: runBytes, wrong, fresh: Buffer.concat(fresh) };
  return { blocks: brotli(streams.blocks), runs: brotli(streams.runs), wrong: brotli(streams.wrong), fresh: brotli(streams.fresh) };
}

const brotli = (bytes: Uint8Array): Uint8Array =>
  brotliCompressSync(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: bytes.length > 8 * 1024 * 1024 ? 9 : 11,
      [constants.BROTLI_PARAM_LGWIN]: 24,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });

class RunWriter {
  readonly #runs = new ByteWriter();
  readonly #wrong = new ByteWriter();
  #isRight = true;
  #length = 0;

  constructor(
    private readonly space: EncodedSpace,
    private readonly predictor: WordPredictor | null,
  ) {}

  copy({ reference, copied }: Block, address: number): void {
    const { all, baseBytes } = this.space;
    const { predictor } = this;
    if (predictor === null || reference + copied > baseBytes) {
      this.#compare(all.subarray(address, address + copied), all.subarray(reference, reference + copied));
      return;
    }
    for (let start = 0; start < copied; start += pieceBytesMax) {
      const piece = predictor.room(Math.min(pieceBytesMax, copied - start));
      piece.set(all.subarray(reference + start, reference + start + piece.length));
      predictor.predict(piece, { reference: reference + start, position: address + start - baseBytes });
      this.#compare(all.subarray(address + start, address + start + piece.length), piece);
    }
  }

  #compare(actual: Uint8Array, predicted: Uint8Array): void {
    for (let index = 0; index < actual.length; index++) {
      const difference = ((actual[index] as number) - (predicted[index] as number)) & 255;
      if ((difference === 0) !== this.#isRight) this.#turn();
      this.#length += 1;
      if (difference !== 0) this.#wrong.u8(difference);
    }
  }

  finish() {
    if (this.#length > 0) this.#turn();
    return { runs: this.#runs.toBuffer(), wrong: this.#wrong.toBuffer() };
  }

  #turn(): void {
    this.#runs.varint(this.#length);
    this.#length = 0;
    this.#isRight = !this.#isRight;
  }
}
