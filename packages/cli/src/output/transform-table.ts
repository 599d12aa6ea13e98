import type { TransformReport } from '@remendo/core';
import { countText, numberText } from './quantity.js';
import type { Column } from './table.js';

/** A transform of a patch, and what the patch is called in the tables around it. */
export interface NamedTransform extends TransformReport {
  readonly patch: string;
}

/** What the transforms of patches see, cost and save in bytes. @param title of the first column, which names the patches. */
export function transformTable(title: string, transforms: readonly NamedTransform[]) {
  const isMeasured = transforms.some(({ savedBytes }) => savedBytes !== null);
  const columns: readonly Column[] = [
    { title },
    { title: 'transform' },
    { title: 'data', align: 'right' },
    ...(isMeasured ? [{ title: 'saves', align: 'right' } as const] : []),
    { title: 'sees' },
  ];
  const rows = transforms.map(({ patch, name, dataBytes, savedBytes, counts }) => [
    patch,
    name,
    numberText(dataBytes),
    ...(isMeasured ? [savedBytes === null ? '' : numberText(savedBytes)] : []),
    countsText(counts),
  ]);
  return { columns, rows };
}

/** `12 target streams, 10 base streams`: in words, what there is none of left out. */
const countsText = (counts: TransformReport['counts']): string =>
  Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => countText(count, singular(name)))
    .join(', ');

/** `baseStreams` → `base stream`. */
const singular = (name: string): string => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).replace(/s$/, '');
