/**
 * The twin's model of operands: words of which the transform `references` knows where they lead. One question for each place
 * where that may be; what is learnt is where things were found. docs/format/patch-v1.md, "Operands", has the same in words.
 */
import { Mixer } from './remendo-twin-chances.js';
import type { CopiedBytes, Guesses } from './remendo-twin-copied.js';
import { type BinaryDecoder, lengthContext, type NumberModel, numberKind } from './remendo-twin-decoder.js';
import type { MadeBytes } from './remendo-twin-made.js';

export interface TwinOperand {
  /** Of its first byte among the targets. */
  readonly position: number;
  readonly form: number;
  /** What its base refers to. */
  readonly key: number;
  /** Where that is predicted to be; `noPlace` when nothing predicts it. */
  readonly mapped: number;
  readonly addend: number;
}

const operandKind = 24;
const noPlace = 0xffff_ffff;
const placeBits = 17;
const surenessMax = 7;
/** The bits of an ADRP instruction that hold its field. */
const cutMask = 0x60ff_ffe0;

/** A number of 32 bits. */
const u32 = (value: number): number => value >>> 0;

/** What a form says of its word. */
class WordForm {
  readonly kind: number;
  readonly wordBytes: number;
  readonly #isReversed: boolean;
  readonly #isCut: boolean;
  readonly #lowest: number;
  readonly #bits: number;
  readonly #scale: number;

  constructor(form: number) {
    this.kind = form & 15;
    this.#lowest = (form >>> 4) & 31;
    this.#bits = (form >>> 9) & 63;
    this.#scale = (form >>> 15) & 15;
    this.#isCut = ((form >>> 19) & 1) === 1;
    const width = (form >>> 20) & 3;
    this.wordBytes = [4, 2, 1, 2][width] as number;
    this.#isReversed = width === 3;
  }

  get #mask(): number {
    return this.#bits >= 32 ? 0xffff_ffff : 2 ** this.#bits - 1;
  }

  wordOf(bytes: readonly number[]): number {
    const lowestFirst = this.#isReversed ? [...bytes].reverse() : bytes;
    return lowestFirst.reduce((word, byte, index) => word + byte * 2 ** (8 * index), 0);
  }

  bytesOf(word: number): readonly number[] {
    const bytes = Array.from({ length: this.wordBytes }, (_, index) => (word >>> (8 * index)) & 255);
    return this.#isReversed ? bytes.reverse() : bytes;
  }

  fieldOf(word: number): number {
    if (this.#isCut) return ((word >>> 29) & 3) | (((word >>> 5) & 0x7_ffff) << 2);
    return u32((word >>> this.#lowest) & this.#mask);
  }

  /** The word `raw` with another field. */
  withField(raw: number, field: number): number {
    if (this.#isCut) return u32((raw & ~cutMask) | ((field & 3) << 29) | (((field >>> 2) & 0x7_ffff) << 5));
    return u32((raw & ~(this.#mask << this.#lowest)) | (field << this.#lowest));
  }

  fieldFor(place: number, addend: number): number {
    return u32(((place + addend) >> this.#scale) & this.#mask);
  }

  masked(field: number): number {
    return u32(field & this.#mask);
  }

  /** A difference of fields, as a number of either sign; and how far apart places are then. */
  signed(difference: number): number {
    const above = 32 - Math.min(32, Math.max(1, this.#bits));
    return (difference << above) >> above;
  }

  scaled(difference: number): number {
    return difference << this.#scale;
  }
}

interface Place {
  readonly key: number;
  readonly place: number;
  /** How often in a row it was right. */
  readonly sureness: number;
}
/** A key of all ones is there from the start: the table of the kernel is filled with them. */
const firstPlace: Place = { key: 0xffff_ffff, place: 0xffff_ffff, sureness: 0xffff_ffff };

/** An operand with what its candidates are. */
interface Opened {
  readonly operand: TwinOperand;
  readonly form: WordForm;
  readonly raw: number;
  readonly mappedWord: number;
}

export class Operands {
  readonly #places = new Map<number, Place>();
  readonly #mixer = new Mixer(3 * 16, 4915, 14);
  /** The last answers about first candidates, 1 for wrong. */
  #flags = 0;
  #lastShift = 0;

  constructor(
    private readonly decoder: BinaryDecoder,
    private readonly made: MadeBytes,
    private readonly models: { readonly guesses: Guesses; readonly numbers: NumberModel; readonly copied: CopiedBytes },
  ) {}

  /** The bytes that are expected first. */
  expected(operand: TwinOperand, base: readonly number[]): readonly number[] {
    const opened = open(operand, base);
    const known = this.#placeOf(operand.key);
    const word = known === null ? opened.mappedWord : wordFor(opened, known.place);
    return opened.form.bytesOf(word);
  }

  /** @returns the bytes, and whether they are of none of the candidates. */
  read(operand: TwinOperand, base: readonly number[]): { readonly bytes: readonly number[]; readonly isWrong: boolean } {
    const opened = open(operand, base);
    const { raw, mappedWord } = opened;
    const known = this.#placeOf(operand.key);
    const state = stateOf(opened, known);
    const first = known === null ? mappedWord : wordFor(opened, known.place);
    const candidates = [first, mappedWord !== first ? mappedWord : raw, raw];
    for (const [rank, candidate] of candidates.entries()) {
      if (candidates.indexOf(candidate) < rank) continue;
      const isOther = this.#readIsOther(opened, rank, state, candidate);
      if (rank === 0) this.#flags = u32((this.#flags << 1) | isOther);
      if (isOther === 0) return this.#made(opened, candidate, false);
    }
    return this.#made(opened, this.#readOther(opened), true);
  }

  #made(opened: Opened, word: number, isWrong: boolean) {
    this.#learn(opened, word);
    return { bytes: opened.form.bytesOf(word), isWrong };
  }

  #placeOf(key: number): Place | null {
    const place = this.#places.get(slotOf(key)) ?? firstPlace;
    return place.key === key ? place : null;
  }

  #readIsOther({ form, operand }: Opened, rank: number, state: number, candidate: number): number {
    const { copied, guesses } = this.models;
    const about = u32((state << 4) | form.kind | (rank << 12));
    const flags = this.#flags;
    const contexts = [
      about,
      about | ((flags & 255) << 16),
      operand.key ^ (rank << 30),
      about | (this.made.back(1) << 16) | ((flags & 3) << 24),
      about | (this.made.last(2) << 16),
      about | (copied.sinceStep << 16) | ((copied.flags & 7) << 20),
      (flags & 0xfff) | (rank << 16) | ((state & 15) << 20),
      about | ((candidate & 255) << 16),
    ];
    const set = rank * 16 + (state & 15);
    return guesses.read(this.decoder, guesses.guessesOf(operandKind, contexts), { mixer: this.#mixer, set });
  }

  /** The word with another field, or another word. */
  #readOther({ form, raw, mappedWord }: Opened): number {
    const { numbers } = this.models;
    const isWhole = numbers.read(this.decoder, numberKind.isWholeWord, form.kind) !== 0;
    if (isWhole) return numbers.read(this.decoder, numberKind.word, form.kind);
    const isLess = numbers.read(this.decoder, numberKind.isLess, this.#lastShift & 15);
    const distance = numbers.read(this.decoder, numberKind.fieldDistance, form.kind);
    this.#lastShift = (isLess & 1) | (lengthContext(distance) << 1);
    const field = form.fieldOf(mappedWord) + (isLess !== 0 ? -distance : distance);
    return form.withField(raw, form.masked(field));
  }

  #learn(opened: Opened, word: number): void {
    const { operand, form } = opened;
    const { key, mapped, addend } = operand;
    const known = this.#placeOf(key);
    if (known !== null && wordFor(opened, known.place) === word) {
      if (known.sureness < surenessMax) this.#places.set(slotOf(key), { ...known, sureness: known.sureness + 1 });
      return;
    }
    // Words of one key may hold different parts of a place: what others told of it stays.
    const guess = known !== null ? known.place : mapped === noPlace ? u32(-addend) : mapped;
    const difference = form.signed(form.fieldOf(word) - form.fieldFor(guess, addend));
    this.#places.set(slotOf(key), { key, place: u32(guess + form.scaled(difference)), sureness: 0 });
  }
}

const slotOf = (key: number): number => Math.imul(key, 0x9e37_79b1) >>> (32 - placeBits);

function open(operand: TwinOperand, base: readonly number[]): Opened {
  const form = new WordForm(operand.form);
  const raw = form.wordOf(base.slice(0, form.wordBytes));
  const unmapped = { operand, form, raw, mappedWord: raw };
  return operand.mapped === noPlace ? unmapped : { ...unmapped, mappedWord: wordFor(unmapped, operand.mapped) };
}

function wordFor({ operand, form, raw }: Omit<Opened, 'mappedWord'>, place: number): number {
  return form.withField(raw, form.fieldFor(place, operand.addend));
}

/** How the candidates agree, and how sure the learnt one is. */
function stateOf(opened: Opened, known: Place | null): number {
  const { operand, raw, mappedWord } = opened;
  const isMapped = operand.mapped !== noPlace;
  const learnt = known === null ? 0 : wordFor(opened, known.place);
  const agreements = [known !== null, isMapped, isMapped && mappedWord === raw, known !== null && learnt === raw];
  const state = agreements.reduce((bits, agrees, index) => bits | (Number(agrees) << index), 0);
  return known === null ? state : u32(state | (Number(isMapped && learnt === mappedWord) << 4) | (known.sureness << 5));
}
