import { type DeltaFile, decodeDeltaFile, describeDelta, type FileHandle, sharesOfBlob } from '@remendo/core';
import { causeLines } from '../output/delta-causes.js';
import { printable } from '../output/printable.js';
import { bytesText, countText } from '../output/quantity.js';
import type { Column } from '../output/table.js';
import { transformTable } from '../output/transform-table.js';
import { decisionsText, type InspectedPatch, inspectPatches, patchColumns, patchRows } from './delta-patches.js';
import { cutTable, headedPairs, type Inspection } from './inspection.js';

/** A file of the target and where its content comes from. */
interface ChangedFile {
  /** Null for a file that the base has at its path: the delta names it by its position in the base's manifest. */
  readonly path: string | null;
  readonly basePosition: number | null;
  readonly how: 'patch' | 'whole' | 'base';
  /** Codec of a patch or encoding of a whole content; null for contents of the base. */
  readonly coding: string | null;
  /** Position among the patches; null for everything else. */
  readonly patch: number | null;
  /** Null for contents of the base: their size is in its manifest. */
  readonly bytes: number | null;
  /** Of a patch with several contents, the share by size. */
  readonly storedBytes: number;
  readonly sha256: string | null;
}

/**
 * The index of a delta file, as it is without its base: numbers and names are checked, that the target's manifest comes
 * out right can only be told with the base. @throws UpdaterError DELTA_INVALID or LIMIT_EXCEEDED
 */
export async function inspectDelta(source: FileHandle): Promise<Inspection> {
  const file = await decodeDeltaFile(source);
  const files = changedFiles(file);
  const { index } = file;
  const described = await describeDelta(source, file);
  const patches = inspectPatches(index, described.patches);
  const transforms = transformTable(
    'patch',
    patches.flatMap((patch, number) => patch.transforms.map((one) => ({ ...one, patch: String(number + 1) }))),
  );
  const target = { application: index.application, platform: index.platform, version: index.displayVersion || index.version };
  const codings = index.derivations.map((derivation) => (derivation.kind === 'patch' ? derivation.codec : derivation.encoding));
  const uses = [...new Set(codings)].map((coding) => ({ coding, count: codings.filter((one) => one === coding).length }));
  return {
    format: 'delta',
    document: {
      bytes: source.bytes,
      indexBytes: file.indexBytes,
      bodyBytes: file.bodyBytes,
      causes: described.causes,
      base: {
        version: index.baseVersion,
        files: index.baseFiles,
        contents: index.baseContents,
        contentsDigest: index.baseContentsDigest,
      },
      target: { ...target, manifestDigest: index.targetManifestDigest },
      objects: index.objects,
      patches,
      files,
      removedFiles: index.removed.length,
      derivations: uses,
    },
    lines: (colors, rowsMax) => [
      ...headedPairs(colors, 'delta', [
        [
          'base',
          `${printable(index.baseVersion)}, ${countText(index.baseFiles, 'file')}, contents ${index.baseContentsDigest.slice(0, 16)}`,
        ],
        ['target', printable(`${target.application} ${target.version} (${target.platform})`)],
        ['manifest', index.targetManifestDigest],
        ['size', `${bytesText(source.bytes)}: index ${bytesText(file.indexBytes)}, body ${bytesText(file.bodyBytes)}`],
        ['derivations', uses.map(({ coding, count }) => `${count} ${coding}`).join(', ') || 'none'],
        ...decodingPairs(patches),
        ['removes', countText(index.removed.length, 'file')],
      ]),
      ...cutTable(patchColumns, patchRows(patches), rowsMax),
      ...cutTable(transforms.columns, transforms.rows, rowsMax),
      ...cutTable(
        fileColumns,
        files.map((one) => rowOf(one, patches)),
        rowsMax,
      ),
      ...(files.some((one) => isShared(one, patches)) ? ['≈ a share, by its size, of a patch with several contents'] : []),
      '',
      ...causeLines(described.causes),
    ],
  };
}

const fileColumns: readonly Column[] = [
  { title: 'made by' },
  { title: 'size', align: 'right' },
  { title: 'in the delta', align: 'right' },
  { title: 'path' },
];

function decodingPairs(patches: readonly InspectedPatch[]): readonly (readonly [string, string])[] {
  const decisions = decisionsText(patches.reduce((sum, { decodeCost }) => sum + (decodeCost ?? 0), 0));
  return decisions === '' ? [] : [['decoding', `about ${decisions} binary decisions`]];
}

function changedFiles({ index }: DeltaFile): readonly ChangedFile[] {
  // Contents are numbered: those of the base first, then what the derivations make, in their order.
  let patches = 0;
  const made = index.derivations.flatMap((derivation) => {
    const patch = derivation.kind === 'patch' ? patches++ : null;
    const targets = derivation.kind === 'patch' ? derivation.targets : [derivation.target];
    const coding = derivation.kind === 'patch' ? derivation.codec : derivation.encoding;
    const shares = sharesOfBlob(targets, derivation.blob.bytes);
    return targets.map(({ sha256, bytes }, position) => {
      return { how: derivation.kind, coding, patch, bytes, storedBytes: shares[position] ?? 0, sha256 };
    });
  });
  return index.files.map((file): ChangedFile => {
    const place = 'path' in file ? { path: file.path, basePosition: null } : { path: null, basePosition: file.position };
    const from = made[file.content - index.baseContents];
    return { ...place, ...(from ?? { how: 'base', coding: null, patch: null, bytes: null, storedBytes: 0, sha256: null }) };
  });
}

const isShared = ({ patch }: ChangedFile, patches: readonly InspectedPatch[]): boolean =>
  patch !== null && (patches[patch]?.contents ?? 0) > 1;

function rowOf(file: ChangedFile, patches: readonly InspectedPatch[]): readonly string[] {
  const { path, basePosition, how, coding, patch, bytes, storedBytes } = file;
  const name = path === null ? `file ${basePosition} of the base` : printable(path);
  if (bytes === null) return ['the base', '', '', name];
  const stored = `${isShared(file, patches) ? '≈ ' : ''}${bytesText(storedBytes)}`;
  return [patch === null ? `${how} ${coding ?? ''}` : patchName(patch, patches), bytesText(bytes), stored, name];
}

/** `patch 3 (containers)`: with the transforms that run for the file. */
function patchName(patch: number, patches: readonly InspectedPatch[]): string {
  const transforms = patches[patch]?.transforms.map(({ name }) => name) ?? [];
  return `patch ${patch + 1}${transforms.length === 0 ? '' : ` (${transforms.join(', ')})`}`;
}
