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
  /** Address less where a region begins: the first one with the finder that `bias` names. */
  inRegion: 12,
  /** The same in rows of eight bytes. */
  rowInRegion: 13,
  /** Where the word lies less the address: how far back it is. */
  backward: 14,
  /** Address less the region's origin, in the lower 24 bits. */
  regional24: 15,
  /**
   * .NET: the number of a row of a table or of a heap's byte, after an instruction; what is counted, `bias` says. Those that
   * follow are of words in tables (`numberForm`).
   */
  token: 16,
  /** .NET: a type's number in a signature, above two bits that say of which table; compressed to one byte, to two. */
  signature1: 17,
  signature2: 18,
} as const;

interface Field {
  readonly lowestBit?: number;
  readonly bits: number;
  readonly scale?: number;
  readonly isCut?: boolean;
  readonly wordBytes?: 1 | 2 | 4;
  /** Of two bytes the higher one comes first. */
  readonly isReversed?: boolean;
  /** What the coder's models learn by, when it is not the form: below 16. */
  readonly kind?: number;
}

/** Kinds of .NET's numbers: those of forms that are never in the same code. */
const kinds = {
  token: forms.branch26,
  row: forms.branch19,
  string: forms.page21,
  blob: forms.offset12,
  signature: forms.offset12by2,
} as const;
const tagBitsMax = 5;

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
  [forms.inRegion]: { bits: 32 },
  [forms.rowInRegion]: { bits: 28, scale: 3 },
  [forms.backward]: { bits: 32 },
  [forms.regional24]: { bits: 24 },
  [forms.token]: { bits: 24, kind: kinds.token },
  [forms.signature1]: { wordBytes: 1, lowestBit: 2, bits: 5, kind: kinds.signature },
  [forms.signature2]: { wordBytes: 2, isReversed: true, lowestBit: 2, bits: 12, kind: kinds.signature },
  ...Object.fromEntries(numberFields().map((field, index) => [forms.signature2 + 1 + index, field])),
};

/** By kind, width and how many of the lowest bits tell what is counted. */
function numberFields(): readonly Field[] {
  return [kinds.row, kinds.string, kinds.blob].flatMap((kind) =>
    ([2, 4] as const).flatMap((wordBytes) =>
      Array.from({ length: tagBitsMax + 1 }, (_, tagBits) => ({
        kind,
        wordBytes,
        lowestBit: tagBits,
        bits: wordBytes * 8 - tagBits,
      })),
    ),
  );
}

/** The form of a word of a table that holds a number, above `tagBits` that say of what. */
export function numberForm(wordBytes: 2 | 4, tagBits: number, kind: 'row' | 'string' | 'blob'): number {
  const width = ['row', 'string', 'blob'].indexOf(kind) * 2 + (wordBytes === 2 ? 0 : 1);
  return forms.signature2 + 1 + width * (tagBitsMax + 1) + tagBits;
}

/** Whether the word holds a number of what is counted, rather than where it is. */
export const isNumber = (form: number): boolean => form >= forms.token;

/** How many bytes a word has, by how a field's number says it. */
const widths = [4, 2, 1, 2] as const;

/** By form: its kind and its field as one number, as the coder has it (`openOperand` in kernels/coder.ts). */
export const fieldNumbers: readonly number[] = Object.entries(fields).map(
  ([form, { lowestBit = 0, bits, scale = 0, isCut = false, isReversed = false, wordBytes = 4, kind = Number(form) }]) =>
    kind |
    (lowestBit << 4) |
    (bits << 9) |
    (scale << 15) |
    (Number(isCut) << 19) |
    ((isReversed ? 3 : widths.indexOf(wordBytes)) << 20),
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
export const wordBytesOf = (fieldNumber: number): 1 | 2 | 4 => widths[(fieldNumber >>> 20) & 3] as 1 | 2 | 4;
const isReversed = (fieldNumber: number): boolean => ((fieldNumber >>> 20) & 3) === 3;

export function readWord(view: DataView, at: number, fieldNumber: number): number {
  const bytes = wordBytesOf(fieldNumber);
  if (bytes === 4) return view.getUint32(at, true);
  return bytes === 2 ? view.getUint16(at, !isReversed(fieldNumber)) : view.getUint8(at);
}

export function writeWord(view: DataView, at: number, fieldNumber: number, word: number): void {
  const bytes = wordBytesOf(fieldNumber);
  if (bytes === 4) view.setUint32(at, word, true);
  else if (bytes === 2) view.setUint16(at, word, !isReversed(fieldNumber));
  else view.setUint8(at, word);
}
