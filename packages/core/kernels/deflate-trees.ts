/**
 * Blocks of the deflate kernel: counting symbols, making Huffman trees of the counts and writing blocks. Which of two
 * equally good trees is made, and what kind a block is, is decided as zlib decides it (RFC 1951 leaves it open): every tie
 * and every order below is part of the result.
 */
import { alignBits, put, putBytes } from './deflate-bits';
import { allocate } from './memory';

const literals: u32 = 286;
const distances: u32 = 30;
const lengthCodes: u32 = 19;
const endOfBlock: u32 = 256;
const heapMax: u32 = 2 * literals + 1;
const codeBitsMax: u32 = 15;

export const lengthExtra: StaticArray<u8> = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
export const distanceExtra: StaticArray<u8> = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];
const lengthCodeExtra: StaticArray<u8> = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 3, 7];
export const lengthCodeOrder: StaticArray<u8> = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

// ---- tables that are made once

/** Of a length less three: its code. */
let codeOfLength: usize = 0;
/** Of a distance less one, below 256, and above that of its upper bits: its code. */
let codeOfDistance: usize = 0;
let lengthBase: usize = 0;
let distanceBase: usize = 0;

// ---- trees: for each symbol how often it came, how many bits it has, and which

const nodeBytes: usize = 576 * 4;
const treeBytes: usize = nodeBytes * 3;
@inline function freqAt(tree: usize, n: u32): usize { return tree + (<usize>n << 2); }
@inline function bitsAt(tree: usize, n: u32): usize { return tree + nodeBytes + (<usize>n << 2); }
@inline function codeAt(tree: usize, n: u32): usize { return tree + nodeBytes * 2 + (<usize>n << 2); }
let literalTree: usize = 0;
let distanceTree: usize = 0;
let lengthTree: usize = 0;
let fixedLiterals: usize = 0;
let fixedDistances: usize = 0;
let parents: usize = 0;
let heap: usize = 0;
let depths: usize = 0;
let counts: usize = 0;
let codesFrom: usize = 0;

let heapLength: u32 = 0;
let heapTop: u32 = 0;
/** Bits of the block's symbols with the trees that were made, and with the fixed ones. */
let madeBits: u32 = 0;
let fixedBits: u32 = 0;
let literalLast: u32 = 0;
let distanceLast: u32 = 0;
let lengthLast: u32 = 0;

// ---- the block's symbols

/** 4 bytes each: the distance, 0 for a literal, above the length less three or the literal. */
let symbols: usize = 0;
let symbolCount: u32 = 0;
let matchCount: u32 = 0;
/** The trees of a block whose symbols are written as they come; 0 when they are kept until its end. */
let directLiterals: usize = 0;
let directDistances: usize = 0;
export const symbolsMax: u32 = 0x8000;

export function openTrees(): void {
  if (symbols == 0) makeTables();
  directLiterals = 0;
  openBlock();
}

function makeTables(): void {
  symbols = allocate(symbolsMax * 4);
  literalTree = allocate(treeBytes);
  distanceTree = allocate(treeBytes);
  lengthTree = allocate(treeBytes);
  fixedLiterals = allocate(treeBytes);
  fixedDistances = allocate(treeBytes);
  parents = allocate(nodeBytes);
  heap = allocate(nodeBytes);
  depths = allocate(nodeBytes);
  counts = allocate(64);
  codesFrom = allocate(64);
  makeCodes();
  for (let n: u32 = 0; n < 288; n++) store<u32>(bitsAt(fixedLiterals, n), n < 144 ? 8 : n < 256 ? 9 : n < 280 ? 7 : 8);
  for (let n: u32 = 0; n < 30; n++) store<u32>(bitsAt(fixedDistances, n), 5);
  numberCodes(fixedLiterals, 288);
  numberCodes(fixedDistances, 30);
}

function makeCodes(): void {
  codeOfLength = allocate(256);
  codeOfDistance = allocate(512);
  lengthBase = allocate(29 * 4);
  distanceBase = allocate(30 * 4);
  let length: u32 = 0;
  for (let code: u32 = 0; code < 28; code++) {
    store<u32>(lengthBase + (<usize>code << 2), length);
    for (let n: u32 = 0; n < <u32>1 << unchecked(lengthExtra[code]); n++) store<u8>(codeOfLength + length++, code);
  }
  // The longest length has a code of its own.
  store<u32>(lengthBase + (28 << 2), 255);
  store<u8>(codeOfLength + 255, 28);
  let distance: u32 = 0;
  for (let code: u32 = 0; code < 30; code++) {
    store<u32>(distanceBase + (<usize>code << 2), distance);
    const end = distance + (<u32>1 << unchecked(distanceExtra[code]));
    for (; distance < end; distance = distance < 256 ? distance + 1 : distance + 128) {
      store<u8>(codeOfDistance + (distance < 256 ? <usize>distance : 256 + <usize>(distance >>> 7)), code);
    }
  }
}
@inline function distanceCode(distance: u32): u32 {
  return load<u8>(codeOfDistance + (distance < 256 ? <usize>distance : 256 + <usize>(distance >>> 7)));
}

function openBlock(): void {
  for (let n: u32 = 0; n < literals; n++) store<u32>(freqAt(literalTree, n), 0);
  for (let n: u32 = 0; n < distances; n++) store<u32>(freqAt(distanceTree, n), 0);
  for (let n: u32 = 0; n < lengthCodes; n++) store<u32>(freqAt(lengthTree, n), 0);
  store<u32>(freqAt(literalTree, endOfBlock), 1);
  madeBits = 0;
  fixedBits = 0;
  symbolCount = 0;
  matchCount = 0;
}

// ---- counting

@inline function count(tree: usize, n: u32): void {
  const at = freqAt(tree, n);
  store<u32>(at, load<u32>(at) + 1);
}
@inline function keep(symbol: u32): void {
  store<u32>(symbols + (<usize>symbolCount << 2), symbol);
  symbolCount++;
}
@inline export function tallyLiteral(byte: u32): void {
  if (directLiterals != 0) return put(load<u32>(codeAt(directLiterals, byte)), load<u32>(bitsAt(directLiterals, byte)));
  keep(byte);
  count(literalTree, byte);
}
@inline export function tallyMatch(length: u32, distance: u32): void {
  if (directLiterals != 0) return putMatch(directLiterals, directDistances, length - 3, distance - 1);
  keep(distance << 16 | (length - 3));
  matchCount++;
  count(literalTree, <u32>load<u8>(codeOfLength + length - 3) + 257);
  count(distanceTree, distanceCode(distance - 1));
}
@inline export function symbolsKept(): u32 { return symbolCount; }

/** gzip's guess, at every 4096th symbol, that it pays to end the block; `bytes` are those of the block so far. */
export function isWorthEnding(bytes: u32): bool {
  let guess = symbolCount * 8;
  for (let n: u32 = 0; n < distances; n++) guess += load<u32>(freqAt(distanceTree, n)) * (5 + <u32>unchecked(distanceExtra[n]));
  return matchCount < symbolCount >>> 1 && guess >>> 3 < bytes >>> 1;
}

// ---- making trees

@inline function heapOf(n: u32): u32 { return load<u32>(heap + (<usize>n << 2)); }
@inline function setHeap(n: u32, node: u32): void { store<u32>(heap + (<usize>n << 2), node); }
@inline function depthOf(node: u32): u32 { return load<u32>(depths + (<usize>node << 2)); }
@inline function setDepth(node: u32, depth: u32): void { store<u32>(depths + (<usize>node << 2), depth); }
@inline function isSmaller(tree: usize, n: u32, m: u32): bool {
  const a = load<u32>(freqAt(tree, n));
  const b = load<u32>(freqAt(tree, m));
  return a < b || (a == b && depthOf(n) <= depthOf(m));
}

function sink(tree: usize, place: u32): void {
  const node = heapOf(place);
  for (let child = place << 1; child <= heapLength; child <<= 1) {
    if (child < heapLength && isSmaller(tree, heapOf(child + 1), heapOf(child))) child++;
    if (isSmaller(tree, node, heapOf(child))) break;
    setHeap(place, heapOf(child));
    place = child;
  }
  setHeap(place, node);
}

/** Gives every symbol that came its bits, and at least two symbols. @returns the last symbol with bits. */
function makeTree(tree: usize, fixed: usize, size: u32, bitsMax: u32, extra: StaticArray<u8>, extraFrom: u32): u32 {
  let last = -1;
  heapLength = 0;
  heapTop = heapMax;
  for (let n: u32 = 0; n < size; n++) {
    if (load<u32>(freqAt(tree, n)) != 0) {
      setHeap(++heapLength, n);
      last = <i32>n;
      setDepth(n, 0);
    } else store<u32>(bitsAt(tree, n), 0);
  }
  while (heapLength < 2) {
    const node: u32 = last < 2 ? ++last : 0;
    setHeap(++heapLength, node);
    store<u32>(freqAt(tree, node), 1);
    setDepth(node, 0);
    madeBits--;
    if (fixed != 0) fixedBits -= load<u32>(bitsAt(fixed, node));
  }
  for (let n = heapLength >>> 1; n >= 1; n--) sink(tree, n);
  joinNodes(tree, size);
  measure(tree, fixed, last, bitsMax, extra, extraFrom);
  numberCodes(tree, last + 1);
  return last;
}

/** Joins the two rarest until one is left. */
function joinNodes(tree: usize, size: u32): void {
  let node = size;
  do {
    const n = heapOf(1);
    setHeap(1, heapOf(heapLength--));
    sink(tree, 1);
    const m = heapOf(1);
    setHeap(--heapTop, n);
    setHeap(--heapTop, m);
    store<u32>(freqAt(tree, node), load<u32>(freqAt(tree, n)) + load<u32>(freqAt(tree, m)));
    setDepth(node, (depthOf(n) >= depthOf(m) ? depthOf(n) : depthOf(m)) + 1);
    store<u32>(parents + (<usize>n << 2), node);
    store<u32>(parents + (<usize>m << 2), node);
    setHeap(1, node++);
    sink(tree, 1);
  } while (heapLength >= 2);
  setHeap(--heapTop, heapOf(1));
}

@inline function countAt(length: u32): usize { return counts + (<usize>length << 2); }
@inline function add(at: usize, n: i32): void { store<i32>(at, load<i32>(at) + n); }

function measure(tree: usize, fixed: usize, last: i32, bitsMax: u32, extra: StaticArray<u8>, extraFrom: u32): void {
  let overflow = 0;
  memory.fill(counts, 0, 64);
  store<u32>(bitsAt(tree, heapOf(heapTop)), 0);
  for (let h = heapTop + 1; h < heapMax; h++) {
    const n = heapOf(h);
    let length = load<u32>(bitsAt(tree, load<u32>(parents + (<usize>n << 2)))) + 1;
    if (length > bitsMax) {
      length = bitsMax;
      overflow++;
    }
    store<u32>(bitsAt(tree, n), length);
    if (<i32>n > last) continue;
    add(countAt(length), 1);
    const extraBits: u32 = n >= extraFrom ? unchecked(extra[n - extraFrom]) : 0;
    madeBits += load<u32>(freqAt(tree, n)) * (length + extraBits);
    if (fixed != 0) fixedBits += load<u32>(freqAt(tree, n)) * (load<u32>(bitsAt(fixed, n)) + extraBits);
  }
  if (overflow > 0) shorten(tree, last, bitsMax, overflow);
}

/** Makes room for lengths that are too long by making others longer. */
function shorten(tree: usize, last: i32, bitsMax: u32, overflow: i32): void {
  for (; overflow > 0; overflow -= 2) {
    let length = bitsMax - 1;
    while (load<i32>(countAt(length)) == 0) length--;
    add(countAt(length), -1);
    add(countAt(length + 1), 2);
    add(countAt(bitsMax), -1);
  }
  let h = heapMax;
  for (let length = bitsMax; length != 0; length--) {
    for (let n = load<i32>(countAt(length)); n != 0; ) {
      const m = heapOf(--h);
      if (<i32>m > last) continue;
      madeBits += (length - load<u32>(bitsAt(tree, m))) * load<u32>(freqAt(tree, m));
      store<u32>(bitsAt(tree, m), length);
      n--;
    }
  }
}

/** Codes of symbols by their lengths (RFC 1951, 3.2.2), their first bit lowest. */
function numberCodes(tree: usize, size: u32): void {
  memory.fill(counts, 0, 64);
  for (let n: u32 = 0; n < size; n++) add(countAt(load<u32>(bitsAt(tree, n))), 1);
  store<u32>(counts, 0);
  let code: u32 = 0;
  for (let length: u32 = 1; length <= codeBitsMax; length++) {
    code = (code + load<u32>(countAt(length - 1))) << 1;
    store<u32>(codesFrom + (<usize>length << 2), code);
  }
  for (let n: u32 = 0; n < size; n++) {
    const length = load<u32>(bitsAt(tree, n));
    if (length == 0) continue;
    const at = codesFrom + (<usize>length << 2);
    store<u32>(codeAt(tree, n), reversed(load<u32>(at), length));
    store<u32>(at, load<u32>(at) + 1);
  }
}
function reversed(code: u32, length: u32): u32 {
  let result: u32 = 0;
  for (; length > 0; length--) {
    result = result << 1 | (code & 1);
    code >>>= 1;
  }
  return result;
}

// ---- trees as they are written

/** Counts (or writes) the lengths of a tree's codes, runs of the same length as one symbol. */
function describe(tree: usize, last: u32, isWriting: bool): void {
  let before = -1;
  let next = <i32>load<u32>(bitsAt(tree, 0));
  let run: u32 = 0;
  let runMax: u32 = next == 0 ? 138 : 7;
  let runMin: u32 = next == 0 ? 3 : 4;
  for (let n: u32 = 0; n <= last; n++) {
    const length = next;
    next = n == last ? -1 : <i32>load<u32>(bitsAt(tree, n + 1));
    if (++run < runMax && length == next) continue;
    if (run < runMin) {
      for (; run > 0; run--) lengthSymbol(length, isWriting);
    } else if (length != 0) {
      if (length != before) {
        lengthSymbol(length, isWriting);
        run--;
      }
      lengthSymbol(16, isWriting);
      if (isWriting) put(run - 3, 2);
    } else if (run <= 10) {
      lengthSymbol(17, isWriting);
      if (isWriting) put(run - 3, 3);
    } else {
      lengthSymbol(18, isWriting);
      if (isWriting) put(run - 11, 7);
    }
    run = 0;
    before = length;
    runMax = next == 0 ? 138 : length == next ? 6 : 7;
    runMin = next == 0 || length == next ? 3 : 4;
  }
}
@inline function lengthSymbol(n: u32, isWriting: bool): void {
  if (isWriting) put(load<u32>(codeAt(lengthTree, n)), load<u32>(bitsAt(lengthTree, n)));
  else count(lengthTree, n);
}

function writeTrees(): void {
  put(literalLast - 256, 5);
  put(distanceLast, 5);
  put(lengthLast - 3, 4);
  for (let n: u32 = 0; n <= lengthLast; n++) put(load<u32>(bitsAt(lengthTree, unchecked(lengthCodeOrder[n]))), 3);
  describe(literalTree, literalLast, true);
  describe(distanceTree, distanceLast, true);
}

// ---- blocks

export const storedBlock: u32 = 0;
export const fixedBlock: u32 = 1;
export const madeBlock: u32 = 2;

@inline function putMatch(literalCodes: usize, distanceCodes: usize, length: u32, distance: u32): void {
  const lengthCode: u32 = load<u8>(codeOfLength + length);
  put(load<u32>(codeAt(literalCodes, lengthCode + 257)), load<u32>(bitsAt(literalCodes, lengthCode + 257)));
  put(length - load<u32>(lengthBase + (<usize>lengthCode << 2)), unchecked(lengthExtra[lengthCode]));
  const code = distanceCode(distance);
  put(load<u32>(codeAt(distanceCodes, code)), load<u32>(bitsAt(distanceCodes, code)));
  put(distance - load<u32>(distanceBase + (<usize>code << 2)), unchecked(distanceExtra[code]));
}
function writeSymbols(literalCodes: usize, distanceCodes: usize): void {
  const end = symbols + (<usize>symbolCount << 2);
  for (let at = symbols; at < end; at += 4) {
    const symbol = load<u32>(at);
    if (symbol >>> 16 == 0) put(load<u32>(codeAt(literalCodes, symbol)), load<u32>(bitsAt(literalCodes, symbol)));
    else putMatch(literalCodes, distanceCodes, symbol & 0xff, (symbol >>> 16) - 1);
  }
  put(load<u32>(codeAt(literalCodes, endOfBlock)), load<u32>(bitsAt(literalCodes, endOfBlock)));
}

/** Makes the trees of the symbols kept. @returns the bytes of the block as it will be: the smaller of both kinds. */
function makeTrees(): u32 {
  literalLast = makeTree(literalTree, fixedLiterals, literals, codeBitsMax, lengthExtra, 257);
  distanceLast = makeTree(distanceTree, fixedDistances, distances, codeBitsMax, distanceExtra, 0);
  describe(literalTree, literalLast, false);
  describe(distanceTree, distanceLast, false);
  makeTree(lengthTree, 0, lengthCodes, 7, lengthCodeExtra, 0);
  lengthLast = 18;
  while (lengthLast > 3 && load<u32>(bitsAt(lengthTree, unchecked(lengthCodeOrder[lengthLast]))) == 0) lengthLast--;
  madeBits += 3 * (lengthLast + 1) + 14;
  const made = (madeBits + 10) >>> 3;
  const fixed = (fixedBits + 10) >>> 3;
  return fixed <= made ? fixed : made;
}

/**
 * Writes the block of the symbols kept. `plain` is where its bytes are, 0 when they are gone or it must not be stored.
 * @returns the kind that it became.
 */
export function writeBlock(plain: usize, bytes: u32, isLast: bool): u32 {
  const best = makeTrees();
  let kind = madeBlock;
  if (bytes + 4 <= best && plain != 0) {
    beginBlock(storedBlock, isLast);
    writeStored(plain, bytes);
    kind = storedBlock;
  } else if ((fixedBits + 10) >>> 3 == best) {
    beginBlock(fixedBlock, isLast);
    writeSymbols(fixedLiterals, fixedDistances);
    kind = fixedBlock;
  } else {
    beginBlock(madeBlock, isLast);
    writeTrees();
    writeSymbols(literalTree, distanceTree);
  }
  openBlock();
  return kind;
}
/** Writes nothing but the trees that the block would have. @returns its kind when it is not stored. */
export function writeModelTrees(): u32 {
  const isFixed = makeTrees() == (fixedBits + 10) >>> 3;
  if (!isFixed) writeTrees();
  alignBits();
  openBlock();
  return isFixed ? fixedBlock : madeBlock;
}
@inline export function beginBlock(kind: u32, isLast: bool): void { put(kind << 1 | <u32>isLast, 3); }
function writeStored(plain: usize, bytes: u32): void {
  beginStored(bytes);
  putBytes(plain, bytes);
}
export function beginStored(bytes: u32): void {
  alignBits();
  put(bytes | (~bytes << 16), 32);
}

// ---- blocks whose trees come from outside: their symbols are written as they come

export function beginDirect(kind: u32): void {
  directLiterals = kind == fixedBlock ? fixedLiterals : literalTree;
  directDistances = kind == fixedBlock ? fixedDistances : distanceTree;
}
@inline export function isDirect(): bool { return directLiterals != 0; }
export function endDirect(): void {
  put(load<u32>(codeAt(directLiterals, endOfBlock)), load<u32>(bitsAt(directLiterals, endOfBlock)));
  directLiterals = 0;
  openBlock();
}
/** For trees from outside: bits of one symbol; the codes follow when all are known. */
export function setLiteralBits(n: u32, length: u32): void { store<u32>(bitsAt(literalTree, n), length); }
export function setDistanceBits(n: u32, length: u32): void { store<u32>(bitsAt(distanceTree, n), length); }
export function setLengthBits(n: u32, length: u32): void { store<u32>(bitsAt(lengthTree, n), length); }
export function lengthBits(n: u32): u32 { return load<u32>(bitsAt(lengthTree, n)); }
export function lengthCode(n: u32): u32 { return load<u32>(codeAt(lengthTree, n)); }
export function numberLengths(): void { numberCodes(lengthTree, lengthCodes); }
export function numberSymbols(): void {
  numberCodes(literalTree, literals);
  numberCodes(distanceTree, distances);
}
