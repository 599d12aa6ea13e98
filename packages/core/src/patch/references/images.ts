/**
 * What a patch knows of the programs among its files: where the parts of each lie in the file and in memory, and how
 * addresses are to be found in them. A maker reads it from the programs' headers; whoever applies the patch takes it from
 * the patch, so that no header is parsed there.
 */
import type { Cli } from './cli-spaces.js';

/** How references are found in a region; numbers on the wire, only added to. */
export const finderNames = [
  'none',
  'x86',
  'x64',
  'arm64',
  'rva-table',
  'rva-guess',
  'pointers64',
  'pointers32',
  'eh-frame',
  'eh-frame-header',
  'symbols64',
  'relocations64',
  'go-names',
  'go-counters',
  'go-table',
  'go-functions',
  'go-data',
  'go-buckets',
  'cli-tables',
  'cli-code',
  'cli-signatures',
  'arm64-functions',
  'self-relative-guess',
  'chained-pointers64',
  'names',
  'symbols32',
  'relocations32',
  'relocations32-added',
  'unwind-entries',
  'unwind-rows',
] as const;
export type FinderName = (typeof finderNames)[number];

/** A part of a program that lies in one piece in the file and in memory. */
export interface Region {
  /** Of its first byte among all bases, or all targets; what has no bytes in the file has none. */
  readonly address: number;
  readonly bytes: number;
  /** Its place in memory, from the image's base. */
  readonly memory: number;
  /** Bytes in memory; what is beyond `bytes` has none in the file. */
  readonly memoryBytes: number;
  readonly finder: FinderName;
  /** The place that words of the form `regional24` count from; the region's own when it is left out. */
  readonly origin?: number;
  /** Offsets, ascending, from which on references are not looked for, then looked for again, and so on: where finding them does not pay. */
  readonly switches: readonly number[];
}

export interface Image {
  /** The address in memory it was linked for: its lower 32 bits. */
  readonly imageBase: number;
  /** In the order of their addresses. */
  readonly regions: readonly Region[];
  /** Words with absolute addresses, by where a loader is told to change them: PE base relocations lie there. */
  readonly relocations: { readonly address: number; readonly bytes: number } | null;
  /** What its metadata counts, when it is a .NET program. */
  readonly cli?: Cli | undefined;
}

export interface Images {
  readonly bases: readonly Image[];
  readonly targets: readonly Image[];
}

/** A stretch of a region in which references are looked for. */
export interface Part {
  readonly image: Image;
  readonly region: Region;
  readonly bytes: Uint8Array;
  /** Of its first byte in the region. */
  readonly offset: number;
}

/** The region that has the place in memory; null when none has. */
export function regionAt(image: Image, memory: number): Region | null {
  for (const region of image.regions) {
    if (memory >= region.memory && memory - region.memory < region.memoryBytes) return region;
  }
  return null;
}

/** Whether references are looked for at the offset, and up to where that holds. */
export function switchedAt({ switches }: Region, offset: number): { readonly isOn: boolean; readonly until: number } {
  let low = 0;
  let high = switches.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((switches[middle] as number) <= offset) low = middle + 1;
    else high = middle;
  }
  return { isOn: low % 2 === 0, until: switches[low] ?? Number.POSITIVE_INFINITY };
}

export interface PlacedRegion {
  readonly image: Image;
  readonly imageIndex: number;
  readonly region: Region;
}

/** All regions with bytes of several images, by their addresses. */
export class RegionList {
  readonly #regions: readonly PlacedRegion[];
  #last = 0;

  constructor(images: readonly Image[]) {
    this.#regions = images
      .flatMap((image, imageIndex) => image.regions.map((region) => ({ image, imageIndex, region })))
      .filter(({ region }) => region.bytes > 0);
  }

  at(address: number): PlacedRegion | null {
    const placed = this.#regions[this.#find(address)];
    return placed !== undefined && contains(placed.region, address) ? placed : null;
  }

  /** Where the first region after this address begins. */
  nextAfter(address: number): number {
    const index = this.#find(address);
    const at = this.#regions[index];
    if (at !== undefined && at.region.address > address) return at.region.address;
    return this.#regions[index + 1]?.region.address ?? Number.POSITIVE_INFINITY;
  }

  /** The last region that begins there or before; the first when none does. */
  #find(address: number): number {
    const regions = this.#regions;
    const beginsBefore = (index: number): boolean => (regions[index]?.region.address ?? Number.POSITIVE_INFINITY) <= address;
    if (beginsBefore(this.#last) && !beginsBefore(this.#last + 1)) return this.#last;
    let low = 0;
    let high = regions.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (beginsBefore(middle)) low = middle;
      else high = middle - 1;
    }
    this.#last = Math.max(0, low);
    return this.#last;
  }
}

const contains = (region: Region, address: number): boolean => address >= region.address && address - region.address < region.bytes;
