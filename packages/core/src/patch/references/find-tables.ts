/** References in tables whose rows a format lays down. */
import type { FoundReferences } from './found-references.js';
import { firstAt, isIn } from './image-places.js';
import { finderNames, type Part } from './images.js';
import { forms } from './word-forms.js';

/** Every word is the place of something, from the image's base. */
export function findInTable({ bytes, offset }: Part, view: DataView, found: FoundReferences): void {
  for (let p = firstAt(offset, 4); p + 4 <= bytes.length; p += 4) {
    const to = view.getUint32(p, true);
    if (to !== 0) found.add(p, forms.rva, to, 0);
  }
}

/** ARM64 functions of PE files: the second word of a row is its unwind information, or where that is, by its lowest bits. */
export function findInArm64Functions({ bytes, offset }: Part, view: DataView, found: FoundReferences): void {
  for (let p = firstAt(offset, 4); p + 4 <= bytes.length; p += 4) {
    const word = view.getUint32(p, true);
    const isSecond = (offset + p) % 8 === 4;
    if (word !== 0 && !(isSecond && (word & 3) !== 0)) found.add(p, forms.rva, word, 0);
  }
}

/** ELF `.eh_frame_hdr`: after 12 bytes, rows of a function's place and its entry's, from where the region begins. */
export function findInEhFrameHeader({ region, bytes, offset }: Part, view: DataView, found: FoundReferences): void {
  for (let p = Math.max(firstAt(offset, 4), 12 - offset); p + 4 <= bytes.length; p += 4) {
    found.add(p, forms.regional, (region.memory + view.getInt32(p, true)) >>> 0, 0);
  }
}

/** Mach-O `__unwind_info`, entries of a compressed page: functions, in the lower 24 bits, from the page's first one. */
export function findInUnwindEntries({ region, bytes, offset }: Part, view: DataView, found: FoundReferences): void {
  for (let p = firstAt(offset, 4); p + 4 <= bytes.length; p += 4)
    found.add(p, forms.regional24, (region.origin ?? region.memory) + (view.getUint32(p, true) & 0xff_ffff), 0);
}

/**
 * Mach-O `__unwind_info`, rows of a regular page: a function and how it is unwound, which for some is said elsewhere: in the
 * frame at the lower 24 bits, from the region's origin.
 */
export function findInUnwindRows({ image, region, bytes, offset }: Part, view: DataView, found: FoundReferences): void {
  const elsewhere = image.regions.some(({ finder }) => finder === 'x64') ? 4 : 3;
  for (let p = firstAt(offset, 4); p + 4 <= bytes.length; p += 4) {
    const word = view.getUint32(p, true);
    if ((offset + p) % 8 === 0) found.add(p, forms.rva, word, 0);
    else if (((word >>> 24) & 15) === elsewhere)
      found.add(p, forms.regional24, (region.origin ?? region.memory) + (word & 0xff_ffff), 0);
  }
}

export interface Rows {
  readonly stride: number;
  /** Addresses. */
  readonly columns: readonly number[];
  /** Where a name lies among the image's names. */
  readonly name?: number;
}

/** Rows of a table with addresses in some of their columns. */
export function findInRows(
  { image, bytes, offset }: Part,
  view: DataView,
  { found, rows }: { found: FoundReferences; rows: Rows },
): void {
  const fits = (p: number): boolean => p >= 0 && p + 4 <= bytes.length;
  const names = image.regions.find(({ finder }) => finder === 'names');
  for (let row = firstAt(offset, rows.stride) - rows.stride; row < bytes.length; row += rows.stride) {
    const nameAt = row + (rows.name ?? 0);
    if (names !== undefined && rows.name !== undefined && fits(nameAt) && view.getUint32(nameAt, true) !== 0)
      found.add(nameAt, forms.inRegion, (names.memory + view.getUint32(nameAt, true)) >>> 0, namesFinder);
    for (const column of rows.columns) {
      const p = row + column;
      if (!fits(p)) continue;
      const to = (view.getUint32(p, true) - image.imageBase) >>> 0;
      if (to !== 0 && isIn(image, to)) found.add(p, forms.absolute, to, 0);
    }
  }
}

const namesFinder = finderNames.indexOf('names');
