/** The twin's model of copied bytes: is a byte the predicted one, and if not, which. */
import { clampChance, clampLogarithm, hash, Mixer, SteadyChances, squash } from './remendo-twin-chances.js';
import type { BinaryDecoder } from './remendo-twin-decoder.js';
import { historyChances, nextHistories } from './remendo-twin-histories.js';
import type { MadeBytes } from './remendo-twin-made.js';

/** What guesses are about: kinds from here on. */
const wrongKind = 0;
const differenceKind = 8;
export const unexpectedKind = 16;
const kinds = 32;

/** How many predictions in a row were right, in 13 steps. */
const sinceStep = (since: number): number =>
  since < 16 ? since >> 1 : since < 32 ? 8 : since < 64 ? 9 : since < 256 ? 10 : since < 4096 ? 11 : 12;

/** A history in the common table, and what it means to. */
interface Guess {
  readonly kind: number;
  readonly slot: number;
}

/** Bit histories of contexts, one byte each, in one hashed table; the chance of each history is learnt for each kind. */
export class Guesses {
  readonly #histories: Uint8Array;
  readonly #shift: number;
  readonly #chances = Array.from({ length: kinds }, () => new SteadyChances(historyChances));

  constructor(guessBits: number) {
    this.#histories = new Uint8Array(2 ** guessBits);
    this.#shift = 32 - guessBits;
  }

  /** Contexts of kinds from `firstKind` on. */
  guessesOf(firstKind: number, contexts: readonly number[]): readonly Guess[] {
    return contexts.map((context, index) => {
      const kind = firstKind + index;
      return { kind, slot: hash(context, kind + 1) >>> this.#shift };
    });
  }

  /** The same contexts at a node of a tree. */
  guessesAt(node: number, firstKind: number, hashes: readonly number[]): readonly Guess[] {
    return hashes.map((hashed, index) => {
      const slot = Math.imul(hashed + Math.imul(node, 0x9e3779b1), 0x2c1b3c6d) >>> this.#shift;
      return { kind: firstKind + index, slot };
    });
  }

  /** @param constants are mixed in behind the guesses. */
  read(
    decoder: BinaryDecoder,
    guesses: readonly Guess[],
    { mixer, set, constants = [] }: { readonly mixer: Mixer; readonly set: number; readonly constants?: readonly number[] },
  ): number {
    const known = guesses.map(({ kind, slot }) => ({
      slot,
      chances: this.#chances[kind] as SteadyChances,
      history: this.#histories[slot] as number,
    }));
    const logarithms = [...known.map(({ chances, history }) => chances.logarithm(history)), ...constants];
    const p = clampChance(squash(clampLogarithm(mixer.mix(set, logarithms))));
    const bit = decoder.bit(p);
    mixer.learn(set, logarithms, { bit, p });
    for (const { slot, chances, history } of known) {
      chances.learn(history, bit);
      // Two guesses may share a slot: its history then goes on twice.
      this.#histories[slot] = nextHistories[(this.#histories[slot] as number) * 2 + bit] as number;
    }
    return bit;
  }
}

export class CopiedBytes {
  /** Predictions that were right since one was wrong. */
  since = 0;
  /** The last answers, the last one lowest; 1 for wrong. */
  flags = 0;
  #lastPredicted = 0;
  #lastPredicted2 = 0;
  #lastDifference = 0;
  readonly #wrongMixer = new Mixer(13 * 4, 4915, 14);
  readonly #differenceMixer = new Mixer(256, 5243, 20);

  constructor(
    private readonly decoder: BinaryDecoder,
    private readonly made: MadeBytes,
    private readonly guesses: Guesses,
  ) {}

  /**
   * @param ahead the three bytes that are predicted after this one, the first lowest; 0 for those that are not known.
   * @param surelyWrong is not asked for.
   */
  read({ predicted, ahead, surelyWrong }: { predicted: number; ahead: number; surelyWrong: boolean }): {
    byte: number;
    wrong: boolean;
  } {
    const wrong = surelyWrong || this.#readWrong(predicted, ahead) === 1;
    if (wrong) this.#lastDifference = this.#readDifference(predicted, ahead);
    this.since = wrong ? 0 : this.since + 1;
    this.flags = ((this.flags << 1) | (wrong ? 1 : 0)) >>> 0;
    this.#lastPredicted2 = this.#lastPredicted;
    this.#lastPredicted = predicted;
    return { byte: wrong ? (predicted + this.#lastDifference) & 255 : predicted, wrong };
  }

  get sinceStep(): number {
    return sinceStep(this.since);
  }

  /** So many bytes were as predicted and not asked for one by one. */
  skip(count: number): void {
    this.since += count;
    this.flags = 0;
  }

  /** A word was asked for as a whole. */
  endWord(bytes: number, isWrong: boolean): void {
    this.since = isWrong ? 0 : this.since + bytes;
  }

  #readWrong(predicted: number, ahead: number): number {
    const step = sinceStep(this.since);
    const flags = this.flags;
    const last = this.made.back(1);
    const [predicted1, predicted2] = [this.#lastPredicted, this.#lastPredicted2];
    const guesses = this.guesses.guessesOf(wrongKind, [
      flags & 0xffff,
      predicted | ((flags & 15) << 8),
      predicted | (last << 8) | ((flags & 3) << 16),
      predicted | ((ahead & 255) << 8) | (last << 16) | ((flags & 1) << 24),
      predicted | (predicted1 << 8) | (predicted2 << 16) | (step << 24),
      this.since < 63 ? this.since : 63 + step,
      predicted | (ahead << 8),
      predicted1 | (predicted2 << 8) | ((flags & 255) << 16),
    ]);
    return this.guesses.read(this.decoder, guesses, { mixer: this.#wrongMixer, set: step * 4 + (flags & 3) });
  }

  /** What the byte is more than the predicted one, modulo 256: eight bits, the highest first. */
  #readDifference(predicted: number, ahead: number): number {
    const hashes = this.#differenceContexts(predicted, ahead).map((context, index) => hash(context, differenceKind + 1 + index));
    let node = 1;
    while (node < 256) {
      const guesses = this.guesses.guessesAt(node, differenceKind, hashes);
      node = node * 2 + this.guesses.read(this.decoder, guesses, { mixer: this.#differenceMixer, set: node });
    }
    return node - 256;
  }

  #differenceContexts(predicted: number, ahead: number): readonly number[] {
    const [predicted1, predicted2] = [this.#lastPredicted, this.#lastPredicted2];
    return [
      predicted,
      this.#lastDifference | (Math.min(8, this.since) << 8),
      this.flags & 255,
      this.made.back(1) | (predicted << 8),
      this.#lastDifference | (predicted << 8),
      predicted1 | (predicted << 8) | ((this.flags & 15) << 16),
      predicted | (ahead << 8),
      predicted | ((ahead & 255) << 8) | (predicted1 << 16) | (predicted2 << 24),
    ];
  }
}
