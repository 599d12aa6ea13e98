/**
 * Makes deflate streams again, bit for bit: a model of the compressors that made them (zlib's and gzip's "deflate", which
 * Info-ZIP shares) that takes the same tokens for the same bytes and parameters. Where a stream was made by another
 * compressor, corrections say which tokens and blocks are not what the model would take; the model goes on from those.
 *
 * Three uses: `plain` makes what the model makes, `corrected` what it makes with corrections, `compared` is told the tokens
 * of a stream and tells where the model is wrong. Everything that decides a token is the same code in all three.
 *
 * Sources: the algorithm is P. Deutsch, RFC 1951, section 4, and the descriptions of it in zlib's and gzip's sources by
 * J. Gailly and M. Adler.
 */
import { alignBits, isOutputFull, openBits, outputAt, outputLength, outputTaken, putBytes } from './deflate-bits';
import {
  begunBlock, begunLast, begunStored, correctionsAt, correctionsFed, correctionsRoom, emptyBlock, isCorrected,
  isCorrectionsBroken, literalEvent, nearestEvent, noBlock, openCorrections, placedEvent, readByte, readEvent, readVarint,
  takeBlock, takeFlip, tokenEvent, wantsCorrections,
} from './deflate-corrections';
import {
  endDirect, isDirect, isWorthEnding, openTrees, symbolsKept, symbolsMax, tallyLiteral, tallyMatch, writeBlock,
  writeModelTrees,
} from './deflate-trees';
import { allocate } from './memory';

export { outputAt, outputLength, outputTaken, correctionsAt, correctionsRoom, correctionsFed, isCorrected };

// ---- parameters

const plain: u32 = 0;
const corrected: u32 = 1;
const compared: u32 = 2;
let use: u32 = plain;

const gzip: u32 = 1;
const infoZip: u32 = 2;
const chromium: u32 = 3;
/** Chromium's zlib (Node's too) finds strings by four bytes, and so few matches of three. */
let isByFour: bool = false;
const filtered: u32 = 4;
/** zlib's strategy for filtered pictures takes no match of less than six bytes. */
let shortestMatch: u32 = 3;
/** gzip or Info-ZIP. */
let isGzip: bool = false;
/** gzip leaves its window as it is when there is nothing more to read, and does not search in its last bytes. */
let isSlidLast: bool = false;
let isFast: bool = false;
/** The four numbers of a level: when to search less, when not to go on searching lazily, when a match is enough, how far to search. */
const levels: StaticArray<u16> = [
  0, 0, 0, 0, 4, 4, 8, 4, 4, 5, 16, 8, 4, 6, 32, 32, 4, 4, 16, 16,
  8, 16, 32, 32, 8, 16, 128, 128, 8, 32, 128, 256, 32, 128, 258, 1024, 32, 258, 258, 4096,
];
let goodLength: u32 = 0;
/** For fast levels: strings within longer matches are not remembered. */
let lazyMax: u32 = 0;
let niceLength: u32 = 0;
let chainMax: u32 = 0;
/** A block ends with so many symbols. */
let blockSymbols: u32 = 0;
let isEndGuessed: bool = false;

// ---- the window: what came last, twice as much as a match may go back, and what comes next

const windowBytes: u32 = 0x10000;
const half: u32 = 0x8000;
const mask: u32 = half - 1;
const matchMin: u32 = 3;
const matchMax: u32 = 258;
const lookaheadMin: u32 = matchMax + matchMin + 1;
const distanceMax: u32 = half - lookaheadMin;
/** Matches of three bytes from further away cost more than they save. */
const tooFar: u32 = 4096;

let window: usize = 0;
let position: u32 = 0;
let lookahead: u32 = 0;
/** Where the block begins; below zero when that has left the window. */
let blockStart: i32 = 0;
/** How much still fits while the window is being filled, and how much lookahead there was before. */
let room: u32 = 0;
let lookaheadBefore: u32 = 0;
let isFilling: bool = false;
/** No more input will come; and all of it has been seen. */
let isInputLast: bool = false;
let isInputSeen: bool = false;

// ---- earlier strings: the last place of each hash, and before each place the one with the same hash

let heads: usize = 0;
let chains: usize = 0;
let hashShift: u32 = 0;
let hashMask: u32 = 0;
@inline function headAt(hash: u32): usize { return heads + (<usize>hash << 1); }
@inline function chainAt(place: u32): usize { return chains + (<usize>(place & mask) << 1); }

// ---- the state between two tokens

let matchLength: u32 = 0;
let matchStart: u32 = 0;
let previousLength: u32 = 0;
/** Whether the byte before the position waits for what the position has. */
let isWaiting: bool = false;
let isBlockStart: bool = false;
let storedLeft: u32 = 0;
let isLastWritten: bool = false;
let isDone: bool = false;
let isBroken: bool = false;

/**
 * Everything as before the first byte. `variant` 0 zlib, 1 gzip, 2 Info-ZIP, 3 Chromium, 4 zlib with its strategy
 * "filtered"; level and memLevel 1…9; `how` 0 plain, 1 corrected, 2 compared.
 */
export function open(variant: u32, level: u32, memLevel: u32, how: u32): void {
  if (window == 0) makeRoom();
  openBits();
  openTrees();
  openCorrections();
  use = how;
  isGzip = variant == gzip || variant == infoZip;
  isByFour = variant == chromium;
  shortestMatch = variant == filtered ? 6 : matchMin;
  isSlidLast = variant != gzip;
  isFast = level < 4;
  goodLength = unchecked(levels[level * 4]);
  lazyMax = unchecked(levels[level * 4 + 1]);
  niceLength = unchecked(levels[level * 4 + 2]);
  chainMax = unchecked(levels[level * 4 + 3]);
  blockSymbols = isGzip ? symbolsMax - 1 : (1 << (memLevel + 6)) - 1;
  isEndGuessed = isGzip && level > 2 && use == plain;
  const hashBits = isGzip || (isByFour && memLevel < 8) ? 15 : memLevel + 7;
  hashShift = (hashBits + matchMin - 1) / matchMin;
  hashMask = (1 << hashBits) - 1;
  memory.fill(heads, 0, <usize>(hashMask + 1) << 1);
  // gzip and Chromium look at bytes behind the end of their input, and a walk along chains at places that were never entered.
  if (isGzip || isByFour) memory.fill(window, 0, windowBytes + guardBytes);
  if (use != plain) memory.fill(chains, 0, <usize>half << 1);
  openState();
}

const guardBytes: u32 = 512;
function makeRoom(): void {
  window = allocate(windowBytes + guardBytes);
  heads = allocate(0x10000 << 1);
  chains = allocate(half << 1);
  told = allocate(toldMax << 2);
  records = allocate(recordsMax * recordBytes);
}

function openState(): void {
  position = 0;
  lookahead = 0;
  blockStart = 0;
  isFilling = false;
  isInputLast = false;
  isInputSeen = false;
  matchLength = isFast ? 0 : 2;
  matchStart = 0;
  previousLength = 2;
  isWaiting = false;
  isBlockStart = true;
  storedLeft = 0;
  isLastWritten = false;
  isDone = false;
  isBroken = false;
  toldNext = 0;
  toldCount = 0;
  isToldLast = false;
  decided = 0;
  recordCount = 0;
}

// ---- input

/** Where input goes, and how much; only when `run` wanted some. */
export function inputAt(): usize { return window + position + lookahead; }
export function inputRoom(): u32 { return room; }
export function inputFed(bytes: u32): void {
  lookahead += bytes;
  room -= bytes;
}
export function inputEnded(): void { isInputLast = true; }

function slide(): void {
  if (position < half + distanceMax) return;
  // What is behind the input matters to some: zlib moves no more than there is.
  memory.copy(window, window + half, isGzip ? half : position + lookahead - half);
  matchStart -= half;
  position -= half;
  blockStart -= <i32>half;
  slideTable(heads, hashMask + 1);
  slideTable(chains, half);
}
function slideTable(table: usize, count: u32): void {
  const by = i16x8.splat(<i16>half);
  for (const end = table + (<usize>count << 1); table < end; table += 16) v128.store(table, i16x8.sub_sat_u(v128.load(table), by));
}

/**
 * Brings the lookahead up to what a search needs, and then to all there is room for: when the window moves is part of the
 * result. False when input is wanted.
 */
function fill(): bool {
  while (isFilling || lookahead < lookaheadMin) {
    if (!isFilling) {
      if (!isInputSeen || isSlidLast) slide();
      if (isInputSeen) return true;
      room = windowBytes - lookahead - position;
      lookaheadBefore = lookahead;
      isFilling = true;
    }
    if (room > 0 && !isInputLast) return false;
    isFilling = false;
    if (lookahead > lookaheadBefore) continue;
    isInputSeen = true;
    if (isGzip) store<u16>(window + position + lookahead, 0);
  }
  return true;
}

// ---- searching

/** Enters the string at a place. @returns the last place with the same hash, 0 for none. */
@inline function enter(place: u32): u32 {
  const bytes = load<u32>(window + place);
  const byThree = ((bytes & 0xff) << (hashShift << 1)) ^ ((bytes >>> 8 & 0xff) << hashShift) ^ (bytes >>> 16 & 0xff);
  const hash = (isByFour ? (bytes * 66521 + 66521) >>> 16 : byThree) & hashMask;
  const at = headAt(hash);
  const head: u32 = load<u16>(at);
  store<u16>(chainAt(place), <u16>head);
  store<u16>(at, <u16>place);
  return head;
}
@inline function isSearchable(head: u32): bool {
  return head != 0 && position - head <= distanceMax && (!isGzip || position <= windowBytes - lookaheadMin);
}

/** How many bytes are the same at both, at most 258. */
@inline function sameBytes(a: usize, b: usize): u32 {
  for (let n: usize = 0; n < 256; n += 8) {
    const difference = load<u64>(a + n) ^ load<u64>(b + n);
    if (difference != 0) return <u32>n + <u32>(ctz(difference) >>> 3);
  }
  if (load<u8>(a, 256) != load<u8>(b, 256)) return 256;
  return load<u8>(a, 257) != load<u8>(b, 257) ? 257 : 258;
}

/** The longest match of the position that is longer than `previousLength`; else that. */
function longestMatch(place: u32): u32 {
  let chain = previousLength >= goodLength ? chainMax >>> 2 : chainMax;
  let best = previousLength;
  const nice = !isGzip && niceLength > lookahead ? lookahead : niceLength;
  const limit = position > distanceMax ? position - distanceMax : 0;
  const scan = window + position;
  const first = load<u16>(scan);
  let last = load<u16>(scan + best - 1);
  do {
    const match = window + place;
    if (load<u16>(match + best - 1) == last && load<u16>(match) == first) {
      const length = sameBytes(scan, match);
      if (length > best) {
        matchStart = place;
        best = length;
        if (length >= nice) break;
        last = load<u16>(scan + best - 1);
      }
    }
    place = load<u16>(chainAt(place));
  } while (place > limit && --chain != 0);
  return best <= lookahead ? best : lookahead;
}

/** What a lazy level finds at the position. */
function searchLazily(head: u32): void {
  matchLength = longestMatch(head);
  if (matchLength < shortestMatch || (matchLength == matchMin && position - matchStart > tooFar)) matchLength = 2;
}

// ---- corrections: the token that comes instead of the model's

let length: u32 = 0;
let distance: u32 = 0;
/** Work of a walk, in places and eights of bytes: as much as a search of the highest level. */
const walkMax: u32 = 4096;

@inline function hasSameEnd(place: u32, other: u32, bytes: u32): bool {
  return load<u16>(window + place + bytes - 2) == load<u16>(window + other + bytes - 2);
}

/**
 * Along the chain of a place to those that have `bytes` bytes like it: the distance of the one after `passed` of them, or,
 * when `wanted` is not 0, how many come before that distance. 0xffffffff when the walk does not get there.
 */
function walk(place: u32, bytes: u32, passed: u32, wanted: u32): u32 {
  let at = place;
  let met: u32 = 0;
  for (let work: u32 = 0; work < walkMax; work++) {
    const before: u32 = load<u16>(chainAt(at));
    if (before == 0 || before >= at || place - before >= half) break;
    at = before;
    if (wanted != 0 && place - at > wanted) break;
    if (!hasSameEnd(place, at, bytes)) continue;
    work += bytes >>> 3;
    if (sameBytes(window + place, window + at) < bytes) continue;
    if (wanted == 0 ? met == passed : place - at == wanted) return wanted == 0 ? place - at : met;
    met++;
  }
  return 0xffffffff;
}

/** Decides the token at `place`, where the model would take `length` and `distance` and knows a match of `best`. */
function decide(place: u32, best: u32): void {
  if (use == corrected) correct(place, best);
  else compare(place, best);
  decided++;
  if (length != 0 && (length < matchMin || length > position + lookahead - place || distance - 1 >= half)) isBroken = true;
  if (isBroken) length = 0;
}

function correct(place: u32, best: u32): void {
  const event = tokenEvent();
  if (event > placedEvent) {
    if (event == 3) isBroken = true;
    return;
  }
  if (event == literalEvent) length = 0;
  else {
    length = (best - readByte()) & 0xff;
    if (length < matchMin) length += 256;
    const passed = event == nearestEvent ? 0 : readVarint();
    distance = event == placedEvent && passed == 0 ? readVarint() : walk(place, length, passed, 0);
  }
  readEvent();
}

// ---- comparing: tokens that are told, and records of where the model is wrong

const toldMax: usize = 0x4000;
const toldMin: u32 = 4;
let told: usize = 0;
let toldNext: u32 = 0;
let toldCount: u32 = 0;
let isToldLast: bool = false;
/** Low half of a told number: a stored block of as many bytes as the high half says. */
const storedMark: u32 = 1;
/** Tokens so far. */
let decided: u32 = 0;
/** Three numbers each: tokens before; the event's code, above it the shortening; places passed over or, above 2^31, the distance. */
const recordsMax: usize = 0x2000;
const recordBytes: usize = 12;
let records: usize = 0;
let recordCount: usize = 0;

/**
 * Moves what was not used yet to the front. @returns where more tokens go, 4 bytes each: the distance, below it the length;
 * or a literal, below it 0.
 */
export function toldAt(): usize {
  memory.copy(told, told + (<usize>toldNext << 2), <usize>(toldCount - toldNext) << 2);
  toldCount -= toldNext;
  toldNext = 0;
  return told + (<usize>toldCount << 2);
}
export function toldRoom(): u32 { return <u32>toldMax - toldCount; }
export function toldFed(count: u32, isLast: bool): void {
  toldCount += count;
  isToldLast = isLast;
}
export function recordsAt(): usize { return records; }
export function takeRecords(): usize {
  const count = recordCount;
  recordCount = 0;
  return count;
}

function compare(place: u32, best: u32): void {
  if (toldNext == toldCount) {
    isBroken = true;
    return;
  }
  const token = load<u32>(told + (<usize>toldNext << 2));
  toldNext++;
  const guessedLength = length;
  const guessedDistance = distance;
  length = token & 0xffff;
  distance = token >>> 16;
  if (length == guessedLength && (length == 0 || distance == guessedDistance)) return;
  if (length == 0) return record(literalEvent, 0);
  const passed = walk(place, length, 0, distance);
  const shorter = (best - length & 0xff) << 8;
  if (passed == 0) record(nearestEvent | shorter, 0);
  else record(placedEvent | shorter, passed < half ? passed : 1 << 31 | distance);
}
/** Counts all tokens told, for `writeToldTrees`; instead of comparing. */
export function tallyTold(): void {
  for (; toldNext < toldCount; toldNext++) {
    const token = load<u32>(told + (<usize>toldNext << 2));
    if ((token & 0xffff) == 0) tallyLiteral(token >>> 16);
    else tallyMatch(token & 0xffff, token >>> 16);
  }
}
/** Puts out the trees that the model makes of a block's tokens. @returns the kind of block it makes; a fixed one has none. */
export function writeToldTrees(): u32 { return writeModelTrees(); }
function record(event: u32, where: u32): void {
  const at = records + recordCount++ * recordBytes;
  store<u32>(at, decided);
  store<u32>(at, event, 4);
  store<u32>(at, where, 8);
}

// ---- blocks

/** Ends the block before `place`. */
function endBlock(place: u32, isLast: bool): void {
  if (use != compared) {
    if (isDirect()) endDirect();
    else {
      // Corrected streams have stored blocks only where the corrections say so: the model does not know the tokens in them.
      const bytes = use == plain && blockStart >= 0 ? window + blockStart : 0;
      writeBlock(bytes, place - <u32>blockStart, isLast);
    }
  }
  blockStart = <i32>place;
  isBlockStart = true;
}

/** After a token: whether the block ends. */
@inline function isBlockFull(isAtEnd: bool): bool {
  const count = symbolsKept();
  let isFull = count == blockSymbols && !isAtEnd;
  if (isEndGuessed && (count & 0xfff) == 0 && !isAtEnd) isFull = isFull || isWorthEnding(position - <u32>blockStart);
  if (use == corrected) {
    if (takeFlip()) isFull = !isFull;
    if (count == symbolsMax) isBroken = isBroken || !isFull;
  }
  return isFull;
}

/** At a block's start, when there are corrections: begins what they say. */
function beginBlock(): void {
  const begun = takeBlock();
  if (begun == noBlock) isBlockStart = false;
  else if (begun == emptyBlock) endBlock(position - <u32>isWaiting, false);
  else if (begun == begunBlock) {
    isLastWritten = begunLast;
    storedLeft = begunStored;
  }
}
function beginTold(): void {
  if (toldNext == toldCount) return;
  const token = load<u32>(told + (<usize>toldNext << 2));
  if ((token & 0xffff) != storedMark) return;
  toldNext++;
  storedLeft = token >>> 16;
}

/** One byte of a stored block. */
function store1(): void {
  if (isWaiting) {
    // It was entered before it was known to be stored.
    isWaiting = false;
    if (use == corrected) putBytes(window + position - 1, 1);
  } else {
    if (lookahead >= matchMin) enter(position);
    if (use == corrected) putBytes(window + position, 1);
    position++;
    lookahead--;
  }
  matchLength = isFast ? 0 : 2;
  blockStart = <i32>position;
  isBlockStart = --storedLeft == 0;
}

// ---- the loops

const wantsInput: u32 = 0;
const wantsOutput: u32 = 1;
const finished: u32 = 2;
const wantsCorrected: u32 = 3;
const wantsTold: u32 = 4;
const refused: u32 = 5;

/** Goes on as far as it can. @returns what it needs to go on further. */
export function run(): u32 {
  while (!isDone) {
    if (isOutputFull()) return wantsOutput;
    if ((isFilling || lookahead < lookaheadMin) && !fill()) return wantsInput;
    if (use != plain) {
      if (isBroken || isCorrectionsBroken()) return refused;
      if (use == corrected && wantsCorrections()) return wantsCorrected;
      if (use == compared) {
        if (recordCount >= recordsMax - 1) return wantsOutput;
        if (toldCount - toldNext < toldMin && !isToldLast) return wantsTold;
        if (storedLeft == 0) beginTold();
      }
      if (storedLeft > 0) {
        if (lookahead == 0 && !isWaiting) return refused;
        store1();
        continue;
      }
      if (isBlockStart && use == corrected) {
        beginBlock();
        if (isBlockStart || storedLeft > 0) continue;
      }
    }
    if (lookahead == 0) finish();
    else if (isFast) fastToken();
    else lazyStep();
  }
  return use != plain && (isBroken || isCorrectionsBroken()) ? refused : finished;
}

/** A token of the levels that take the first match they find. */
function fastToken(): void {
  const head = isGzip || lookahead >= matchMin ? enter(position) : 0;
  if (isSearchable(head)) {
    previousLength = 2;
    matchLength = longestMatch(head);
  }
  length = matchLength >= matchMin ? matchLength : 0;
  distance = position - matchStart;
  if (use != plain) decide(position, matchLength >= matchMin ? matchLength : 2);
  if (length == 0) {
    if (use != compared) tallyLiteral(load<u8>(window + position));
    const isFull = isBlockFull(false);
    position++;
    lookahead--;
    if (isFull) endBlock(position, false);
    return;
  }
  if (use != compared) tallyMatch(length, distance);
  const isFull = isBlockFull(false);
  lookahead -= length;
  const end = position + length;
  if (length <= lazyMax && (isGzip || lookahead >= matchMin)) {
    for (let place = position + 1; place < end; place++) enter(place);
  }
  position = end;
  matchLength = 0;
  if (isFull) endBlock(position, false);
}

/** A position of the levels that take a match only when the next position has no longer one. */
function lazyStep(): void {
  const head = isGzip || lookahead >= matchMin ? enter(position) : 0;
  previousLength = matchLength;
  const previousStart = matchStart;
  matchLength = 2;
  if (previousLength < lazyMax && isSearchable(head)) searchLazily(head);
  if (previousLength >= matchMin && matchLength <= previousLength) {
    length = previousLength;
    distance = position - 1 - previousStart;
  } else if (isWaiting) length = 0;
  else {
    isWaiting = true;
    position++;
    lookahead--;
    return;
  }
  if (use != plain) decideLazily(head);
  if (length == 0) lazyLiteral();
  else lazyMatch();
}

function decideLazily(head: u32): void {
  const guessed = length;
  const best = previousLength;
  decide(position - 1, best);
  if (guessed == 0 || length != 0) return;
  // The model had done with searching; now it has to know what the position has.
  previousLength = 2;
  matchLength = 2;
  if (isSearchable(head)) searchLazily(head);
}

function lazyLiteral(): void {
  if (use != compared) tallyLiteral(load<u8>(window + position - 1));
  if (isBlockFull(false)) endBlock(position, false);
  position++;
  lookahead--;
}

function lazyMatch(): void {
  if (use != compared) tallyMatch(length, distance);
  const isFull = isBlockFull(false);
  const end = position - 1 + length;
  // Strings of which the input has not all bytes are left out, except by gzip.
  const enterable = isGzip ? end : position + lookahead - 2;
  const last = end < enterable ? end : enterable;
  for (let place = position + 1; place < last; place++) enter(place);
  lookahead -= length - 1;
  position = end;
  isWaiting = false;
  matchLength = 2;
  if (isFull) endBlock(position, false);
}

function finish(): void {
  if (isWaiting) {
    length = 0;
    if (use != plain) decide(position - 1, 2);
    if (use != compared) tallyLiteral(load<u8>(window + position - 1));
    isWaiting = false;
    if (isBlockFull(true)) endBlock(position, false);
    return;
  }
  isDone = true;
  if (use == compared) return;
  if (isDirect()) endDirect();
  if (!isLastWritten || symbolsKept() > 0) endBlock(position, true);
  alignBits();
}
