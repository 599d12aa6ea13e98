/**
 * Words that hold an address, or a part of one, and where in them it is. A field of the word is (place + addend) >> scale; the
 * rest of the word is an instruction, or nothing. The coder has the same in WebAssembly.
 */
/** What a reference's word means. */
export const forms = {
  /** Address less where the word lies, less `bias`. */
  relative: 0,
  /** The address. */
  rva: 1,
  /** The address in the memory of the process: with the image's base; the lower 32 bits of it. */
  absolute: 2,
  /** Address less where the region begins. */
  regional: 3,
  /** ARM64: a branch's 26 bits, a conditional one's 19, in words relative to the instruction. */
  branch26: 4,
  branch19: 5,
  /** ARM64: ADRP, pages relative to the instruction's. */
  page21: 6,
  /** ARM64: the place in the page, in bytes, or in units of 2, 4, 8 or 16. */
  offset12: 7,
  offset12by2: 8,
  offset12by4: 9,
  offset12by8: 10,
  offset12by16: 11,
} as const;

interface Field {
  readonly lowestBit?: number;
  readonly bits: number;
  readonly scale?: number;
  readonly isCut?: boolean;
  readonly wordBytes?: 2 | 4;
}

/** The field of a word that holds a place. */
const fields: Readonly<Record<number, Field>> = {
  [forms.relative]: { bits: 32 },
  [forms.rva]: { bits: 32 },
  [forms.absolute]: { bits: 32 },
  [forms.regional]: { bits: 32 },
  [forms.branch26]: { bits: 26, scale: 2 },
  [forms.branch19]: { lowestBit: 5, bits: 19, scale: 2 },
  [forms.page21]: { bits: 21, scale: 12, isCut: true },
  [forms.offset12]: { lowestBit: 10, bits: 12 },
  [forms.offset12by2]: { lowestBit: 10, bits: 11, scale: 1 },
  [forms.offset12by4]: { lowestBit: 10, bits: 10, scale: 2 },
  [forms.offset12by8]: { lowestBit: 10, bits: 9, scale: 3 },
  [forms.offset12by16]: { lowestBit: 10, bits: 8, scale: 4 },
};

/** By form: its kind and its field as one number, as the coder has it (`openOperand` in kernels/coder.ts). */
export const fieldNumbers: readonly number[] = Object.entries(fields).map(
  ([form, { lowestBit = 0, bits, scale = 0, isCut = false, wordBytes = 4 }]) =>
    Number(form) | (lowestBit << 4) | (bits << 9) | (scale << 15) | (Number(isCut) << 19) | (Number(wordBytes === 2) << 20),
);

/** The word that leads to `to`, a place plus the word's addend, otherwise as `raw`. */
export function wordFor(fieldNumber: number, to: number, raw: number): number {
  const bits = (fieldNumber >>> 9) & 63;
  const mask = bits === 32 ? 0xffff_ffff : 2 ** bits - 1;
  const field = ((to | 0) >> ((fieldNumber >>> 15) & 15)) & mask;
  if (((fieldNumber >>> 19) & 1) === 1)
    return ((raw & ~0x60ff_ffe0) | ((field & 3) << 29) | (((field >>> 2) & 0x7_ffff) << 5)) >>> 0;
  const lowest = (fieldNumber >>> 4) & 31;
  return ((raw & ~(mask << lowest)) | (field << lowest)) >>> 0;
}

/** Bytes of the word. */
export const wordBytesOf = (fieldNumber: number): 2 | 4 => (((fieldNumber >>> 20) & 1) === 1 ? 2 : 4);

export const readWord = (view: DataView, at: number, fieldNumber: number): number =>
  wordBytesOf(fieldNumber) === 2 ? view.getUint16(at, true) : view.getUint32(at, true);

export function writeWord(view: DataView, at: number, fieldNumber: number, word: number): void {
  if (wordBytesOf(fieldNumber) === 2) view.setUint16(at, word, true);
  else view.setUint32(at, word, true);
}
