/**
 * Inputs for tests of the `remendo` codec: patches made in memory by the maker or from given blocks, and pairs of files
 * made by code from a seed, of the kinds that matter to matcher and coder.
 */
import { BufferSink, bufferSource } from '../bytes/byte-source.js';
import { digestOf } from '../hash/digest.js';
import { applyPatch } from '../patch/apply-patch.js';
import type { OpenScratch } from '../patch/patch-codec.js';
import type { CoderSizes } from '../patch/remendo/coder-kernel.js';
import { type EncodedSpace, encodeCompact } from '../patch/remendo/compact-encoder.js';
import { encodeFast } from '../patch/remendo/fast-encoder.js';
import type { Block } from '../patch/remendo/patch-blocks.js';
import { encodePatchHeader, type PatchTransform, type ProfileName } from '../patch/remendo/patch-header.js';
import { makePatch } from '../publish/remendo/make-patch.js';
import { Matcher } from '../publish/remendo/matcher-kernel.js';
import { memoryScratch } from './memory-scratch.js';
import { seededRandom } from './seeded-random.js';

export interface SampleFiles {
  readonly bases: readonly Uint8Array[];
  readonly targets: readonly Uint8Array[];
}

export const joined = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

/** What the maker makes of files, without disk and threads; sees through programs unless told not to. */
export function makePatchOf(
  { bases, targets }: SampleFiles,
  profile: ProfileName = 'compact',
  { seesReferences = true }: { readonly seesReferences?: boolean } = {},
): Uint8Array {
  const [base, target] = [joined(bases), joined(targets)];
  const matcher = new Matcher(base.length, target.length);
  matcher.all.set(base);
  matcher.all.set(target, base.length);
  const starts = seesReferences ? { bases: startsOf(bases), targets: startsOf(targets) } : { bases: [], targets: [] };
  return joined(makePatch(matcher, { profile, starts }));
}

/** Where each file begins among all of them. */
export function startsOf(files: readonly Uint8Array[]): readonly number[] {
  let end = 0;
  return files.map((file) => {
    end += file.length;
    return end - file.length;
  });
}

/** A patch of given blocks, between what the transforms make of the files: compact with sizes, fast without. */
export function patchOfBlocks(
  blocks: readonly Block[],
  space: EncodedSpace,
  sizes: CoderSizes | null,
  transforms: readonly PatchTransform<Uint8Array>[] = [],
): Uint8Array {
  const data = transforms.map((transform) => transform.data);
  if (sizes === null) {
    const { blocks: list, runs, wrong, fresh } = encodeFast(blocks, space);
    const lengths = [list.length, runs.length, wrong.length];
    const header = encodePatchHeader({ profile: 'fast', decodeCost: 0, sizes }, transforms, lengths);
    return joined([header, ...data, list, runs, wrong, fresh]);
  }
  const streams = encodeCompact(blocks, space, sizes);
  const header = encodePatchHeader({ profile: 'compact', decodeCost: 0, sizes }, transforms, [streams.blocks.length]);
  return joined([header, ...data, streams.blocks, streams.bytes]);
}

/** The targets that a patch makes, checked by digest. @throws as `applyPatch`. */
export async function applySample(
  patch: Uint8Array,
  { bases, targets }: SampleFiles,
  scratch: OpenScratch = memoryScratch,
): Promise<readonly Uint8Array[]> {
  const contentOf = (bytes: Uint8Array) => ({ sha256: digestOf(bytes), bytes: bytes.length });
  const sinks = targets.map((target) => new BufferSink(target.length));
  await applyPatch({
    // Which patches may have any transform.
    codec: 'remendo+containers+references',
    bases: bases.map((base) => ({ source: bufferSource(base), content: contentOf(base) })),
    patch: bufferSource(patch),
    scratch,
    targets: sinks.map((sink, index) => ({ sink, content: contentOf(targets[index] as Uint8Array) })),
  });
  return sinks.map((sink) => sink.toBuffer());
}

/** What random blocks make: the bytes of a target are known only when its blocks are. */
export interface BlocksSample {
  readonly blocks: readonly Block[];
  readonly space: EncodedSpace;
}

/** One block as random numbers say: where its reference is, and how many of its bytes are wrong. */
export interface BlockWish {
  readonly from: 'base' | 'lately' | 'anywhere';
  /** 0 … 1. */
  readonly place: number;
  readonly copied: number;
  readonly fresh: number;
  /** One byte in so many is wrong; 0 for none. */
  readonly wrongEvery: number;
}

/** Blocks as wished, as far as they are possible, and targets that they make; noise from a seed. */
export function blocksOfWishes(base: Uint8Array, wishes: readonly BlockWish[], seed: number): BlocksSample {
  const random = seededRandom(seed);
  const all = new Uint8Array(base.length + wishes.reduce((sum, { copied, fresh }) => sum + copied + fresh, 0));
  all.set(base);
  let address = base.length;
  const blocks: Block[] = [];
  for (const wish of wishes) {
    const block = possible(wish, address, base.length);
    if (block.copied + block.fresh === 0) continue;
    for (let done = 0; done < block.copied; done++, address++) {
      const isWrong = wish.wrongEvery > 0 && Math.floor(random() * wish.wrongEvery) === 0;
      all[address] = (all[block.reference + done] as number) + (isWrong ? 1 + Math.floor(random() ** 3 * 255) : 0);
    }
    for (let done = 0; done < block.fresh; done++, address++) all[address] = freshByte(all, address, random());
    blocks.push(block);
  }
  return { blocks, space: { all: all.subarray(0, address), baseBytes: base.length } };
}

/** Half of them are as ten bytes before, so that something can be learnt. */
const freshByte = (all: Uint8Array, address: number, random: number): number =>
  random < 0.5 && address >= 10 ? (all[address - 10] as number) : Math.floor(random * 512) & 255;

function possible({ from, place, copied, fresh }: BlockWish, address: number, baseBytes: number): Block {
  const first = from === 'lately' ? Math.max(baseBytes, address - 70_000) : 0;
  const end = from === 'base' ? baseBytes : address;
  if (end <= first || copied === 0) return { copied: 0, reference: 0, fresh };
  const reference = first + Math.floor(place * (end - first));
  // A reference into the bases lies wholly before what it makes; one into the targets may overlap it.
  const most = reference < baseBytes ? address - reference : copied;
  return { copied: Math.min(copied, most), reference, fresh };
}
