import { stripVTControlCharacters } from 'node:util';

export interface Column {
  readonly title: string;
  /** Numbers stand to the right. */
  readonly align?: 'left' | 'right';
}

/** Lines of a table: titles, then rows; cells may carry colours. The last column is not padded. */
export function tableLines(columns: readonly Column[], rows: readonly (readonly string[])[]): readonly string[] {
  const titles = columns.map((column) => column.title);
  const widths = columns.map((_, index) => Math.max(...[titles, ...rows].map((row) => widthOf(row[index] ?? ''))));
  const hasTitles = titles.some((title) => title !== '');
  return [...(hasTitles ? [titles] : []), ...rows].map((row) =>
    columns
      .map(({ align }, index) => {
        const cell = row[index] ?? '';
        const space = ' '.repeat((widths[index] ?? 0) - widthOf(cell));
        return align === 'right' ? space + cell : cell + space;
      })
      .join('  ')
      .trimEnd(),
  );
}

/** `name  value` lines, names as wide as the widest. */
export const pairLines = (pairs: readonly (readonly [string, string])[]): readonly string[] =>
  tableLines([{ title: '' }, { title: '' }], pairs);

const widthOf = (text: string): number => stripVTControlCharacters(text).length;
