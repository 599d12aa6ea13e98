/** Reads from the headers of programs what a patch has to know of them. */
import type { FinderName, Image, Region } from '../../patch/references/images.js';
import { readCli } from './read-cli.js';

/** The image that begins at `address` of `all` and has `bytes`; null when it is no program we know. */
export function readImage(file: Uint8Array, address: number): Image | null {
  try {
    const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
    if (file[0] === 0x4d && file[1] === 0x5a) return readPe(view, address);
    if (file[0] === 0x7f && file[1] === 0x45 && file[2] === 0x4c && file[3] === 0x46) return readElf(view, address);
    return null;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

const latin = (view: DataView, at: number, max: number): string => {
  let text = '';
  for (let i = 0; i < max; i++) {
    const c = view.getUint8(at + i);
    if (c === 0) break;
    text += String.fromCharCode(c);
  }
  return text;
};

function readPe(view: DataView, address: number): Image | null {
  const pe = view.getUint32(0x3c, true);
  if (view.getUint32(pe, true) !== 0x4550) return null;
  const machine = view.getUint16(pe + 4, true);
  const count = view.getUint16(pe + 6, true);
  const optional = pe + 24;
  const optionalBytes = view.getUint16(pe + 20, true);
  const is64 = view.getUint16(optional, true) === 0x20b;
  const code: FinderName | null = machine === 0x8664 ? 'x64' : machine === 0x14c ? 'x86' : machine === 0xaa64 ? 'arm64' : null;
  if (code === null) return null;
  const imageBase = view.getUint32(optional + (is64 ? 24 : 28), true);
  const directories = optional + (is64 ? 112 : 96);
  const directory = (index: number) => ({
    memory: view.getUint32(directories + index * 8, true),
    bytes: view.getUint32(directories + index * 8 + 4, true),
  });
  const cliHeader = directory(14);
  const regions: Region[] = [];
  const exceptions = directory(3);
  for (let i = 0; i < count; i++) {
    const at = optional + optionalBytes + 40 * i;
    const name = latin(view, at, 8);
    const virtualBytes = view.getUint32(at + 8, true);
    const memory = view.getUint32(at + 12, true);
    const bytes = view.getUint32(at + 16, true);
    const offset = view.getUint32(at + 20, true);
    const flags = view.getUint32(at + 36, true);
    const isCode = (flags & 0x2000_0000) !== 0;
    const finder: FinderName = isCode ? code : is64 && name === '.rdata' ? 'rva-guess' : 'none';
    const region = {
      address: address + offset,
      bytes: Math.min(bytes, view.byteLength - offset),
      memory,
      memoryBytes: Math.max(virtualBytes, bytes),
      finder,
      switches: [],
    };
    regions.push(...cut(region, exceptions, 'rva-table'));
  }
  const relocations = directory(5);
  const holder = regions.find((r) => relocations.memory >= r.memory && relocations.memory < r.memory + r.bytes);
  const image: Image = {
    imageBase,
    regions: regions.sort((a, b) => a.address - b.address || a.memory - b.memory),
    relocations:
      holder === undefined || relocations.memory === 0
        ? null
        : { address: holder.address + relocations.memory - holder.memory, bytes: relocations.bytes },
  };
  return cliHeader.memory === 0 ? image : withCli(image, cliHeader, { view, address });
}

/** The image with its metadata and IL as regions of their own; null when they are not as we know them. */
function withCli(
  image: Image,
  header: { readonly memory: number; readonly bytes: number },
  { view, address }: { readonly view: DataView; readonly address: number },
): Image | null {
  const sections = image.regions.map((region) => ({ ...region, address: region.address - address }));
  const read = readCli(view, sections, header);
  if (read === null) return null;
  let regions = image.regions;
  for (const part of read.parts) regions = regions.flatMap((region) => cut(region, part, part.finder));
  return { ...image, regions, cli: read.cli };
}

/** The region with a part of it found otherwise. */
function cut(region: Region, part: { memory: number; bytes: number }, finder: FinderName): Region[] {
  const offset = part.memory - region.memory;
  if (part.memory === 0 || offset < 0 || offset + part.bytes > region.bytes) return [region];
  const pieces: Region[] = [
    { ...region, bytes: offset, memoryBytes: offset },
    { ...region, address: region.address + offset, memory: part.memory, bytes: part.bytes, memoryBytes: part.bytes, finder },
    {
      ...region,
      address: region.address + offset + part.bytes,
      memory: part.memory + part.bytes,
      bytes: region.bytes - offset - part.bytes,
      memoryBytes: region.memoryBytes - offset - part.bytes,
    },
  ];
  return pieces.filter(({ memoryBytes }) => memoryBytes > 0);
}

function readElf(view: DataView, address: number): Image | null {
  const is64 = view.getUint8(4) === 2;
  const machine = view.getUint16(18, true);
  if (!is64 || (machine !== 62 && machine !== 183)) return null;
  const code: FinderName = machine === 62 ? 'x64' : 'arm64';
  const big = (at: number): number => Number(view.getBigUint64(at, true));
  const table = big(0x28);
  const count = view.getUint16(0x3c, true);
  const names = big(table + 64 * view.getUint16(62, true) + 24);
  const regions: Region[] = [];
  for (let i = 0; i < count; i++) {
    const at = table + 64 * i;
    const flags = big(at + 8);
    if ((flags & 2) === 0) continue;
    const type = view.getUint32(at + 4, true);
    const name = latin(view, names + view.getUint32(at, true), 64);
    const memory = big(at + 16);
    const bytes = type === 8 ? 0 : big(at + 32);
    const isCode = (flags & 4) !== 0;
    const finder: FinderName = isCode ? code : elfFinder(name, type);
    regions.push({ address: address + big(at + 24), bytes, memory, memoryBytes: big(at + 32), finder, switches: [] });
  }
  return {
    imageBase: 0,
    regions: regions.filter((r) => r.memoryBytes > 0).sort((a, b) => a.address - b.address || a.memory - b.memory),
    relocations: null,
  };
}

function elfFinder(name: string, type: number): FinderName {
  if (name === '.eh_frame_hdr') return 'eh-frame-header';
  if (name === '.eh_frame') return 'eh-frame';
  if (type === 4) return 'relocations64';
  if (type === 11) return 'symbols64';
  if (name === '.dynstr' || name === '.gnu.hash' || name === '.gnu.version') return 'none';
  return 'pointers64';
}
