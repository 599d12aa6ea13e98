/** Programs and libraries of Windows. Format: Microsoft, "PE Format". */
import { limits } from '../../limits.js';
import type { FinderName, Image } from '../../patch/references/images.js';
import { type ClaimedRegion, type ProgramFile, readName, tidyRegions } from './program-file.js';
import { readCli } from './read-cli.js';

const codeFinders: Readonly<Record<number, FinderName>> = { 34404: 'x64', 332: 'x86', 43620: 'arm64' };
const isCode = 0x2000_0000;
const sectionsMax = 96;

/** Where in memory a table is, and how long. */
interface Directory {
  readonly memory: number;
  readonly bytes: number;
}

/** A part of memory that is found otherwise than the section it is in. */
type Part = Directory & { readonly finder: FinderName };

/** @throws RangeError when the file ends too early. */
export function readPe(file: ProgramFile): readonly Image[] {
  const { view } = file;
  if (view.byteLength < 64 || view.getUint16(0, true) !== 0x5a4d) return [];
  const pe = view.getUint32(0x3c, true);
  if (view.getUint32(pe, true) !== 0x4550) return [];
  const code = codeFinders[view.getUint16(pe + 4, true)];
  const optional = pe + 24;
  const is64 = view.getUint16(optional, true) === 0x20b;
  const directory = (index: number): Directory => {
    const at = optional + (is64 ? 112 : 96) + index * 8;
    return { memory: view.getUint32(at, true), bytes: view.getUint32(at + 4, true) };
  };
  const [exceptions, relocated, metadata] = [directory(3), directory(5), directory(14)];
  if (code === undefined) return [];
  const sections = readSections(view, { pe, optional, code, is64 });
  const managed = metadata.memory === 0 ? undefined : readCli(view, sections, metadata);
  if (managed === null) return [];
  const functions = { ...exceptions, finder: code === 'arm64' ? 'arm64-functions' : 'rva-table' } as const;
  const parts: readonly Part[] = [functions, ...(managed?.parts ?? [])];
  const cuts = parts.reduce((all, part) => all.flatMap((region) => cut(region, part)), sections);
  const regions = tidyRegions(file, cuts);
  const holder = regions.find((r) => relocated.memory >= r.memory && relocated.memory - r.memory + relocated.bytes <= r.bytes);
  const hasRelocations =
    holder !== undefined && relocated.memory !== 0 && relocated.bytes > 0 && relocated.bytes <= limits.relocationBytesMax;
  const relocations = hasRelocations
    ? { address: holder.address + relocated.memory - holder.memory, bytes: relocated.bytes }
    : null;
  return [{ imageBase: view.getUint32(optional + (is64 ? 24 : 28), true), regions, relocations, cli: managed?.cli }];
}

function readSections(
  view: DataView,
  {
    pe,
    optional,
    code,
    is64,
  }: { readonly pe: number; readonly optional: number; readonly code: FinderName; readonly is64: boolean },
): readonly ClaimedRegion[] {
  const table = optional + view.getUint16(pe + 20, true);
  const count = Math.min(view.getUint16(pe + 6, true), sectionsMax);
  return Array.from({ length: count }, (_, index) => {
    const at = table + 40 * index;
    const address = view.getUint32(at + 20, true);
    const bytes = Math.max(0, Math.min(view.getUint32(at + 16, true), view.byteLength - address));
    const finder =
      (view.getUint32(at + 36, true) & isCode) !== 0 ? code : is64 && readName(view, at, 8) === '.rdata' ? 'rva-guess' : 'none';
    const memoryBytes = Math.max(view.getUint32(at + 8, true), bytes);
    return { address, bytes, memory: view.getUint32(at + 12, true), memoryBytes, finder };
  });
}

/** The region with a part of it found otherwise. */
function cut(region: ClaimedRegion, part: Part): readonly ClaimedRegion[] {
  const offset = part.memory - region.memory;
  if (part.memory === 0 || offset < 0 || offset + part.bytes > region.bytes) return [region];
  const end = offset + part.bytes;
  const pieces: ClaimedRegion[] = [
    { ...region, bytes: offset, memoryBytes: offset },
    { address: region.address + offset, memory: part.memory, bytes: part.bytes, memoryBytes: part.bytes, finder: part.finder },
    {
      ...region,
      address: region.address + end,
      memory: region.memory + end,
      bytes: region.bytes - end,
      memoryBytes: region.memoryBytes - end,
    },
  ];
  return pieces.filter(({ memoryBytes }) => memoryBytes > 0);
}
