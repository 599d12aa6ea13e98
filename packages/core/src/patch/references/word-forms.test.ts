import { describe, expect, it } from 'vitest';
import { fieldNumbers, forms, numberForm, readWord, wordBytesOf, wordFor, writeWord } from './word-forms.js';

const field = (form: number): number => fieldNumbers[form] as number;

describe('the word that leads to a place', () => {
  it.each([
    ['a 32-bit word, whatever it was', forms.relative, 0x1234_5678, 0xffff_ffff, 0x1234_5678],
    ['a 32-bit word with a negative distance', forms.relative, -5, 0, 0xffff_fffb],
    ['BL to the next instruction but one', forms.branch26, 8, 0x97ff_ffff, 0x9400_0002],
    ['BL backwards', forms.branch26, -4, 0x9400_0000, 0x97ff_ffff],
    ['CBZ of its register', forms.branch19, 16, 0xb400_0003, 0xb400_0083],
    // adrp x1, #0x5000: immlo = 1, immhi = 1.
    ['ADRP of its register', forms.page21, 0x5000, 0x9000_0001, 0xb000_0021],
    ['ADRP backwards', forms.page21, -0x1000, 0x9000_0001, 0xf0ff_ffe1],
    ['ADD of the place in the page only', forms.offset12, 0x1_2345, 0x9100_0021, 0x910d_1421],
    ['LDR of eight bytes', forms.offset12by8, 0x1_2340, 0xf940_0021, 0xf941_a021],
    ['a row of eight bytes', forms.rowInRegion, 80, 0, 10],
    ['three bytes behind a fourth', forms.regional24, 0x12_3456, 0xab00_0000, 0xab12_3456],
    ['a row in two bytes above a tag of two bits', numberForm(2, 2, 'row'), 5, 0x0003, 0x0017],
    ['a signature’s type above two bits', forms.signature1, 9, 0x01, 0x25],
  ] as const)('is %s', (_, form, to, raw, word) => {
    expect(wordFor(field(form), to, raw).toString(16)).toBe(word.toString(16));
  });

  it('is read and written with as many bytes as its form has, and in their order', () => {
    for (const form of fieldNumbers) {
      const bytes = Uint8Array.of(0x11, 0x22, 0x33, 0x44, 0x55);
      const view = new DataView(bytes.buffer);
      const word = readWord(view, 0, form);
      writeWord(view, 0, form, wordFor(form, 0, word));
      writeWord(view, 0, form, word);
      expect([...bytes]).toEqual([0x11, 0x22, 0x33, 0x44, 0x55]);
      expect(word).toBeLessThan(256 ** wordBytesOf(form));
    }
    const bytes = Uint8Array.of(0x81, 0x02);
    expect(readWord(new DataView(bytes.buffer), 0, field(forms.signature2))).toBe(0x8102);
  });
});
