/** What `remendo bench` prints. */
import { type DeltaIndex, encodeDeltaIndex, indexDelta } from '@remendo/core';
import type { Output } from '../output/output.js';
import { printable } from '../output/printable.js';
import { bytesText, countText, numberText, shareText } from '../output/quantity.js';
import { tableLines } from '../output/table.js';
import type { BenchedFile } from './benched-files.js';
import { summaryOf } from './diff-command.js';
import type { MadeDelta } from './make-delta.js';

export interface Benched {
  readonly made: MadeDelta;
  /** The largest first. */
  readonly files: readonly BenchedFile[];
  readonly makeSeconds: number;
  readonly applySeconds: number;
}

const rowsShownMax = 20;

export function reportBench(
  output: Output,
  benched: Benched,
  { budgetBytes, showAll }: { budgetBytes: number | null; showAll: boolean },
): void {
  const { made, files, makeSeconds, applySeconds } = benched;
  const [base, target] = [summaryOf(made.delta.base), summaryOf(made.delta.target)];
  const sizes = { bytes: made.bytes, ...partsOf(made) };
  const { notices } = made.built;
  output.result({ ...sizes, budgetBytes, makeSeconds, applySeconds, base, target, files, notices });
  for (const notice of notices) output.warn(printable(notice));
  const lines = tableOf(benched, showAll ? files.length : rowsShownMax);
  for (const line of lines.slice(0, -1)) output.line(line);
  if (!showAll && files.length > rowsShownMax)
    output.line(`… and ${countText(files.length - rowsShownMax, 'smaller file')} (--all shows them)`);
  for (const line of lines.slice(-1)) output.line(line);
  output.line();
  output.line(
    `${output.colors.bold(countText(sizes.bytes, 'byte'))}: index ${numberText(sizes.indexBytes)}, manifest difference ${numberText(sizes.manifestDifferenceBytes)}, body ${numberText(sizes.bodyBytes)}`,
  );
  output.line(
    `${shareText(sizes.bytes, target.bytes)} of the target (${countText(target.files, 'file')}, ${bytesText(target.bytes)}), every file compared`,
  );
  if (budgetBytes !== null)
    output.line(`${shareText(sizes.bytes, budgetBytes)} of the budget of ${countText(budgetBytes, 'byte')}`);
}

/** Index and manifest difference are compressed together: the difference is what the index would be smaller by without it. */
function partsOf({ delta, built, bytes }: MadeDelta) {
  const index = indexDelta(delta);
  const without: DeltaIndex = { ...index, files: [], removed: [], executable: [] };
  const manifestDifferenceBytes = encodeDeltaIndex(index).length - encodeDeltaIndex(without).length;
  const bodyBytes = built.pack?.bytes ?? 0;
  return { indexBytes: bytes - bodyBytes - manifestDifferenceBytes, manifestDifferenceBytes, bodyBytes };
}

function tableOf({ files, made, makeSeconds, applySeconds }: Benched, rowsMax: number): readonly string[] {
  const columns = ['how', 'file', 'size', 'in the delta', '', 'make', 'apply'].map((title, index) => ({
    title,
    align: index < 2 ? ('left' as const) : ('right' as const),
  }));
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const rows = files.slice(0, rowsMax).map(rowOf);
  const sum = rowOf({
    how: 'sum',
    path: countText(files.length, 'file'),
    bytes,
    storedBytes: made.bytes,
    makeSeconds,
    applySeconds,
  });
  return tableLines(columns, [...rows, sum]);
}

const rowOf = ({ how, path, bytes, storedBytes, makeSeconds, applySeconds }: BenchedFile): readonly string[] => [
  how,
  printable(path),
  bytesText(bytes),
  storedBytes === 0 ? '' : bytesText(storedBytes),
  storedBytes === 0 ? '' : shareText(storedBytes, bytes),
  secondsText(makeSeconds),
  secondsText(applySeconds),
];

const secondsText = (seconds: number | null): string => (seconds === null ? '' : `${seconds.toFixed(2)} s`);
