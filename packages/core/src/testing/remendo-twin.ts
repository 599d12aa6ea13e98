/**
 * A second decoder of the compact profile: plain TypeScript over whole buffers, to be read beside
 * docs/format/patch-v1.md. Tests hold the kernel to it. It trusts nobody either, and refuses with plain errors.
 */
import { ByteReader } from '../bytes/byte-reader.js';
import { sizeBounds } from '../patch/remendo/patch-header.js';
import { CopiedBytes, Guesses } from './remendo-twin-copied.js';
import { BinaryDecoder, lengthContext, NumberModel, numberKind } from './remendo-twin-decoder.js';
import { MadeBytes } from './remendo-twin-made.js';
import { NewBytes } from './remendo-twin-new.js';

const pieceBytesMax = 65_536;
const calm = 1024;
const chunkBytes = 256;

interface TwinPatch {
  readonly windowBits: number;
  readonly historyBits: number;
  readonly guessBits: number;
  readonly blocks: Uint8Array;
  readonly bytes: Uint8Array;
}

interface TwinBlock {
  readonly copied: number;
  readonly reference: number;
  readonly fresh: number;
}

/** The targets of a compact patch, one after the other. @throws Error when the patch is refused. */
export function decodeByTwin(bases: Uint8Array, patch: Uint8Array, targetBytes: number): Uint8Array {
  const parts = splitPatch(patch);
  const blocks = readBlocks(parts.blocks, bases.length, targetBytes);
  return new ByteTwin(bases, parts, targetBytes).make(blocks);
}

function splitPatch(patch: Uint8Array): TwinPatch {
  const reader = new ByteReader(patch);
  if (reader.u8() !== 0x10) throw new Error('it is not a compact patch of version 1');
  reader.varint();
  if (reader.varint() !== 0) throw new Error('it has transforms');
  const [windowBits = 0, historyBits = 0, guessBits = 0] = reader.take(3);
  const isWithin = (bits: number, { min, max }: { min: number; max: number }): boolean => bits >= min && bits <= max;
  const { windowBits: window, historyBits: history, guessBits: guess } = sizeBounds;
  if (!isWithin(windowBits, window) || !isWithin(historyBits, history) || !isWithin(guessBits, guess)) {
    throw new Error('its sizes are not possible');
  }
  const blocks = reader.take(reader.varint());
  return { windowBits, historyBits, guessBits, blocks, bytes: reader.take(reader.remaining) };
}

function readBlocks(stream: Uint8Array, baseBytes: number, targetBytes: number): readonly TwinBlock[] {
  const list = new BlockList(new BinaryDecoder(stream), baseBytes, baseBytes + targetBytes);
  const blocks: TwinBlock[] = [];
  for (let block = list.next(); block !== null; block = list.next()) blocks.push(block);
  list.decoder.end();
  return blocks;
}

class BlockList {
  readonly #numbers = new NumberModel();
  /** Distances from references to what they make, the last one first. */
  #distances: readonly number[];
  #referenceEnd = 0;
  #lastFresh = 0;
  #lastKind = 0;

  constructor(
    readonly decoder: BinaryDecoder,
    private address: number,
    private readonly end: number,
  ) {
    this.#distances = [address, address, address, address];
  }

  next(): TwinBlock | null {
    if (this.address === this.end) return null;
    const copied = this.#number(numberKind.copied, lengthContext(this.#lastFresh));
    if (copied > this.end - this.address) throw new Error('it copies more than its targets have');
    const reference = copied === 0 ? 0 : this.#readReference(copied);
    const fresh = this.#number(numberKind.fresh, lengthContext(copied));
    if (fresh > this.end - this.address - copied) throw new Error('it makes more than its targets');
    if (copied + fresh === 0) throw new Error('a block is empty');
    this.#lastFresh = fresh;
    this.address += copied + fresh;
    return { copied, reference, fresh };
  }

  #readReference(copied: number): number {
    const kind = this.#number(numberKind.referenceKind, this.#lastKind);
    this.#lastKind = kind & 7;
    const reference = this.#referenceOf(kind) >>> 0;
    if (reference >= this.address) throw new Error('a reference is not before what it makes');
    const distance = this.address - reference;
    const found = this.#distances.slice(0, 3).indexOf(distance);
    const others = this.#distances.filter((_, index) => index !== (found < 0 ? 3 : found));
    this.#distances = [distance, ...others];
    this.#referenceEnd = reference + copied;
    return reference;
  }

  #referenceOf(kind: number): number {
    if (kind === 0) return this.#referenceEnd;
    if (kind <= 4) return this.address - (this.#distances[kind - 1] as number);
    const context = lengthContext(this.#lastFresh);
    if (kind === 5) return this.#referenceEnd + this.#number(numberKind.forwards, context);
    return this.#referenceEnd - this.#number(numberKind.backwards, context);
  }

  #number(kind: number, context: number): number {
    return this.#numbers.read(this.decoder, kind, context);
  }
}

/** Where the predicted bytes of a piece are: an address, or so far back in the window. */
type Prediction = { readonly kind: 'far'; readonly reference: number } | { readonly kind: 'near'; readonly distance: number };

class ByteTwin {
  readonly #decoder: BinaryDecoder;
  readonly #made: MadeBytes;
  readonly #numbers = new NumberModel();
  readonly #copied: CopiedBytes;
  readonly #new: NewBytes;
  readonly #windowBytes: number;
  #lastRun = 0;

  constructor(
    private readonly bases: Uint8Array,
    patch: TwinPatch,
    targetBytes: number,
  ) {
    this.#decoder = new BinaryDecoder(patch.bytes);
    this.#made = new MadeBytes(targetBytes, patch.windowBits);
    const guesses = new Guesses(patch.guessBits);
    this.#copied = new CopiedBytes(this.#decoder, this.#made, guesses);
    this.#new = new NewBytes(this.#decoder, this.#made, guesses, patch.historyBits);
    this.#windowBytes = 2 ** patch.windowBits;
  }

  make(blocks: readonly TwinBlock[]): Uint8Array {
    for (const { copied, reference, fresh } of blocks) {
      const distance = this.#address - reference;
      const near = reference >= this.bases.length && distance <= this.#windowBytes;
      for (let done = 0; done < copied; done += pieceBytesMax) {
        const prediction = near ? ({ kind: 'near', distance } as const) : ({ kind: 'far', reference: reference + done } as const);
        this.#copyPiece(Math.min(pieceBytesMax, copied - done), prediction);
      }
      for (let done = 0; done < fresh; done++) this.#makeNew();
    }
    this.#decoder.end();
    return this.#made.bytes;
  }

  get #address(): number {
    return this.bases.length + this.#made.position;
  }

  #makeNew(): void {
    const byte = this.#new.read();
    this.#made.followMatch(byte);
    this.#made.append(byte);
    this.#made.findMatch();
  }

  #copyPiece(bytes: number, prediction: Prediction): void {
    if (prediction.kind === 'far' && prediction.reference + bytes > this.#address) throw new Error('it refers to what is not made');
    const shift = prediction.kind === 'near' ? prediction.distance : this.#address - prediction.reference;
    const predict = (ahead: number): number => this.#byteAt(this.#address + ahead - shift);
    /** What is predicted after this byte is not known beyond the piece, nor where the piece itself has yet to make it. */
    const knownEnd = prediction.kind === 'near' ? prediction.distance : bytes;
    let chunkLeft = 0;
    for (let left = bytes; left > 0; ) {
      if (this.#copied.since >= calm && chunkLeft === 0) {
        const run = this.#readRun(left);
        for (let done = 0; done < run; done++) this.#skipByte(predict(0));
        if (run > 0) this.#copied.skip(run);
        left -= run;
        chunkLeft = Math.min(left, chunkBytes);
        if (run > 0) continue;
      }
      const end = Math.min(left, knownEnd);
      const ahead = [1, 2, 3].reduce((three, at) => three | (at < end ? predict(at) << (8 * at - 8) : 0), 0);
      const { byte, wrong } = this.#copied.read({ predicted: predict(0), ahead, surelyWrong: chunkLeft === 1 });
      this.#made.append(byte);
      this.#made.endMatch(4);
      left -= 1;
      chunkLeft = wrong ? 0 : Math.max(0, chunkLeft - 1);
    }
  }

  #skipByte(byte: number): void {
    this.#made.append(byte);
    this.#made.endMatch(8);
  }

  /** How many bytes are as predicted and not asked for: whole chunks, or all that is left. */
  #readRun(left: number): number {
    const chunks = Math.min(Math.ceil(left / chunkBytes), this.#numbers.read(this.#decoder, numberKind.calmChunks, this.#lastRun));
    this.#lastRun = lengthContext(chunks);
    return Math.min(left, chunks * chunkBytes);
  }

  #byteAt(address: number): number {
    return (address < this.bases.length ? this.bases[address] : this.#made.bytes[address - this.bases.length]) as number;
  }
}
