/** Numbers of rows and of bytes of heaps in .NET programs: in the columns of tables, and in code after an instruction that takes one. */
import { heaps } from './cli-schema.js';
import { type Cli, type CliTable, memoryOf } from './cli-spaces.js';
import type { FoundReferences } from './found-references.js';
import type { Part } from './images.js';
import { forms } from './word-forms.js';

/** Every column of every row that leads somewhere. */
export function findInCliTables({ image, region, bytes, offset }: Part, view: DataView, found: FoundReferences): void {
  const { cli } = image;
  if (cli === undefined) return;
  const memory = region.memory + offset;
  for (const table of cli.tables) {
    const from = table.memory - memory;
    const rows = { table, from, first: Math.max(0, Math.floor(-from / table.stride)) };
    if (table.count > 0 && from < bytes.length && from + table.count * table.stride > 0) findInRows(cli, rows, view, found);
  }
}

interface Rows {
  readonly table: CliTable;
  /** Where in the part the table begins; less than 0 when before it. */
  readonly from: number;
  /** The first row of which the part has something. */
  readonly first: number;
}

function findInRows(cli: Cli, { table, from, first }: Rows, view: DataView, found: FoundReferences): void {
  for (let row = first; row < table.count; row++) {
    const start = from + row * table.stride;
    if (start >= view.byteLength) return;
    for (const { offset, bytes, form, tagBits, spaces } of table.columns) {
      const at = start + offset;
      if (at < 0 || at + bytes > view.byteLength) continue;
      const word = bytes === 2 ? view.getUint16(at, true) : view.getUint32(at, true);
      if (form === forms.rva) {
        if (word !== 0) found.add(at, form, word, 0);
        continue;
      }
      const space = spaces[word & ((1 << tagBits) - 1)] ?? -1;
      addNumber(cli, { at, form, space, number: word >>> tagBits }, found);
    }
  }
}

interface Numbered {
  readonly at: number;
  readonly form: number;
  readonly space: number;
  readonly number: number;
}

/** False when nothing has the number. */
function addNumber(cli: Cli, { at, form, space, number }: Numbered, found: FoundReferences): boolean {
  const memory = number === 0 ? -1 : memoryOf(cli, space, number);
  if (memory < 0) return false;
  found.add(at, form, memory, space);
  return true;
}

/** Instructions that a token follows, and the tables it may be of. ECMA-335, III.1.2.1 and the instructions of III.3 and III.4. */
const methods = [0x06, 0x0a, 0x2b];
const fields = [0x04, 0x0a];
const types = [0x01, 0x02, 0x1b];
const userStrings = 0x70;
const takes = new Map<number, readonly number[]>();
for (const code of [0x27, 0x28, 0x6f, 0x73, 0xfe06, 0xfe07]) takes.set(code, methods);
for (const code of [0x7b, 0x7c, 0x7d, 0x7e, 0x7f, 0x80]) takes.set(code, fields);
for (const code of [0x70, 0x71, 0x74, 0x75, 0x79, 0x81, 0x8c, 0x8d, 0x8f, 0xa3, 0xa4, 0xa5, 0xc2, 0xc6]) takes.set(code, types);
for (const code of [0xfe15, 0xfe16, 0xfe1c]) takes.set(code, types);
takes.set(0x29, [0x11]);
takes.set(0x72, [userStrings]);
takes.set(0xd0, [...methods, ...fields, ...types]);

/** By the byte before a token: a bit for each table it may be of, in two words; of long instructions the second byte. */
const possible = { short: masksOf(0), long: masksOf(0xfe) };
function masksOf(before: number): readonly Uint32Array[] {
  const masks = [new Uint32Array(256), new Uint32Array(256)] as const;
  for (const [code, tables] of takes) {
    if (code >> 8 !== before) continue;
    for (const table of tables) {
      const half = masks[(table >> 5) & 1] as Uint32Array;
      half[code & 255] = (half[code & 255] as number) | (1 << (table & 31));
    }
  }
  return masks;
}

export function findInCliCode({ image, bytes }: Part, view: DataView, found: FoundReferences): void {
  const { cli } = image;
  if (cli === undefined) return;
  for (let p = 0; p + 5 <= bytes.length; p++) {
    const table = bytes[p + 4] as number;
    if (table > 0x2b && table !== userStrings) continue;
    const masks = p > 0 && bytes[p - 1] === 0xfe ? possible.long : possible.short;
    const mask = masks[(table >> 5) & 1]?.[bytes[p] as number] as number;
    const isPossible = ((mask >>> (table & 31)) & 1) === 1 || isLocals(bytes, p, table);
    if (!isPossible) continue;
    const space = table === userStrings ? heaps.userStrings : table;
    if (addNumber(cli, { at: p + 1, form: forms.token, space, number: view.getUint32(p + 1, true) & 0xff_ffff }, found)) p += 4;
  }
}

/** Whether the token of a method's local variables follows: the header of a method has its own length, 3, in its second byte. */
const isLocals = (bytes: Uint8Array, p: number, table: number): boolean =>
  table === 0x11 && p >= 7 && ((bytes[p - 7] as number) & 7) === 3 && (bytes[p - 6] as number) >> 4 === 3;

/** What begins a type's number in a signature: ELEMENT_TYPE_VALUETYPE and ELEMENT_TYPE_CLASS. ECMA-335, II.23.1.16 and II.23.2.8. */
const typeFollows = [0x11, 0x12];
const typeTables = [0x02, 0x01, 0x1b];

/** Numbers of types in signatures, compressed: below 128 in one byte, else in two, the higher first, of which the first two bits are 10. */
export function findInSignatures({ image, bytes }: Part, view: DataView, found: FoundReferences): void {
  const { cli } = image;
  if (cli === undefined) return;
  for (let p = 0; p + 2 <= bytes.length; p++) {
    if (!typeFollows.includes(bytes[p] as number)) continue;
    const first = bytes[p + 1] as number;
    const isLong = first >= 128;
    if (isLong && (first >= 192 || p + 3 > bytes.length)) continue;
    const word = isLong ? view.getUint16(p + 1) & 0x3fff : first;
    const form = isLong ? forms.signature2 : forms.signature1;
    if (addNumber(cli, { at: p + 1, form, space: typeTables[word & 3] ?? -1, number: word >>> 2 }, found)) p += isLong ? 2 : 1;
  }
}
