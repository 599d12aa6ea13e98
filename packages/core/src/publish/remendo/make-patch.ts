/**
 * A patch of the `remendo` codec, in memory: matched by price, then coded.
 */

import type { ReferencePredictor } from '../../patch/references/reference-predictor.js';
import type { CoderSizes } from '../../patch/remendo/coder-kernel.js';
import { type EncodedSpace, encodeCompact } from '../../patch/remendo/compact-encoder.js';
import { encodeFast } from '../../patch/remendo/fast-encoder.js';
import type { Block } from '../../patch/remendo/patch-blocks.js';
import {
  encodePatchHeader,
  type PatchHeader,
  type PatchTransform,
  type ProfileName,
  sizeBounds,
} from '../../patch/remendo/patch-header.js';
import { patchInvalid } from '../../patch/remendo/patch-invalid.js';
import { type FileStarts, seeReferences } from '../references/see-references.js';
import { choosePrices, sampleBitsPerByte, withReferences } from './choose-prices.js';
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

export interface MakePatchOptions {
  readonly profile?: ProfileName;
  /** Where files begin: programs are looked for there (default: one base, one target). */
  readonly starts?: FileStarts;
  /** How the files are views of others, to be undone on the terminal (default: they are no views). */
  readonly containers?: ContainersMade;
}

export interface ContainersMade {
  /** Of the transform. */
  readonly data: Uint8Array;
  /** How many bytes of the targets are compressed streams that are seen inflated: without it they would be new. */
  readonly recodedBytes: number;
}

/**
 * The parts of a patch, one after the other.
 * @throws UpdaterError PATCH_INVALID for targets that are compressed already and have nothing of the bases: hours of coding
 *   would not make them smaller.
 */
export function makePatch(files: LoadedFiles, options: MakePatchOptions = {}): readonly Uint8Array[] {
  const { profile = 'compact', starts = { bases: [0], targets: [0] }, containers = null } = options;
  const targetBytes = files.all.length - files.baseBytes;
  const bits = sampleBitsPerByte(files.all.subarray(files.baseBytes));
  const prices = choosePrices(bits);
  const plain = files.match(prices);
  if (targetBytes > pointlessBytesMin && bits > compressedBits && freshOf(plain) > targetBytes * pointlessShare)
    throw patchInvalid('the targets are compressed already and have nothing of the bases');
  // Matching again may move what is in memory.
  const space: EncodedSpace = {
    baseBytes: files.baseBytes,
    get all() {
      return files.all;
    },
  };
  const plainly = { ...plain, blocks: splitFar(plain.blocks, files.baseBytes) };
  const seen = seeReferences({
    space,
    starts,
    blocks: plain.blocks,
    matchRewritten: (rewrite) => matchRewritten(files, withReferences(prices), rewrite),
  });
  const encodePlain = (): EncodedStreams => encode(plainly, { space, profile, predictor: null });
  if (seen === null) return partsOf(encodePlain(), { containers, references: null });
  const seeing = encode(seen.matched, { space, profile, predictor: seen.predictor });
  const seeingBytes = bytesOf(seeing.streams);
  if (seeingBytes > bothBytesMin && isClearlyLess(seen.matched, plain)) {
    const savedBytes = Math.max(0, Math.round((seeingBytes * bitsOf(plain)) / bitsOf(seen.matched)) - seeingBytes);
    return partsOf(seeing, { containers, references: { data: seen.data, savedBytes } });
  }
  const plainStreams = encodePlain();
  const savedBytes = bytesOf(plainStreams.streams) - seeingBytes - seen.data.length;
  if (savedBytes <= 0) return partsOf(plainStreams, { containers, references: null });
  return partsOf(seeing, { containers, references: { data: seen.data, savedBytes } });
}

function matchRewritten(
  files: LoadedFiles,
  prices: MatchPrices,
  rewrite: (all: Uint8Array, original: Uint8Array) => void,
): MatchedBlocks {
  const original = files.all.slice();
  rewrite(files.all, original);
  const matched = files.match(prices);
  files.all.set(original);
  const split = splitFar(matched.blocks, files.baseBytes);
  return { ...matched, blocks: split };
}

const freshOf = ({ blocks }: MatchedBlocks): number => blocks.reduce((sum, block) => sum + block.fresh, 0);
const bytesOf = (parts: readonly Uint8Array[]): number => parts.reduce((sum, part) => sum + part.length, 0);

/** Whether so much less has to be coded that trying both ways would be a waste. */
const isClearlyLess = (seen: MatchedBlocks, plain: MatchedBlocks): boolean =>
  seen.wrong + freshOf(seen) < (plain.wrong + freshOf(plain)) * clearlyLessShare;
const clearlyLessShare = 0.8;
/** Smaller patches are tried both ways in any case: what describes their programs weighs. */
const bothBytesMin = 64 * 1024;

interface UsedTransforms {
  readonly containers: ContainersMade | null;
  readonly references: { readonly data: Uint8Array; readonly savedBytes: number } | null;
}

function partsOf({ header, streams }: EncodedStreams, { containers, references }: UsedTransforms): readonly Uint8Array[] {
  const transforms: PatchTransform<Uint8Array>[] = [];
  if (containers !== null) {
    const savedBytes = Math.max(0, containers.recodedBytes - bytesOf(streams));
    transforms.push({ name: 'containers', data: containers.data, savedBytes });
  }
  if (references !== null) transforms.push({ name: 'references', ...references });
  const lengths = streams.slice(0, -1).map((stream) => stream.length);
  return [encodePatchHeader(header, transforms, lengths), ...transforms.map(({ data }) => data), ...streams];
}

/** About how many bits they take, as far as two ways of matching the same files are to be compared. */
const bitsOf = (matched: MatchedBlocks): number => matched.wrong * 9 + freshOf(matched) * 4 + matched.blocks.length * 24 + 1;

interface EncodedStreams {
  readonly header: PatchHeader;
  readonly streams: readonly Uint8Array[];
}

interface EncodeInput {
  readonly space: EncodedSpace;
  readonly profile: ProfileName;
  readonly predictor: ReferencePredictor | null;
}

const encode = (matched: MatchedBlocks, { space, profile, predictor }: EncodeInput): EncodedStreams =>
  profile === 'fast' ? encodedFast(matched.blocks, space, predictor) : encodedCompact(matched, space, predictor);

function encodedFast(blocks: readonly Block[], space: EncodedSpace, predictor: ReferencePredictor | null): EncodedStreams {
  const { blocks: list, runs, wrong, fresh } = encodeFast(blocks, space, predictor);
  return { header: { profile: 'fast', decodeCost: 0, sizes: null }, streams: [list, runs, wrong, fresh] };
}

function encodedCompact(matched: MatchedBlocks, space: EncodedSpace, predictor: ReferencePredictor | null): EncodedStreams {
  const { blocks, wrong, asked } = matched;
  const fresh = freshOf(matched);
  const sizes = sizesFor({ fresh, wrong, historyBytesMax: predictor === null ? historyBytesMax : historyBytesMax / 2 }, space);
  const streams = encodeCompact(blocks, space, sizes, predictor);
  // One decision for a copied byte that is asked about, eight more when it is wrong, as many for a new one, 24 for a block.
  const decodeCost = Math.ceil((asked + wrong * 9 + fresh * 8 + blocks.length * 24) / 1000);
  return { header: { profile: 'compact', decodeCost, sizes }, streams: [streams.blocks, streams.bytes] };
}

/**
 * Histories of new bytes, at most. Programs have half as many: operands and the map of all blocks take that memory on the terminal, and
 * their patches grow by a thousandth.
 */
const historyBytesMax = 2 ** sizeBounds.historyBits.max;

interface CodedBytes {
  readonly fresh: number;
  readonly wrong: number;
  readonly historyBytesMax: number;
}

/** Tables in proportion to what goes into them: small patches must not pay for large ones, on the terminal least of all. */
function sizesFor({ fresh, wrong, historyBytesMax }: CodedBytes, space: EncodedSpace): CoderSizes {
  return {
    windowBits: bitsFor('windowBits', space.all.length - space.baseBytes),
    historyBits: bitsFor('historyBits', Math.min(fresh * 192, historyBytesMax - 1)),
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
