import { type FileHandle, parseJournal } from '@remendo/core';
import { printable } from '../output/printable.js';
import { bytesText, countText } from '../output/quantity.js';
import { cutTable, headedPairs, type Inspection } from './inspection.js';

/** What a journal's records amount to. @throws UpdaterError TRANSACTION_JOURNAL_INVALID */
export async function inspectJournal(source: FileHandle): Promise<Inspection> {
  const { contents, validBytes } = await parseJournal(source);
  const { transaction, state, base, target, starts, reason, slots, directories } = contents;
  const ignoredBytes = source.bytes - validBytes;
  const contentText = (content: (typeof slots)[number]['base']): string =>
    content === null ? '—' : `${content.sha256.slice(0, 12)} ${bytesText(content.bytes)}`;
  return {
    format: 'journal',
    document: { transaction, state, base, target, starts, reason, changes: slots, directories, ignoredBytes },
    lines: (colors, rowsMax) => [
      ...headedPairs(colors, 'journal', [
        ['transaction', printable(transaction)],
        ['state', state],
        ['base', base === null ? 'nothing known' : printable(base.version)],
        ['target', printable(target.version)],
        ['changes', `${countText(slots.length, 'file')}, ${countText(directories.length, 'folder')}`],
        ...(starts > 0 ? ([['starts', String(starts)]] as const) : []),
        ...(reason === null ? [] : ([['reason', printable(reason)]] as const)),
        ...(ignoredBytes > 0 ? ([['torn end', `${bytesText(ignoredBytes)} that were never promised`]] as const) : []),
      ]),
      ...cutTable(
        [{ title: '#', align: 'right' }, { title: 'base' }, { title: 'target' }, { title: 'path' }],
        slots.map((slot) => [
          String(slot.index),
          contentText(slot.base),
          contentText(slot.target),
          printable(slot.place === 'home' ? `.remendo/${slot.path}` : slot.path),
        ]),
        rowsMax,
      ),
    ],
  };
}
