/** The model of deflate compressors (kernels/deflate.ts) as an object: one instance makes one stream at a time. */
import { type KernelMemory, kernelOf } from '../web-assembly.js';
import { kernelBase64 } from './deflate-kernel.generated.js';

/**
 * Whose way of compressing a stream was made; `zip` is Info-ZIP, `chromium` its zlib, which is Node's too,
 * `filtered` zlib with the strategy that libpng chooses. What is added goes to the end: numbers of them are in patches.
 */
export const deflateVariants = ['zlib', 'gzip', 'zip', 'chromium', 'filtered'] as const;
export type DeflateVariant = (typeof deflateVariants)[number];

export interface DeflateParameters {
  readonly variant: DeflateVariant;
  /** 1 … 9. */
  readonly level: number;
  /** 1 … 9; zlib's is 8 where nobody chose one. Means nothing to gzip and zip. */
  readonly memLevel: number;
}

/** Make what the model makes; make it with corrections; find out where the model is wrong about a stream. */
export type DeflateUse = 'plain' | 'corrected' | 'compared';
const uses: readonly DeflateUse[] = ['plain', 'corrected', 'compared'];

/** What the kernel needs to go on. */
export const kernelWants = { input: 0, output: 1, nothing: 2, corrections: 3, tokens: 4, refusal: 5 } as const;

interface DeflateExports {
  readonly memory: KernelMemory;
  open(variant: number, level: number, memLevel: number, use: number): void;
  run(): number;
  inputAt(): number;
  inputRoom(): number;
  inputFed(bytes: number): void;
  inputEnded(): void;
  outputAt(): number;
  outputLength(): number;
  outputTaken(): void;
  correctionsAt(): number;
  correctionsRoom(): number;
  correctionsFed(bytes: number, isLast: boolean): void;
  isCorrected(): number;
  toldAt(): number;
  toldRoom(): number;
  toldFed(count: number, isLast: boolean): void;
  tallyTold(): void;
  writeToldTrees(): number;
  recordsAt(): number;
  takeRecords(): number;
}

const newInstance = kernelOf<DeflateExports>(kernelBase64);
/** Instances that nobody uses; each keeps less than a megabyte. */
const idle: DeflateKernel[] = [];

/** Lends an instance; it is to be given back by `giveBack` when the streams are made. */
export function takeDeflateKernel(): DeflateKernel {
  return idle.pop() ?? new DeflateKernel();
}

export class DeflateKernel {
  readonly exports = newInstance();
  #memory = new Uint8Array();

  /** Everything as before the first byte. */
  open({ variant, level, memLevel }: DeflateParameters, use: DeflateUse): void {
    this.exports.open(deflateVariants.indexOf(variant), level, memLevel, uses.indexOf(use));
    this.#memory = new Uint8Array(this.exports.memory.buffer);
  }

  giveBack(): void {
    if (idle.length < 4) idle.push(this);
  }

  /** Gives input that `run` wanted. @returns how many bytes were taken, all or as many as there is room for. */
  feed(input: Uint8Array): number {
    const bytes = Math.min(input.length, this.exports.inputRoom());
    this.#memory.set(input.subarray(0, bytes), this.exports.inputAt());
    this.exports.inputFed(bytes);
    return bytes;
  }

  /** Gives corrections from `offset` on. @returns where those begin that were not taken. */
  feedCorrections(corrections: Uint8Array, offset: number): number {
    const at = this.exports.correctionsAt();
    const end = Math.min(corrections.length, offset + this.exports.correctionsRoom());
    this.#memory.set(corrections.subarray(offset, end), at);
    this.exports.correctionsFed(end - offset, end === corrections.length);
    return end;
  }

  /** Gives tokens, as `feedCorrections` does; each is a distance above a length in 16 bits. */
  feedTokens(tokens: Uint32Array, offset: number): number {
    const at = this.exports.toldAt();
    const end = Math.min(tokens.length, offset + this.exports.toldRoom());
    new Uint32Array(this.#memory.buffer, at).set(tokens.subarray(offset, end));
    this.exports.toldFed(end - offset, end === tokens.length);
    return end;
  }

  /** What was made; holds until the next call of anything. */
  takeOutput(): Uint8Array {
    const at = this.exports.outputAt();
    const output = this.#memory.subarray(at, at + this.exports.outputLength());
    this.exports.outputTaken();
    return output;
  }

  /** Three numbers a record, see the kernel; hold until the next call. */
  takeRecords(): Uint32Array {
    return new Uint32Array(this.#memory.buffer, this.exports.recordsAt(), this.exports.takeRecords() * 3);
  }
}
