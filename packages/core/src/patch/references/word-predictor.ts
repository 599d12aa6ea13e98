/** Predicted bytes for the fast profile: each word that is an address is the predicted one, without learning from what came. */
import { operandNumbers, pieceBytesMax } from '../remendo/coder-kernel.js';
import { type CopiedPart, noPlace, type ReferencePredictor } from './reference-predictor.js';
import { readWord, wordFor, writeWord } from './word-forms.js';

export class WordPredictor {
  readonly #piece = new Uint8Array(pieceBytesMax);
  readonly #operands = new Uint32Array((pieceBytesMax / 2) * operandNumbers);

  constructor(private readonly predictor: ReferencePredictor) {}

  /** Room for a piece, until the next call. */
  room(bytes: number): Uint8Array {
    return this.#piece.subarray(0, bytes);
  }

  /** Rewrites the words of a piece, which is as in the base. */
  predict(piece: Uint8Array, at: Omit<CopiedPart, 'bytes'>): void {
    const end = this.predictor.predict({ ...at, bytes: piece }, this.#operands, 0);
    const view = new DataView(piece.buffer, piece.byteOffset, piece.byteLength);
    for (let index = 0; index < end; index += operandNumbers) {
      const [position = 0, form = 0, , place = 0, addend = 0] = this.#operands.subarray(index, index + operandNumbers);
      const wordAt = position - at.position;
      if (place !== noPlace) writeWord(view, wordAt, form, wordFor(form, place + addend, readWord(view, wordAt, form)));
    }
  }
}
