/**
 * Finds the way through the bases that describes the targets in the fewest bits: the cheapest path, byte by byte,
 * through a small set of diagonals (a diagonal is a constant distance between a byte and its reference) and through
 * "new bytes", where every step and every jump has a price (Viterbi over candidates from a hash index).
 *
 * X is one array: all bases, then all targets. A reference is any byte of X before the byte it predicts.
 *
 * Bounds: per target byte at most `stateCount` steps, `chainMax` candidates, and amortized a constant number of steps
 * back; inside exact runs nothing is looked up, so that equal, periodic and empty data cost no more than the rest.
 * Memory: X, four bytes for each indexed position, the table of heads, and the path.
 */
import { allocate, forgetAll } from './memory';

/** How many bytes the index's hash covers. With a position in it every four bytes, every match of 11 bytes is found. */
const hashBytes: u32 = 8;
/** Every how many bytes (a power of two) a position of X is in the index; fewer when there would be no room for it. */
let stepBits: u32 = 2;
const stepBitsOfLarge: u32 = 4;
const largeBytes: u32 = 1200000000;
/** Candidates looked at for one position. */
const chainMax: i32 = 8;
const stateCount: i32 = 8;
/** Exact bytes ahead that make everything else pointless. */
const calmBytes: u32 = 32;
/** Exact bytes ahead for which no other diagonal is looked for yet. */
const quietBytes: u32 = 16;
/** The last of them, for which it is. */
const lookBytes: u32 = 12;
const quietPrice: i32 = 24;
/** How far back a candidate may begin. */
const ringSize: u32 = 4096;
const noNode: i32 = -1;
/** No state costs more: in tens of millions of new bytes in a row the others would overflow. */
const hopeless: i32 = 1 << 28;
const newBytes: i32 = 0; // the diagonal of a node without a reference: distances are never 0

// Prices in 1/16 bit.
let rightPrice: i32 = 1;
let wrongPrice: i32 = 176;
let newPrice: i32 = 72;
let newStartPrice: i32 = 96;
let jumpPrice: i32 = 160;
let jumpBitPrice: i32 = 16;

let X: usize = 0;
let baseBytes: u32 = 0;
let allBytes: u32 = 0;
let heads: usize = 0;
let headsShift: u32 = 0;
let chain: usize = 0;
let indexed: u32 = 0;

let nodes: usize = 0; // position, distance, parent, mark: i32 each
let nodeCount: i32 = 0;
let nodesMax: i32 = 0;
let ringCost: usize = 0;
let ringNode: usize = 0;

// States: distance, cost, entry position, parent node, own node.
const states: usize = memory.data(16 * 5 * 4);
@inline function stateAt(s: i32): usize { return states + <usize>(s * 20); }
@inline function distanceOf(s: usize): u32 { return load<u32>(s); }
@inline function costOf(s: usize): i32 { return load<i32>(s, 4); }

/** Makes room for bases and targets; returns where X lies. Everything from before is forgotten. */
export function open(bases: u32, targets: u32): usize {
  forgetAll();
  baseBytes = bases;
  allBytes = bases + targets;
  stepBits = allBytes > largeBytes ? stepBitsOfLarge : 2;
  let bits: u32 = 10;
  while (bits < 25 && (<u32>2 << bits) < allBytes >>> stepBits) bits++;
  headsShift = 64 - bits;
  heads = allocate(<usize>4 << bits);
  chain = allocate((<usize>(allBytes >>> stepBits) + 1) * 4);
  ringCost = allocate(ringSize * 4);
  ringNode = allocate(ringSize * 4);
  nodesMax = 1 << 16;
  nodes = 0;
  X = allocate(<usize>allBytes + 64);
  memory.fill(X + allBytes, 0, 64);
  indexed = 0;
  return X;
}

/** Prices of what comes next, in 1/16 bit. */
export function setPrices(right: i32, wrong: i32, fresh: i32, freshStart: i32, jump: i32, jumpBit: i32): void {
  rightPrice = right;
  wrongPrice = wrong;
  newPrice = fresh;
  newStartPrice = freshStart;
  jumpPrice = jump;
  jumpBitPrice = jumpBit;
}

@inline function hashAt(at: u32): u32 {
  return <u32>((load<u64>(X + at) * 0x9e3779b97f4a7c15) >>> headsShift);
}

/** Puts positions below `end` into the index, as far as their bytes are there. */
function indexUpTo(end: u32): void {
  let at = indexed;
  while (at + hashBytes <= end) {
    const head = heads + (<usize>hashAt(at) << 2);
    // Positions are stored one higher: 0 means none.
    store<u32>(chain + (<usize>(at >>> stepBits) << 2), load<u32>(head));
    store<u32>(head, at + 1);
    at += <u32>1 << stepBits;
  }
  indexed = at;
}

/** How many bytes at `a` and `b` (a < b) are equal, at most `max`. */
@inline function equalBytes(a: u32, b: u32, max: u32): u32 {
  let count: u32 = 0;
  while (count + 8 <= max) {
    const differing = load<u64>(X + a + count) ^ load<u64>(X + b + count);
    if (differing != 0) return count + <u32>(ctz(differing) >>> 3);
    count += 8;
  }
  while (count < max && load<u8>(X + a + count) == load<u8>(X + b + count)) count++;
  return count;
}

// ---- the path

@inline function nodeAt(node: i32): usize { return nodes + (<usize>node << 4); }

function addNode(position: u32, distance: u32, parent: i32): i32 {
  const at = nodeAt(nodeCount);
  store<u32>(at, position);
  store<u32>(at, distance, 4);
  store<i32>(at, parent, 8);
  store<i32>(at, 0, 12);
  return nodeCount++;
}

/** The node of a state, made when it is first needed. */
function materialize(s: usize): i32 {
  let node = load<i32>(s, 16);
  if (node == noNode) {
    node = addNode(load<u32>(s, 8), distanceOf(s), load<i32>(s, 12));
    store<i32>(s, node, 16);
  }
  return node;
}

/** What it costs to go on at `position` with `distance`, after the path that ends in `node`. */
function priceOfJump(node: i32, position: u32, distance: u32): i32 {
  if (distance == newBytes) return newStartPrice;
  let before: i64 = 0; // where the last reference ended
  if (node != noNode) {
    const at = nodeAt(node);
    let last = load<u32>(at, 4);
    let end = position;
    if (last == newBytes) {
      end = load<u32>(at);
      const parent = load<i32>(at, 8);
      last = parent == noNode ? end : load<u32>(nodeAt(parent), 4);
    }
    before = <i64>end - <i64>last;
  }
  const delta = <i64>position - <i64>distance - before;
  const magnitude = <u64>(delta < 0 ? -delta : delta);
  return jumpPrice + jumpBitPrice * <i32>(64 - clz(magnitude));
}

const liveMark: i32 = 1;

/** Drops nodes that no state and no remembered position leads back to. */
function collectNodes(position: u32): void {
  for (let s = 0; s < stateCount; s++) {
    const at = stateAt(s);
    mark(load<i32>(at, 12));
    mark(load<i32>(at, 16));
  }
  const first = position - baseBytes > ringSize ? position - ringSize : baseBytes;
  for (let q = first; q < position; q++) mark(load<i32>(ringNode + ((q & (ringSize - 1)) << 2)));
  for (let node = nodeCount - 1; node >= 0; node--) {
    const at = nodeAt(node);
    if (load<i32>(at, 12) == liveMark) mark(load<i32>(at, 8));
  }
  let kept = 0;
  for (let node = 0; node < nodeCount; node++) {
    const at = nodeAt(node);
    if (load<i32>(at, 12) != liveMark) continue;
    const to = nodeAt(kept);
    store<u32>(to, load<u32>(at));
    store<u32>(to, load<u32>(at, 4), 4);
    const parent = load<i32>(at, 8);
    store<i32>(to, parent == noNode ? noNode : moved(parent), 8);
    // The mark of a place that has been passed holds where its node went: kept <= node.
    store<i32>(at, kept, 12);
    kept++;
  }
  for (let s = 0; s < stateCount; s++) {
    const at = stateAt(s);
    store<i32>(at, moved(load<i32>(at, 12)), 12);
    store<i32>(at, moved(load<i32>(at, 16)), 16);
  }
  for (let q = first; q < position; q++) {
    const at = ringNode + ((q & (ringSize - 1)) << 2);
    store<i32>(at, moved(load<i32>(at)));
  }
  nodeCount = kept;
  // Marks of what stays are cleared only now: `moved` reads them.
  for (let node = 0; node < nodeCount; node++) store<i32>(nodeAt(node), 0, 12);
  if (nodeCount > nodesMax >> 1) growNodes();
}
@inline function mark(node: i32): void { if (node != noNode) store<i32>(nodeAt(node), liveMark, 12); }
@inline function moved(node: i32): i32 { return node == noNode ? noNode : load<i32>(nodeAt(node), 12); }

/** The nodes lie last in memory, so that they can grow where they are. */
function growNodes(): void {
  allocate(<usize>nodesMax << 4);
  nodesMax <<= 1;
}

// ---- the walk

/** Exact bytes ahead of `position` on a diagonal, up to `calmBytes`. */
@inline function aheadOf(position: u32, distance: u32, max: u32): u32 {
  const left = allBytes - position;
  return equalBytes(position - distance, position, left < max ? left : max);
}

/** Follows one byte. */
@inline function stepStates(position: u32): void {
  const byte = load<u8>(X + position);
  for (let s = 0; s < stateCount; s++) {
    const at = stateAt(s);
    const distance = distanceOf(at);
    const cost = costOf(at);
    const price = distance == newBytes ? newPrice : load<u8>(X + position - distance) == byte ? rightPrice : wrongPrice;
    store<i32>(at, min(cost + price, hopeless), 4);
  }
}

/** Lets states that have become dearer than a jump to them start anew from the best. */
@inline function reenterStates(position: u32, bestAt: usize): void {
  const bestCost = costOf(bestAt);
  let node: i32 = load<i32>(bestAt, 16);
  for (let s = 0; s < stateCount; s++) {
    const at = stateAt(s);
    if (at == bestAt) continue;
    const distance = distanceOf(at);
    if (distance != newBytes) {
      // The cheapest jump there is, before the real one is reckoned; and none to where the next bytes are wrong.
      if (costOf(at) <= bestCost + jumpPrice || distance > position) continue;
      if (load<u32>(X + position - distance) != load<u32>(X + position)) continue;
    }
    if (node == noNode) node = materialize(bestAt);
    const cost = bestCost + priceOfJump(node, position, distance);
    if (cost < costOf(at)) {
      store<i32>(at, cost, 4);
      store<u32>(at, position, 8);
      store<i32>(at, node, 12);
      store<i32>(at, noNode, 16);
    }
  }
}

@inline function bestState(): usize {
  let best = stateAt(0);
  for (let s = 1; s < stateCount; s++) if (costOf(stateAt(s)) < costOf(best)) best = stateAt(s);
  return best;
}

/** Puts a diagonal among the states: where it best begins is looked for backwards from `position`. */
function enter(position: u32, distance: u32, ahead: u32, bestAt: usize): void {
  let worst = stateAt(1);
  for (let s = 1; s < stateCount; s++) {
    const at = stateAt(s);
    if (distanceOf(at) == distance) return;
    if (at != bestAt && (worst == bestAt || costOf(at) > costOf(worst))) worst = at;
  }
  const start = position - baseBytes > ringSize - 1 ? position - (ringSize - 1) : baseBytes;
  const lowest = start > distance ? start : distance;
  const bestCost = costOf(bestAt);
  let cost = bestCost + priceOfJump(materialize(bestAt), position, distance);
  let from = position;
  let fromNode = load<i32>(bestAt, 16);
  let gone = 0;
  let flat = 0;
  for (let q = position - 1; q >= lowest && q < position; q--) {
    gone += load<u8>(X + q - distance) == load<u8>(X + q) ? rightPrice : wrongPrice;
    const before = load<i32>(ringCost + ((q & (ringSize - 1)) << 2));
    const saved = bestCost - before - gone;
    if (saved < -wrongPrice) break;
    flat = saved <= 0 ? flat + 1 : 0;
    if (flat > 64) break;
    if (before + gone >= cost) continue;
    const node = load<i32>(ringNode + ((q & (ringSize - 1)) << 2));
    const total = before + gone + priceOfJump(node, q, distance);
    if (total < cost) {
      cost = total;
      from = q;
      fromNode = node;
    }
  }
  // Worth a place only when its exact bytes (nearly) pay for the jump against where the best path goes.
  const there = bestCost + priceAhead(position, distanceOf(bestAt), ahead);
  if (cost + <i32>ahead * rightPrice > there + jumpPrice) return;
  store<u32>(worst, distance);
  store<i32>(worst, cost, 4);
  store<u32>(worst, from, 8);
  store<i32>(worst, fromNode, 12);
  store<i32>(worst, noNode, 16);
}

/** What the next bytes cost on a diagonal. */
@inline function priceAhead(position: u32, distance: u32, bytes: u32): i32 {
  if (distance == newBytes) return <i32>bytes * newPrice;
  let price = 0;
  for (let q = position; q < position + bytes; q++) {
    price += load<u8>(X + q - distance) == load<u8>(X + q) ? rightPrice : wrongPrice;
  }
  return price;
}

/** Looks the bytes at `position` up; the two diagonals with most exact bytes ahead may enter. */
function lookUp(position: u32, bestAt: usize): void {
  let first: u32 = 0, firstAhead: u32 = 0, second: u32 = 0, secondAhead: u32 = 0;
  let candidate = load<u32>(heads + (<usize>hashAt(position) << 2));
  for (let tried = 0; candidate != 0 && tried < chainMax; tried++) {
    const at = candidate - 1;
    candidate = load<u32>(chain + (<usize>(at >>> stepBits) << 2));
    if (load<u64>(X + at) != load<u64>(X + position)) continue;
    const ahead = aheadOf(position, position - at, 64);
    if (ahead > firstAhead) {
      second = first;
      secondAhead = firstAhead;
      first = position - at;
      firstAhead = ahead;
    } else if (ahead > secondAhead) {
      second = position - at;
      secondAhead = ahead;
    }
  }
  // What begins inside these bytes is found near their end; in text, where new bytes are cheap, not always.
  if (newPrice >= quietPrice && firstAhead > lookBytes) quietUntil = position + firstAhead - lookBytes;
  if (first != 0) enter(position, first, firstAhead, bestAt);
  if (second != 0) enter(position, second, secondAhead, bestAt);
}

function remember(position: u32, bestAt: usize): void {
  const at = (position & (ringSize - 1)) << 2;
  store<i32>(ringCost + at, costOf(bestAt));
  store<i32>(ringNode + at, materialize(bestAt));
}

/** Keeps costs small: the path's own total is not needed. */
function lowerCosts(): void {
  const lowest = costOf(bestState());
  for (let s = 0; s < stateCount; s++) store<i32>(stateAt(s), costOf(stateAt(s)) - lowest, 4);
  for (let q: usize = 0; q < ringSize; q++) store<i32>(ringCost + q * 4, load<i32>(ringCost + q * 4) - lowest);
}

let position: u32 = 0;
/** Nothing is looked up before. */
let quietUntil: u32 = 0;

/** Before the first target byte: every base is in the index, and the path begins at the first base. May be done again. */
export function begin(): void {
  if (nodes == 0) nodes = allocate(<usize>nodesMax << 4);
  nodeCount = 0;
  memory.fill(heads, 0, <usize>4 << (64 - headsShift));
  indexed = 0;
  indexUpTo(baseBytes);
  memory.fill(ringNode, 255, ringSize * 4);
  memory.fill(ringCost, 0, ringSize * 4);
  for (let s = 0; s < stateCount; s++) {
    const at = stateAt(s);
    store<u32>(at, newBytes);
    store<i32>(at, s == 0 ? newStartPrice : hopeless, 4);
    store<u32>(at, baseBytes, 8);
    store<i32>(at, noNode, 12);
    store<i32>(at, noNode, 16);
  }
  position = baseBytes;
  quietUntil = 0;
  if (baseBytes > 0) {
    store<u32>(stateAt(1), baseBytes);
    store<i32>(stateAt(1), 0, 4);
  }
}

/** Walks over at most about `bytes` target bytes; returns how many are left. */
export function walk(bytes: u32): u32 {
  const until = allBytes - position < bytes ? allBytes : position + bytes;
  while (position < until) {
    const bestAt = bestState();
    remember(position, bestAt);
    const distance = distanceOf(bestAt);
    const ahead: u32 = distance == newBytes ? 0 : aheadOf(position, distance, calmBytes);
    if (ahead == calmBytes) {
      skipRun(bestAt, distance);
      continue;
    }
    // What begins before the next wrong byte is found near it, and followed back.
    if (ahead >= quietBytes) {
      stepQuietly(bestAt, ahead - lookBytes);
      continue;
    }
    reenterStates(position, bestAt);
    if (position >= quietUntil && position + hashBytes <= allBytes) lookUp(position, bestAt);
    const entered = bestState();
    stepStates(position);
    position++;
    if (position - indexed >= 64) indexUpTo(position);
    if (costOf(entered) > 1 << 27) lowerCosts();
    if (nodeCount + 64 > nodesMax) collectNodes(position);
  }
  return allBytes - position;
}

/** Follows `bytes` bytes that are right on the best diagonal, which stays the best. */
function stepQuietly(bestAt: usize, bytes: u32): void {
  const node = materialize(bestAt);
  let cost = costOf(bestAt);
  for (let q = position; q < position + bytes; q++) {
    const at = (q & (ringSize - 1)) << 2;
    store<i32>(ringCost + at, cost);
    store<i32>(ringNode + at, node);
    cost += rightPrice;
  }
  for (let s = 0; s < stateCount; s++) {
    const at = stateAt(s);
    store<i32>(at, at == bestAt ? cost : min(costOf(at) + priceAhead(position, distanceOf(at), bytes), hopeless), 4);
  }
  position += bytes;
}

/** Goes to the end of an exact run on the best diagonal; nothing else can be worth more there. */
function skipRun(bestAt: usize, distance: u32): void {
  const run = aheadOf(position, distance, 1 << 20);
  const node = materialize(bestAt);
  let cost = costOf(bestAt);
  // The last bytes of the run are remembered: what comes after it may begin there.
  const rememberedFrom = run > ringSize ? position + run - ringSize : position;
  cost += rightPrice * <i32>(rememberedFrom - position);
  for (let q = rememberedFrom; q < position + run; q++) {
    const at = (q & (ringSize - 1)) << 2;
    store<i32>(ringCost + at, cost);
    store<i32>(ringNode + at, node);
    cost += rightPrice;
  }
  position += run;
  store<i32>(bestAt, cost, 4);
  for (let s = 0; s < stateCount; s++) {
    const at = stateAt(s);
    if (at != bestAt) store<i32>(at, hopeless, 4);
  }
  indexUpTo(position);
  if (cost > 1 << 26) lowerCosts();
  if (nodeCount + 64 > nodesMax) collectNodes(position);
}

/** Right bytes after a wrong one that the coder asks about one by one, at most: `calm` and a chunk of the coder. */
const askedMax: u32 = 1280;
let asked: u32 = 0;

/** How many copied bytes of the finished path are not as predicted. */
export function wrongBytes(first: usize): u32 {
  let wrong: u32 = 0;
  asked = 0;
  for (let at = first; at != 0; ) {
    const next = load<usize>(at, 8);
    const end = next == 0 ? allBytes : load<u32>(next);
    const distance = load<u32>(at, 4);
    if (distance != newBytes) {
      for (let q = load<u32>(at); q < end; q++) {
        const right = equalBytes(q - distance, q, end - q);
        asked += right < askedMax ? right : askedMax;
        q += right;
        if (q < end) wrong++;
      }
    }
    at = next;
  }
  return wrong;
}

/** After `wrongBytes`: about how many right bytes the coder asks about. */
export function askedBytes(): u32 { return asked; }

/** After the last byte: turns the path round. Returns its first node; each node is position, distance, next. */
export function finish(): usize {
  const last = materialize(bestState());
  let next: usize = 0;
  let node = last;
  while (node != noNode) {
    const at = nodeAt(node);
    const parent = load<i32>(at, 8);
    store<usize>(at, next, 8);
    next = at;
    node = parent;
  }
  return next;
}
