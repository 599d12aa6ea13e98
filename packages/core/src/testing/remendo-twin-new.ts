/** The twin's model of new bytes: six contexts with bit histories, and the bytes that followed the same bytes before. */
import {
  Chances,
  clampChance,
  clampLogarithm,
  constantLogarithm,
  hash,
  Mixer,
  SteadyChances,
  squash,
} from './remendo-twin-chances.js';
import { type Guesses, unexpectedKind } from './remendo-twin-copied.js';
import type { BinaryDecoder } from './remendo-twin-decoder.js';
import { HistoryTable, historyChances, nextHistories } from './remendo-twin-histories.js';
import type { MadeBytes } from './remendo-twin-made.js';

const matchUsesMax = 1023;
/** Matches this long are asked about once a byte; shorter ones are mixed in bit by bit. */
const sureMatchBytes = 20;
const wordFactor = 0x2f0b4c47;

const matchStep = (length: number): number => (length < 24 ? 0 : length < 32 ? 1 : length < 64 ? 2 : length < 256 ? 3 : 4);
const isOfWord = (byte: number): boolean => ((byte | 32) >= 97 && (byte | 32) < 123) || byte > 127 || (byte >= 48 && byte < 58);

/** The chances of a byte of a match, by its length and the bit that is expected. */
const firstMatchChances = Uint32Array.from({ length: 64 }, (_, index) => {
  const missing = Math.floor((2 ** 22 - 1) / ((index >> 1) + 2));
  return index % 2 === 0 ? missing : 2 ** 22 - 1 - missing;
});

export class NewBytes {
  #word = 0;
  #matchFlags = 0;
  /** Histories of the first context, straight by the byte before: 17 slots of 16 bytes each. */
  readonly #orderOne = new Uint8Array(256 * 17 * 16);
  readonly #table: HistoryTable;
  readonly #chances = Array.from({ length: 6 }, () => new SteadyChances(historyChances));
  readonly #matchChances = new Chances(firstMatchChances);
  readonly #mixer = new Mixer(3 * 256, 4096, 8);
  readonly #matchMixer = new Mixer(5, 4915, 14);
  readonly #refinements = new Refinements();

  constructor(
    private readonly decoder: BinaryDecoder,
    private readonly made: MadeBytes,
    private readonly guesses: Guesses,
    historyBits: number,
  ) {
    this.#table = new HistoryTable(historyBits);
  }

  read(): number {
    const { made } = this;
    this.#word = isOfWord(made.back(1)) ? Math.imul(this.#word + made.back(1), wordFactor) : 0;
    const matched = made.bytes[made.matchAt] as number;
    if (made.matchLength >= sureMatchBytes) {
      if (this.#readUnexpected(matched) === 0) return matched;
      made.matchLength = 0;
    }
    return this.#readByte(made.matchLength === 0 ? null : matched);
  }

  /** Whether the byte is not the one that a long match expects. */
  #readUnexpected(expected: number): number {
    const { made } = this;
    const step = matchStep(made.matchLength);
    const guesses = this.guesses.guessesOf(unexpectedKind, [
      step | ((this.#matchFlags & 255) << 8),
      expected | (step << 8),
      expected | (made.last(4) << 8),
      this.#matchFlags & 0xffff,
      Math.min(400, made.matchLength),
    ]);
    const mixing = { mixer: this.#matchMixer, set: step, constants: [constantLogarithm] };
    const bit = this.guesses.read(this.decoder, guesses, mixing);
    this.#matchFlags = ((this.#matchFlags << 1) | bit) >>> 0;
    return bit;
  }

  #contexts(): readonly number[] {
    const { made } = this;
    const last4 = made.last(4);
    const before = (made.back(6) << 8) | made.back(5);
    return [
      hash(last4 & 0xffff, 2),
      hash(last4 & 0xffffff, 3),
      hash(last4, 6 + Math.imul(before, 0x3d4d51cb)),
      hash(this.#word, 7 | (made.back(1) << 8)),
      hash(last4 & 0xffff00, 8),
    ];
  }

  #readByte(expected: number | null): number {
    const contexts = this.#contexts();
    let slots: readonly HistorySlot[] = [];
    let node = 1;
    for (let bitIndex = 7; bitIndex >= 0; bitIndex--) {
      if (bitIndex % 4 === 3) slots = this.#openSlots(contexts, node);
      const within = bitIndex > 3 ? node : (node & (2 ** (3 - bitIndex) - 1)) | (2 ** (3 - bitIndex));
      const match = expected !== null && (expected | 256) >> (bitIndex + 1) === node ? { bit: (expected >> bitIndex) & 1 } : null;
      node = node * 2 + this.#readBit(node, { slots, within, expectedBit: match === null ? null : match.bit });
    }
    return node - 256;
  }

  /** Where the histories of four bits lie, for each context. */
  #openSlots(contexts: readonly number[], node: number): readonly HistorySlot[] {
    const first = { bytes: this.#orderOne, at: (this.made.back(1) * 17 + (node === 1 ? 0 : node - 15)) * 16 };
    return [first, ...contexts.map((context) => ({ bytes: this.#table.bytes, at: this.#table.slot(hash(context, node)) }))];
  }

  #readBit(
    node: number,
    { slots, within, expectedBit }: { slots: readonly HistorySlot[]; within: number; expectedBit: number | null },
  ): number {
    const { matchLength } = this.made;
    const histories = slots.map(({ bytes, at }) => bytes[at + within] as number);
    const matchIndex = expectedBit === null ? null : matchLength * 2 + expectedBit;
    const logarithms = histories.map((history, order) => (this.#chances[order] as SteadyChances).logarithm(history));
    logarithms.push(constantLogarithm, matchIndex === null ? 0 : this.#matchChances.logarithm(matchIndex));
    const set = (matchIndex === null ? 0 : matchLength > 12 ? 2 : 1) * 256 + node;
    const mixed = clampLogarithm(this.#mixer.mix(set, logarithms));
    const p = clampChance(squash(mixed));
    const refined = this.#refinements.refine(mixed, node | (this.made.back(1) << 8));
    const bit = this.decoder.bit(clampChance((p + refined.chance) >>> 1));
    this.#refinements.learn(refined.index, bit);
    this.#mixer.learn(set, logarithms, { bit, p });
    for (const [order, history] of histories.entries()) this.#chances[order]?.learn(history, bit);
    for (const [order, { bytes, at }] of slots.entries())
      bytes[at + within] = nextHistories[(histories[order] ?? 0) * 2 + bit] ?? 0;
    if (matchIndex !== null) this.#matchChances.learn(matchIndex, bit, matchUsesMax);
    return bit;
  }
}

interface HistorySlot {
  readonly bytes: Uint8Array;
  readonly at: number;
}

const knots = 33;
const firstRefinements = new Uint16Array(65_536 * knots);
for (let index = 0; index < firstRefinements.length; index++) {
  firstRefinements[index] = squash(clampLogarithm(((index % knots) - 16) * 128));
}

/** Last corrections of a chance: what it proved to be, at 33 places, for each context of 16 bits. */
class Refinements {
  readonly #chances = firstRefinements.slice();

  /** The chance between the two nearest places, and the index of the nearer one. */
  refine(d: number, context: number): { readonly chance: number; readonly index: number } {
    const place = d + 2048;
    const between = place & 127;
    const index = context * knots + (place >> 7);
    const [left, right] = [this.#chances[index] as number, this.#chances[index + 1] as number];
    return { chance: (left * (128 - between) + right * between) >>> 7, index: between < 64 ? index : index + 1 };
  }

  learn(index: number, bit: number): void {
    const was = this.#chances[index] as number;
    this.#chances[index] = was + (((bit === 1 ? 65_535 : 0) - was) >> 6);
  }
}
