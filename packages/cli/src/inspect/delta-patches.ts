import {
  type ByteSource,
  type DeltaFile,
  isUpdaterError,
  openRemendoPatch,
  type RemendoPatchHeader,
  sliceSource,
} from '@remendo/core';
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
}

/** The patches of a delta, in their order; their heads are read from the body. */
export async function inspectPatches(source: ByteSource, { index, bodyOffset }: DeltaFile): Promise<readonly InspectedPatch[]> {
  const patches: InspectedPatch[] = [];
  for (const derivation of index.derivations) {
    if (derivation.kind !== 'patch') continue;
    const { codec, bases, targets, blob } = derivation;
    const patch = sliceSource(source, bodyOffset + blob.offset, blob.bytes);
    const head = codec === 'remendo' ? await headerOf(patch) : null;
    patches.push({
      codec,
      profile: head?.profile ?? null,
      decodeCost: head?.decodeCost ?? null,
      bases: bases.length,
      contents: targets.length,
      bytes: targets.reduce((sum, target) => sum + target.bytes, 0),
      storedBytes: blob.bytes,
    });
  }
  return patches;
}

/** Null for a patch that this program does not know, or that is damaged: the rest of the delta can be told all the same. */
async function headerOf(patch: ByteSource): Promise<RemendoPatchHeader | null> {
  try {
    return (await openRemendoPatch(patch)).header;
  } catch (error) {
    if (isUpdaterError(error)) return null;
    throw error;
  }
}

export const patchColumns: readonly Column[] = [
  { title: 'patch', align: 'right' },
  { title: 'codec' },
  { title: 'bases', align: 'right' },
  { title: 'contents', align: 'right' },
  { title: 'size', align: 'right' },
  { title: 'in the delta', align: 'right' },
  { title: '', align: 'right' },
  { title: 'decisions', align: 'right' },
];

/** What costs the most bytes comes first; numbers are those of the order in the delta, from 1. */
export const patchRows = (patches: readonly InspectedPatch[]): readonly (readonly string[])[] =>
  patches
    .map((patch, index) => ({ ...patch, number: index + 1 }))
    .sort((a, b) => b.storedBytes - a.storedBytes)
    .map(({ number, codec, profile, decodeCost, bases, contents, bytes, storedBytes }) => [
      String(number),
      profile === null ? codec : `${codec} ${profile}`,
      numberText(bases),
      numberText(contents),
      bytesText(bytes),
      bytesText(storedBytes),
      shareText(storedBytes, bytes),
      decisionsText(decodeCost ?? 0),
    ]);

/** `12.3 million`; nothing for none. @param thousands of binary decisions. */
export function decisionsText(thousands: number): string {
  if (thousands === 0) return '';
  if (thousands < 50) return '< 0.1 million';
  return `${(thousands / 1_000).toFixed(thousands < 99_950 ? 1 : 0)} million`;
}
