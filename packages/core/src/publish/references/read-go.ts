/**
 * The tables of a Go program: which function lies where, what it is called, where its lines and stack maps are. All are
 * offsets into each other, so that one function more changes all that follow. Layout: the Go runtime, symtab.go,
 * "moduledata" and "_func", of Go 1.20 and later; an earlier program's tables are left as they are.
 */
import type { FinderName, Image, Region } from '../../patch/references/images.js';

const magics = [0xffff_fff0, 0xffff_fff1];
/** Words of moduledata: where each table begins, and for those that are slices how long they are. */
const words = { names: 1, units: 4, counters: 10, functions: 13, table: 16, buckets: 19, code: 20, codeEnd: 21, data: 40 } as const;
const moduleBytes = 41 * 8;

/** Where the search for a function begins, by its address: for each part of the code a row of the table. */
const codeBytesPerBucket = 4096;
const bucketBytes = 20;

interface Cut {
  readonly memory: number;
  readonly bytes: number;
  readonly finder: FinderName;
}

/** The image with the tables as regions of their own; the same image when it has none. */
export function withGoTables(image: Image, file: Uint8Array, address: number): Image {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const header = findHeader(image, view, address);
  const module = header === null ? null : findModule(image, view, { address, header });
  if (module === null) return image;
  const memoryOf = (word: number): number => pointerAt(view, module + word * 8, image);
  const lengthOf = (word: number): number => view.getUint32(module + word * 8 + 8, true);
  const functions = memoryOf(words.functions);
  const tableBytes = lengthOf(words.table) * 8;
  const cuts: Cut[] = [
    { memory: memoryOf(words.names), bytes: lengthOf(words.names), finder: 'go-names' },
    { memory: memoryOf(words.counters), bytes: lengthOf(words.counters), finder: 'go-counters' },
    { memory: functions, bytes: tableBytes, finder: 'go-table' },
    { memory: functions + tableBytes, bytes: lengthOf(words.functions) - tableBytes, finder: 'go-functions' },
  ];
  const codeBytes = memoryOf(words.codeEnd) - memoryOf(words.code);
  const buckets = Math.ceil(codeBytes / codeBytesPerBucket);
  cuts.push({ memory: memoryOf(words.buckets), bytes: buckets * bucketBytes, finder: 'go-buckets' });
  const data = memoryOf(words.data);
  const holder = image.regions.find((region) => data >= region.memory && data - region.memory < region.bytes);
  const next = Math.min(
    ...cuts.map(({ memory }) => memory).filter((memory) => memory > data),
    holder === undefined ? data : holder.memory + holder.bytes,
  );
  cuts.push({ memory: data, bytes: next - data, finder: 'go-data' });
  return { ...image, regions: cuts.reduce(cutRegions, image.regions) };
}

/** Where in the file the table of functions begins. */
function findHeader(image: Image, view: DataView, address: number): number | null {
  for (const region of image.regions) {
    const end = region.address - address + region.bytes - 72;
    for (let at = region.address - address; at < end; at += 8) {
      if (!magics.includes(view.getUint32(at, true)) || view.getUint16(at + 4, true) !== 0) continue;
      if (view.getUint8(at + 7) === 8 && view.getUint32(at + 32, true) === 72) return at;
    }
  }
  return null;
}

/** Where in the file moduledata begins: it points to the header and, next, to the names behind it. */
function findModule(
  image: Image,
  view: DataView,
  { address, header }: { readonly address: number; readonly header: number },
): number | null {
  const place = memoryAt(image, address + header);
  for (const region of image.regions) {
    const end = region.address - address + region.bytes - moduleBytes;
    for (let at = region.address - address; at < end; at += 8) {
      if (pointerAt(view, at, image) === place && pointerAt(view, at + 8, image) === place + 72) return at;
    }
  }
  return null;
}

const pointerAt = (view: DataView, at: number, image: Image): number => (view.getUint32(at, true) - image.imageBase) >>> 0;

function memoryAt(image: Image, address: number): number {
  const region = image.regions.find((one) => address >= one.address && address - one.address < one.bytes);
  return region === undefined ? 0 : region.memory + address - region.address;
}

/** Regions with a part of one of them found otherwise; as they are when the part is in none. */
export function cutRegions(regions: readonly Region[], { memory, bytes, finder }: Cut): readonly Region[] {
  return regions.flatMap((region) => {
    const offset = memory - region.memory;
    if (offset < 0 || bytes <= 0 || offset + bytes > region.bytes) return [region];
    const part = (from: number, length: number, memoryBytes = length): Region => ({
      ...region,
      address: region.address + from,
      memory: region.memory + from,
      bytes: length,
      memoryBytes,
    });
    const after = offset + bytes;
    const parts = [
      part(0, offset),
      { ...part(offset, bytes), finder },
      part(after, region.bytes - after, region.memoryBytes - after),
    ];
    return parts.filter(({ memoryBytes }) => memoryBytes > 0);
  });
}
