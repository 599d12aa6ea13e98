/**
 * What the numbers in .NET metadata and code count: rows of tables and bytes of heaps, and where each of them lies in
 * memory. All of it follows from how many rows the tables have and where the heaps are.
 */
import { type ColumnKind, heaps, schema, tableCount } from './cli-schema.js';
import { forms, numberForm } from './word-forms.js';

/** What has to be known of an image's metadata. */
export interface CliLayout {
  /** Of the first table's first row; the tables follow each other. */
  readonly memory: number;
  /** By table. */
  readonly rows: readonly number[];
  /** #Strings, #US, #GUID, #Blob. */
  readonly heaps: readonly { readonly memory: number; readonly bytes: number }[];
  /** Which heaps are counted with four bytes: 1 for #Strings, 2 for #GUID, 4 for #Blob. */
  readonly wideHeaps: number;
}

/** Things that are counted: the first has the number `first`. */
export interface Space {
  readonly memory: number;
  readonly stride: number;
  readonly first: number;
  readonly count: number;
}

/** A column that leads somewhere. */
export interface PlacedColumn extends ColumnKind {
  readonly offset: number;
  readonly form: number;
  readonly bytes: 2 | 4;
}

export interface CliTable extends Space {
  readonly columns: readonly PlacedColumn[];
}

export interface Cli {
  readonly layout: CliLayout;
  readonly tables: readonly CliTable[];
  /** Tables, and heaps from `heaps.strings` on. */
  readonly spaces: ReadonlyMap<number, Space>;
}

export function buildCli(layout: CliLayout): Cli {
  const tables: CliTable[] = [];
  const spaces = new Map<number, Space>();
  let memory = layout.memory;
  for (let table = 0; table < tableCount; table++) {
    const { columns, stride } = placeColumns(table, layout);
    const count = layout.rows[table] ?? 0;
    const placed = { memory, stride, first: 1, count, columns };
    tables.push(placed);
    spaces.set(table, placed);
    memory += stride * count;
  }
  for (const [index, { memory, bytes }] of layout.heaps.entries()) {
    const space = heaps.strings + index;
    const isCountedWhole = space === heaps.guids;
    const stride = isCountedWhole ? 16 : 1;
    spaces.set(space, { memory, stride, first: isCountedWhole ? 1 : 0, count: Math.floor(bytes / stride) });
  }
  return { layout, tables, spaces };
}

function placeColumns(table: number, layout: CliLayout): { readonly columns: readonly PlacedColumn[]; readonly stride: number } {
  const columns: PlacedColumn[] = [];
  let offset = 0;
  for (const column of schema[table] ?? []) {
    if (typeof column === 'number') {
      offset += column;
      continue;
    }
    if (column === 'rva') {
      columns.push({ offset, form: forms.rva, bytes: 4, tagBits: 0, spaces: [] });
      offset += 4;
      continue;
    }
    const bytes = isWide(column, layout) ? 4 : 2;
    columns.push({ ...column, offset, bytes, form: numberForm(bytes, column.tagBits, kindOf(column)) });
    offset += bytes;
  }
  return { columns, stride: offset };
}

const kindOf = ({ spaces: [space = 0] }: ColumnKind): 'row' | 'string' | 'blob' =>
  space < heaps.strings ? 'row' : space === heaps.strings ? 'string' : 'blob';

function isWide({ tagBits, spaces }: ColumnKind, { rows, wideHeaps }: CliLayout): boolean {
  const [space = 0] = spaces;
  if (space === heaps.strings) return (wideHeaps & 1) !== 0;
  if (space === heaps.guids) return (wideHeaps & 2) !== 0;
  if (space === heaps.blobs) return (wideHeaps & 4) !== 0;
  return spaces.some((table) => (rows[table] ?? 0) >= 2 ** (16 - tagBits));
}

/** Where in memory that with this number lies; the end of a table that has rows counts as one. -1 when there is none. */
export function memoryOf(cli: Cli, space: number, number: number): number {
  const found = cli.spaces.get(space);
  if (found === undefined || found.count === 0 || number < found.first || number > found.first + found.count) return -1;
  return found.memory + (number - found.first) * found.stride;
}

/** The number of what lies there; -1 when it is not of the space. */
export function numberAt(cli: Cli, space: number, memory: number): number {
  const found = cli.spaces.get(space);
  if (found === undefined || memory < found.memory) return -1;
  const index = Math.floor((memory - found.memory) / found.stride);
  return index > found.count ? -1 : found.first + index;
}
