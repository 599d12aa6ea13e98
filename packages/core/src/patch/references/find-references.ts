/**
 * Finds references in a part of a program by looking at its bytes alone: not what a processor would do, but what nearly
 * always is an address. What is found depends only on the part, so that maker and terminal find the same; what is missed
 * or found wrongly costs bytes, nothing else.
 */
import { findInCliCode, findInCliTables } from './find-cli.js';
import { findInGoBuckets, findInGoData, findInGoFunctions, findInGoTable } from './find-go.js';
import type { FoundReferences } from './found-references.js';
import type { Image, Region } from './images.js';
import { forms } from './word-forms.js';

export interface Part {
  readonly image: Image;
  readonly region: Region;
  readonly bytes: Uint8Array;
  /** Of its first byte in the region. */
  readonly offset: number;
}

/** Appends what is found in the part, in order, none over another. */
export function findReferences(part: Part, found: FoundReferences): void {
  const view = new DataView(part.bytes.buffer, part.bytes.byteOffset, part.bytes.byteLength);
  switch (part.region.finder) {
    case 'none':
      return;
    case 'x64':
      return findInX86(part, view, found, true);
    case 'x86':
      return findInX86(part, view, found, false);
    case 'rva-table':
      return findInTable(part, view, found);
    case 'rva-guess':
      return findByGuess(part, view, found);
    case 'pointers64':
      return findPointers(part, view, found, 8);
    case 'pointers32':
      return findPointers(part, view, found, 4);
    case 'eh-frame-header':
      return findInHeader(part, view, found);
    case 'symbols64':
      return findInRows(part, view, found, { stride: 24, columns: [8] });
    case 'relocations64':
      return findInRows(part, view, found, { stride: 24, columns: [0, 16] });
    case 'go-table':
      return findInGoTable(part, view, found);
    case 'go-data':
      return findInGoData(part, view, found);
    case 'go-buckets':
      return findInGoBuckets(part, view, found);
    case 'go-functions':
      return findInGoFunctions(part, view, found);
    case 'cli-tables':
      return findInCliTables(part, view, found);
    case 'cli-code':
      return findInCliCode(part, view, found);
    default:
      return;
  }
}

function isIn(image: Image, memory: number): boolean {
  for (const region of image.regions) {
    if (memory >= region.memory && memory - region.memory < region.memoryBytes) return true;
  }
  return false;
}

const isCode = (region: Region): boolean => region.finder === 'x64' || region.finder === 'x86' || region.finder === 'arm64';

function isInCode(image: Image, memory: number): boolean {
  for (const region of image.regions) {
    if (isCode(region) && memory >= region.memory && memory - region.memory < region.memoryBytes) return true;
  }
  return false;
}

/** Opcodes of one byte that a ModR/M byte follows. */
const takesOperand = Uint8Array.from({ length: 256 }, (_, code) => Number(hasOperand(code)));
function hasOperand(code: number): boolean {
  if (code < 0x40) return (code & 7) < 4;
  if ((code >= 0x84 && code <= 0x8d) || (code >= 0xd0 && code <= 0xd3) || (code >= 0xd8 && code <= 0xdf)) return true;
  return [0x63, 0x69, 0x6b, 0x80, 0x81, 0x83, 0xc0, 0xc1, 0xc6, 0xc7, 0xf6, 0xf7, 0xfe, 0xff].includes(code);
}

/** Bytes of an immediate value after the operand, which the address counts from the end of. */
function immediateBytes(bytes: Uint8Array, at: number): number {
  const code = bytes[at] as number;
  const before = bytes[at - 1] as number;
  if (before === 0x0f)
    return code === 0xc2 ||
      code === 0xc4 ||
      code === 0xc5 ||
      code === 0xc6 ||
      code === 0x70 ||
      code === 0xa4 ||
      code === 0xac ||
      code === 0xba
      ? 1
      : 0;
  switch (code) {
    case 0x80:
    case 0x83:
    case 0xc0:
    case 0xc1:
    case 0xc6:
    case 0x6b:
      return 1;
    case 0x81:
    case 0xc7:
    case 0x69:
      return before === 0x66 ? 2 : 4;
    case 0xf6:
      return ((bytes[at + 1] as number) & 0x38) < 0x10 ? 1 : 0;
    case 0xf7:
      return ((bytes[at + 1] as number) & 0x38) < 0x10 ? 4 : 0;
    default:
      return 0;
  }
}

/** Calls, jumps and conditional jumps with 32 bits; with 64-bit code also operands relative to the instruction. */
function findInX86({ image, region, bytes, offset }: Part, view: DataView, found: FoundReferences, is64: boolean): void {
  const end = bytes.length - 8;
  const memory = region.memory + offset;
  for (let p = 0; p < end; ) {
    const code = bytes[p] as number;
    const next = bytes[p + 1] as number;
    if (code === 0xe8 || code === 0xe9) {
      const to = (memory + p + 5 + view.getInt32(p + 1, true)) >>> 0;
      if (isInCode(image, to)) {
        found.add(p + 1, forms.relative, to, 4);
        p += 5;
        continue;
      }
    } else if (code === 0x0f && (next & 0xf0) === 0x80) {
      const to = (memory + p + 6 + view.getInt32(p + 2, true)) >>> 0;
      if (to >= region.memory && to - region.memory < region.bytes) {
        found.add(p + 2, forms.relative, to, 4);
        p += 6;
        continue;
      }
    }
    if (is64 && (next & 0xc7) === 5 && p > 0 && (bytes[p - 1] === 0x0f || takesOperand[code] === 1)) {
      const bias = 4 + immediateBytes(bytes, p);
      const to = (memory + p + 2 + bias + view.getInt32(p + 2, true)) >>> 0;
      if (isIn(image, to)) {
        found.add(p + 2, forms.relative, to, bias);
        p += 6;
        continue;
      }
    }
    p++;
  }
}

/** The first multiple of `stride` in the part, counted from where the region begins. */
const firstAt = (offset: number, stride: number): number => (stride - (offset % stride)) % stride;

function findInTable({ bytes, offset }: Part, view: DataView, found: FoundReferences): void {
  for (let p = firstAt(offset, 4); p + 4 <= bytes.length; p += 4) {
    const to = view.getUint32(p, true);
    if (to !== 0) found.add(p, forms.rva, to, 0);
  }
}

/** Two words in a row that lead into code or the region itself: jump tables and the like. */
function findByGuess({ image, region, bytes, offset }: Part, view: DataView, found: FoundReferences): void {
  const leads = (p: number): boolean => {
    if (p < 0 || p + 4 > bytes.length) return false;
    const to = view.getUint32(p, true);
    return to >= 0x1000 && (isInCode(image, to) || (to >= region.memory && to - region.memory < region.bytes));
  };
  let was = false;
  let is = leads(firstAt(offset, 4));
  for (let p = firstAt(offset, 4); p + 4 <= bytes.length; p += 4) {
    const willBe = leads(p + 4);
    if (is && (was || willBe)) found.add(p, forms.rva, view.getUint32(p, true), 0);
    was = is;
    is = willBe;
  }
}

/** Words that are addresses in memory. */
function findPointers({ image, bytes, offset }: Part, view: DataView, found: FoundReferences, stride: 4 | 8): void {
  for (let p = firstAt(offset, stride); p + stride <= bytes.length; p += stride) {
    if (stride === 8 && view.getUint32(p + 4, true) !== 0) continue;
    const word = view.getUint32(p, true);
    const to = (word - image.imageBase) >>> 0;
    if (to >= 0x1000 && isIn(image, to)) found.add(p, forms.absolute, to, 0);
  }
}

function findInHeader({ region, bytes, offset }: Part, view: DataView, found: FoundReferences): void {
  for (let p = Math.max(firstAt(offset, 4), 12 - offset); p + 4 <= bytes.length; p += 4) {
    found.add(p, forms.regional, (region.memory + view.getInt32(p, true)) >>> 0, 0);
  }
}

interface Rows {
  readonly stride: number;
  readonly columns: readonly number[];
}

/** Rows of a table with addresses in some of their columns. */
function findInRows({ image, bytes, offset }: Part, view: DataView, found: FoundReferences, { stride, columns }: Rows): void {
  for (let row = firstAt(offset, stride); row < bytes.length; row += stride) {
    for (const column of columns) {
      const p = row + column;
      if (p + 4 > bytes.length) break;
      const to = (view.getUint32(p, true) - image.imageBase) >>> 0;
      if (to !== 0 && isIn(image, to)) found.add(p, forms.absolute, to, 0);
    }
  }
}
