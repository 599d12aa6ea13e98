/**
 * References in x86 code. No instruction is decoded: what looks like a call, a jump or an operand relative to the
 * instruction, and leads to where such lead, is taken for one.
 */
import type { FoundReferences } from './found-references.js';
import { isIn, isInCode } from './image-places.js';
import type { Part } from './images.js';
import { forms } from './word-forms.js';

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
export function findInX86(part: Part, view: DataView, { found, is64 }: { found: FoundReferences; is64: boolean }): void {
  const { image, region, bytes, offset } = part;
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
