/**
 * A patch of the `remendo` codec, in memory: matched by price, then coded.
 */

import type { CoderSizes } from '../../patch/remendo/coder-kernel.js';
import { type EncodedSpace, encodeCompact } from '../../patch/remendo/compact-encoder.js';
import { encodeFast } from '../../patch/remendo/fast-encoder.js';
import type { Block } from '../../patch/remendo/patch-blocks.js';
import { encodePatchHeader, type ProfileName, sizeBounds } from '../../patch/remendo/patch-header.js';
import { patchInvalid } from '../../patch/remendo/patch-invalid.js';
import { choosePrices, sampleBitsPerByte } from './choose-prices.js';
import { matchWindows, type WindowSizes, windowSizes } from './match-windows.js';
import { type MatchedBlocks, Matcher, type MatchPrices } from './matcher-kernel.js';

/** Bases and targets in memory, and how to find blocks in them. */
export interface LoadedFiles extends EncodedSpace {
  match(prices: MatchPrices): MatchedBlocks;
}

/**
 * Room for bases and targets, to be filled by the caller. It is the matcher's own memory where that is large enough: what
 * is loaded then lies there once.
 */
export function roomFor(baseBytes: number, targetBytes: number, sizes: WindowSizes = windowSizes): LoadedFiles {
  if (baseBytes <= sizes.baseBytes && targetBytes <= sizes.targetBytes) {
    const matcher = new Matcher(baseBytes, targetBytes);
    return {
      baseBytes,
      get all() {
        return matcher.all;
      },
      match: (prices) => matcher.match(prices),
    };
  }
  const space = { all: new Uint8Array(baseBytes + targetBytes), baseBytes };
  return { ...space, match: (prices) => matchWindows(space, prices, sizes) };
}

/** More than this of a byte's eight bits is left when something was compressed already. */
const compressedBits = 7.8;
/** So much of the targets must be new for a patch to be pointless when it is compressed already. */
const pointlessShare = 0.95;
const pointlessBytesMin = 1024 * 1024;

/**
 * The parts of a patch, one after the other.
 * @throws UpdaterError PATCH_INVALID for targets that are compressed already and have nothing of the bases: hours of coding
 *   would not make them smaller.
 */
export function makePatch(files: LoadedFiles, profile: ProfileName = 'compact'): readonly Uint8Array[] {
  const targetBytes = files.all.length - files.baseBytes;
  const bits = sampleBitsPerByte(files.all.subarray(files.baseBytes));
  const { blocks, wrong, asked } = files.match(choosePrices(bits));
  const fresh = blocks.reduce((sum, block) => sum + block.fresh, 0);
  if (targetBytes > pointlessBytesMin && bits > compressedBits && fresh > targetBytes * pointlessShare)
    throw patchInvalid('the targets are compressed already and have nothing of the bases');
  const space = { all: files.all, baseBytes: files.baseBytes };
  return encode(splitFar(blocks, files.baseBytes), { space, wrong, asked, profile });
}

interface EncodeInput {
  readonly space: EncodedSpace;
  /** How many copied bytes are not as predicted. */
  readonly wrong: number;
  /** About how many of the others are asked about. */
  readonly asked: number;
  readonly profile: ProfileName;
}

function encode(blocks: readonly Block[], { space, wrong, asked, profile }: EncodeInput): readonly Uint8Array[] {
  if (profile === 'fast') {
    const { blocks: list, runs, wrong: differences, fresh } = encodeFast(blocks, space);
    const header = encodePatchHeader({ profile, decodeCost: 0, sizes: null }, [], [list.length, runs.length, differences.length]);
    return [header, list, runs, differences, fresh];
  }
  const fresh = blocks.reduce((sum, block) => sum + block.fresh, 0);
  const sizes = sizesFor({ fresh, wrong }, space);
  const streams = encodeCompact(blocks, space, sizes);
  // One decision for a copied byte that is asked about, eight more when it is wrong, as many for a new one, 24 for a block.
  const decodeCost = Math.ceil((asked + wrong * 9 + fresh * 8 + blocks.length * 24) / 1000);
  return [encodePatchHeader({ profile, decodeCost, sizes }, [], [streams.blocks.length]), streams.blocks, streams.bytes];
}

/** Tables in proportion to what goes into them: small patches must not pay for large ones, on the terminal least of all. */
function sizesFor({ fresh, wrong }: { readonly fresh: number; readonly wrong: number }, space: EncodedSpace): CoderSizes {
  return {
    windowBits: bitsFor('windowBits', space.all.length - space.baseBytes),
    historyBits: bitsFor('historyBits', fresh * 192),
    guessBits: bitsFor('guessBits', wrong * 128),
  };
}

function bitsFor(name: keyof typeof sizeBounds, wanted: number): number {
  const { min, max } = sizeBounds[name];
  return Math.max(min, Math.min(max, 32 - Math.clz32(Math.min(wanted, 2 ** 31))));
}

/** References far back may not overlap what they make; the matcher does not know how far the decoder's window goes. */
function splitFar(blocks: readonly Block[], baseBytes: number): readonly Block[] {
  const split: Block[] = [];
  let address = baseBytes;
  for (const block of blocks) {
    const distance = address - block.reference;
    let done = 0;
    // 65,536 is the smallest window: nearer references may overlap in every patch.
    while (distance > 65_536 && block.copied - done > distance) {
      split.push({ copied: distance, reference: block.reference + done, fresh: 0 });
      done += distance;
    }
    split.push(done === 0 ? block : { copied: block.copied - done, reference: block.reference + done, fresh: block.fresh });
    address += block.copied + block.fresh;
  }
  return split;
}
