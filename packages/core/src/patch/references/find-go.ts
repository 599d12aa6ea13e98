/**
 * References in the tables of Go programs (Go's runtime, symtab.go and runtime2.go, "_func"): rows of the table of functions, and what
 * is said of each function, found by what its fields can be.
 */
import type { FoundReferences } from './found-references.js';
import { type FinderName, finderNames, type Image, type Part, type Region } from './images.js';
import { forms } from './word-forms.js';

/** An offset counts from the first region that is found so. */
export const originOf = (image: Image, finder: number): number => firstOf(image, finder)?.memory ?? 0;

function firstOf(image: Image, finder: number): Region | undefined {
  const name = finderNames[finder];
  return image.regions.find((region) => region.finder === name);
}

const numberOf = (finder: FinderName): number => finderNames.indexOf(finder);
const codeOf = (image: Image): number =>
  image.regions.some(({ finder }) => finder === 'arm64') ? numberOf('arm64') : numberOf('x64');

/** Rows of two words: where a function begins, and where what is said of it lies. */
export function findInGoTable({ image, bytes, offset }: Part, view: DataView, found: FoundReferences): void {
  const code = codeOf(image);
  const table = numberOf('go-table');
  const origins = { code: originOf(image, code), table: originOf(image, table) };
  for (let p = (4 - (offset % 4)) % 4; p + 4 <= bytes.length; p += 4) {
    const isFunction = (offset + p) % 8 === 0;
    const origin = isFunction ? origins.code : origins.table;
    found.add(p, forms.inRegion, (origin + view.getUint32(p, true)) >>> 0, isFunction ? code : table);
  }
}

const bucketBytes = 20;

/** Rows of the table, each followed by 16 bytes that count on from it. */
export function findInGoBuckets({ image, bytes, offset }: Part, view: DataView, found: FoundReferences): void {
  const table = numberOf('go-table');
  const origin = originOf(image, table);
  for (let p = (bucketBytes - (offset % bucketBytes)) % bucketBytes; p + 4 <= bytes.length; p += bucketBytes)
    found.add(p, forms.rowInRegion, (origin + view.getUint32(p, true) * 8) >>> 0, table);
}

const inlinedBytes = 16;

/** Calls that were inlined: what kind of function, the offset of its name, where in the caller, and its line. */
export function findInGoData({ image, bytes, offset }: Part, view: DataView, found: FoundReferences): void {
  const names = numberOf('go-names');
  const region = image.regions.find(({ finder }) => finder === 'go-names');
  if (region === undefined) return;
  const isInlined = (p: number): boolean => {
    const name = view.getUint32(p + 4, true);
    const line = view.getUint32(p + 12, true);
    return (
      view.getUint32(p, true) < 64 &&
      name > 0 &&
      name < region.bytes &&
      view.getUint32(p + 8, true) < 1 << 20 &&
      line > 0 &&
      line < 1 << 17
    );
  };
  for (let p = (4 - (offset % 4)) % 4; p + inlinedBytes <= bytes.length; ) {
    if (isInlined(p)) {
      found.add(p + 4, forms.inRegion, (region.memory + view.getUint32(p + 4, true)) >>> 0, names);
      p += inlinedBytes;
    } else p += 4;
  }
}

const fixedBytes = 44;
const listMax = 24;

export function findInGoFunctions({ image, bytes, offset }: Part, view: DataView, found: FoundReferences): void {
  if (bytes.length < fixedBytes) return;
  const code = codeOf(image);
  const names = numberOf('go-names');
  const counters = numberOf('go-counters');
  const data = numberOf('go-data');
  const origins = new Map([code, names, counters, data].map((finder) => [finder, originOf(image, finder)]));
  const lengthOf = (finder: number): number => firstOf(image, finder)?.bytes ?? 0;
  const bounds = { code: lengthOf(code), names: lengthOf(names), counters: lengthOf(counters) };
  const add = (p: number, finder: number): void => {
    found.add(p, forms.inRegion, ((origins.get(finder) ?? 0) + view.getUint32(p, true)) >>> 0, finder);
  };
  const isFunction = (p: number): boolean =>
    view.getUint32(p, true) < bounds.code &&
    view.getUint32(p + 4, true) < bounds.names &&
    view.getUint32(p + 16, true) < bounds.counters &&
    view.getUint32(p + 20, true) < bounds.counters &&
    view.getUint32(p + 24, true) < bounds.counters &&
    view.getUint32(p + 28, true) <= listMax &&
    view.getUint8(p + 43) <= listMax;
  for (let p = (4 - (offset % 4)) % 4; p + fixedBytes <= bytes.length; ) {
    if (!isFunction(p)) {
      p += 4;
      continue;
    }
    add(p, code);
    add(p + 4, names);
    add(p + 16, counters);
    add(p + 20, counters);
    add(p + 24, counters);
    const counted = view.getUint32(p + 28, true);
    const others = view.getUint8(p + 43);
    p += fixedBytes;
    for (let index = 0; index < counted + others && p + 4 <= bytes.length; index++, p += 4) {
      const word = view.getUint32(p, true);
      if (word !== 0 && word !== 0xffff_ffff) add(p, index < counted ? counters : data);
    }
  }
}
