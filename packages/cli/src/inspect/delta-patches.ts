import type { DeltaIndex, PatchCauses, PatchReport, TransformReport } from '@remendo/core';
import { bytesText, numberText, shareText } from '../output/quantity.js';
import type { Column } from '../output/table.js';

/** A patch of a delta; several contents may come out of one. */
export interface InspectedPatch {
  readonly codec: string;
  /** Null where the codec has none, and for a patch that this program does not know. */
  readonly profile: string | null;
  /** About how many thousand binary decisions decoding takes; null like the profile. */
  readonly decodeCost: number | null;
  readonly bases: number;
  readonly contents: number;
  /** Of all contents together. */
  readonly bytes: number;
  readonly storedBytes: number;
  /** What the stored bytes are for; null for a patch that this program does not know. */
  readonly causes: PatchCauses | null;
  readonly transforms: readonly TransformReport[];
}

/** The patches of a delta, in their order. @param reports what is known of each, in the same order. */
export function inspectPatches({ derivations }: DeltaIndex, reports: readonly (PatchReport | null)[]): readonly InspectedPatch[] {
  const patches = derivations.filter((derivation) => derivation.kind === 'patch');
  return patches.map(({ codec, bases, targets, blob }, index): InspectedPatch => {
    const report = reports[index];
    return {
      codec,
      profile: report?.profile ?? null,
      decodeCost: report?.decodeCost ?? null,
      bases: bases.length,
      contents: targets.length,
      bytes: targets.reduce((sum, target) => sum + target.bytes, 0),
      storedBytes: blob.bytes,
      causes: report?.causes ?? null,
      transforms: report?.transforms ?? [],
    };
  });
}

export const patchColumns: readonly Column[] = [
  { title: 'patch', align: 'right' },
  { title: 'codec' },
  { title: 'bases', align: 'right' },
  { title: 'contents', align: 'right' },
  { title: 'size', align: 'right' },
  { title: 'in the delta', align: 'right' },
  { title: '', align: 'right' },
  { title: 'block list', align: 'right' },
  { title: 'wrong and new', align: 'right' },
  { title: 'decisions', align: 'right' },
];

/** What costs the most bytes comes first; numbers are those of the order in the delta, from 1. */
export const patchRows = (patches: readonly InspectedPatch[]): readonly (readonly string[])[] =>
  patches
    .map((patch, index) => ({ ...patch, number: index + 1 }))
    .sort((a, b) => b.storedBytes - a.storedBytes)
    .map(({ number, codec, profile, decodeCost, bases, contents, bytes, storedBytes, causes }) => [
      String(number),
      profile === null ? codec : `${codec} ${profile}`,
      numberText(bases),
      numberText(contents),
      bytesText(bytes),
      bytesText(storedBytes),
      shareText(storedBytes, bytes),
      causes === null ? '' : numberText(causes.blocks),
      causes === null ? '' : numberText(causes.bytes),
      decisionsText(decodeCost ?? 0),
    ]);

/** `12.3 million`; nothing for none. @param thousands of binary decisions. */
export function decisionsText(thousands: number): string {
  if (thousands === 0) return '';
  if (thousands < 50) return '< 0.1 million';
  return `${(thousands / 1_000).toFixed(thousands < 99_950 ? 1 : 0)} million`;
}
