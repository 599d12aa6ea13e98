/**
 * Programs for tests, made by code from numbers: functions that call each other and read data, linked one after the other
 * into a PE file of 32 or 64 bits or an ELF file of 64 bits. A function with the same number has the same code in each
 * program but for what it refers to, so that two programs differ as two releases do: some functions change, all move.
 */
import { seededRandom } from './seeded-random.js';

export type SampleMachine = 'pe32' | 'pe64' | 'elf64';

export interface SampleProgram {
  readonly machine: SampleMachine;
  /** In the order of their code. */
  readonly functions: readonly SampleFunction[];
  /** Bytes before the first datum: all data moves by them. */
  readonly dataStart?: number;
}

export interface SampleFunction {
  readonly id: number;
  /** Another one has other code. */
  readonly version: number;
}

/** An older and a newer release of one program. */
export function sampleRelease(machine: SampleMachine, count: number): { readonly base: Uint8Array; readonly target: Uint8Array } {
  const base = Array.from({ length: count }, (_, id) => ({ id, version: 0 }));
  const target = base.flatMap((one) => {
    if (one.id % 293 === 7) return [];
    const added = one.id % 307 === 3 ? [{ id: count + one.id, version: 0 }] : [];
    return [...added, one.id % 409 === 11 ? { ...one, version: 1 } : one];
  });
  return {
    base: buildProgram({ machine, functions: base }),
    target: buildProgram({ machine, functions: target, dataStart: 24 }),
  };
}

/** Where sections lie; what lies behind others in the file does so in memory. */
const layout = {
  pe32: { imageBase: 0x40_0000, headerBytes: 0x400 },
  pe64: { imageBase: 0x4000_0000, headerBytes: 0x400 },
  elf64: { imageBase: 0, headerBytes: 0x1000 },
} as const;
const sectionBytes = 0x1000;
const datumBytes = 24;
const dataCount = 60;

export function buildProgram(program: SampleProgram): Uint8Array {
  const bodies = program.functions.map((one) => bodyOf(program.machine, one, program.functions.length));
  const { headerBytes } = layout[program.machine];
  const starts = new Map<number, number>();
  let codeBytes = 0;
  for (const [index, { id }] of program.functions.entries()) {
    starts.set(id, sectionBytes + codeBytes);
    codeBytes += aligned(bodies[index]?.bytes.length ?? 0, 16);
  }
  const dataMemory = sectionBytes + aligned(codeBytes, sectionBytes);
  const places = { starts: sortedStarts(starts), data: dataMemory + (program.dataStart ?? 0) };
  const relocated: number[] = [];
  const code = new Uint8Array(codeBytes).fill(0xcc);
  for (const [index, { id }] of program.functions.entries()) {
    const memory = starts.get(id) as number;
    code.set(linked(program.machine, bodies[index] as Body, { memory, places, relocated }), memory - sectionBytes);
  }
  const data = dataOf(program, { memory: dataMemory, places, relocated });
  const parts = { code, data, dataMemory, rows: rowsOf(places, bodies, program), relocated, headerBytes };
  return program.machine === 'elf64' ? buildElf(parts) : buildPe(program.machine, parts);
}

const aligned = (bytes: number, unit: number): number => Math.ceil(bytes / unit) * unit;

interface Operand {
  readonly at: number;
  /** A function's number, or of a datum. */
  readonly to: { readonly kind: 'function' | 'datum'; readonly id: number };
}

interface Body {
  readonly bytes: Uint8Array;
  readonly operands: readonly Operand[];
}

/** Some instructions without operands that hold no byte with which others begin. */
const plainInstructions = ['55', '5d', '90', '50', '58', '4889c3', '31c0', '31d2', '4821d8', '7402', '7506', '4883c408', '99'];

function bodyOf(machine: SampleMachine, { id, version }: SampleFunction, count: number): Body {
  const random = seededRandom(id * 16 + version);
  const below = (end: number): number => Math.floor(random() * end);
  const bytes: number[] = [];
  const operands: Operand[] = [];
  const add = (opcode: string, to: Operand['to']): void => {
    bytes.push(...Buffer.from(opcode, 'hex'));
    operands.push({ at: bytes.length, to });
    bytes.push(0, 0, 0, 0);
  };
  for (let left = 20 + below(60); left > 0; left--) {
    const kind = below(24);
    if (kind < 4) add('e8', { kind: 'function', id: below(count) });
    else if (kind === 4) add('0f84', { kind: 'function', id });
    else if (kind < 7 && (machine !== 'pe32' || id % 16 === 0))
      add(machine === 'pe32' ? 'a1' : '488d05', { kind: 'datum', id: below(dataCount) });
    else if (kind < 16) bytes.push(0xb8 + below(8), below(256), below(256), below(256), 0);
    else bytes.push(...Buffer.from(plainInstructions[below(plainInstructions.length)] ?? '90', 'hex'));
  }
  bytes.push(0xc3);
  return { bytes: Uint8Array.from(bytes), operands };
}

interface Places {
  /** Functions by number: their places in memory. */
  readonly starts: readonly (readonly [id: number, memory: number])[];
  readonly data: number;
}

const sortedStarts = (starts: ReadonlyMap<number, number>): Places['starts'] => [...starts].sort(([a], [b]) => a - b);

/** The function with the number, or the next one that there is. */
function placeOf({ starts, data }: Places, { kind, id }: Operand['to']): number {
  if (kind === 'datum') return data + id * datumBytes;
  const found = starts.find(([one]) => one >= id) ?? starts[0];
  return found?.[1] ?? 0;
}

interface Linking {
  readonly memory: number;
  readonly places: Places;
  /** Where absolute addresses are is added here. */
  readonly relocated: number[];
}

function linked(machine: SampleMachine, { bytes, operands }: Body, { memory, places, relocated }: Linking): Uint8Array {
  const code = bytes.slice();
  const view = new DataView(code.buffer);
  for (const { at, to } of operands) {
    const place = placeOf(places, to);
    const isAbsolute = machine === 'pe32' && to.kind === 'datum';
    if (isAbsolute) relocated.push(memory + at);
    view.setInt32(at, isAbsolute ? place + layout[machine].imageBase : place - memory - at - 4, true);
  }
  return code;
}

/** Each datum: a number, and a pointer to a function. */
function dataOf({ machine, dataStart = 0 }: SampleProgram, { memory, places, relocated }: Linking): Uint8Array {
  const data = new Uint8Array(aligned(dataStart + dataCount * datumBytes, 16));
  const view = new DataView(data.buffer);
  for (let datum = 0; datum < dataCount; datum++) {
    const at = dataStart + datum * datumBytes;
    view.setUint32(at, Math.imul(datum, 0x9e37_79b1) >>> 0, true);
    const place = placeOf(places, { kind: 'function', id: datum * 3 });
    view.setUint32(at + 8, place + layout[machine].imageBase, true);
    relocated.push(memory + at + 8);
  }
  return data;
}

/** Where each function begins and ends, and where it is described. */
function rowsOf({ starts, data }: Places, bodies: readonly Body[], { functions }: SampleProgram): Uint8Array {
  const lengths = new Map(functions.map(({ id }, index) => [id, bodies[index]?.bytes.length ?? 0]));
  const rows = [...starts].sort(([, a], [, b]) => a - b);
  const numbers = rows.flatMap(([id, memory]) => [memory, memory + (lengths.get(id) ?? 0), data + (id % dataCount) * datumBytes]);
  return new Uint8Array(Uint32Array.from(numbers).buffer);
}

interface Parts {
  readonly code: Uint8Array;
  readonly data: Uint8Array;
  readonly dataMemory: number;
  readonly rows: Uint8Array;
  readonly relocated: readonly number[];
  readonly headerBytes: number;
}

interface Section {
  readonly name: string;
  readonly memory: number;
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly flags: number;
}

/** One after the other, in the file as in memory. */
function placeSections(sections: readonly Omit<Section, 'offset' | 'memory'>[], offset: number, unit: number): readonly Section[] {
  let memory = sectionBytes;
  let at = offset;
  return sections.map((section) => {
    const placed = { ...section, memory, offset: at };
    memory += aligned(section.bytes.length, sectionBytes);
    at += aligned(section.bytes.length, unit);
    return placed;
  });
}

function buildPe(machine: 'pe32' | 'pe64', { code, data, rows, relocated, headerBytes }: Parts): Uint8Array {
  const is64 = machine === 'pe64';
  const sections = placeSections(
    [
      { name: '.text', bytes: code, flags: 0x6000_0020 },
      { name: '.data', bytes: data, flags: 0xc000_0040 },
      ...(is64 ? [{ name: '.pdata', bytes: rows, flags: 0x4000_0040 }] : []),
      { name: '.reloc', bytes: relocationsOf(relocated, is64 ? 10 : 3), flags: 0x4200_0040 },
    ],
    headerBytes,
    0x200,
  );
  const last = sections.at(-1) as Section;
  const file = new Uint8Array(aligned(last.offset + last.bytes.length, 0x200));
  for (const section of sections) file.set(section.bytes, section.offset);
  writePeHeader(new DataView(file.buffer), sections, machine);
  return file;
}

function writePeHeader(view: DataView, sections: readonly Section[], machine: 'pe32' | 'pe64'): void {
  const is64 = machine === 'pe64';
  const optionalBytes = (is64 ? 112 : 96) + 16 * 8;
  view.setUint16(0, 0x5a4d, true);
  view.setUint32(0x3c, 0x80, true);
  view.setUint32(0x80, 0x4550, true);
  view.setUint16(0x84, is64 ? 0x8664 : 0x14c, true);
  view.setUint16(0x86, sections.length, true);
  view.setUint16(0x94, optionalBytes, true);
  view.setUint16(0x98, is64 ? 0x20b : 0x10b, true);
  view.setUint32(0x98 + (is64 ? 24 : 28), layout[machine].imageBase, true);
  view.setUint32(0x98 + (is64 ? 108 : 92), 16, true);
  const directories = 0x98 + (is64 ? 112 : 96);
  const setDirectory = (index: number, name: string): void => {
    const section = sections.find((one) => one.name === name);
    if (section === undefined) return;
    view.setUint32(directories + index * 8, section.memory, true);
    view.setUint32(directories + index * 8 + 4, section.bytes.length, true);
  };
  setDirectory(3, '.pdata');
  setDirectory(5, '.reloc');
  for (const [index, { name, memory, offset, bytes, flags }] of sections.entries()) {
    const at = 0x98 + optionalBytes + index * 40;
    for (const [place, letter] of [...name].entries()) view.setUint8(at + place, letter.charCodeAt(0));
    for (const [word, number] of [bytes.length, memory, aligned(bytes.length, 0x200), offset].entries())
      view.setUint32(at + 8 + word * 4, number, true);
    view.setUint32(at + 36, flags, true);
  }
}

/** Blocks by page: its address, the block's length, and an entry of 16 bits for each word. */
function relocationsOf(places: readonly number[], type: number): Uint8Array {
  const pages = new Map<number, number[]>();
  for (const place of [...places].sort((a, b) => a - b)) {
    const page = place - (place % sectionBytes);
    pages.set(page, [...(pages.get(page) ?? []), (type << 12) | (place - page)]);
  }
  const blocks = [...pages].map(([page, found]) => {
    const entries = found.length % 2 === 1 ? [...found, 0] : found;
    const head = Uint32Array.of(page, 8 + entries.length * 2);
    return Buffer.concat([Buffer.from(head.buffer), Buffer.from(Uint16Array.from(entries).buffer)]);
  });
  return new Uint8Array(Buffer.concat(blocks));
}

function buildElf({ code, data, dataMemory, relocated, headerBytes }: Parts): Uint8Array {
  const names = ['', '.text', '.data.rel.ro', '.rela.dyn', '.shstrtab'];
  const text = Buffer.from(`${names.join('\0')}\0`);
  const sections = placeSections(
    [
      { name: '.text', bytes: code, flags: 6 },
      { name: '.data.rel.ro', bytes: data, flags: 3 },
      { name: '.rela.dyn', bytes: addendsOf(relocated, data, dataMemory), flags: 2 },
      { name: '.shstrtab', bytes: text, flags: 0 },
    ],
    headerBytes,
    sectionBytes,
  );
  const last = sections.at(-1) as Section;
  const table = last.offset + aligned(last.bytes.length, 16);
  const file = new Uint8Array(table + (sections.length + 1) * 64);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  for (const [at, number] of [
    [16, 3],
    [18, 62],
    [52, 64],
    [58, 64],
    [60, sections.length + 1],
    [62, sections.length],
  ] as const)
    view.setUint16(at, number, true);
  view.setUint32(0x28, table, true);
  const types = [1, 1, 4, 3];
  for (const [index, { name, memory, offset, bytes, flags }] of sections.entries()) {
    file.set(bytes, offset);
    const at = table + (index + 1) * 64;
    view.setUint32(at, text.indexOf(name), true);
    view.setUint32(at + 4, types[index] ?? 0, true);
    for (const [word, number] of [flags, flags === 0 ? 0 : memory, offset, bytes.length].entries())
      view.setUint32(at + 8 + word * 8, number, true);
  }
  return file;
}

/** Rows of 24 bytes: where a pointer is, its kind, and what it is. */
function addendsOf(places: readonly number[], data: Uint8Array, dataMemory: number): Uint8Array {
  const rows = new Uint8Array(places.length * 24);
  const view = new DataView(rows.buffer);
  const pointers = new DataView(data.buffer);
  for (const [index, place] of places.entries()) {
    view.setUint32(index * 24, place, true);
    view.setUint32(index * 24 + 8, 8, true);
    view.setUint32(index * 24 + 16, pointers.getUint32(place - dataMemory, true), true);
  }
  return rows;
}
