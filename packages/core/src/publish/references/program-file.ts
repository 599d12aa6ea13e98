/** A file as the readers of programs see it, and what they make of it: regions that keep what `Image` promises. */
import { limits } from '../../limits.js';
import type { Region } from '../../patch/references/images.js';

export interface ProgramFile {
  /** Reading beyond its end throws a RangeError. */
  readonly view: DataView;
  /** Of its first byte among all bases, or all targets. */
  readonly address: number;
}

/** A region whose address counts from the beginning of the file, not checked. */
export type ClaimedRegion = Omit<Region, 'switches'>;

/** Those regions that are inside the file and memory, in order, none over another. */
export function tidyRegions({ view, address }: ProgramFile, claimed: readonly ClaimedRegion[]): readonly Region[] {
  const regions: Region[] = [];
  let end = 0;
  const sorted = claimed.filter(isInMemory).sort((a, b) => orderOf(a) - orderOf(b) || a.memory - b.memory);
  for (const region of sorted) {
    if (regions.length === limits.imageRegionsMax) break;
    if (region.bytes > 0) {
      if (region.address < end || region.bytes > view.byteLength - region.address) continue;
      end = region.address + region.bytes;
    }
    regions.push({ ...region, address: address + region.address, switches: [] });
  }
  return regions;
}

/** What has no bytes in the file comes last. */
const orderOf = ({ address, bytes }: ClaimedRegion): number => (bytes > 0 ? address : Number.MAX_SAFE_INTEGER);

const isInMemory = ({ memory, memoryBytes, bytes }: ClaimedRegion): boolean =>
  memory >= 0 && bytes >= 0 && memoryBytes >= bytes && memoryBytes > 0 && memory + memoryBytes < 2 ** 32;

/** A name of at most `bytesMax` bytes that ends with a zero. */
export function readName(view: DataView, at: number, bytesMax: number): string {
  let name = '';
  for (let index = 0; index < bytesMax; index++) {
    const code = view.getUint8(at + index);
    if (code === 0) break;
    name += String.fromCharCode(code);
  }
  return name;
}

/** 64 bits; what is beyond a double's precision lies outside of every file. */
export const readBig = (view: DataView, at: number): number => view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
