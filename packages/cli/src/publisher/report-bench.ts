/** What `remendo bench` prints. */
import type { DeltaCauses } from '@remendo/core';
import { causeLines } from '../output/delta-causes.js';
import type { Output } from '../output/output.js';
import { printable } from '../output/printable.js';
import { bytesText, countText, numberText, shareText } from '../output/quantity.js';
import { tableLines } from '../output/table.js';
import { type NamedTransform, transformTable } from '../output/transform-table.js';
import type { BenchedFile } from './benched-files.js';
import { summaryOf } from './diff-command.js';
import type { MadeDelta } from './make-delta.js';

export interface Benched {
  readonly made: MadeDelta;
  /** The largest first. */
  readonly files: readonly BenchedFile[];
  readonly causes: DeltaCauses;
  readonly makeSeconds: number;
  readonly applySeconds: number;
}

const rowsShownMax = 20;

export function reportBench(
  output: Output,
  benched: Benched,
  { budgetBytes, showAll }: { budgetBytes: number | null; showAll: boolean },
): void {
  const { made, files, causes, makeSeconds, applySeconds } = benched;
  const [base, target] = [summaryOf(made.delta.base), summaryOf(made.delta.target)];
  const sizes = {
    bytes: made.bytes,
    indexBytes: causes.index,
    manifestDifferenceBytes: causes.manifestDifference,
    bodyBytes: made.built.pack?.bytes ?? 0,
  };
  const { notices } = made.built;
  output.result({ ...sizes, causes, budgetBytes, makeSeconds, applySeconds, base, target, files, notices });
  for (const notice of notices) output.warn(printable(notice));
  const lines = tableOf(benched, showAll ? files.length : rowsShownMax);
  for (const line of lines.slice(0, -1)) output.line(line);
  if (!showAll && files.length > rowsShownMax)
    output.line(`… and ${countText(files.length - rowsShownMax, 'smaller file')} (--all shows them)`);
  for (const line of lines.slice(-1)) output.line(line);
  const transforms = transformTable('file', transformsOf(files));
  const shown = showAll ? transforms.rows : transforms.rows.slice(0, rowsShownMax);
  for (const line of shown.length === 0 ? [] : ['', ...tableLines(transforms.columns, shown)]) output.line(line);
  output.line();
  for (const line of causeLines(causes)) output.line(line);
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

/** Of each patch once, under its largest file: the transforms of a patch are the same for all it makes. */
function transformsOf(files: readonly BenchedFile[]): readonly NamedTransform[] {
  const told = new Set<BenchedFile['transforms']>();
  return files.flatMap(({ path, transforms }) => {
    if (told.has(transforms)) return [];
    told.add(transforms);
    return transforms.map((transform) => ({ ...transform, patch: printable(path) }));
  });
}

function tableOf({ files, made, makeSeconds, applySeconds }: Benched, rowsMax: number): readonly string[] {
  const columns = ['how', 'file', 'size', 'in the delta', '', 'block list', 'wrong and new', 'make', 'apply'].map(
    (title, index) => ({
      title,
      align: index < 2 ? ('left' as const) : ('right' as const),
    }),
  );
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const rows = files.slice(0, rowsMax).map(rowOf);
  const sum = rowOf({
    how: 'sum',
    path: countText(files.length, 'file'),
    bytes,
    storedBytes: made.bytes,
    causes: null,
    makeSeconds,
    applySeconds,
  });
  return tableLines(columns, [...rows, sum]);
}

type Row = Omit<BenchedFile, 'transforms'>;

const rowOf = ({ how, path, bytes, storedBytes, causes, makeSeconds, applySeconds }: Row): readonly string[] => [
  how,
  printable(path),
  bytesText(bytes),
  storedBytes === 0 ? '' : bytesText(storedBytes),
  storedBytes === 0 ? '' : shareText(storedBytes, bytes),
  causes === null ? '' : numberText(causes.blocks),
  causes === null ? '' : numberText(causes.bytes),
  secondsText(makeSeconds),
  secondsText(applySeconds),
];

const secondsText = (seconds: number | null): string => (seconds === null ? '' : `${seconds.toFixed(2)} s`);
