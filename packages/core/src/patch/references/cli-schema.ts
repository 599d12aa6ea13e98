/**
 * The tables of .NET metadata and what their columns hold. Format: ECMA-335, II.22 (tables) and II.24.2.6 (how wide a
 * column is). The names of tables are replaced by their numbers; those for debugging and editing only are left out.
 */

/** Heaps, numbered on from the tables: what a column or an instruction can lead to is one of the two. */
export const heaps = { strings: 64, userStrings: 65, guids: 66, blobs: 67 } as const;
export const tableCount = 45;

/** A column that holds a number: of a row of one of the tables, which its lowest bits tell, or of a byte of a heap. */
export interface ColumnKind {
  readonly tagBits: number;
  /** By what the lowest bits say; -1 where they say nothing. */
  readonly spaces: readonly number[];
}

const types = { tagBits: 2, spaces: [0x02, 0x01, 0x1b] };
const methods = { tagBits: 1, spaces: [0x06, 0x0a] };
const implementations = { tagBits: 2, spaces: [0x26, 0x23, 0x27] };
const attributed = [
  0x06, 0x04, 0x01, 0x02, 0x08, 0x09, 0x0a, 0x00, 0x0e, 0x17, 0x14, 0x11, 0x1a, 0x1b, 0x20, 0x23, 0x26, 0x27, 0x28, 0x2a, 0x2c,
  0x2b,
];
const heap = (space: number): ColumnKind => ({ tagBits: 0, spaces: [space] });
const row = (table: number): ColumnKind => ({ tagBits: 0, spaces: [table] });
const string = heap(heaps.strings);
const guid = heap(heaps.guids);
const blob = heap(heaps.blobs);

/** What a column holds: a number of so many bytes that leads nowhere, a method's or a field's address, or what leads to a row or a heap. */
export type Column = 2 | 4 | 'rva' | ColumnKind;

/** The columns of each table. */
export const schema: readonly (readonly Column[])[] = [
  /* 00 Module */ [2, string, guid, guid, guid],
  /* 01 TypeRef */ [{ tagBits: 2, spaces: [0x00, 0x1a, 0x23, 0x01] }, string, string],
  /* 02 TypeDef */ [4, string, string, types, row(0x04), row(0x06)],
  /* 03 FieldPtr */ [row(0x04)],
  /* 04 Field */ [2, string, blob],
  /* 05 MethodPtr */ [row(0x06)],
  /* 06 MethodDef */ ['rva', 2, 2, string, blob, row(0x08)],
  /* 07 ParamPtr */ [row(0x08)],
  /* 08 Param */ [2, 2, string],
  /* 09 InterfaceImpl */ [row(0x02), types],
  /* 0a MemberRef */ [{ tagBits: 3, spaces: [0x02, 0x01, 0x1a, 0x06, 0x1b] }, string, blob],
  /* 0b Constant */ [2, { tagBits: 2, spaces: [0x04, 0x08, 0x17] }, blob],
  /* 0c CustomAttribute */ [{ tagBits: 5, spaces: attributed }, { tagBits: 3, spaces: [-1, -1, 0x06, 0x0a] }, blob],
  /* 0d FieldMarshal */ [{ tagBits: 1, spaces: [0x04, 0x08] }, blob],
  /* 0e DeclSecurity */ [2, { tagBits: 2, spaces: [0x02, 0x06, 0x20] }, blob],
  /* 0f ClassLayout */ [2, 4, row(0x02)],
  /* 10 FieldLayout */ [4, row(0x04)],
  /* 11 StandAloneSig */ [blob],
  /* 12 EventMap */ [row(0x02), row(0x14)],
  /* 13 EventPtr */ [row(0x14)],
  /* 14 Event */ [2, string, types],
  /* 15 PropertyMap */ [row(0x02), row(0x17)],
  /* 16 PropertyPtr */ [row(0x17)],
  /* 17 Property */ [2, string, blob],
  /* 18 MethodSemantics */ [2, row(0x06), { tagBits: 1, spaces: [0x14, 0x17] }],
  /* 19 MethodImpl */ [row(0x02), methods, methods],
  /* 1a ModuleRef */ [string],
  /* 1b TypeSpec */ [blob],
  /* 1c ImplMap */ [2, { tagBits: 1, spaces: [0x04, 0x06] }, string, row(0x1a)],
  /* 1d FieldRVA */ ['rva', row(0x04)],
  /* 1e EncLog */ [4, 4],
  /* 1f EncMap */ [4],
  /* 20 Assembly */ [4, 2, 2, 2, 2, 4, blob, string, string],
  /* 21 AssemblyProcessor */ [4],
  /* 22 AssemblyOS */ [4, 4, 4],
  /* 23 AssemblyRef */ [2, 2, 2, 2, 4, blob, string, string, blob],
  /* 24 AssemblyRefProcessor */ [4, row(0x23)],
  /* 25 AssemblyRefOS */ [4, 4, 4, row(0x23)],
  /* 26 File */ [4, string, blob],
  /* 27 ExportedType */ [4, 4, string, string, implementations],
  /* 28 ManifestResource */ [4, 4, string, implementations],
  /* 29 NestedClass */ [row(0x02), row(0x02)],
  /* 2a GenericParam */ [2, 2, { tagBits: 1, spaces: [0x02, 0x06] }, string],
  /* 2b MethodSpec */ [methods, blob],
  /* 2c GenericParamConstraint */ [row(0x2a), types],
];
