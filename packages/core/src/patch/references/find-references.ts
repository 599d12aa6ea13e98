/**
 * Finds references in a part of a program by looking at its bytes alone: not what a processor would do, but what nearly
 * always is an address. What is found depends only on the part, so that maker and terminal find the same; what is missed
 * or found wrongly costs bytes, nothing else.
 */
import { findInArm64 } from './find-arm64.js';
import { findInCliCode, findInCliTables, findInSignatures } from './find-cli.js';
import { findInEhFrame } from './find-eh-frame.js';
import { findInGoBuckets, findInGoData, findInGoFunctions, findInGoTable } from './find-go.js';
import { findByGuess, findChainedPointers, findPointers, findSelfRelative } from './find-guesses.js';
import {
  findInArm64Functions,
  findInEhFrameHeader,
  findInRows,
  findInTable,
  findInUnwindEntries,
  findInUnwindRows,
  type Rows,
} from './find-tables.js';
import { findInX86 } from './find-x86.js';
import type { FoundReferences } from './found-references.js';
import type { FinderName, Part } from './images.js';

type Finder = (part: Part, view: DataView, found: FoundReferences) => void;

const rows =
  (of: Rows): Finder =>
  (part, view, found) =>
    findInRows(part, view, { found, rows: of });

/** Null where nothing is looked for. */
const finders: Readonly<Record<FinderName, Finder | null>> = {
  none: null,
  names: null,
  'go-names': null,
  'go-counters': null,
  x64: (part, view, found) => findInX86(part, view, { found, is64: true }),
  x86: (part, view, found) => findInX86(part, view, { found, is64: false }),
  arm64: findInArm64,
  'rva-table': findInTable,
  'arm64-functions': findInArm64Functions,
  'rva-guess': findByGuess,
  'self-relative-guess': findSelfRelative,
  pointers64: (part, view, found) => findPointers(part, view, { found, stride: 8 }),
  pointers32: (part, view, found) => findPointers(part, view, { found, stride: 4 }),
  'chained-pointers64': findChainedPointers,
  'eh-frame': findInEhFrame,
  'eh-frame-header': findInEhFrameHeader,
  'unwind-entries': findInUnwindEntries,
  'unwind-rows': findInUnwindRows,
  symbols64: rows({ stride: 24, columns: [8], name: 0 }),
  symbols32: rows({ stride: 16, columns: [4], name: 0 }),
  relocations64: rows({ stride: 24, columns: [0, 16] }),
  relocations32: rows({ stride: 8, columns: [0] }),
  'relocations32-added': rows({ stride: 12, columns: [0, 8] }),
  'go-table': findInGoTable,
  'go-data': findInGoData,
  'go-buckets': findInGoBuckets,
  'go-functions': findInGoFunctions,
  'cli-tables': findInCliTables,
  'cli-code': findInCliCode,
  'cli-signatures': findInSignatures,
};

/** Appends what is found in the part, in order, none over another. */
export function findReferences(part: Part, found: FoundReferences): void {
  const view = new DataView(part.bytes.buffer, part.bytes.byteOffset, part.bytes.byteLength);
  finders[part.region.finder]?.(part, view, found);
}
