/** Programs and libraries of Linux and its like, little-endian. Format: System V ABI, "Object Files"; by sections. */
import type { FinderName, Image } from '../../patch/references/images.js';
import { type ClaimedRegion, type ProgramFile, readBig, readName, tidyRegions } from './program-file.js';

/** By class and machine. */
const codeFinders: Readonly<Record<string, FinderName>> = { '2 62': 'x64', '2 183': 'arm64', '1 3': 'x86' };

const isLoaded = 2;
const isExecutable = 4;
const isPerThread = 0x400;
const sectionTypes = { withAddend: 4, withoutBytes: 8, relocations: 9, symbols: 11 } as const;
const sectionsMax = 1024;

/** Where the header and its tables have what; words are as wide as the class says. */
interface Layout {
  readonly is64: boolean;
  readonly sectionBytes: number;
  readonly table: number;
  readonly counts: number;
  readonly word: (at: number) => number;
}

/** @throws RangeError when the file ends too early. */
export function readElf(file: ProgramFile): readonly Image[] {
  const { view } = file;
  if (view.byteLength < 52 || view.getUint32(0) !== 0x7f45_4c46 || view.getUint8(5) !== 1) return [];
  const code = codeFinders[`${view.getUint8(4)} ${view.getUint16(18, true)}`];
  if (code === undefined) return [];
  const layout = layoutOf(view);
  const regions = tidyRegions(file, readSections(view, layout, code));
  return [{ imageBase: 0, regions, relocations: null }];
}

function layoutOf(view: DataView): Layout {
  if (view.getUint8(4) === 2)
    return { is64: true, sectionBytes: 64, table: readBig(view, 0x28), counts: 0x3c, word: (at) => readBig(view, at) };
  const word = (at: number): number => view.getUint32(at, true);
  return { is64: false, sectionBytes: 40, table: word(0x20), counts: 0x30, word };
}

function readSections(
  view: DataView,
  { is64, sectionBytes, table, counts, word }: Layout,
  code: FinderName,
): readonly ClaimedRegion[] {
  const wordBytes = is64 ? 8 : 4;
  const fields = (index: number) => {
    const at = table + sectionBytes * index;
    const [flags, memory, offset, bytes] = [0, 1, 2, 3].map((field) => word(at + 8 + field * wordBytes)) as [
      number,
      number,
      number,
      number,
    ];
    return { nameAt: view.getUint32(at, true), type: view.getUint32(at + 4, true), flags, memory, offset, bytes };
  };
  const count = Math.min(view.getUint16(counts, true), sectionsMax);
  const names = fields(view.getUint16(counts + 2, true)).offset;
  return Array.from({ length: count }, (_, index) => fields(index)).flatMap(({ nameAt, type, flags, memory, offset, bytes }) => {
    const isInFile = type !== sectionTypes.withoutBytes;
    if ((flags & isLoaded) === 0 || (!isInFile && (flags & isPerThread) !== 0)) return [];
    const name = readName(view, names + nameAt, 32);
    const finder = (flags & isExecutable) !== 0 ? code : finderOf({ name, type, is64 });
    return [{ address: offset, bytes: isInFile ? bytes : 0, memory, memoryBytes: bytes, finder }];
  });
}

function finderOf({ name, type, is64 }: { readonly name: string; readonly type: number; readonly is64: boolean }): FinderName {
  if (type === sectionTypes.withAddend) return is64 ? 'relocations64' : 'relocations32-added';
  if (type === sectionTypes.relocations) return is64 ? 'none' : 'relocations32';
  if (type === sectionTypes.symbols) return is64 ? 'symbols64' : 'symbols32';
  return finderByName.get(name) ?? (is64 ? 'pointers64' : 'pointers32');
}

const finderByName: ReadonlyMap<string, FinderName> = new Map([
  ['.dynstr', 'names'],
  ['.eh_frame', 'eh-frame'],
  ['.eh_frame_hdr', 'eh-frame-header'],
  ['.gnu.hash', 'none'],
  ['.gnu.version', 'none'],
  ['.interp', 'none'],
  ['.rodata', 'self-relative-guess'],
]);
