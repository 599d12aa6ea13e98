/**
 * A bzip2 stream, decoded as it is asked for: one block is held (at most 3.6 MB), and its first run-length coding,
 * which can make 46 MB of one block, is undone only as far as the caller's buffer goes.
 *
 *     bits   name       meaning
 *     32     signature  "BZh" and the level, '1'…'9': a block holds at most level × 100,000 bytes
 *     48     mark       0x314159265359: a block follows · 0x177245385090: the stream ends
 *     32     CRC        of the block, or at the end of all blocks
 *     1      randomised 0; blocks with 1 were last written in 1999 (bzip2 0.9.0) and are refused
 *     …      block      see bzip2-block.ts
 *
 * Beyond what libbzip2 refuses: bytes after the stream's end, concatenated streams (bspatch does not read them either),
 * Huffman codes with too many words. Every CRC is checked. All refusals are PATCH_INVALID; errors of the source and the
 * signal's reason pass through.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ByteSource } from '../../bytes/byte-source.js';
import { BitInput } from './bit-input.js';
import { Bzip2Block } from './bzip2-block.js';
import { bzip2CrcCombine, bzip2CrcStart, bzip2CrcUpdate } from './bzip2-crc.js';
import { patchInvalid } from './patch-invalid.js';

const signature = 0x425a68;
const blockMark = 0x314159265359;
const endMark = 0x177245385090;
/** Four equal bytes are followed by the number, 0…255, of further ones. */
const runCounted = 4;

export interface Bzip2ReaderOptions {
  /** Of the stream, for messages: "control". */
  readonly name?: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Usage: `nextBlock()` until it says false; after each, `take()` until it returns 0. Memory: at most 4 MiB, far less
 * for short streams. Not for concurrent use.
 */
export class Bzip2Reader {
  readonly #input: BitInput;
  readonly #signal: AbortSignal | undefined;
  #block: Bzip2Block | null = null;
  #ended = false;
  #streamCrc = 0;
  #blockCrcExpected = 0;
  #blockCrc = bzip2CrcStart;
  /** Of the block, before the run-length coding is undone. */
  #bytesLeft = 0;
  #index = 0;
  #byte = -1;
  #equal = 0;
  #repeatByte = 0;
  #repeats = 0;

  constructor(source: ByteSource, options: Bzip2ReaderOptions = {}) {
    this.#input = new BitInput(source, options.name ?? 'bzip2');
    this.#signal = options.signal;
  }

  /**
   * Goes on to the next block. The one before must have been taken to its end.
   * @returns false at the end of the stream, once every CRC was right and no byte follows. A block is never empty.
   */
  async nextBlock(): Promise<boolean> {
    this.#signal?.throwIfAborted();
    if (this.#ended) return false;
    if (this.#block === null) await this.#readSignature();
    else this.#closeBlock();
    await this.#input.fill(16);
    const mark = this.#input.readMark();
    const crc = this.#input.readCrc();
    if (mark === endMark) return this.#readEnd(crc);
    if (mark !== blockMark) throw this.#refusal('has no block where one should start');
    await this.#openBlock(crc);
    return true;
  }

  /** Decodes into `into`. @returns how many bytes; fewer than asked only at the end of a block, 0 once it has ended. */
  take(into: Uint8Array): number {
    const count = this.#expand(into);
    this.#blockCrc = bzip2CrcUpdate(this.#blockCrc, count === into.length ? into : into.subarray(0, count));
    return count;
  }

  /** Fills `into`. @throws PATCH_INVALID when the stream ends before. */
  async readFully(into: Uint8Array): Promise<void> {
    for (let at = 0; at < into.length; ) {
      const count = this.take(at === 0 ? into : into.subarray(at));
      at += count;
      if (count === 0 && !(await this.nextBlock())) throw this.#refusal('ends before the target is complete');
    }
  }

  /** @throws PATCH_INVALID unless everything was taken and the stream ends here, whole. */
  async end(): Promise<void> {
    // Taking once more tells: a count of no further equal bytes may be left in the block.
    if (this.take(new Uint8Array(1)) > 0 || (await this.nextBlock())) throw this.#refusal('goes on after the target is complete');
  }

  async #readSignature(): Promise<void> {
    await this.#input.fill(4);
    const found = this.#input.read(24);
    const level = this.#input.read(8) - 0x30;
    if (found !== signature || level < 1 || level > 9) throw this.#refusal('is not bzip2');
    this.#block = new Bzip2Block(level * 100_000);
  }

  async #openBlock(crc: number): Promise<void> {
    const block = this.#block as Bzip2Block;
    if (this.#input.read(1) === 1) throw this.#refusal('has a randomised block');
    await block.decode(this.#input);
    this.#blockCrcExpected = crc;
    this.#blockCrc = bzip2CrcStart;
    this.#bytesLeft = block.length;
    this.#index = block.first;
    this.#byte = -1;
    this.#equal = 0;
    // A block is up to a tenth of a second of work: others get their turn, a signal's timer among them.
    await nextTurn();
  }

  #closeBlock(): void {
    if (this.#bytesLeft > 0 || this.#repeats > 0) throw new RangeError('a block was left before its end');
    if (this.#equal === runCounted) throw this.#refusal('has a block that ends inside a run');
    if (~this.#blockCrc !== this.#blockCrcExpected) throw this.#refusal('has a block with a wrong CRC');
    this.#streamCrc = bzip2CrcCombine(this.#streamCrc, this.#blockCrcExpected);
  }

  async #readEnd(crc: number): Promise<false> {
    if (crc !== this.#streamCrc) throw this.#refusal('has a wrong CRC');
    await this.#input.fill(1);
    if (this.#input.unreadBytes() > 0) throw this.#refusal('is followed by bytes that belong to nothing');
    this.#ended = true;
    this.#block = null;
    return false;
  }

  #expand(into: Uint8Array): number {
    if (this.#block === null) return 0;
    const { chain } = this.#block;
    let at = 0;
    let index = this.#index;
    let left = this.#bytesLeft;
    let byte = this.#byte;
    let equal = this.#equal;
    while (at < into.length) {
      if (this.#repeats > 0) {
        at += this.#repeat(into, at);
        continue;
      }
      if (left === 0) break;
      const entry = chain[index] as number;
      index = entry >>> 8;
      left--;
      const next = entry & 255;
      if (equal === runCounted) {
        this.#repeatByte = byte;
        this.#repeats = next;
        byte = -1;
        equal = 0;
        continue;
      }
      equal = next === byte ? equal + 1 : 1;
      byte = next;
      into[at++] = next;
    }
    this.#index = index;
    this.#bytesLeft = left;
    this.#byte = byte;
    this.#equal = equal;
    return at;
  }

  #repeat(into: Uint8Array, at: number): number {
    const count = Math.min(this.#repeats, into.length - at);
    into.fill(this.#repeatByte, at, at + count);
    this.#repeats -= count;
    return count;
  }

  #refusal(what: string): Error {
    return patchInvalid(`the ${this.#input.name} stream ${what}`);
  }
}
