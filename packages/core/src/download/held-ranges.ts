import type { FileSystem } from '../file-system/file-system.js';
import type { Digest } from '../hash/digest.js';
import { mergeRanges } from '../planner/merge-ranges.js';
import type { ByteRange, HeldRanges } from '../planner/plan.js';
import { readDownloadFolder } from './download-folder.js';

/** The ranges of objects that need not be fetched again, begun ones included: what the price of a plan is reckoned against. */
export async function heldRanges(fileSystem: FileSystem, folder: string): Promise<HeldRanges> {
  const held = new Map<Digest, ByteRange[]>();
  for (const { digest, offset, bytes } of await readDownloadFolder(fileSystem, folder)) {
    held.set(digest, [...(held.get(digest) ?? []), { offset, bytes }]);
  }
  return new Map([...held].map(([digest, ranges]) => [digest, mergeRanges(ranges, 0)]));
}
