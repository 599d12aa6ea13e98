/**
 * A second decoder of the compact profile: plain TypeScript over whole buffers, to be read beside
 * docs/format/patch-v1.md. Tests hold the kernel to it. It trusts nobody either, and refuses with plain errors. Of the transforms
 * it knows `references`; what finds them and says where they lead is the decoder's own, as there is only one.
 */
import { ByteReader } from '../bytes/byte-reader.js';
import { decodeImages } from '../patch/references/images-format.js';
import { ReferencePredictor } from '../patch/references/reference-predictor.js';
import { RelocatedWords } from '../patch/references/relocated-words.js';
import { sizeBounds } from '../patch/remendo/patch-header.js';
import { CopiedBytes, Guesses } from './remendo-twin-copied.js';
import { BinaryDecoder, lengthContext, NumberModel, numberKind } from './remendo-twin-decoder.js';
import { MadeBytes } from './remendo-twin-made.js';
import { NewBytes } from './remendo-twin-new.js';
import { Operands, type TwinOperand } from './remendo-twin-operands.js';

const pieceBytesMax = 65_536;
const calm = 1024;
const chunkBytes = 256;
const referencesNumber = 2;
const operandNumbers = 5;

interface TwinPatch {
  /** The data of the transform; null when the patch does not know references. */
  readonly references: Uint8Array | null;
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
  const predictor = parts.references === null ? null : predictorOf(parts.references, bases, { blocks, targetBytes });
  return new ByteTwin(bases, { ...parts, predictor }, targetBytes).make(blocks);
}

function predictorOf(
  data: Uint8Array,
  bases: Uint8Array,
  { blocks, targetBytes }: { readonly blocks: readonly TwinBlock[]; readonly targetBytes: number },
): ReferencePredictor {
  const images = decodeImages(data, { baseBytes: bases.length, targetBytes });
  const tables = images.bases.flatMap((image) => {
    const { relocations } = image;
    return relocations === null
      ? []
      : [{ image, bytes: bases.subarray(relocations.address, relocations.address + relocations.bytes) }];
  });
  return new ReferencePredictor(images, blocks, { baseBytes: bases.length, relocated: new RelocatedWords(tables) });
}

function splitPatch(patch: Uint8Array): TwinPatch {
  const reader = new ByteReader(patch);
  if (reader.u8() !== 0x10) throw new Error('it is not a compact patch of version 1');
  reader.varint();
  const transforms = reader.varint();
  if (transforms > 1 || (transforms === 1 && reader.u8() !== referencesNumber)) throw new Error('it has other transforms');
  const referenceBytes = transforms === 1 ? reader.varint() : null;
  // What it saves.
  if (transforms === 1) reader.varint();
  const [windowBits = 0, historyBits = 0, guessBits = 0] = reader.take(3);
  const isWithin = (bits: number, { min, max }: { min: number; max: number }): boolean => bits >= min && bits <= max;
  const { windowBits: window, historyBits: history, guessBits: guess } = sizeBounds;
  if (!isWithin(windowBits, window) || !isWithin(historyBits, history) || !isWithin(guessBits, guess)) {
    throw new Error('its sizes are not possible');
  }
  const blockBytes = reader.varint();
  const references = referenceBytes === null ? null : reader.take(referenceBytes);
  const blocks = reader.take(blockBytes);
  return { windowBits, historyBits, guessBits, references, blocks, bytes: reader.take(reader.remaining) };
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
  readonly #operands: Operands;
  readonly #windowBytes: number;
  #lastRun = 0;

  constructor(
    private readonly bases: Uint8Array,
    private readonly patch: TwinPatch & { readonly predictor: ReferencePredictor | null },
    targetBytes: number,
  ) {
    this.#decoder = new BinaryDecoder(patch.bytes);
    this.#made = new MadeBytes(targetBytes, patch.windowBits);
    const guesses = new Guesses(patch.guessBits);
    this.#copied = new CopiedBytes(this.#decoder, this.#made, guesses);
    this.#new = new NewBytes(this.#decoder, this.#made, guesses, patch.historyBits);
    const models = { guesses, numbers: this.#numbers, copied: this.#copied };
    this.#operands = new Operands(this.#decoder, this.#made, models);
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
    const operands = prediction.kind === 'far' ? this.#operandsOf(prediction.reference, bytes) : new Map<number, TwinOperand>();
    let chunkLeft = 0;
    for (let left = bytes; left > 0; ) {
      if (this.#copied.since >= calm && chunkLeft === 0) {
        const run = this.#readRun(left);
        let done = 0;
        while (done < run) done += this.#skip(operands.get(this.#made.position), predict);
        if (done > 0) this.#copied.skip(done);
        left -= done;
        // The last operand may reach beyond the chunk.
        chunkLeft = Math.min(left, chunkBytes - (done - run));
        if (done > 0) continue;
      }
      const operand = operands.get(this.#made.position);
      const { made, isWrong } =
        operand === undefined
          ? this.#copyByte(predict, Math.min(left, knownEnd), chunkLeft === 1)
          : this.#copyWord(operand, predict);
      left -= made;
      chunkLeft = isWrong ? 0 : Math.max(0, chunkLeft - made);
    }
  }

  /** Operands of a piece, by their positions; none of one that goes on into the targets. */
  #operandsOf(reference: number, bytes: number): ReadonlyMap<number, TwinOperand> {
    const { predictor } = this.patch;
    if (predictor === null || reference + bytes > this.bases.length) return new Map();
    const numbers = new Uint32Array((bytes / 2 + 1) * operandNumbers);
    const part = { reference, position: this.#made.position, bytes: this.bases.subarray(reference, reference + bytes) };
    const end = predictor.predict(part, numbers, 0);
    const found = new Map<number, TwinOperand>();
    for (let at = 0; at < end; at += operandNumbers) {
      const [position = 0, form = 0, key = 0, mapped = 0, addend = 0] = numbers.subarray(at, at + operandNumbers);
      found.set(position, { position, form, key, mapped, addend });
    }
    return found;
  }

  #copyByte(predict: (ahead: number) => number, end: number, surelyWrong: boolean) {
    const ahead = [1, 2, 3].reduce((three, at) => three | (at < end ? predict(at) << (8 * at - 8) : 0), 0);
    const { byte, wrong } = this.#copied.read({ predicted: predict(0), ahead, surelyWrong });
    this.#made.append(byte);
    this.#made.endMatch(4);
    return { made: 1, isWrong: wrong };
  }

  #copyWord(operand: TwinOperand, predict: (ahead: number) => number) {
    const { bytes, isWrong } = this.#operands.read(operand, [0, 1, 2, 3].map(predict));
    for (const byte of bytes) {
      this.#made.append(byte);
      this.#made.endMatch(4);
    }
    this.#copied.endWord(bytes.length, isWrong);
    return { made: bytes.length, isWrong };
  }

  /** Makes what is as predicted: a byte, or an operand; returns how many bytes. */
  #skip(operand: TwinOperand | undefined, predict: (ahead: number) => number): number {
    if (operand === undefined) {
      this.#skipByte(predict(0));
      return 1;
    }
    const bytes = this.#operands.expected(operand, [0, 1, 2, 3].map(predict));
    for (const byte of bytes) this.#made.append(byte);
    return bytes.length;
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
