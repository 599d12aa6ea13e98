/** The twin's model of copied bytes: is a byte the predicted one, and if not, which. */
import { Chances, clampChance, clampLogarithm, constantLogarithm, hash, Mixer, squash } from './remendo-twin-chances.js';
import type { BinaryDecoder } from './remendo-twin-decoder.js';
import type { MadeBytes } from './remendo-twin-made.js';

const usesMax = 255;

/** How many predictions in a row were right, in 13 steps. */
const sinceStep = (since: number): number =>
  since < 16 ? since >> 1 : since < 32 ? 8 : since < 64 ? 9 : since < 256 ? 10 : since < 4096 ? 11 : 12;

/** Yes or no from up to eight contexts, each of them a chance in one hashed table. */
export class FlagModel {
  readonly #chances: Chances;
  readonly #shift: number;

  constructor(tableBits: number) {
    this.#chances = new Chances({ count: 2 ** tableBits });
    this.#shift = 32 - tableBits;
  }

  /** @param contexts by the number that is hashed with each. */
  read(decoder: BinaryDecoder, contexts: readonly (readonly [number, number])[], mixing: { mixer: Mixer; set: number }): number {
    const slots = contexts.map(([kind, context]) => hash(context, kind) >>> this.#shift);
    const logarithms = [...slots.map((slot) => this.#chances.logarithm(slot)), constantLogarithm];
    const p = clampChance(squash(clampLogarithm(mixing.mixer.mix(mixing.set, logarithms))));
    const bit = decoder.bit(p);
    mixing.mixer.learn(mixing.set, logarithms, { bit, p });
    for (const slot of slots) this.#chances.learn(slot, bit, usesMax);
    return bit;
  }
}

export class CopiedBytes {
  /** Predictions that were right since one was wrong. */
  since = 0;
  /** The last answers, the last one lowest; 1 for wrong. */
  #flags = 0;
  #lastPredicted = 0;
  #lastPredicted2 = 0;
  #lastDifference = 0;
  readonly #flagMixer = new Mixer(13 * 4, 4915, 14);
  readonly #differences: Chances;
  readonly #differenceShift: number;
  readonly #differenceMixer = new Mixer(256, 4588, 12);

  constructor(
    private readonly decoder: BinaryDecoder,
    private readonly made: MadeBytes,
    private readonly flagModel: FlagModel,
    tableBits: number,
  ) {
    this.#differences = new Chances({ count: 2 ** tableBits });
    this.#differenceShift = 32 - tableBits;
  }

  /**
   * @param next the byte that is predicted after this one; 0 when it is not known.
   * @param surelyWrong is not asked for.
   */
  read({ predicted, next, surelyWrong }: { predicted: number; next: number; surelyWrong: boolean }): {
    byte: number;
    wrong: boolean;
  } {
    const wrong = surelyWrong || this.#readWrong(predicted, next) === 1;
    if (wrong) this.#lastDifference = this.#readDifference(predicted);
    this.since = wrong ? 0 : this.since + 1;
    this.#flags = ((this.#flags << 1) | (wrong ? 1 : 0)) >>> 0;
    this.#lastPredicted2 = this.#lastPredicted;
    this.#lastPredicted = predicted;
    return { byte: wrong ? (predicted + this.#lastDifference) & 255 : predicted, wrong };
  }

  /** So many bytes were as predicted and not asked for one by one. */
  skip(count: number): void {
    this.since += count;
    this.#flags = 0;
  }

  #readWrong(predicted: number, next: number): number {
    const step = sinceStep(this.since);
    const flags = this.#flags;
    const last = this.made.back(1);
    const contexts = [
      [1, flags & 0xffff],
      [2, (flags & 0xff) | (step << 8)],
      [3, predicted | ((flags & 15) << 8)],
      [4, predicted | (last << 8) | ((flags & 3) << 16)],
      [5, predicted | (this.#lastPredicted << 8) | (this.#lastPredicted2 << 16) | (step << 24)],
      [6, predicted | (next << 8) | (last << 16) | ((flags & 1) << 24)],
      [7, this.since < 63 ? this.since : 63 + step],
    ] as const;
    return this.flagModel.read(this.decoder, contexts, { mixer: this.#flagMixer, set: step * 4 + (flags & 3) });
  }

  /** What the byte is more than the predicted one, modulo 256: eight bits, the highest first. */
  #readDifference(predicted: number): number {
    const [last, last2] = [this.made.back(1), this.made.back(2)];
    const hashes = [
      hash(0, 1),
      hash(predicted, 2),
      hash(this.#lastDifference | (Math.min(8, this.since) << 8), 3),
      hash(this.#flags & 255, 4),
      hash(last | (predicted << 8), 5),
      hash(last | (last2 << 8) | (predicted << 16), 6),
      hash(this.#lastDifference | (predicted << 8), 7),
      hash(this.#lastPredicted | (predicted << 8) | ((this.#flags & 15) << 16), 8),
    ];
    let node = 1;
    while (node < 256) node = node * 2 + this.#readDifferenceBit(hashes, node);
    return node - 256;
  }

  #readDifferenceBit(hashes: readonly number[], node: number): number {
    const slots = hashes.map((context) => Math.imul(context + Math.imul(node, 0x9e3779b1), 0x2c1b3c6d) >>> this.#differenceShift);
    const logarithms = slots.map((slot) => this.#differences.logarithm(slot));
    const p = clampChance(squash(clampLogarithm(this.#differenceMixer.mix(node, logarithms))));
    const bit = this.decoder.bit(p);
    this.#differenceMixer.learn(node, logarithms, { bit, p });
    for (const slot of slots) this.#differences.learn(slot, bit, usesMax);
    return bit;
  }
}
