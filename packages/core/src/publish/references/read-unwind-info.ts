/**
 * Mach-O `__unwind_info`, cut into what is found differently: the header with its index, and the entries of each page, which
 * count from the page's first function. Format: Apple, mach-o/compact_unwind_encoding.h.
 */
import type { ClaimedRegion } from './program-file.js';

/** More are left as one. */
const pagesMax = 128;
const headerBytes = 28;
const rowBytes = 12;
const pageKinds = { regular: 2, compressed: 3 } as const;

/** @param frames where in memory the frames are that rows refer to. @throws RangeError when the file ends too early. */
export function cutUnwindInfo(view: DataView, section: ClaimedRegion, frames: number): readonly ClaimedRegion[] {
  const { address, bytes } = section;
  if (bytes < headerBytes) return [section];
  const index = view.getUint32(address + 20, true);
  const count = view.getUint32(address + 24, true);
  if (count === 0 || count > pagesMax || index + count * rowBytes > bytes) return [section];
  const rows = Array.from({ length: count }, (_, row) => address + index + row * rowBytes);
  const pages = rows.flatMap((at) =>
    readPage(view, section, { frames, origin: view.getUint32(at, true), offset: view.getUint32(at + 4, true) }),
  );
  const headEnd = Math.min(bytes, ...pages.map((page) => page.address - address));
  return [pieceOf(section, 0, headEnd), ...pages];
}

const pieceOf = (section: ClaimedRegion, offset: number, bytes: number): ClaimedRegion => ({
  address: section.address + offset,
  bytes,
  memory: section.memory + offset,
  memoryBytes: bytes,
  finder: 'rva-table',
});

/** The page's entries; none when there is no page. */
function readPage(
  view: DataView,
  section: ClaimedRegion,
  { frames, origin, offset }: { readonly frames: number; readonly origin: number; readonly offset: number },
): readonly ClaimedRegion[] {
  if (offset === 0 || offset + 8 > section.bytes) return [];
  const at = section.address + offset;
  const kind = view.getUint32(at, true);
  const isCompressed = kind === pageKinds.compressed;
  if (!isCompressed && kind !== pageKinds.regular) return [];
  const entries = offset + view.getUint16(at + 4, true);
  const bytes = view.getUint16(at + 6, true) * (isCompressed ? 4 : 8);
  if (bytes === 0 || entries + bytes > section.bytes) return [];
  const piece = pieceOf(section, entries, bytes);
  return [isCompressed ? { ...piece, finder: 'unwind-entries', origin } : { ...piece, finder: 'unwind-rows', origin: frames }];
}
