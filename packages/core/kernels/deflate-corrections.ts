/**
 * What a stream has that the model would not have made: a list of events, each so many tokens after the one before. An event
 * is a varint, four times that number of tokens plus the event's code, and what the code says comes behind it.
 *
 * | code | meaning | behind it |
 * |---|---|---|
 * | 0 | the next token is a literal | |
 * | 1 | the next token is a match with the nearest place that has it | how much shorter than the model's it is, modulo 256 |
 * | 2 | as 1, with another place | the same byte; varint of how many nearer places to pass over, 0: varint distance |
 * | 3 | about blocks | a byte, see below |
 *
 * Blocks: 0 the block ends here where the model goes on, or goes on where the model ends it; 1 the block that begins here
 * is empty; 2 + 2 × kind, one more when it is the stream's last: a block of this kind begins, 0 stored, 1 with the fixed
 * trees, 2 with trees of its own. A stored one has its length behind it, a varint; one with trees of its own has these as
 * in the stream, from a byte's lowest bit on, and its symbols are written as they come. 8 nothing: corrections have at
 * least one event, as without any the model chooses stored blocks itself; with corrections it never does.
 */
import {
  beginBlock, beginDirect, beginStored, lengthBits, lengthCode, lengthCodeOrder, madeBlock, numberLengths, numberSymbols,
  setDistanceBits, setLengthBits, setLiteralBits, storedBlock,
} from './deflate-trees';
import { put } from './deflate-bits';
import { allocate } from './memory';

export const literalEvent: u32 = 0;
export const nearestEvent: u32 = 1;
export const placedEvent: u32 = 2;
export const blockEvent: u32 = 3;

const flipped: u32 = 0;
const empty: u32 = 1;
const kindsFrom: u32 = 2;
const nothing: u32 = 8;

const bufferBytes: usize = 0x4000;
/** No event is longer. */
const eventBytesMax: usize = 1024;
/** Tokens before the next event when there is none: more than a stream has. */
const never: u32 = 0xffffffff;

let buffer: usize = 0;
let next: usize = 0;
let end: usize = 0;
let isWhole: bool = false;
let isBroken: bool = false;
/** The event that comes: after how many tokens, and which. */
let tokensLeft: u32 = never;
let code: u32 = 0;
/** Whether an event was begun. */
let isStarted: bool = false;

export function openCorrections(): void {
  if (buffer == 0) buffer = allocate(bufferBytes);
  next = buffer;
  end = buffer;
  isWhole = false;
  isBroken = false;
  isStarted = false;
  tokensLeft = never;
}

/** Makes room. @returns where more goes. */
export function correctionsAt(): usize {
  memory.copy(buffer, next, end - next);
  end = buffer + (end - next);
  next = buffer;
  return end;
}
export function correctionsRoom(): usize { return buffer + bufferBytes - end; }
export function correctionsFed(bytes: usize, isLast: bool): void {
  end += bytes;
  isWhole = isLast;
  if (!isStarted && (isWhole || end - next >= eventBytesMax)) {
    isStarted = true;
    readEvent();
  }
}
/** Whether there may be too little for the next event. */
@inline export function wantsCorrections(): bool { return !isWhole && end - next < eventBytesMax; }
export function isCorrectionsBroken(): bool { return isBroken; }
/** True when everything was used. */
export function isCorrected(): bool { return !isBroken && isWhole && tokensLeft == never && next == end; }

export function readByte(): u32 {
  if (next < end) return load<u8>(next++);
  isBroken = true;
  return 0;
}
export function readVarint(): u32 {
  let value: u32 = 0;
  for (let shift: u32 = 0; shift < 35; shift += 7) {
    const byte = readByte();
    value |= (byte & 127) << shift;
    if (byte < 128) return value;
  }
  isBroken = true;
  return 0;
}
export function readEvent(): void {
  if (next == end) {
    tokensLeft = never;
    return;
  }
  const event = readVarint();
  tokensLeft = event >>> 2;
  code = event & 3;
}

/** The code of an event about the next token; 4 when the model is right about it. */
@inline export function tokenEvent(): u32 {
  if (tokensLeft == 0) return code;
  if (tokensLeft != never) tokensLeft--;
  return 4;
}
/** After a token: whether the block's end is not where the model has it. */
@inline export function takeFlip(): bool {
  if (tokensLeft != 0 || code != blockEvent || next >= end || load<u8>(next) != flipped) return false;
  next++;
  readEvent();
  return true;
}

export const noBlock: u32 = 0;
export const emptyBlock: u32 = 1;
export const begunBlock: u32 = 2;
export let begunStored: u32 = 0;
export let begunLast: bool = false;
/** At a block's start: begins the block that comes when it is not the model's. */
export function takeBlock(): u32 {
  if (tokensLeft != 0 || code != blockEvent || next >= end || load<u8>(next) == flipped) return noBlock;
  const what = readByte();
  begunStored = 0;
  begunLast = false;
  if (what > nothing) isBroken = true;
  else if (what >= kindsFrom && what < nothing) begin((what - kindsFrom) >>> 1, (what & 1) != 0);
  if (!isBroken) readEvent();
  return what == empty ? emptyBlock : begunBlock;
}

function begin(kind: u32, isLast: bool): void {
  begunLast = isLast;
  beginBlock(kind, isLast);
  if (kind == storedBlock) {
    begunStored = readVarint();
    if (begunStored > 0xffff) isBroken = true;
    beginStored(begunStored);
    return;
  }
  if (kind == madeBlock && !copyTrees()) isBroken = true;
  beginDirect(kind);
}

// ---- trees as they are in the stream (RFC 1951, 3.2.7)

let treeBits: u32 = 0;
let treeBitCount: u32 = 0;
/** Reads bits, and puts them out. */
function copyBits(count: u32): u32 {
  while (treeBitCount < count) {
    treeBits |= readByte() << treeBitCount;
    treeBitCount += 8;
  }
  const value = treeBits & ((1 << count) - 1);
  treeBits >>>= count;
  treeBitCount -= count;
  put(value, count);
  return value;
}
/** The next symbol among the codes of lengths; 19 when there is no such code. */
function copyLengthSymbol(): u32 {
  let bits: u32 = 0;
  for (let length: u32 = 1; length <= 7; length++) {
    bits |= copyBits(1) << (length - 1);
    for (let n: u32 = 0; n < 19; n++) if (lengthBits(n) == length && lengthCode(n) == bits) return n;
  }
  return 19;
}
@inline function setBits(n: u32, literals: u32, length: u32): void {
  if (n < literals) setLiteralBits(n, length);
  else setDistanceBits(n - literals, length);
}

/** Takes a block's trees from the corrections. False when they are none. */
function copyTrees(): bool {
  treeBits = 0;
  treeBitCount = 0;
  const literals = copyBits(5) + 257;
  const distances = copyBits(5) + 1;
  const lengths = copyBits(4) + 4;
  if (literals > 286 || distances > 30) return false;
  for (let n: u32 = 0; n < 19; n++) setLengthBits(unchecked(lengthCodeOrder[n]), n < lengths ? copyBits(3) : 0);
  numberLengths();
  for (let n = literals; n < 286; n++) setLiteralBits(n, 0);
  for (let n = distances; n < 30; n++) setDistanceBits(n, 0);
  let before: u32 = 0;
  for (let n: u32 = 0; n < literals + distances; ) {
    const symbol = copyLengthSymbol();
    if (symbol == 19 || (symbol == 16 && n == 0)) return false;
    const run: u32 = symbol < 16 ? 1 : symbol == 16 ? 3 + copyBits(2) : symbol == 17 ? 3 + copyBits(3) : 11 + copyBits(7);
    if (n + run > literals + distances) return false;
    if (symbol != 16) before = symbol < 16 ? symbol : 0;
    for (let i: u32 = 0; i < run; i++) setBits(n++, literals, before);
  }
  numberSymbols();
  return true;
}
