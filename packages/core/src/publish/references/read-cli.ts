/** Reads from a .NET program's metadata what is counted in it, and where. Format: ECMA-335, II.24.2 and II.25.3.3. */
import { tableCount } from '../../patch/references/cli-schema.js';
import { buildCli, type Cli } from '../../patch/references/cli-spaces.js';
import type { FinderName } from '../../patch/references/images.js';

const metadataSignature = 0x424a_5342;
/** In the order of their numbers. */
const heapNames = ['#Strings', '#US', '#GUID', '#Blob'];
const streamsMax = 16;
const nameBytesMax = 32;
const rowsMax = 2 ** 24 - 1;

/** Where something lies in memory. */
interface Place {
  readonly memory: number;
  readonly bytes: number;
}

export interface ReadCli {
  readonly cli: Cli;
  /** How references are found in parts of the program; each is inside of one before it, or apart from all. */
  readonly parts: readonly (Place & { readonly finder: FinderName })[];
}

/** A section; its address counts from the beginning of the file. */
interface Section extends Place {
  readonly address: number;
}

/** Null when the program has no metadata, or none that we know. @param header of the program's CLI header. @throws RangeError. */
export function readCli(view: DataView, sections: readonly Section[], header: Place): ReadCli | null {
  const sectionOf = (memory: number): Section | undefined =>
    sections.find((one) => memory >= one.memory && memory - one.memory < one.bytes);
  const holder = sectionOf(header.memory);
  if (holder === undefined) return null;
  const at = holder.address + header.memory - holder.memory;
  const [metadata, resources] = [readPlace(view, at + 8), readPlace(view, at + 24)];
  const section = sectionOf(metadata.memory);
  if (section === undefined) return null;
  const found = readMetadata(view, section.address + metadata.memory - section.memory, metadata);
  if (found === null) return null;
  const parts = [
    { ...section, finder: 'cli-code' as const },
    { ...metadata, finder: 'none' as const },
    { ...resources, finder: 'none' as const },
    { ...found.tables, finder: 'cli-tables' as const },
    { ...found.blobs, finder: 'cli-signatures' as const },
  ];
  return { cli: found.cli, parts };
}

const readPlace = (view: DataView, at: number): Place => ({
  memory: view.getUint32(at, true),
  bytes: view.getUint32(at + 4, true),
});

/** @param root the metadata's first byte. */
function readMetadata(
  view: DataView,
  root: number,
  metadata: Place,
): { readonly cli: Cli; readonly tables: Place; readonly blobs: Place } | null {
  if (view.getUint32(root, true) !== metadataSignature) return null;
  const streams = readStreams(view, root, metadata);
  const tables = streams.get('#~');
  if (tables === undefined) return null;
  const at = root + tables.memory - metadata.memory;
  const counts = readRows(view, at);
  if (counts === null) return null;
  const heaps = heapNames.map((name) => streams.get(name) ?? { memory: 0, bytes: 0 });
  const wideHeaps = view.getUint8(at + 6) & 7;
  const memory = tables.memory + counts.end - at;
  return { cli: buildCli({ memory, rows: counts.rows, heaps, wideHeaps }), tables, blobs: heaps[3] as Place };
}

/** How many rows each table has, and where the first row begins; null when there are tables that we don't know. */
function readRows(view: DataView, at: number): { readonly rows: readonly number[]; readonly end: number } | null {
  const rows = new Array<number>(tableCount).fill(0);
  let end = at + 24;
  for (let table = 0; table < 64; table++) {
    const word = view.getUint32(at + (table < 32 ? 8 : 12), true);
    if (((word >>> (table & 31)) & 1) === 0) continue;
    const count = view.getUint32(end, true);
    if (table >= tableCount || count > rowsMax) return null;
    rows[table] = count;
    end += 4;
  }
  const hasMore = (view.getUint8(at + 6) & 0x40) !== 0;
  return { rows, end: hasMore ? end + 4 : end };
}

function readStreams(view: DataView, root: number, metadata: Place): ReadonlyMap<string, Place> {
  const streams = new Map<string, Place>();
  let at = root + 16 + view.getUint32(root + 12, true);
  const count = Math.min(view.getUint16(at + 2, true), streamsMax);
  at += 4;
  for (let index = 0; index < count; index++) {
    const { memory: offset, bytes } = readPlace(view, at);
    let name = '';
    for (at += 8; view.getUint8(at) !== 0 && name.length < nameBytesMax; at++) name += String.fromCharCode(view.getUint8(at));
    at += 4 - (name.length & 3);
    if (offset + bytes <= metadata.bytes) streams.set(name, { memory: metadata.memory + offset, bytes });
  }
  return streams;
}
