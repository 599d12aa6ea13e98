/**
 * Blocks for files of any size a patch can have: all at once where the matcher has room, else the targets in windows,
 * each against the part of the bases about as far in.
 */
import type { EncodedSpace } from '../../patch/remendo/compact-encoder.js';
import type { Block } from '../../patch/remendo/patch-blocks.js';
import { type MatchedBlocks, Matcher, type MatchPrices } from './matcher-kernel.js';

export interface WindowSizes {
  readonly baseBytes: number;
  readonly targetBytes: number;
}

/** What fits into a kernel's four gigabytes, with the index. */
export const windowSizes: WindowSizes = { baseBytes: 2_000_000_000, targetBytes: 800_000_000 };

export function matchWindows(space: EncodedSpace, prices: MatchPrices, sizes: WindowSizes = windowSizes): MatchedBlocks {
  const targetBytes = space.all.length - space.baseBytes;
  const blocks: Block[] = [];
  let wrong = 0;
  let asked = 0;
  for (let start = 0; start < targetBytes; start += sizes.targetBytes) {
    const window = {
      base: baseWindow(space.baseBytes, sizes.baseBytes, (start + sizes.targetBytes / 2) / targetBytes),
      target: { start, bytes: Math.min(sizes.targetBytes, targetBytes - start) },
    };
    const found = matchWindow(space, prices, window);
    for (const block of found.blocks) blocks.push(block);
    wrong += found.wrong;
    asked += found.asked;
  }
  return { blocks, wrong, asked };
}

interface Part {
  readonly start: number;
  readonly bytes: number;
}

/** The part of the bases whose middle lies as far in as the target's does, as a share of the whole. */
function baseWindow(baseBytes: number, bytesMax: number, share: number): Part {
  const bytes = Math.min(baseBytes, bytesMax);
  const start = Math.floor(Math.max(0, Math.min(baseBytes - bytes, baseBytes * share - bytes / 2)));
  return { start, bytes };
}

function matchWindow(
  { all, baseBytes }: EncodedSpace,
  prices: MatchPrices,
  { base, target }: { readonly base: Part; readonly target: Part },
): MatchedBlocks {
  const matcher = new Matcher(base.bytes, target.bytes);
  const targetAddress = baseBytes + target.start;
  matcher.all.set(all.subarray(base.start, base.start + base.bytes));
  matcher.all.set(all.subarray(targetAddress, targetAddress + target.bytes), base.bytes);
  const { blocks, ...counts } = matcher.match(prices);
  const addressOf = (reference: number): number =>
    reference < base.bytes ? base.start + reference : targetAddress + reference - base.bytes;
  const placed = blocks.map((block) => (block.copied === 0 ? block : { ...block, reference: addressOf(block.reference) }));
  return { blocks: placed, ...counts };
}
