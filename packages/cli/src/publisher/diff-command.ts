/** `remendo diff BASE TARGET --out FILE`: one delta file that takes the one to the other. */
import { rename } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Manifest, manifestBytes, manifestDigest, nodeFileSystem, shownVersion, UpdaterError } from '@remendo/core';
import {
  bsdiffPatchMaker,
  type DeltaFileReport,
  type PatchMaker,
  type RemendoPatchMakerOptions,
  remendoPatchMaker,
} from '@remendo/core/publish';
import type { CommandContext } from '../command-context.js';
import { exitCodes } from '../exit-codes.js';
import type { Output } from '../output/output.js';
import { printable } from '../output/printable.js';
import { bytesText, countText, shareText } from '../output/quantity.js';
import { tableLines } from '../output/table.js';
import { type MadeDelta, makeDelta, type PairOptions, withReleasePair } from './make-delta.js';
import { withScratchFolder } from './scratch-folder.js';

/** The first is the default. */
export const diffCodecs = ['remendo', 'bsdiff40', 'whole'] as const;
/** Of `remendo` patches; the first is the default. */
export const diffProfiles = ['compact', 'fast'] as const satisfies readonly RemendoPatchMakerOptions['profile'][];

/** How patches are made. */
export interface CodingOptions {
  readonly codec: (typeof diffCodecs)[number];
  /** Undefined when nobody asked for one. */
  readonly profile?: (typeof diffProfiles)[number];
}

export interface DiffOptions extends PairOptions, CodingOptions {
  readonly out: string;
  readonly all?: boolean;
}

const fileSystem = nodeFileSystem();

export async function runDiff(
  context: CommandContext,
  paths: { base: string; target: string },
  options: DiffOptions,
): Promise<number> {
  const { output } = context;
  const out = resolve(options.out);
  const makers = makersOf(options);
  await withScratchFolder(out, async (scratchFolder) => {
    const made = await withReleasePair(context, paths, { ...options, scratchFolder }, (pair) =>
      makeDelta(context, pair, { makers, scratchFolder }),
    );
    await rename(made.path, out);
    output.progress.end();
    report(output, made, { out: options.out, showAll: options.all === true });
  });
  return exitCodes.done;
}

/** @throws UpdaterError CONFIG_INVALID for a profile of a codec that has none. */
export function makersOf({ codec, profile }: CodingOptions): readonly PatchMaker[] {
  if (codec === 'remendo') return [remendoPatchMaker({ profile: profile ?? diffProfiles[0] })];
  if (profile !== undefined) {
    throw new UpdaterError('CONFIG_INVALID', `--profile belongs to --codec remendo; --codec ${codec} has no profiles`, {
      details: { codec, profile },
    });
  }
  return codec === 'whole' ? [] : [bsdiffPatchMaker({ fileSystem })];
}

const rowsShownMax = 40;
export const summaryOf = (manifest: Manifest) => ({
  version: shownVersion(manifest),
  manifestDigest: manifestDigest(manifest),
  files: manifest.files.length,
  bytes: manifestBytes(manifest),
});

function report(output: Output, { delta, built, bytes }: MadeDelta, { out, showAll }: { out: string; showAll: boolean }): void {
  const [base, target] = [summaryOf(delta.base), summaryOf(delta.target)];
  output.document({ out, bytes, base, target, files: built.files, notices: built.notices });
  for (const notice of built.notices) output.warn(printable(notice));
  const rows = built.files.map((file) => rowOf(file));
  const columns = [
    { title: '' },
    { title: 'file' },
    { title: 'size', align: 'right' },
    { title: 'in the delta', align: 'right' },
    { title: '', align: 'right' },
  ] as const;
  for (const line of tableLines(columns, showAll ? rows : rows.slice(0, rowsShownMax))) output.line(line);
  if (!showAll && rows.length > rowsShownMax)
    output.line(`… and ${countText(rows.length - rowsShownMax, 'more file')} (--all shows them)`);
  if (rows.length > 0) output.line();
  output.line(
    `${output.colors.bold(printable(out))}: ${bytesText(bytes)}, ${shareText(bytes, target.bytes)} of the target (${countText(target.files, 'file')}, ${bytesText(target.bytes)})`,
  );
  output.line(countsText(built.files) || 'base and target are the same');
}

function rowOf({ how, path, bytes, storedBytes, basePath }: DeltaFileReport): readonly string[] {
  const name = basePath === undefined || basePath === '' ? path : `${path} ← ${basePath}`;
  const stored = how === 'patch' || how === 'whole';
  return [
    how,
    printable(name),
    bytesText(bytes),
    stored ? bytesText(storedBytes) : '',
    stored ? shareText(storedBytes, bytes) : '',
  ];
}

const doneTexts: readonly (readonly [DeltaFileReport['how'], string])[] = [
  ['patch', 'patched'],
  ['whole', 'whole'],
  ['copy', 'copied'],
  ['move', 'moved'],
  ['remove', 'removed'],
];

function countsText(files: readonly DeltaFileReport[]): string {
  const counts = doneTexts.map(([how, text]) => ({ text, count: files.filter((file) => file.how === how).length }));
  return counts
    .filter(({ count }) => count > 0)
    .map(({ text, count }) => `${count} ${text}`)
    .join(', ');
}
