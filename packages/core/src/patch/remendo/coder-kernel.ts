/** The compact profile's coder (kernels/coder.ts) as an object: one instance codes one patch at a time. */
import { type KernelMemory, kernelOf } from '../web-assembly.js';
import { kernelBase64 } from './coder-kernel.generated.js';

/** Sizes of what coder and decoder remember, as powers of two; written in the patch. */
export interface CoderSizes {
  /** Bytes of target made last that can be referred to without reading them again. */
  readonly windowBits: number;
  /** Bytes for bit histories of new bytes. */
  readonly historyBits: number;
  /** Bytes for bit histories about predicted bytes. */
  readonly guessBits: number;
}

interface CoderExports {
  readonly memory: KernelMemory;
  open(
    isEncoding: boolean,
    bases: number,
    targets: number,
    windowBits: number,
    historyBits: number,
    guessBits: number,
    hasOperands: boolean,
  ): void;
  codeBlocks(count: number, isLast: boolean): number;
  begin(pieces: number, operands: number): void;
  run(isLast: boolean): number;
  select(stream: number): void;
  consumed(): number;
  refilled(length: number): void;
  prime(): void;
  taken(): number;
  flush(): void;
  streamAt(stream: number): number;
  blocksAt(): number;
  piecesAt(): number;
  referencesAt(): number;
  actualAt(): number;
  windowAt(): number;
  operandsAt(): number;
}

/** What a stream's buffer holds; what one batch may make; how many blocks one call codes. As in the kernel. */
export const streamBytesMax = 65_536;
export const batchBytesMax = 262_144;
export const batchBlocksMax = 4_096;
export const batchPiecesMax = 8_192;
/** A block is coded in pieces of so many bytes. */
export const pieceBytesMax = 65_536;

/** Numbers of one operand: position, form, what it leads to, where that will be, addend (`openOperand` in the kernel). */
export const operandNumbers = 5;

export const blockStream = 0;
export const byteStream = 1;

const isNewBit = 0x8000_0000;
const newInstance = kernelOf<CoderExports>(kernelBase64);
/** Instances that nobody uses. Their memory never shrinks, so they are used again rather than made anew. */
const idle: CoderKernel[] = [];

/** Lends an instance; it is to be given back by `giveBack` when the patch is done. */
export function takeCoderKernel(): CoderKernel {
  return idle.pop() ?? new CoderKernel();
}

export class CoderKernel {
  readonly exports = newInstance();
  #memory = new Uint8Array();

  /** Everything as before the first byte. */
  open(
    isEncoding: boolean,
    bytes: { readonly bases: number; readonly targets: number },
    sizes: CoderSizes,
    hasOperands: boolean,
  ): void {
    const { windowBits, historyBits, guessBits } = sizes;
    this.exports.open(isEncoding, bytes.bases, bytes.targets, windowBits, historyBits, guessBits, hasOperands);
    this.#memory = new Uint8Array(this.exports.memory.buffer);
  }

  giveBack(): void {
    if (idle.length < 2) idle.push(this);
  }

  stream(which: number): Uint8Array {
    return this.#view(this.exports.streamAt(which), streamBytesMax);
  }

  /** Predicted bytes of the batch's pieces that are not predicted by the window, one after the other. */
  references(): Uint8Array {
    return this.#view(this.exports.referencesAt(), batchBytesMax);
  }

  /** The batch's bytes; only when encoding. */
  actual(): Uint8Array {
    return this.#view(this.exports.actualAt(), batchBytesMax);
  }

  window(windowBits: number): Uint8Array {
    return this.#view(this.exports.windowAt(), 2 ** windowBits);
  }

  /** Three numbers a block: copied bytes, their reference, new bytes. */
  blocks(): Uint32Array {
    return new Uint32Array(this.exports.memory.buffer, this.exports.blocksAt(), batchBlocksMax * 3);
  }

  /** Two numbers a piece; see `setPiece`. */
  pieces(): Uint32Array {
    return new Uint32Array(this.exports.memory.buffer, this.exports.piecesAt(), batchPiecesMax * 2);
  }

  /** `operandNumbers` numbers an operand; only when it was opened for them. */
  operands(): Uint32Array {
    return new Uint32Array(this.exports.memory.buffer, this.exports.operandsAt(), (batchBytesMax / 2) * operandNumbers);
  }

  #view(at: number, length: number): Uint8Array {
    return this.#memory.subarray(at, at + length);
  }
}

/** A part of a block: predicted by the reference buffer (distance 0), by the window so many bytes back, or new. */
export interface Piece {
  readonly bytes: number;
  readonly isNew: boolean;
  readonly distance: number;
}

export function setPiece(pieces: Uint32Array, index: number, { bytes, isNew, distance }: Piece): void {
  pieces[index * 2] = isNew ? bytes + isNewBit : bytes;
  pieces[index * 2 + 1] = distance;
}
