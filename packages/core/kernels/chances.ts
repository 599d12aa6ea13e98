/**
 * Chances of a bit that learn, and how several of them become one: each is turned into its logarithm, weighted, summed and
 * turned back; the weights learn from what came. Integers only.
 */
import { allocate } from './memory';

// ---- numbers between chances and their logarithms

/** 65536 / (1 + e^-x) for x = -8 … 8 in steps of 1/2. */
const squashKnots: StaticArray<i32> = [
  22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812, 11955, 17625, 24743, 32768,
  40793, 47911, 53581, 57724, 60565, 62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476, 65500, 65514,
];
/** Logistic of -2047 … 2047 (1/256 each) as a chance in 1/65536, from index 2048 on. */
let squashTable: usize = 0;
/** Its inverse for chances in 1/4096. */
let stretchTable: usize = 0;

export function makeSquash(): void {
  squashTable = allocate(4096 * 2);
  stretchTable = allocate(4096 * 2);
  for (let d = -2048; d < 2048; d++) {
    const at = d + 2048;
    const knot = at >> 7;
    const between = at & 127;
    const left = unchecked(squashKnots[knot]);
    const right = unchecked(squashKnots[knot + 1]);
    store<u16>(squashTable + (at << 1), <u16>((left * (128 - between) + right * between + 64) >> 7));
  }
  let d = -2048;
  for (let p = 0; p < 4096; p++) {
    while (d < 2047 && <i32>load<u16>(squashTable + ((d + 2048) << 1)) < (p << 4) + 8) d++;
    store<i16>(stretchTable + (p << 1), <i16>d);
  }
}
@inline export function squash(d: i32): u32 {
  if (d > 2047) d = 2047;
  if (d < -2047) d = -2047;
  return load<u16>(squashTable + ((d + 2048) << 1));
}

// ---- adaptive chances: 22 bits of chance, 10 bits of how often it was used

/** 65536 / (n + 1.6), the weight of what is new. */
let rateTable: usize = 0;
export function makeRates(): void {
  rateTable = allocate(1024 * 4);
  for (let n = 0; n < 1024; n++) store<u32>(rateTable + (n << 2), <u32>(655360 / (n * 10 + 16)));
}
const evenChance: u32 = 0x80000000;
@inline export function chanceOf(slot: usize): u32 { return load<u32>(slot) >>> 16; }
@inline export function learn(slot: usize, bit: u32, limit: u32): void {
  const was = load<u32>(slot);
  const n = was & 1023;
  const p = <i32>(was >>> 10);
  const goal = bit ? 0x3fffff : 0;
  const next = p + <i32>(((<i64>(goal - p)) * <i64>load<u32>(rateTable + (n << 2))) >> 16);
  store<u32>(slot, (<u32>next << 10) | (n < limit ? n + 1 : n));
}
export function fillChances(at: usize, count: u32): void { for (let i: u32 = 0; i < count; i++) store<u32>(at + (<usize>i << 2), evenChance); }

/** The logarithm of a chance, in 1/256. */
@inline export function stretchOf(slot: usize): i32 { return load<i16>(stretchTable + ((load<u32>(slot) >>> 20) << 1)); }

// ---- mixing: eight predictions, weighted

/** Weights are in 1/16384 and stay below 6, so that their sums fit into 32 bits. */
const weightMax = 98304;
export const setBytes = 32;

@inline export function four(a: i32, b: i32, c: i32, d: i32): v128 {
  return i32x4.replace_lane(i32x4.replace_lane(i32x4.replace_lane(i32x4.splat(a), 1, b), 2, c), 3, d);
}
@inline function sumOf(sums: v128): i32 {
  const pairs = i32x4.add(sums, v128.shuffle<i32>(sums, sums, 2, 3, 0, 1));
  return (i32x4.extract_lane(pairs, 0) + i32x4.extract_lane(pairs, 1)) >> 14;
}
@inline function learned(weights: v128, inputs: v128, error: v128): v128 {
  const next = i32x4.add(weights, i32x4.shr_s(i32x4.add(i32x4.mul(inputs, error), i32x4.splat(1 << 19)), 20));
  return i32x4.max_s(i32x4.splat(-weightMax), i32x4.min_s(i32x4.splat(weightMax), next));
}
@inline function errorOf(bit: u32, p: u32, rate: i32): v128 { return i32x4.splat(((<i32>(bit << 16) - <i32>p) * rate) >> 2); }
/** The mixed prediction, of two times four. */
@inline export function mix(weights: usize, a: v128, b: v128): i32 {
  return sumOf(i32x4.add(i32x4.mul(a, v128.load(weights)), i32x4.mul(b, v128.load(weights, 16))));
}
@inline export function learnMix(weights: usize, a: v128, b: v128, bit: u32, p: u32, rate: i32): void {
  const error = errorOf(bit, p, rate);
  v128.store(weights, learned(v128.load(weights), a, error));
  v128.store(weights, learned(v128.load(weights, 16), b, error), 16);
}

@inline export function clampChance(p: u32): u32 { return p < 24 ? 24 : p > 65512 ? 65512 : p; }
