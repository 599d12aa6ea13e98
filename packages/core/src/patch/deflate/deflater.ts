import { patchInvalid } from '../remendo/patch-invalid.js';
import { type DeflateKernel, type DeflateParameters, deflateVariants, kernelWants, takeDeflateKernel } from './deflate-kernel.js';

export type { DeflateParameters, DeflateVariant } from './deflate-kernel.js';
export { deflateVariants } from './deflate-kernel.js';

const idle: Deflater[] = [];

/** Lends a deflater; it is to be given back by `giveBackDeflater`. */
export function takeDeflater(): Deflater {
  return idle.pop() ?? new Deflater();
}

export function giveBackDeflater(deflater: Deflater): void {
  if (idle.length < 4) idle.push(deflater);
}

/**
 * Makes raw deflate streams (RFC 1951) again, bit for bit, from their plain bytes: `open`, `write` as often as there is
 * something, `end`; then the next stream. Takes under a megabyte whatever the stream's length. Whatever the corrections say, work and output are
 * bounded by the plain bytes and the corrections' own length.
 */
export class Deflater {
  readonly #kernel: DeflateKernel = takeDeflateKernel();
  #corrections: Uint8Array = new Uint8Array();
  #corrected = 0;

  /**
   * Begins a stream; one that was not ended is forgotten.
   * @param corrections what `reproduce` found: null, or nothing, when the model makes the stream. May be hostile; must not change until `end`.
   * @throws UpdaterError PATCH_INVALID when the parameters are none.
   */
  open(parameters: DeflateParameters, corrections: Uint8Array | null): void {
    const { variant, level, memLevel } = parameters;
    if (!deflateVariants.includes(variant) || !isLevel(level) || !isLevel(memLevel))
      throw patchInvalid('a stream’s parameters are none');
    this.#corrections = corrections ?? new Uint8Array();
    this.#kernel.open(parameters, this.#corrections.length === 0 ? 'plain' : 'corrected');
    this.#corrected = 0;
  }

  /**
   * Takes plain bytes. To be iterated to its end; what it yields holds until it is resumed.
   * @throws UpdaterError PATCH_INVALID when the corrections do not fit.
   */
  *write(plain: Uint8Array): Generator<Uint8Array, void, undefined> {
    for (let taken = 0; ; ) {
      const wants = this.#run();
      if (wants === kernelWants.output) yield this.#kernel.takeOutput();
      else if (wants === kernelWants.input && taken < plain.length) taken += this.#kernel.feed(plain.subarray(taken));
      else return;
    }
  }

  /** What is left of the stream, as `write` gives it. @throws UpdaterError PATCH_INVALID. */
  *end(): Generator<Uint8Array, void, undefined> {
    const { exports } = this.#kernel;
    exports.inputEnded();
    while (this.#run() !== kernelWants.nothing) yield this.#kernel.takeOutput();
    if (this.#corrections.length > 0 && exports.isCorrected() === 0) throw patchInvalid('a stream’s corrections are not used up');
    yield this.#kernel.takeOutput();
  }

  /** Until it wants input, or has output, or is at the end. */
  #run(): number {
    for (;;) {
      const wants = this.#kernel.exports.run();
      if (wants === kernelWants.refusal) throw patchInvalid('a stream’s corrections are not possible');
      if (wants !== kernelWants.corrections) return wants;
      this.#corrected = this.#kernel.feedCorrections(this.#corrections, this.#corrected);
    }
  }
}

const isLevel = (level: number): boolean => Number.isInteger(level) && level >= 1 && level <= 9;
