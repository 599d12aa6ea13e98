/**
 * References in ARM64 code. Addresses of data are made of two instructions: ADRP puts a page into a register, and an ADD, a
 * load or a store with that register adds the place in the page. Both words lead to the sum, so that either says exactly
 * where it will be. Encodings: Arm Architecture Reference Manual, C4.1.
 */
import type { FoundReferences } from './found-references.js';
import { firstAt, isIn, isInCode } from './image-places.js';
import type { Part } from './images.js';
import { forms } from './word-forms.js';

const pageBytes = 0x1000;

export function findInArm64({ image, region, bytes, offset }: Part, view: DataView, found: FoundReferences): void {
  const memory = region.memory + offset;
  /** By register, the page it holds. */
  const pages: (PageOrigin | null)[] = new Array(32).fill(null);
  for (let p = firstAt(offset, 4); p + 4 <= bytes.length; p += 4) {
    const word = view.getUint32(p, true);
    if ((word & 0x7c00_0000) === 0x1400_0000) {
      const to = (memory + p + ((word << 6) >> 4)) >>> 0;
      if (isInCode(image, to)) found.add(p, forms.branch26, to, 0);
    } else if (isConditionalBranch(word)) {
      const to = (memory + p + (((word << 8) >> 13) << 2)) >>> 0;
      if (isInCode(image, to)) found.add(p, forms.branch19, to, 0);
    } else if ((word & 0x9f00_0000) >>> 0 === 0x9000_0000) {
      const pagesAway = (((word << 8) >> 13) << 2) | ((word >>> 29) & 3);
      const page = (memory + p - ((memory + p) % pageBytes) + pagesAway * pageBytes) >>> 0;
      pages[word & 31] = { page, index: found.count };
      found.add(p, forms.page21, page, 0);
    } else {
      const form = offsetFormOf(word);
      const origin = pages[(word >>> 5) & 31] ?? null;
      if (form !== null && origin !== null) {
        const to = origin.page + (((word >>> 10) & 0xfff) << (form - forms.offset12));
        if (isIn(image, to)) {
          if (found.leadsTo[origin.index] === origin.page) found.leadsTo[origin.index] = to;
          found.add(p, form, to, 0);
        }
      }
      if (writesRegister(word)) pages[word & 31] = null;
    }
  }
}

/** ADD of 64 bits, and loads and stores, with an offset that is not negative; null for every other instruction. */
function offsetFormOf(word: number): number | null {
  if ((word & 0xffc0_0000) >>> 0 === 0x9100_0000) return forms.offset12;
  if ((word & 0x3b00_0000) !== 0x3900_0000) return null;
  const isWhole16 = word >>> 30 === 0 && (word & 0x0480_0000) === 0x0480_0000;
  return isWhole16 ? forms.offset12by16 : forms.offset12 + (word >>> 30);
}

/** B.cond, CBZ and CBNZ. */
const isConditionalBranch = (word: number): boolean =>
  (word & 0xff00_0010) >>> 0 === 0x5400_0000 || (word & 0x7e00_0000) === 0x3400_0000;

/** Whether the lowest five bits name a register that is another one's after the instruction: not in branches and stores. */
function writesRegister(word: number): boolean {
  if ((word & 0x1c00_0000) === 0x1400_0000) return false;
  const isStore = (word & 0x0a40_0000) === 0x0800_0000;
  return !isStore;
}

interface PageOrigin {
  readonly page: number;
  /** Of the ADRP among what was found. */
  readonly index: number;
}
