/** `remendo diff BASE TARGET --out FILE`: one delta file that takes the one to the other. */
import { rename } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  type Delta,
  type Digest,
  encodeDeltaFileHead,
  indexDelta,
  type Manifest,
  manifestBytes,
  manifestDigest,
  nodeFileSystem,
  shownVersion,
} from '@remendo/core';
import { type BuiltDelta, bsdiffPatchMaker, buildDelta, type DeltaFileReport, type PatchMaker } from '@remendo/core/publish';
import type { CommandContext } from '../command-context.js';
import { exitCodes } from '../exit-codes.js';
import type { Output } from '../output/output.js';
import { printable } from '../output/printable.js';
import { bytesText, countText, shareText } from '../output/quantity.js';
import { tableLines } from '../output/table.js';
import { neutralFileName } from './neutral-file-name.js';
import { type OpenedRelease, openRelease, withFileName } from './open-release.js';
import { withScratchFolder } from './scratch-folder.js';

export const diffCodecs = ['bsdiff40', 'whole'] as const;

export interface DiffOptions {
  readonly out: string;
  readonly codec: (typeof diffCodecs)[number];
  readonly application: string;
  readonly platform: string;
  readonly baseRelease?: string;
  readonly release?: string;
  readonly all?: boolean;
}

const fileSystem = nodeFileSystem();

export async function runDiff(
  context: CommandContext,
  paths: { base: string; target: string },
  options: DiffOptions,
): Promise<number> {
  const { output, signal } = context;
  const out = resolve(options.out);
  await withScratchFolder(out, async (scratchFolder) => {
    const { base, target } = await openBoth(context, paths, { ...options, scratchFolder });
    try {
      output.progress.step('Making patches');
      const built = await buildDelta({
        fileSystem,
        base,
        target,
        makers: makersOf(options.codec),
        workFolder: scratchFolder,
        signal,
        onEvent: ({ contentsDone, contentsTotal }) => output.progress.at(contentsDone, contentsTotal, 'files'),
      });
      const delta = withNeutralBase(built.delta, base);
      const bytes = await writeDeltaFile(delta, built, { scratchFolder, out });
      output.progress.end();
      report(output, { delta, built, out: options.out, bytes, showAll: options.all === true });
    } finally {
      await base.close();
      await target.close();
    }
  });
  return exitCodes.done;
}

const makersOf = (codec: DiffOptions['codec']): readonly PatchMaker[] =>
  codec === 'whole' ? [] : [bsdiffPatchMaker({ fileSystem })];

/** Two single files are versions of one file, whatever they are called; both are opened under the target's name. */
async function openBoth(
  { output, signal }: CommandContext,
  paths: { base: string; target: string },
  options: DiffOptions & { scratchFolder: string },
) {
  const { application, platform, release, baseRelease, scratchFolder } = options;
  output.progress.step('Hashing');
  const target = await openRelease(paths.target, {
    identity: { application, platform, ...(release === undefined ? {} : { version: release }) },
    scratchFolder,
    signal,
  });
  try {
    const fileName = target.kind === 'file' ? target.manifest.files[0]?.path : undefined;
    const base = await openRelease(paths.base, {
      identity: { application, platform, ...(baseRelease === undefined ? {} : { version: baseRelease }) },
      scratchFolder,
      signal,
      ...(fileName === undefined ? {} : { fileName }),
    });
    await base.prepare(contentsMissingIn(target.manifest, base.manifest));
    await target.prepare(contentsMissingIn(base.manifest, target.manifest));
    return { base, target };
  } catch (error) {
    await target.close();
    throw error;
  }
}

function contentsMissingIn(there: Manifest, here: Manifest): ReadonlySet<Digest> {
  const held = new Set(there.files.map((file) => file.sha256));
  return new Set(here.files.map((file) => file.sha256).filter((sha256) => !held.has(sha256)));
}

/** The name of a single base file plays no part when the delta is applied. */
const withNeutralBase = (delta: Delta, base: OpenedRelease): Delta =>
  base.kind === 'file' ? { ...delta, base: withFileName(delta.base, neutralFileName) } : delta;

async function writeDeltaFile(delta: Delta, built: BuiltDelta, paths: { scratchFolder: string; out: string }): Promise<number> {
  const head = encodeDeltaFileHead(indexDelta(delta));
  const partialPath = join(paths.scratchFolder, 'delta');
  const handle = await fileSystem.open(partialPath, 'exclusive');
  try {
    await handle.write(0, head);
  } finally {
    await handle.close();
  }
  if (built.pack !== null) await appendFile(built.pack.path, partialPath, head.length);
  await rename(partialPath, paths.out);
  return head.length + (built.pack?.bytes ?? 0);
}

async function appendFile(path: string, targetPath: string, offset: number): Promise<void> {
  const source = await fileSystem.open(path, 'read');
  const target = await fileSystem.open(targetPath, 'write');
  try {
    const buffer = new Uint8Array(256 * 1024);
    for (let at = 0; at < source.bytes; ) {
      const count = await source.read(at, buffer);
      if (count === 0) return;
      await target.write(offset + at, buffer.subarray(0, count));
      at += count;
    }
  } finally {
    await source.close();
    await target.close();
  }
}

interface DiffReport {
  readonly delta: Delta;
  readonly built: BuiltDelta;
  readonly out: string;
  readonly bytes: number;
  readonly showAll: boolean;
}

const rowsShownMax = 40;
const summaryOf = (manifest: Manifest) => ({
  version: shownVersion(manifest),
  manifestDigest: manifestDigest(manifest),
  files: manifest.files.length,
  bytes: manifestBytes(manifest),
});

function report(output: Output, { delta, built, out, bytes, showAll }: DiffReport): void {
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
