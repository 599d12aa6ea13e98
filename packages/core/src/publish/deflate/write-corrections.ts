/** Writes down what a stream has that the model would not have made; the list is described in kernels/deflate-corrections.ts. */
import type { DeflateKernel, DeflateParameters } from '../../patch/deflate/deflate-kernel.js';
import { isModelsBlock, type TokenRecords } from './compare-stream.js';
import type { ParsedStream, StreamBlock } from './parse-stream.js';

const literalEvent = 0;
const placedEvent = 2;
const blockEvent = 3;
const flipped = 0;
const empty = 1;
const kindsFrom = 2;
const nothing = 8;
/** From here on a record's third number is a distance. */
const isDistance = 2 ** 31;

/** @param records of the whole stream, by the same parameters. */
export function writeCorrections(
  kernel: DeflateKernel,
  stream: ParsedStream,
  { records, parameters }: { readonly records: TokenRecords; readonly parameters: DeflateParameters },
): Uint8Array {
  const writer = new CorrectionsWriter(records);
  // The nearest model is never gzip's: see `nearestModel`.
  const blockTokens = 2 ** (parameters.memLevel + 6) - 1;
  for (const block of stream.blocks) {
    const count = block.to - block.from;
    if (isModelsBlock(kernel, stream.tokens, block)) {
      if (count > blockTokens) writer.flip(block.from + blockTokens);
      const endsByModel = count === blockTokens && !isEndOfLazy(stream, block, parameters);
      if (count === 0 && !block.isLast) writer.empty(block.to);
      else if (endsByModel === block.isLast) writer.flip(block.to);
    } else {
      writer.begin(block);
      if (block.kind === 0 || block.isLast) continue;
      if (count === 0) writer.empty(block.to);
      else writer.flip(block.to);
    }
  }
  return writer.end();
}

/** A lazy level takes a literal at the very end without asking whether the block is full. */
function isEndOfLazy({ tokens, blocks }: ParsedStream, block: StreamBlock, { level }: DeflateParameters): boolean {
  const isAtEnd =
    block.to === tokens.length && blocks.slice(blocks.indexOf(block) + 1).every(({ storedBytes }) => storedBytes === 0);
  return level > 3 && isAtEnd && ((tokens[block.to - 1] ?? 0) & 0xffff) === 0;
}

class CorrectionsWriter {
  #bytes = new Uint8Array(1024);
  #length = 0;
  /** Tokens before the event that was written last, that one's included. */
  #tokens = 0;
  #record = 0;

  constructor(private readonly records: TokenRecords) {}

  flip(tokens: number): void {
    this.#event(tokens, blockEvent);
    this.#byte(flipped);
  }

  empty(tokens: number): void {
    this.#event(tokens, blockEvent);
    this.#byte(empty);
  }

  begin({ kind, isLast, from, storedBytes, trees }: StreamBlock): void {
    this.#event(from, blockEvent);
    this.#byte(kindsFrom + 2 * kind + (isLast ? 1 : 0));
    if (kind === 0) this.#varint(storedBytes);
    for (const byte of trees) this.#byte(byte);
  }

  /** At least one event: no corrections would mean another use of the model. */
  end(): Uint8Array {
    this.#recordsBefore(Number.POSITIVE_INFINITY);
    if (this.#length === 0) {
      this.#event(0, blockEvent);
      this.#byte(nothing);
    }
    return this.#bytes.slice(0, this.#length);
  }

  #recordsBefore(tokens: number): void {
    for (; (this.records[this.#record] ?? Number.POSITIVE_INFINITY) < tokens; this.#record += 3) {
      const [before = 0, what = 0, where = 0] = this.records.subarray(this.#record, this.#record + 3);
      const code = what & 255;
      this.#varint((before - this.#tokens) * 4 + code);
      this.#tokens = before + 1;
      if (code === literalEvent) continue;
      this.#byte(what >>> 8);
      if (code !== placedEvent) continue;
      this.#varint(where < isDistance ? where : 0);
      if (where >= isDistance) this.#varint(where - isDistance);
    }
  }

  #event(tokens: number, code: number): void {
    this.#recordsBefore(tokens);
    this.#varint((tokens - this.#tokens) * 4 + code);
    this.#tokens = tokens;
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.#byte((rest % 128) + 128);
    this.#byte(rest);
  }

  #byte(byte: number): void {
    if (this.#length === this.#bytes.length) {
      const more = new Uint8Array(this.#length * 2);
      more.set(this.#bytes);
      this.#bytes = more;
    }
    this.#bytes[this.#length++] = byte;
  }
}
