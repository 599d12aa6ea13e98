/**
 * References in frames for unwinding (ELF `.eh_frame`, Mach-O `__eh_frame`): where each function begins, where its data for
 * exceptions is. A part may begin anywhere, so an entry is known by itself: its length, how far back its common entry is,
 * and that it leads into code. Format: Linux Standard Base, "Exception Frames".
 */
import type { FoundReferences } from './found-references.js';
import { firstAt, isIn, isInCode } from './image-places.js';
import type { Part } from './images.js';
import { forms } from './word-forms.js';

const entryBytesMax = 0x1_0000;

export function findInEhFrame(part: Part, view: DataView, found: FoundReferences): void {
  const memory = part.region.memory + part.offset;
  for (let p = firstAt(part.offset, 4); p + 20 <= part.bytes.length; ) {
    const entryBytes = view.getUint32(p, true);
    const back = view.getUint32(p + 4, true);
    const start = (memory + p + 8 + view.getInt32(p + 8, true)) >>> 0;
    const isEntry =
      entryBytes >= 12 && entryBytes < entryBytesMax && entryBytes % 4 === 0 && back >= 4 && back <= part.offset + p + 4;
    if (!isEntry || !isInCode(part.image, start)) {
      p += 4;
      continue;
    }
    found.add(p + 4, forms.backward, (memory + p + 4 - back) >>> 0, 0);
    found.add(p + 8, forms.relative, start, 0);
    findExceptions(part, view, { entry: p, found });
    p += 4 + entryBytes;
  }
}

/** Where the data for exceptions is, after the function's address and length: of 4 bytes each, or of 8. */
function findExceptions(
  { image, region, bytes, offset }: Part,
  view: DataView,
  { entry, found }: { entry: number; found: FoundReferences },
): void {
  const isWide = view.getInt32(entry + 12, true) === view.getInt32(entry + 8, true) >> 31;
  const p = entry + (isWide ? 24 : 16);
  if (p + 5 > bytes.length || bytes[p] !== (isWide ? 8 : 4)) return;
  const word = view.getInt32(p + 1, true);
  const to = (region.memory + offset + p + 1 + word) >>> 0;
  if (word !== 0 && isIn(image, to)) found.add(p + 1, forms.relative, to, 0);
}
