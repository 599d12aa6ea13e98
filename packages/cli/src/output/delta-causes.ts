import type { DeltaCauses } from '@remendo/core';
import { numberText, shareText } from './quantity.js';
import { tableLines } from './table.js';

const causeNames = {
  bytes: 'wrong and new bytes',
  blocks: 'block lists',
  transforms: 'data of transforms',
  patchHeaders: 'heads of patches',
  wholes: 'whole contents',
  index: 'index',
  manifestDifference: 'manifest difference',
  unread: 'patches that can not be read',
} as const satisfies Readonly<Record<keyof DeltaCauses, string>>;

/** A table of what a delta's bytes are for, the most first, and their sum; what takes none is left out. */
export function causeLines(causes: DeltaCauses): readonly string[] {
  const parts = Object.entries(causes) as [keyof DeltaCauses, number][];
  const total = parts.reduce((sum, [, bytes]) => sum + bytes, 0);
  const rows = parts
    .filter(([, bytes]) => bytes > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([cause, bytes]) => [causeNames[cause], numberText(bytes), shareText(bytes, total)]);
  const columns = [{ title: 'what for' }, { title: 'bytes', align: 'right' }, { title: '', align: 'right' }] as const;
  return tableLines(columns, [...rows, ['sum', numberText(total), shareText(total, total)]]);
}
