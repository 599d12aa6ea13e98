import type { PublishedRelease } from '../publisher/release-answer.js';
import type { Output } from './output.js';
import { printable } from './printable.js';
import { bytesText, shareText } from './quantity.js';
import { tableLines } from './table.js';

/** The deltas that lead to a release: how far each is, and its size beside the zip's. */
export function deltaTableLines({ colors }: Output, { deltas, zipBytes }: PublishedRelease): readonly string[] {
  const rows = deltas.map(({ baseVersion, state, bytes, detail }) => [
    printable(baseVersion),
    state === 'ready' ? colors.green(state) : colors.yellow(state),
    bytes === null ? '' : bytesText(bytes),
    bytes === null ? printable(detail ?? '') : `${shareText(bytes, zipBytes)} of the zip`,
  ]);
  return tableLines([{ title: 'delta from' }, { title: 'state' }, { title: 'size', align: 'right' }, { title: '' }], rows);
}
