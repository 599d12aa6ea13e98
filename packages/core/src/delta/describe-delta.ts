/** Where the bytes of a delta file go, told from the file alone. */
import { type ByteSource, sliceSource } from '../bytes/byte-source.js';
import { isUpdaterError } from '../errors.js';
import { describePatch, type PatchReport } from '../patch/describe-patch.js';
import { bytesOfContents } from './delta.js';
import type { DeltaFile } from './delta-file.js';
import { encodeDeltaIndex } from './delta-index.js';

/** Bytes by what they are for; together they are the file. */
export interface DeltaCauses {
  /** Copied bytes of patches that are not as predicted, and new ones. */
  readonly bytes: number;
  /** What patches copy from where. */
  readonly blocks: number;
  /** Data of patches' transforms. */
  readonly transforms: number;
  readonly patchHeaders: number;
  /** Contents that are stored whole. */
  readonly wholes: number;
  /** Where blobs lie and what they make, and the file's own head. */
  readonly index: number;
  /** In the index: files, their paths and hashes. */
  readonly manifestDifference: number;
  /** Of patches that this program can not read. */
  readonly unread: number;
}

export interface DescribedDelta {
  /** Of each patch in the order of the index; null for one that is damaged or newer than this program. */
  readonly patches: readonly (PatchReport | null)[];
  readonly causes: DeltaCauses;
}

/** @param source the whole file; heads of patches and data of transforms are read from it. Its errors pass through. */
export async function describeDelta(source: ByteSource, file: DeltaFile): Promise<DescribedDelta> {
  const patches: (PatchReport | null)[] = [];
  let wholes = 0;
  for (const derivation of file.index.derivations) {
    const { blob } = derivation;
    if (derivation.kind === 'whole') wholes += blob.bytes;
    else {
      const patch = sliceSource(source, file.bodyOffset + blob.offset, blob.bytes);
      patches.push(await orNull(describePatch(derivation.codec, patch, { targetBytes: bytesOfContents(derivation.targets) })));
    }
  }
  const manifestDifference = manifestDifferenceBytes(file);
  const sum = (of: (report: PatchReport) => number): number =>
    patches.reduce((bytes, patch) => bytes + (patch === null ? 0 : of(patch)), 0);
  const read = {
    bytes: sum(({ causes }) => causes.bytes),
    blocks: sum(({ causes }) => causes.blocks),
    transforms: sum(({ causes }) => causes.transforms),
    patchHeaders: sum(({ causes }) => causes.header),
    wholes,
  };
  const unread = file.bodyBytes - Object.values(read).reduce((bytes, part) => bytes + part, 0);
  return { patches, causes: { ...read, index: file.bodyOffset - manifestDifference, manifestDifference, unread } };
}

async function orNull(report: Promise<PatchReport>): Promise<PatchReport | null> {
  try {
    return await report;
  } catch (error) {
    if (isUpdaterError(error)) return null;
    throw error;
  }
}

/** Index and manifest difference are compressed together: the difference is what the index would be smaller by without it. */
const manifestDifferenceBytes = ({ index, indexBytes }: DeltaFile): number =>
  Math.max(0, indexBytes - encodeDeltaIndex({ ...index, files: [], removed: [], executable: [] }).length);
