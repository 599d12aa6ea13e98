/** Ranges of a spreadsheet as Google writes them (A1 notation), as far as a row of ours needs them. */
import { refused } from './sender.js';

const cellsForm = /^([A-Z]{1,3})\d*(?::[A-Z]{1,3}\d*)?$/;

/**
 * The range of a whole column: of the one that is `index` (from 0) columns right of where rows begin in `range`.
 * `Backups` and 3 → `'Backups'!D:D`. What reads as cells (`B2`, `A:F`) is cells of the first tab, so such a tab has to be quoted.
 * @throws UpdaterError NOTIFICATION_REFUSED when there is neither a tab nor a cell in the range.
 */
export function columnOfRange(range: string, index: number): string {
  const bang = range.lastIndexOf('!');
  const cells = cellsForm.exec(range.slice(bang + 1));
  // A tab's name may hold an exclamation mark: without cells behind it, all of it is the name.
  const tab = cells === null ? range : range.slice(0, Math.max(0, bang));
  if (tab === '' && (cells === null || bang >= 0)) throw refused('the range names no tab of the sheet');
  const column = columnName(columnNumber(cells?.[1] ?? 'A') + index);
  return `${tab === '' ? '' : `${quoted(tab)}!`}${column}:${column}`;
}

const quoted = (tab: string): string => (/^'.*'$/.test(tab) ? tab : `'${tab.replaceAll("'", "''")}'`);

/** A is 1, Z 26, AA 27. */
const columnNumber = (name: string): number => [...name].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 64, 0);

function columnName(number: number): string {
  const rest = (number - 1) % 26;
  const before = (number - 1 - rest) / 26;
  return `${before > 0 ? columnName(before) : ''}${String.fromCharCode(65 + rest)}`;
}
