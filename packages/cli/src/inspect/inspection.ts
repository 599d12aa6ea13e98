import type { Colors } from '../output/output.js';
import { countText } from '../output/quantity.js';
import { type Column, pairLines, tableLines } from '../output/table.js';

/** What was found in a file, for people and for machines. */
export interface Inspection {
  readonly format: 'delta' | 'manifest' | 'bsdiff40' | 'journal' | 'zip';
  /** Everything, as JSON; keys become snake_case. */
  readonly document: object;
  /** For people, at most `rowsMax` rows of each list. Text from the file has been made printable. */
  readonly lines: (colors: Colors, rowsMax: number) => readonly string[];
}

/** A heading, then `name  value` lines. */
export const headedPairs = (colors: Colors, heading: string, pairs: readonly (readonly [string, string])[]): readonly string[] => [
  colors.bold(heading),
  ...pairLines(pairs),
];

/** An empty line and a table, cut after `rowsMax` rows; nothing when there are no rows. */
export function cutTable(columns: readonly Column[], rows: readonly (readonly string[])[], rowsMax: number): readonly string[] {
  if (rows.length === 0) return [];
  const hidden = rows.length - rowsMax;
  const rest = hidden > 0 ? [`… and ${countText(hidden, 'more row')} (--all shows them)`] : [];
  return ['', ...tableLines(columns, rows.slice(0, rowsMax)), ...rest];
}
