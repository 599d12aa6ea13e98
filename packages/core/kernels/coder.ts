/**
 * The predicted-byte coder of the compact profile: an adaptive binary arithmetic coder whose models know, for a byte that
 * is copied, the byte it should be, and for a new byte what came before. The same code encodes and decodes, so that
 * both sides learn the same. Integers only: the same bits on every processor.
 *
 * Sources: arithmetic coder and mixing of predictions after M. Mahoney, "Adaptive Weighing of Context Models for
 * Lossless Data Compression" (2005); bit histories after the same author's PAQ6/LPAQ.
 */

import {
  chanceOf,
  clampChance,
  fillChances,
  four,
  learn,
  learnMix,
  makeRates,
  makeSquash,
  mix,
  setBytes,
  squash,
  stretchOf,
} from './chances';
import { fillHistoryChances, learnHistory, makeHistories, nextOf } from './histories';
import { allocate, forgetAll } from './memory';

// ---- arithmetic coder

let encoding: bool = false;
let low: u32 = 0;
let high: u32 = 0xffffffff;
let value: u32 = 0;
/** Where the next coded byte is read or written, and the end of what is there. */
let input: usize = 0;
let inputEnd: usize = 0;

/** One binary decision; `p` is the chance of a 1 in 1/65536, 1…65535. */
@inline function code(bit: u32, p: u32): u32 {
  const range = high - low;
  const middle = low + (range >>> 16) * p + (((range & 0xffff) * p) >>> 16);
  if (!encoding) bit = <u32>(value <= middle);
  if (bit) high = middle;
  else low = middle + 1;
  while (((low ^ high) & 0xff000000) == 0) shift();
  return bit;
}

function shift(): void {
  if (encoding) store<u8>(input++, high >>> 24);
  else {
    // Past the end zeros are read; the caller finds out by `consumed`.
    value = (value << 8) | (input < inputEnd ? load<u8>(input) : 0);
    input++;
  }
  low <<= 8;
  high = (high << 8) | 255;
}

@inline function hash2(a: u32, b: u32): u32 { let h = a * 0x9e3779b1 ^ b * 0x85ebca77; h ^= h >>> 15; return h * 0xc2b2ae3d; }

// ---- what both sides know

let ring: usize = 0;
let ringMask: u32 = 0;
/** Target bytes made so far. */
let position: u32 = 0;
let matchTable: usize = 0;
let matchShift: u32 = 0;
let c4: u32 = 0; // the last four bytes, the newest lowest
let c8: u32 = 0; // the four before them
let word: u32 = 0;

@inline function ringByte(at: u32): u32 { return load<u8>(ring + (at & ringMask)); }

@inline function append(byte: u32): void {
  store<u8>(ring + (position & ringMask), byte);
  position++;
  c8 = (c8 << 8) | (c4 >>> 24);
  c4 = (c4 << 8) | byte;
}

// ---- matches with what was made lately

const matchMin: u32 = 6;
let matchAt: u32 = 0;
let matchLength: u32 = 0;

@inline function matchSlot(): usize {
  return matchTable + (<usize>(((c4 * 0x2f0b4c47) ^ ((c8 & 0xffff) * 0x9e3779b1)) * 0x85ebca77 >>> matchShift) << 2);
}

/** After each byte that was coded. */
@inline function followMatch(byte: u32): void {
  if (matchLength > 0 && ringByte(matchAt) == byte) {
    if (matchLength < 65535) matchLength++;
    matchAt++;
  } else matchLength = 0;
}
@inline function findMatch(): void {
  const slot = matchSlot();
  if (matchLength == 0) {
    const candidate = load<u32>(slot);
    if (candidate > 0 && position - candidate < ringMask - 64) {
      let length: u32 = 0;
      while (length < 40 && length < candidate && ringByte(candidate - 1 - length) == ringByte(position - 1 - length)) length++;
      if (length >= matchMin) {
        matchLength = length;
        matchAt = candidate;
      }
    }
  }
  store<u32>(slot, position);
}

// ---- copied bytes: is it the predicted byte, and if not, which

/** One byte of history for each context, whatever it is about; a context's kind chooses what a history means there. */
let guessTable: usize = 0;
let guessShift: u32 = 0;
let guessChances: usize = 0;
const wrongKind: u32 = 0;
const differenceKind: u32 = 8;
const unexpectedKind: u32 = 16;
const operandKind: u32 = 24;
const guessKinds: u32 = 32;
let wrongWeights: usize = 0;
let differenceWeights: usize = 0;
const wrongRate = 14;
const differenceRate = 20;

let flags: u32 = 0; // the last 32 answers, 1 for wrong
let since: u32 = 0; // right answers in a row
let lastP: u32 = 0; // predicted bytes before
let lastP2: u32 = 0;
let lastDifference: u32 = 0;

@inline function sinceBucket(n: u32): u32 { return n < 16 ? n >>> 1 : n < 32 ? 8 : n < 64 ? 9 : n < 256 ? 10 : n < 4096 ? 11 : 12; }

@inline function guessSlot(kind: u32, context: u32): usize { return guessTable + <usize>(hash2(context, kind + 1) >>> guessShift); }
@inline function guessChance(kind: u32, slot: usize): usize { return guessChances + (<usize>(kind << 8 | <u32>load<u8>(slot)) << 2); }
@inline function learnGuess(slot: usize, chance: usize, bit: u32): void {
  learnHistory(chance, bit);
  store<u8>(slot, nextOf(load<u8>(slot), bit));
}

/** One decision by what eight histories say; each of them, and how they are weighted, learns from it. */
@inline function codeGuessed(
  bit: u32, kind: u32, weights: usize, rate: i32,
  s0: usize, s1: usize, s2: usize, s3: usize, s4: usize, s5: usize, s6: usize, s7: usize,
): u32 {
  const t0 = guessChance(kind, s0), t1 = guessChance(kind + 1, s1), t2 = guessChance(kind + 2, s2), t3 = guessChance(kind + 3, s3);
  const t4 = guessChance(kind + 4, s4), t5 = guessChance(kind + 5, s5), t6 = guessChance(kind + 6, s6), t7 = guessChance(kind + 7, s7);
  const a = four(stretchOf(t0), stretchOf(t1), stretchOf(t2), stretchOf(t3));
  const b = four(stretchOf(t4), stretchOf(t5), stretchOf(t6), stretchOf(t7));
  const p = clampChance(squash(mix(weights, a, b)));
  const answer = code(bit, p);
  learnMix(weights, a, b, answer, p, rate);
  learnGuess(s0, t0, answer);
  learnGuess(s1, t1, answer);
  learnGuess(s2, t2, answer);
  learnGuess(s3, t3, answer);
  learnGuess(s4, t4, answer);
  learnGuess(s5, t5, answer);
  learnGuess(s6, t6, answer);
  learnGuess(s7, t7, answer);
  return answer;
}

/** 1 when the byte is not the predicted one. `ahead`: the three predicted bytes after it, the first lowest. */
function codeWrong(bit: u32, P: u32, ahead: u32): u32 {
  const bucket = sinceBucket(since);
  const c1 = c4 & 255;
  const s0 = guessSlot(wrongKind, flags & 0xffff);
  const s1 = guessSlot(wrongKind + 1, P | (flags & 15) << 8);
  const s2 = guessSlot(wrongKind + 2, P | c1 << 8 | (flags & 3) << 16);
  const s3 = guessSlot(wrongKind + 3, P | (ahead & 255) << 8 | c1 << 16 | (flags & 1) << 24);
  const s4 = guessSlot(wrongKind + 4, P | lastP << 8 | lastP2 << 16 | bucket << 24);
  const s5 = guessSlot(wrongKind + 5, since < 63 ? since : 63 + bucket);
  const s6 = guessSlot(wrongKind + 6, P | ahead << 8);
  const s7 = guessSlot(wrongKind + 7, lastP | lastP2 << 8 | (flags & 255) << 16);
  const weights = wrongWeights + <usize>(bucket * 4 + (flags & 3)) * setBytes;
  return codeGuessed(bit, wrongKind, weights, wrongRate, s0, s1, s2, s3, s4, s5, s6, s7);
}

@inline function nodeSlot(h: u32, node: u32): usize {
  return guessTable + <usize>(((h + node * 0x9e3779b1) * 0x2c1b3c6d) >>> guessShift);
}

/** The byte that came instead of P, as its difference from P. */
function codeDifference(difference: u32, P: u32, ahead: u32): u32 {
  const c1 = c4 & 255;
  const k = differenceKind;
  const h0 = hash2(P, k + 1);
  const h1 = hash2(lastDifference | (since < 8 ? since : 8) << 8, k + 2);
  const h2 = hash2(flags & 255, k + 3);
  const h3 = hash2(c1 | P << 8, k + 4);
  const h4 = hash2(lastDifference | P << 8, k + 5);
  const h5 = hash2(lastP | P << 8 | (flags & 15) << 16, k + 6);
  const h6 = hash2(P | ahead << 8, k + 7);
  const h7 = hash2(P | (ahead & 255) << 8 | lastP << 16 | lastP2 << 24, k + 8);
  let node: u32 = 1;
  for (let b = 7; b >= 0; b--) {
    const s0 = nodeSlot(h0, node), s1 = nodeSlot(h1, node), s2 = nodeSlot(h2, node), s3 = nodeSlot(h3, node);
    const s4 = nodeSlot(h4, node), s5 = nodeSlot(h5, node), s6 = nodeSlot(h6, node), s7 = nodeSlot(h7, node);
    const weights = differenceWeights + <usize>node * setBytes;
    const bit = codeGuessed(difference >>> b & 1, k, weights, differenceRate, s0, s1, s2, s3, s4, s5, s6, s7);
    node = node << 1 | bit;
  }
  return node & 255;
}

// ---- operands: copied words that are addresses, of which the transform `references` knows where they lead

/**
 * What is known of an operand: its position; its form; what its base refers to; the place where that is predicted to be
 * (`noPlace` when nothing predicts it); and an addend. A field of the word is (place + addend) >> scale, the rest of the
 * word is as in the base. The form, from the lowest bit: 4 bits its kind, which the models learn by; 5 the field's lowest
 * bit; 6 its length; 4 the scale; 1 whether it is cut as an ADRP instruction of ARM64 cuts it; 2 the word's
 * bytes: 0 four, 1 two, 2 one, 3 two with the higher one first.
 */
const operandBytes: usize = 20;
const noPlace: u32 = 0xffffffff;
const never: u32 = 0xffffffff;
let operandBuffer: usize = 0;
/** The next operand, where it begins, and the end of what is known. */
let operand: usize = 0;
let operandAt: u32 = never;
let operandsEnd: usize = 0;
let operandWeights: usize = 0;
/** Where things were found: what is referred to, the address, how often in a row it was right. */
let placeTable: usize = 0;
let placeShift: u32 = 0;
const placeBytes: usize = 12;
const placeBits: usize = 17;
let operandFlags: u32 = 0; // the last 32 answers, 1 for wrong
const operandRate = 14;
let lastShift: u32 = 0; // how far the last one that was wrong was from its prediction

function nextOperand(): void {
  operand += operandBytes;
  operandAt = operand < operandsEnd ? load<u32>(operand) : never;
}

/** The entry about what the operand refers to; its first number is another when there is none. */
@inline function placeOf(key: u32): usize { return placeTable + <usize>(key * 0x9e3779b1 >>> placeShift) * placeBytes; }

// The operand that is looked at.
let form: u32 = 0;
let key: u32 = 0;
let mapped: u32 = 0;
let addend: u32 = 0;
let raw: u32 = 0; // the word as in the base
let wordBytes: u32 = 4;
/** Whether the higher byte of a word of two comes first. */
let isReversed: bool = false;
@inline function loadWord(from: usize): u32 {
  if (wordBytes == 4) return load<u32>(from);
  if (wordBytes == 1) return <u32>load<u8>(from);
  const word = <u32>load<u16>(from);
  return isReversed ? word >>> 8 | (word & 255) << 8 : word;
}
@inline function byteOf(word: u32, index: u32): u32 { return word >>> ((isReversed ? 1 - index : index) << 3) & 255; }

function openOperand(at: usize, from: usize): void {
  form = load<u32>(at, 4);
  key = load<u32>(at, 8);
  mapped = load<u32>(at, 12);
  addend = load<u32>(at, 16);
  const width = form >>> 20 & 3;
  wordBytes = width == 0 ? 4 : width == 2 ? 1 : 2;
  isReversed = width == 3;
  raw = loadWord(from);
}
@inline function fieldBits(): u32 { return form >>> 9 & 63; }
@inline function fieldMask(): u32 { const bits = fieldBits(); return bits >= 32 ? 0xffffffff : (<u32>1 << bits) - 1; }
@inline function isCut(): bool { return (form >>> 19 & 1) != 0; }
const cutMask: u32 = 0x60ffffe0;

/** The field of a word; and the word with another field. */
@inline function fieldOf(word: u32): u32 {
  if (isCut()) return word >>> 29 & 3 | (word >>> 5 & 0x7ffff) << 2;
  return word >>> (form >>> 4 & 31) & fieldMask();
}
@inline function withField(field: u32): u32 {
  if (isCut()) return raw & ~cutMask | (field & 3) << 29 | (field >>> 2 & 0x7ffff) << 5;
  const lowest = form >>> 4 & 31;
  return raw & ~(fieldMask() << lowest) | field << lowest;
}
@inline function fieldFor(place: u32): u32 { return <u32>(<i32>(place + addend) >> <i32>(form >>> 15 & 15)) & fieldMask(); }
@inline function wordFor(place: u32): u32 { return withField(fieldFor(place)); }
/** Fields as far apart as they can be lie next to each other. */
@inline function signedField(difference: u32): i32 {
  const above = 32 - <i32>min(max(fieldBits(), 1), 32);
  return <i32>(difference << above) >> above;
}

/** The word that is expected first. */
function expectedWord(): u32 {
  const entry = placeOf(key);
  if (load<u32>(entry) == key) return wordFor(load<u32>(entry, 4));
  return mapped == noPlace ? raw : wordFor(mapped);
}

/** Remembers where the operand led: the place nearest to the predicted one that the word may mean. */
function learnPlace(word: u32): void {
  const entry = placeOf(key);
  // Words of one key may hold different parts of a place: what others told of it stays.
  const guess = load<u32>(entry) == key ? load<u32>(entry, 4) : mapped == noPlace ? 0 - addend : mapped;
  const place = guess + <u32>(signedField(fieldOf(word) - fieldFor(guess)) << <i32>(form >>> 15 & 15));
  if (load<u32>(entry) == key && wordFor(load<u32>(entry, 4)) == word) {
    const count = load<u32>(entry, 8);
    if (count < 7) store<u32>(entry, count + 1, 8);
    return;
  }
  store<u32>(entry, key);
  store<u32>(entry, place, 4);
  store<u32>(entry, 0, 8);
}

/** 1 when the word is not this candidate, the first, second or third. */
function codeNotCandidate(bit: u32, rank: u32, state: u32, P: u32): u32 {
  const c1 = c4 & 255;
  const k = operandKind;
  const about = state << 4 | form & 15 | rank << 12;
  const s0 = guessSlot(k, about);
  const s1 = guessSlot(k + 1, about | (operandFlags & 255) << 16);
  const s2 = guessSlot(k + 2, key ^ rank << 30);
  const s3 = guessSlot(k + 3, about | c1 << 16 | (operandFlags & 3) << 24);
  const s4 = guessSlot(k + 4, about | (c4 & 0xffff) << 16);
  const s5 = guessSlot(k + 5, about | sinceBucket(since) << 16 | (flags & 7) << 20);
  const s6 = guessSlot(k + 6, (operandFlags & 0xfff) | rank << 16 | (state & 15) << 20);
  const s7 = guessSlot(k + 7, about | (P & 255) << 16);
  const weights = operandWeights + <usize>(rank << 4 | state & 15) * setBytes;
  return codeGuessed(bit, k, weights, operandRate, s0, s1, s2, s3, s4, s5, s6, s7);
}

/** Codes the operand that begins here. */
function copyOperand(): void {
  openOperand(operand, references);
  const word: u32 = encoding ? loadWord(actual) : 0;
  const entry = placeOf(key);
  const isKnown = load<u32>(entry) == key;
  const isMapped = mapped != noPlace;
  const learned = isKnown ? wordFor(load<u32>(entry, 4)) : 0;
  const mappedWord = isMapped ? wordFor(mapped) : raw;
  // How the candidates agree, and how sure the first of them was lately.
  let state: u32 = (isKnown ? 1 : 0) | (isMapped ? 2 : 0) | (isMapped && mappedWord == raw ? 4 : 0) | (isKnown && learned == raw ? 8 : 0);
  if (isKnown) state |= (isMapped && learned == mappedWord ? 16 : 0) | load<u32>(entry, 8) << 5;
  const first = isKnown ? learned : mappedWord;
  const second = mappedWord != first ? mappedWord : raw;
  let made = first;
  let wrong = codeNotCandidate(<u32>(word != first), 0, state, first);
  operandFlags = operandFlags << 1 | wrong;
  if (wrong && second != first) {
    made = second;
    wrong = codeNotCandidate(<u32>(word != second), 1, state, second);
  }
  if (wrong && raw != first && raw != second) {
    made = raw;
    wrong = codeNotCandidate(<u32>(word != raw), 2, state, raw);
  }
  if (wrong) made = codeOther(word, mappedWord);
  references += wordBytes;
  const bytes = wordBytes;
  for (let i: u32 = 0; i < bytes; i++) finishCopied(byteOf(made, i));
  if (wrong) {
    since = 0;
    chunkLeft = 0;
  } else {
    since += bytes;
    chunkLeft = chunkLeft > bytes ? chunkLeft - bytes : 0;
  }
  learnPlace(made);
  nextOperand();
}

/** A word that is none of the candidates: whether it is as in the base but for its field, and how far that is off. */
function codeOther(word: u32, expected: u32): u32 {
  const field = fieldOf(expected);
  const isOther = codeNumber(encoding ? <u32>(withField(fieldOf(word)) != word) : 0, 11, form & 15);
  if (isOther) return codeNumber(word, 12, form & 15);
  const difference = signedField(fieldOf(word) - field);
  const isLess = codeNumber(<u32>(difference < 0), 9, lastShift & 15);
  const size = codeNumber(<u32>(difference < 0 ? -difference : difference), 10, form & 15);
  lastShift = isLess & 1 | lengthContext(size) << 1;
  return withField(field + (isLess ? 0 - size : size) & fieldMask());
}

// ---- new bytes

const orders = 6; // contexts with histories: orders 1, 2, 3, 6, the word, and a sparse one
let order1Table: usize = 0;
let historyTable: usize = 0;
let historyMask: u32 = 0;
let historyChances: usize = 0;
let matchChances: usize = 0;
let newWeights: usize = 0;
let unexpectedWeights: usize = 0;
let newFlags: u32 = 0;
// The contexts of the byte that comes, and where their histories lie.
let x1: u32 = 0, x2: u32 = 0, x3: u32 = 0, x4: u32 = 0, x5: u32 = 0;
let b0: usize = 0, b1: usize = 0, b2: usize = 0, b3: usize = 0, b4: usize = 0, b5: usize = 0;
const newRate = 8;
/** Last corrections of a chance, by the byte before and what is known of the byte: 33 steps each. */
let refinements: usize = 0;
let refineAt: usize = 0;
@inline function refine(d: i32, context: u32): u32 {
  if (d > 2047) d = 2047;
  if (d < -2047) d = -2047;
  const place = d + 2048;
  const knot = place >>> 7;
  const between = place & 127;
  const at = refinements + (<usize>(context * 33 + knot) << 1);
  refineAt = between < 64 ? at : at + 2;
  return (<u32>load<u16>(at) * (128 - between) + <u32>load<u16>(at, 2) * between) >>> 7;
}
const refinedContexts: u32 = 1 << 16;
const refinedBytes: u32 = 33 * 2;
function makeRefinements(): void {
  refinements = allocate(refinedContexts * refinedBytes);
  for (let knot = 0; knot < 33; knot++) store<u16>(refinements + (knot << 1), <u16>squash((knot - 16) * 128));
  for (let made = refinedBytes; made < refinedContexts * refinedBytes; made <<= 1) memory.copy(refinements + made, refinements, made);
}
@inline function learnRefine(bit: u32): void {
  const was = <i32>load<u16>(refineAt);
  store<u16>(refineAt, <u16>(was + (((bit ? 65535 : 0) - was) >> 6)));
}

/** The 16 bytes of a context: a check, then the histories of a nibble's 15 nodes. The least used of three gives way. */
@inline function bucketOf(h: u32): usize {
  const check = h >>> 24;
  const index = h & historyMask;
  let found = historyTable + (<usize>index << 4);
  if (<u32>load<u8>(found) == check) return found;
  const second = historyTable + (<usize>(index ^ 1) << 4);
  if (<u32>load<u8>(second) == check) return second;
  const third = historyTable + (<usize>(index ^ 2) << 4);
  if (<u32>load<u8>(third) == check) return third;
  const used = load<u8>(found, 1);
  const used2 = load<u8>(second, 1);
  const used3 = load<u8>(third, 1);
  if (used2 < used && used2 <= used3) found = second;
  else if (used3 < used) found = third;
  store<u64>(found, check);
  store<u64>(found, 0, 8);
  return found;
}

function makeContexts(): void {
  const c1 = c4 & 255;
  const letter = (c1 | 32) - 97 < 26 || c1 > 127 || c1 - 48 < 10;
  word = letter ? (word + c1) * 0x2f0b4c47 : 0;
  x1 = hash2(c4 & 0xffff, 2);
  x2 = hash2(c4 & 0xffffff, 3);
  x3 = hash2(c4, 6 + (c8 & 0xffff) * 0x3d4d51cb);
  x4 = hash2(word, 7 | c1 << 8);
  x5 = hash2(c4 & 0xffff00, 8);
}

/** Loads begun early overlap; this keeps them from being left out. */
let touched: u32 = 0;
@inline function touch(h: u32): u32 { return load<u8>(historyTable + (<usize>(h & historyMask) << 4)); }

/** Points the buckets at a nibble; `node` is 1 for the first, 16…31 for the second. */
function openNibble(node: u32): void {
  const h1 = hash2(x1, node), h2 = hash2(x2, node), h3 = hash2(x3, node), h4 = hash2(x4, node), h5 = hash2(x5, node);
  touched = touch(h1) + touch(h2) + touch(h3) + touch(h4) + touch(h5);
  b0 = order1Table + (<usize>((c4 & 255) * 17 + (node == 1 ? 0 : node - 15)) << 4);
  b1 = bucketOf(h1);
  b2 = bucketOf(h2);
  b3 = bucketOf(h3);
  b4 = bucketOf(h4);
  b5 = bucketOf(h5);
}

@inline function chanceSlot(order: u32, history: u32): usize { return historyChances + (<usize>(order << 8 | history) << 2); }

/** Whether the byte is the one that a long match expects. */
function codeUnexpected(bit: u32, P: u32): u32 {
  const bucket: u32 = matchLength < 24 ? 0 : matchLength < 32 ? 1 : matchLength < 64 ? 2 : matchLength < 256 ? 3 : 4;
  const k = unexpectedKind;
  const s0 = guessSlot(k, bucket | (newFlags & 255) << 8);
  const s1 = guessSlot(k + 1, P | bucket << 8);
  const s2 = guessSlot(k + 2, P | c4 << 8);
  const s3 = guessSlot(k + 3, newFlags & 0xffff);
  const s4 = guessSlot(k + 4, matchLength < 400 ? matchLength : 400);
  const t0 = guessChance(k, s0), t1 = guessChance(k + 1, s1), t2 = guessChance(k + 2, s2), t3 = guessChance(k + 3, s3), t4 = guessChance(k + 4, s4);
  const a = four(stretchOf(t0), stretchOf(t1), stretchOf(t2), stretchOf(t3));
  const b = four(stretchOf(t4), 256, 0, 0);
  const weights = unexpectedWeights + <usize>bucket * setBytes;
  const p = clampChance(squash(mix(weights, a, b)));
  bit = code(bit, p);
  learnMix(weights, a, b, bit, p, wrongRate);
  learnGuess(s0, t0, bit);
  learnGuess(s1, t1, bit);
  learnGuess(s2, t2, bit);
  learnGuess(s3, t3, bit);
  learnGuess(s4, t4, bit);
  newFlags = newFlags << 1 | bit;
  return bit;
}

/** Matches this long are asked about once a byte rather than mixed in bit by bit. */
const sureMatch: u32 = 20;

function codeNew(byte: u32): u32 {
  makeContexts();
  let expected: u32 = 0; // with a 1 before it; 0 when nothing is expected
  let matched: u32 = 0;
  if (matchLength >= sureMatch) {
    const P = ringByte(matchAt);
    if (!codeUnexpected(<u32>(byte != P), P)) return P;
    matchLength = 0;
  } else if (matchLength > 0) {
    expected = ringByte(matchAt) | 256;
    matched = matchLength;
  }
  let node: u32 = 1;
  openNibble(1);
  for (let b = 7; b >= 0; b--) {
    if (b == 3) openNibble(node);
    const inNibble = <usize>(b > 3 ? node : (node & ((1 << (3 - b)) - 1)) | (1 << (3 - b)));
    const t0 = b0 + inNibble, t1 = b1 + inNibble, t2 = b2 + inNibble, t3 = b3 + inNibble, t4 = b4 + inNibble, t5 = b5 + inNibble;
    const n0 = <u32>load<u8>(t0), n1 = <u32>load<u8>(t1), n2 = <u32>load<u8>(t2), n3 = <u32>load<u8>(t3), n4 = <u32>load<u8>(t4), n5 = <u32>load<u8>(t5);
    const s0 = chanceSlot(0, n0), s1 = chanceSlot(1, n1), s2 = chanceSlot(2, n2), s3 = chanceSlot(3, n3), s4 = chanceSlot(4, n4), s5 = chanceSlot(5, n5);
    let matchSlotAt: usize = 0;
    let fromMatch = 0;
    if (matched && (expected >>> (b + 1)) == node) {
      matchSlotAt = matchChances + (<usize>(matched << 1 | (expected >>> b & 1)) << 2);
      fromMatch = stretchOf(matchSlotAt);
    }
    const a = four(stretchOf(s0), stretchOf(s1), stretchOf(s2), stretchOf(s3));
    const c = four(stretchOf(s4), stretchOf(s5), 256, fromMatch);
    const weights = newWeights + <usize>((matchSlotAt ? (matched > 12 ? 2 : 1) : 0) * 256 + node) * setBytes;
    const mixed = mix(weights, a, c);
    const p = clampChance(squash(mixed));
    const refined = refine(mixed, node | (c4 & 255) << 8);
    const bit = code(byte >>> b & 1, clampChance((p + refined) >>> 1));
    learnRefine(bit);
    learnMix(weights, a, c, bit, p, newRate);
    learnHistory(s0, bit);
    learnHistory(s1, bit);
    learnHistory(s2, bit);
    learnHistory(s3, bit);
    learnHistory(s4, bit);
    learnHistory(s5, bit);
    store<u8>(t0, nextOf(n0, bit));
    store<u8>(t1, nextOf(n1, bit));
    store<u8>(t2, nextOf(n2, bit));
    store<u8>(t3, nextOf(n3, bit));
    store<u8>(t4, nextOf(n4, bit));
    store<u8>(t5, nextOf(n5, bit));
    if (matchSlotAt) learn(matchSlotAt, bit, 1023);
    node = node << 1 | bit;
  }
  return node & 255;
}

// ---- numbers

let numberChances: usize = 0; // 16 kinds × (64 × 16 for the length, 64 × 16 for the first bits)
const numberKinds = 16;
const kindBytes: usize = (16 * 64 + 64 * 16) * 4;

/** A number below 2^32 as its length in bits, then its bits; the upper four by chances, those below evenly. */
function codeNumber(number: u32, kind: u32, context: u32): u32 {
  const base = numberChances + <usize>kind * kindBytes;
  let length: u32 = 32 - clz(number);
  let node: u32 = 1;
  // Lengths 0…32 as six bits of a tree.
  for (let b = 5; b >= 0; b--) {
    const slot = base + (<usize>(context * 64 + node) << 2);
    const bit = code(length >>> b & 1, clampChance(chanceOf(slot)));
    learn(slot, bit, 60);
    node = node << 1 | bit;
  }
  length = node & 63;
  if (length < 2) return length;
  if (length > 32) length = 32; // only a hostile stream says so
  let result: u32 = 1;
  node = 1;
  for (let b = <i32>length - 2; b >= 0; b--) {
    let bit: u32;
    if (node < 16) {
      const slot = base + (<usize>(16 * 64 + length * 16 + node) << 2);
      bit = code(number >>> b & 1, clampChance(chanceOf(slot)));
      learn(slot, bit, 120);
      node = node << 1 | bit;
    } else bit = code(number >>> b & 1, 32768);
    result = result << 1 | bit;
  }
  return result;
}

@inline function bitLength(n: u32): u32 { return 32 - clz(n); }
@inline function lengthContext(n: u32): u32 { const bits = bitLength(n); return bits < 15 ? bits : 15; }

// ---- the block list: a stream of its own, so that references can be fetched before the bytes that need them

/** Copied bytes, their reference (an address: bases, then targets), new bytes: u32 each. */
const blockBytes = 12;
const diagonalsKept = 4;
let lastNew: u32 = 0;
let lastKind: u32 = 0;
/** Where the reference of the block before ended, and where the next block's bytes begin; both as addresses. */
let referenceEnd: u32 = 0;
let blockAddress: u32 = 0;
/** Where the last target ends, as an address. */
let addressEnd: u32 = 0;
/** Distances used lately, the newest first. */
const diagonals: usize = memory.data(diagonalsKept * 4);

function useDiagonal(distance: u32): void {
  let at = 0;
  while (at < diagonalsKept - 1 && load<u32>(diagonals + (at << 2)) != distance) at++;
  for (; at > 0; at--) store<u32>(diagonals + (at << 2), load<u32>(diagonals + (at << 2) - 4));
  store<u32>(diagonals, distance);
}

/** 0: goes on where the last reference ended · 1…4: on one of the last diagonals · 5: after that end · 6: before it. */
function codeReference(reference: u32): u32 {
  let kind: u32 = 5;
  if (encoding) {
    if (reference == referenceEnd) kind = 0;
    else {
      if (reference < referenceEnd) kind = 6;
      for (let i = diagonalsKept - 1; i >= 0; i--) if (blockAddress - load<u32>(diagonals + (i << 2)) == reference) kind = 1 + i;
    }
  }
  kind = codeNumber(kind, 2, lastKind);
  if (kind == 0) reference = referenceEnd;
  else if (kind <= <u32>diagonalsKept) reference = blockAddress - load<u32>(diagonals + ((kind - 1) << 2));
  else if (kind == 5) reference = referenceEnd + codeNumber(reference - referenceEnd, 3, lengthContext(lastNew));
  else reference = referenceEnd - codeNumber(referenceEnd - reference, 4, lengthContext(lastNew));
  lastKind = kind & 7;
  return reference;
}

/** One block of the list at `at`; it is filled in when decoding. False when no encoder makes such a block. */
function codeBlock(at: usize): bool {
  const copied = codeNumber(load<u32>(at), 0, lengthContext(lastNew));
  store<u32>(at, copied);
  if (copied > addressEnd - blockAddress) return false;
  if (copied > 0) {
    const reference = codeReference(load<u32>(at, 4));
    if (reference >= blockAddress) return false;
    store<u32>(at, reference, 4);
    useDiagonal(blockAddress - reference);
    referenceEnd = reference + copied;
    blockAddress += copied;
  }
  lastNew = codeNumber(load<u32>(at, 8), 1, lengthContext(copied));
  store<u32>(at, lastNew, 8);
  if (lastNew > addressEnd - blockAddress || copied + lastNew == 0) return false;
  blockAddress += lastNew;
  return true;
}

/**
 * Codes up to `count` blocks of the block buffer. Returns how many: fewer when decoding and the list ends or the input is
 * short, or -1 when a block is not possible.
 */
export function codeBlocks(count: u32, isLast: bool): i32 {
  for (let i: u32 = 0; i < count; i++) {
    if (encoding ? input > inputEnd - 512 : !isLast && <i32>(inputEnd - input) < 512) return i;
    if (blockAddress == addressEnd) return i;
    if (!codeBlock(blockBuffer + <usize>(i * blockBytes))) return -1;
  }
  return count;
}

// ---- the bytes, in pieces

/** So many right predictions in a row, and further ones are counted in chunks instead of being asked for one by one. */
const calm: u32 = 1024;
const chunkBytes: u32 = 256;
/** Length (the highest bit set: new bytes), distance back in the window (0: predicted by the reference buffer). */
const pieceBytes = 8;
let pieces: u32 = 0;
let pieceIndex: u32 = 0;
let pieceLeft: u32 = 0;
let isNew: bool = false;
let references: usize = 0; // the next predicted byte, when it comes from outside
let distance: u32 = 0; // or how far back it is in the ring; 0 for outside
let chunkLeft: u32 = 0; // bytes of a chunk of which one is wrong, none of them wrong so far
let actual: usize = 0; // the next byte to encode
let lastRun: u32 = 0;

/**
 * Begins with the first of `count` pieces of the piece buffer; a piece has at most 65,536 bytes. Of the copied words
 * `operands` are known to be addresses.
 */
export function begin(count: u32, operands: u32): void {
  operand = operandBuffer - operandBytes;
  operandsEnd = operandBuffer + <usize>operands * operandBytes;
  nextOperand();
  pieces = count;
  pieceIndex = 0;
  references = referenceBuffer;
  actual = actualBuffer;
  if (count > 0) beginPiece();
}

function beginPiece(): void {
  const at = pieceBuffer + <usize>(pieceIndex * pieceBytes);
  const length = load<u32>(at);
  isNew = length >>> 31 != 0;
  pieceLeft = length & 0x7fffffff;
  distance = load<u32>(at, 4);
  chunkLeft = 0;
}

/** Codes pieces as far as there is input, or room for output; returns how many are left. */
export function run(isLast: bool): u32 {
  while (pieceIndex < pieces) {
    while (pieceLeft > 0) {
      if (encoding ? input > inputEnd - 512 : !isLast && <i32>(inputEnd - input) < 512) return pieces - pieceIndex;
      if (isNew) newByte();
      else if (since < calm || chunkLeft > 0 || !copyRun()) {
        if (position == operandAt) copyOperand();
        else copyByte();
      }
    }
    pieceIndex++;
    if (pieceIndex < pieces) beginPiece();
  }
  return 0;
}

@inline function predicted(offset: u32): u32 {
  return distance ? ringByte(position + offset - distance) : <u32>load<u8>(references + offset);
}

/** A predicted byte of the piece further on; 0 where there is none, or none yet. */
@inline function predictedAhead(offset: u32): u32 {
  return pieceLeft > offset && (distance == 0 || distance > offset) ? predicted(offset) : 0;
}

/** How many bytes of the piece are as predicted; when encoding. */
function equalAhead(): u32 {
  let equal: u32 = 0;
  let word = operand;
  while (equal < pieceLeft) {
    if (word < operandsEnd && load<u32>(word) == position + equal) {
      openOperand(word, references + equal);
      const expected = expectedWord();
      if (expected != loadWord(actual + equal)) break;
      word += operandBytes;
      equal += wordBytes;
      continue;
    }
    // What lies less than a distance back is of this piece itself.
    const P = distance != 0 && equal >= distance ? <u32>load<u8>(actual + equal - distance) : predicted(equal);
    if (P != load<u8>(actual + equal)) break;
    equal++;
  }
  return equal;
}

/** Copies the chunks ahead that are as predicted; false when there are none. */
function copyRun(): bool {
  const chunks = (pieceLeft + chunkBytes - 1) / chunkBytes;
  let run: u32 = 0;
  if (encoding) {
    const equal = equalAhead();
    run = equal == pieceLeft ? chunks : equal / chunkBytes;
  }
  run = codeNumber(run, 8, lastRun);
  if (run > chunks) run = chunks; // only a hostile stream says so
  lastRun = lengthContext(run);
  const count = min(run * chunkBytes, pieceLeft);
  let done: u32 = 0;
  while (done < count) {
    if (position == operandAt) {
      // The last one may reach beyond the chunk: it is as expected as a whole.
      openOperand(operand, references);
      const word = expectedWord();
      for (let i: u32 = 0; i < wordBytes; i++) append(byteOf(word, i));
      references += wordBytes;
      done += wordBytes;
      nextOperand();
    } else {
      append(predicted(0));
      if (distance == 0) references++;
      done++;
      if ((position & 7) == 0) store<u32>(matchSlot(), position);
    }
  }
  const rest = pieceLeft - done;
  chunkLeft = min(rest, chunkBytes - (done - count));
  if (count == 0) return false;
  actual += done;
  pieceLeft = rest;
  since += done;
  matchLength = 0;
  flags = 0;
  return true;
}

function copyByte(): void {
  const P = predicted(0);
  const next = predictedAhead(1);
  const ahead = next | predictedAhead(2) << 8 | predictedAhead(3) << 16;
  const byte: u32 = encoding ? <u32>load<u8>(actual) : 0;
  // The last byte of a chunk in which none was wrong so far is wrong.
  const wrong = chunkLeft == 1 ? 1 : codeWrong(<u32>(byte != P), P, ahead);
  let made = P;
  if (wrong) {
    lastDifference = codeDifference((byte - P) & 255, P, ahead);
    made = (P + lastDifference) & 255;
    since = 0;
    chunkLeft = 0;
  } else {
    since++;
    if (chunkLeft > 0) chunkLeft--;
  }
  flags = flags << 1 | wrong;
  lastP2 = lastP;
  lastP = P;
  if (distance == 0) references++;
  finishCopied(made);
}

function newByte(): void {
  const byte = codeNew(encoding ? <u32>load<u8>(actual) : 0);
  followMatch(byte);
  append(byte);
  actual++;
  pieceLeft--;
  findMatch();
}

@inline function finishCopied(byte: u32): void {
  append(byte);
  actual++;
  pieceLeft--;
  matchLength = 0;
  if ((position & 3) == 0) store<u32>(matchSlot(), position);
}

// ---- life

export const inputBytesMax: u32 = 1 << 16;
export const batchBytesMax: u32 = 1 << 18;
export const batchBlocksMax: u32 = 1 << 12;
const streams = 2;
/** Each stream's input or output lies in a buffer of its own; coder registers of the one that is not in use. */
let streamBuffers: usize = 0;
const parked: usize = memory.data(20 * streams);
let stream: i32 = 0;
let blockBuffer: usize = 0;
let pieceBuffer: usize = 0;
let referenceBuffer: usize = 0;
let actualBuffer: usize = 0;

/**
 * Makes everything as it is before the first byte, for `bases` and `targets` bytes in all. The window has 2^windowBits
 * bytes, the histories of new bytes 2^historyBits, those about predicted bytes 2^guessBits.
 */
export function open(isEncoding: bool, bases: u32, targets: u32, windowBits: u32, historyBits: u32, guessBits: u32, hasOperands: bool): void {
  forgetAll();
  encoding = isEncoding;
  makeSquash();
  makeRates();
  makeHistories();
  streamBuffers = allocate(inputBytesMax * streams);
  blockBuffer = allocate(batchBlocksMax * blockBytes);
  pieceBuffer = allocate(batchBlocksMax * 2 * pieceBytes);
  referenceBuffer = allocate(batchBytesMax + 64);
  if (isEncoding) actualBuffer = allocate(batchBytesMax);
  ring = allocate(<usize>1 << windowBits);
  ringMask = (<u32>1 << windowBits) - 1;
  memory.fill(ring, 0, <usize>1 << windowBits);
  const matchBits: u32 = windowBits > 20 ? 18 : windowBits < 12 ? 10 : windowBits - 2;
  matchTable = allocate(<usize>4 << matchBits);
  memory.fill(matchTable, 0, <usize>4 << matchBits);
  matchShift = 32 - matchBits;
  guessTable = allocate(<usize>1 << guessBits);
  memory.fill(guessTable, 0, <usize>1 << guessBits);
  guessShift = 32 - guessBits;
  guessChances = allocate(<usize>guessKinds << 10);
  for (let kind: u32 = 0; kind < guessKinds; kind++) fillHistoryChances(guessChances + (<usize>kind << 10));
  wrongWeights = allocateWeights(16 * 4, 4915);
  differenceWeights = allocateWeights(256, 5243);
  order1Table = allocate(256 * 17 * 16);
  memory.fill(order1Table, 0, 256 * 17 * 16);
  historyTable = allocate(<usize>1 << historyBits);
  memory.fill(historyTable, 0, <usize>1 << historyBits);
  historyMask = (<u32>1 << (historyBits - 4)) - 1;
  historyChances = allocate(orders * 256 * 4);
  for (let i = 0; i < orders; i++) fillHistoryChances(historyChances + (i << 10));
  matchChances = allocate(64 * 4);
  for (let m: u32 = 0; m < 32; m++) {
    const missing: u32 = 0x3fffff / (m + 2);
    store<u32>(matchChances + (m << 3), missing << 10);
    store<u32>(matchChances + (m << 3) + 4, (0x3fffff - missing) << 10);
  }
  makeRefinements();
  newWeights = allocateWeights(3 * 256, 4096);
  unexpectedWeights = allocateWeights(8, 4915);
  numberChances = allocateChances(numberKinds * <u32>kindBytes / 4);
  if (hasOperands) {
    operandBuffer = allocate(<usize>(batchBytesMax / 2) * operandBytes);
    placeTable = allocate(placeBytes << placeBits);
    memory.fill(placeTable, 255, placeBytes << placeBits);
    placeShift = 32 - <u32>placeBits;
    operandWeights = allocateWeights(3 * 16, 4915);
  }
  operandFlags = 0;
  lastShift = 0;
  position = 0;
  c4 = 0;
  c8 = 0;
  word = 0;
  matchAt = 0;
  matchLength = 0;
  flags = 0;
  newFlags = 0;
  since = 0;
  lastP = 0;
  lastP2 = 0;
  lastDifference = 0;
  lastRun = 0;
  lastNew = 0;
  lastKind = 0;
  referenceEnd = 0;
  blockAddress = bases;
  addressEnd = bases + targets;
  for (let i = 0; i < diagonalsKept; i++) store<u32>(diagonals + (i << 2), bases);
  pieces = 0;
  pieceIndex = 0;
  for (stream = 0; stream < streams; stream++) {
    low = 0;
    high = 0xffffffff;
    value = 0;
    input = streamBuffers + stream * inputBytesMax;
    inputEnd = isEncoding ? input + inputBytesMax : input;
    park();
  }
  stream = 0;
  unpark();
}

function park(): void {
  const at = parked + stream * 20;
  store<u32>(at, low);
  store<u32>(at, high, 4);
  store<u32>(at, value, 8);
  store<usize>(at, input, 12);
  store<usize>(at, inputEnd, 16);
}
function unpark(): void {
  const at = parked + stream * 20;
  low = load<u32>(at);
  high = load<u32>(at, 4);
  value = load<u32>(at, 8);
  input = load<usize>(at, 12);
  inputEnd = load<usize>(at, 16);
}
/** What follows is coded in this stream: 0 the block list, 1 the bytes. */
export function select(which: i32): void {
  park();
  stream = which;
  unpark();
}

/** Decoding: how many bytes of the selected stream's buffer were read; more than were there when it was too short. */
export function consumed(): u32 { return <u32>(input - (streamBuffers + stream * inputBytesMax)); }
/** Decoding: the selected stream's buffer holds `length` bytes, none of them read yet. */
export function refilled(length: u32): void {
  input = streamBuffers + stream * inputBytesMax;
  inputEnd = input + length;
}
/** Decoding, once at the start of a stream: the first four bytes. */
export function prime(): void {
  for (let i = 0; i < 4; i++) {
    value = (value << 8) | (input < inputEnd ? <u32>load<u8>(input) : 0);
    input++;
  }
}
/** Encoding: how many bytes lie in the selected stream's buffer; it is empty afterwards. */
export function taken(): u32 {
  const count = consumed();
  input -= count;
  return count;
}
/** Encoding: the last byte of the selected stream; what follows it counts as zeros. */
export function flush(): void {
  // One byte suffices: any value from `low` to `high` does, and one that ends in zeros lies between.
  for (let i = 0; i < 4; i++) {
    const shiftBy = 24 - (i << 3);
    const top = (high >>> shiftBy) << shiftBy;
    store<u8>(input++, <u8>(high >>> shiftBy));
    if (top >= low) return;
  }
}

export function streamAt(which: i32): usize { return streamBuffers + which * inputBytesMax; }
export function blocksAt(): usize { return blockBuffer; }
export function piecesAt(): usize { return pieceBuffer; }
export function referencesAt(): usize { return referenceBuffer; }
export function actualAt(): usize { return actualBuffer; }
export function windowAt(): usize { return ring; }
export function operandsAt(): usize { return operandBuffer; }

function allocateChances(count: u32): usize {
  const at = allocate(<usize>count << 2);
  fillChances(at, count);
  return at;
}
function allocateWeights(sets: u32, weight: i32): usize {
  const at = allocate(<usize>sets * setBytes);
  for (let i: u32 = 0; i < sets * 8; i++) store<i32>(at + (<usize>i << 2), weight);
  return at;
}
