/** Output of the deflate kernel: a buffer that is filled from the front, bits first into its lowest places. */
import { allocate } from './memory';

/** More than the longest block of buffered symbols can take (32,768 × 48 bits), behind what may wait to be taken. */
const outputBytes: usize = 0x8000 * 6 + 0x20000;
/** With so much waiting nothing more is begun. */
const waitingBytes: usize = 0x10000;
let output: usize = 0;
let next: usize = 0;
let bits: u64 = 0;
let bitCount: u32 = 0;

export function openBits(): void {
  if (output == 0) output = allocate(outputBytes);
  next = output;
  bits = 0;
  bitCount = 0;
}

/** At most 32 bits. */
@inline export function put(value: u32, count: u32): void {
  bits |= <u64>value << bitCount;
  bitCount += count;
  if (bitCount >= 32) {
    store<u32>(next, <u32>bits);
    next += 4;
    bits >>= 32;
    bitCount -= 32;
  }
}

/** Fills the byte that was begun with zeros and puts out everything. */
export function alignBits(): void {
  for (; bitCount > 0; bitCount = bitCount > 8 ? bitCount - 8 : 0) {
    store<u8>(next++, <u8>bits);
    bits >>= 8;
  }
}

/** Only after `alignBits`. */
export function putBytes(from: usize, count: usize): void {
  memory.copy(next, from, count);
  next += count;
}

@inline export function isOutputFull(): bool { return next - output >= waitingBytes; }
export function outputAt(): usize { return output; }
export function outputLength(): usize { return next - output; }
export function outputTaken(): void { next = output; }
