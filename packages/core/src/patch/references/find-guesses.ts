/** References among data of any kind: words that are as if they led somewhere, next to others that do. */
import type { FoundReferences } from './found-references.js';
import { firstAt, isIn, isInCode } from './image-places.js';
import type { Part, Region } from './images.js';
import { forms } from './word-forms.js';

/** Places below hold headers; a number as small is not taken for a place. */
const memoryMin = 0x1000;

/**
 * Words that lead into code or the region itself from the image's base; or, negative, from where they are into code, which
 * lies before: tables of jumps count from where the table begins, and what is near that moves with it.
 */
export function findByGuess(part: Part, view: DataView, found: FoundReferences): void {
  const { image, region, offset } = part;
  const memory = region.memory + offset;
  const leadsTo = (p: number): number => {
    const word = view.getInt32(p, true);
    if (word >= memoryMin) return isInCode(image, word) || isInRegion(region, word) ? word : nowhere;
    const to = memory + p + word;
    return word < 0 && isInCode(image, to) ? to : nowhere;
  };
  const add = (p: number, to: number): void => {
    const isSelfRelative = view.getInt32(p, true) < 0;
    found.add(p, isSelfRelative ? forms.relative : forms.rva, to, 0);
  };
  findNeighbours(part, leadsTo, add);
}

const isInRegion = ({ memory, bytes }: Region, to: number): boolean => to >= memory && to - memory < bytes;

/** Words that lead from where they are into the image: pointers that need no relocation, tables of such. */
export function findSelfRelative({ image, region, bytes, offset }: Part, view: DataView, found: FoundReferences): void {
  const memory = region.memory + offset;
  const leadsTo = (p: number): number => {
    const away = view.getInt32(p, true);
    const to = memory + p + away;
    return (away >= distanceMin || away <= -distanceMin) && to >= 0 && isIn(image, to) ? to : nowhere;
  };
  findNeighbours({ bytes, offset }, leadsTo, (p, to) => found.add(p, forms.relative, to, 0));
}

/** A number as small is not taken for a distance. */
const distanceMin = 0x100;
const nowhere = -1;

/** Two words in a row that lead somewhere. */
function findNeighbours(
  { bytes, offset }: Pick<Part, 'bytes' | 'offset'>,
  leadsTo: (p: number) => number,
  add: (p: number, to: number) => void,
): void {
  let last = nowhere;
  const first = firstAt(offset, 4);
  let to = first + 4 <= bytes.length ? leadsTo(first) : nowhere;
  for (let p = first; p + 4 <= bytes.length; p += 4) {
    const next = p + 8 <= bytes.length ? leadsTo(p + 4) : nowhere;
    if (to !== nowhere && (last !== nowhere || next !== nowhere)) add(p, to);
    last = to;
    to = next;
  }
}

/** Words that are addresses in memory. */
export function findPointers(
  { image, bytes, offset }: Part,
  view: DataView,
  { found, stride }: { found: FoundReferences; stride: 4 | 8 },
): void {
  for (let p = firstAt(offset, stride); p + stride <= bytes.length; p += stride) {
    if (stride === 8 && view.getUint32(p + 4, true) !== 0) continue;
    const word = view.getUint32(p, true);
    const to = (word - image.imageBase) >>> 0;
    if (to >= memoryMin && isIn(image, to)) found.add(p, forms.absolute, to, 0);
  }
}

/**
 * Mach-O: words of 64 bits with an address in the lower 36 and what a loader has to know in bits 51 to 62; without the
 * highest bit, which says that they name what is elsewhere. Format: Apple, mach-o/fixup-chains.h.
 */
export function findChainedPointers({ image, bytes, offset }: Part, view: DataView, found: FoundReferences): void {
  for (let p = firstAt(offset, 8); p + 8 <= bytes.length; p += 8) {
    if ((view.getUint32(p + 4, true) & 0x8007_fff0) !== 0) continue;
    const to = (view.getUint32(p, true) - image.imageBase) >>> 0;
    if (to !== 0 && isIn(image, to)) found.add(p, forms.absolute, to, 0);
  }
}
