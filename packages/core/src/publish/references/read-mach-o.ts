/**
 * Programs and libraries of macOS, of 64 bits, alone or several in one file. Format: Apple, mach-o/loader.h, mach-o/fat.h;
 * by sections.
 */
import type { FinderName, Image } from '../../patch/references/images.js';
import { type ClaimedRegion, type ProgramFile, readBig, readName, tidyRegions } from './program-file.js';
import { cutUnwindInfo } from './read-unwind-info.js';

const codeFinders: Readonly<Record<number, FinderName>> = { 16777223: 'x64', 16777228: 'arm64' };

const headerBytes = 32;
const segmentBytes = 72;
const sectionBytes = 80;
const segmentCommand = 0x19;
const commandsMax = 256;
const sectionsMax = 256;
const machinesMax = 16;
/** Types of sections: zeroes, many zeroes; zeroes of each thread; strings and numbers. */
const withoutBytes: readonly number[] = [1, 0xc];
const zeroesOfThreads = 0x12;
const literals: readonly number[] = [2, 3, 4, 0xe];
const hasCode = 0x8000_0400;

/** @throws RangeError when the file ends too early. */
export function readMachO(file: ProgramFile): readonly Image[] {
  const { view, address } = file;
  if (view.byteLength < headerBytes) return [];
  if (view.getUint32(0) !== 0xcafe_babe) return readThin(file);
  const count = view.getUint32(4);
  if (count > machinesMax) return [];
  return Array.from({ length: count }, (_, index) => 8 + 20 * index).flatMap((at) => {
    const [offset, bytes] = [view.getUint32(at + 8), view.getUint32(at + 12)];
    if (bytes < headerBytes || bytes > view.byteLength - offset) return [];
    return readThin({ view: new DataView(view.buffer, view.byteOffset + offset, bytes), address: address + offset });
  });
}

type NamedRegion = ClaimedRegion & { readonly name: string };

function readThin(file: ProgramFile): readonly Image[] {
  const { view } = file;
  const code = codeFinders[view.getUint32(4, true)];
  if (view.getUint32(0, true) !== 0xfeed_facf || code === undefined) return [];
  const segments = findSegments(view);
  const imageBase = segments.map((at) => readSegment(view, at)).find(({ offset, bytes }) => offset === 0 && bytes > 0)?.memory;
  if (imageBase === undefined) return [];
  const sections = segments.flatMap((at) => readSections(view, at, { imageBase, code })).slice(0, sectionsMax);
  const frames = sections.find(({ name }) => name === '__eh_frame')?.memory ?? 0;
  const regions = sections.flatMap(({ name, ...region }) =>
    name === '__unwind_info' ? cutUnwindInfo(view, region, frames) : [region],
  );
  return [{ imageBase: imageBase % 2 ** 32, regions: tidyRegions(file, regions), relocations: null }];
}

/** Where the commands are that describe segments. */
function findSegments(view: DataView): readonly number[] {
  const found: number[] = [];
  const count = Math.min(view.getUint32(16, true), commandsMax);
  for (let index = 0, at = headerBytes; index < count; index++) {
    if (view.getUint32(at, true) === segmentCommand) found.push(at);
    at += Math.max(8, view.getUint32(at + 4, true));
  }
  return found;
}

const readSegment = (view: DataView, at: number) => ({
  memory: readBig(view, at + 24),
  offset: readBig(view, at + 40),
  bytes: readBig(view, at + 48),
});

function readSections(
  view: DataView,
  segment: number,
  { imageBase, code }: { readonly imageBase: number; readonly code: FinderName },
): readonly NamedRegion[] {
  const count = Math.min(view.getUint32(segment + 64, true), sectionsMax);
  return Array.from({ length: count }, (_, index) => segment + segmentBytes + index * sectionBytes).flatMap((at) => {
    const flags = view.getUint32(at + 64, true);
    const type = flags & 0xff;
    if (type === zeroesOfThreads) return [];
    const name = readName(view, at, 16);
    const memoryBytes = readBig(view, at + 40);
    const bytes = withoutBytes.includes(type) ? 0 : memoryBytes;
    const finder = (flags & hasCode) !== 0 ? code : finderOf({ name, segment: readName(view, at + 16, 16), type });
    return [
      { name, address: view.getUint32(at + 48, true), bytes, memory: readBig(view, at + 32) - imageBase, memoryBytes, finder },
    ];
  });
}

function finderOf({ name, segment, type }: { readonly name: string; readonly segment: string; readonly type: number }): FinderName {
  if (literals.includes(type) || withoutBytes.includes(type)) return 'none';
  return finderByName.get(name) ?? (segment === '__TEXT' ? 'self-relative-guess' : 'chained-pointers64');
}

const finderByName: ReadonlyMap<string, FinderName> = new Map([
  ['__eh_frame', 'eh-frame'],
  ['__gcc_except_tab', 'none'],
  ['__init_offsets', 'rva-table'],
  ['__unwind_info', 'none'],
]);
