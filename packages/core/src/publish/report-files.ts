import { type Delta, type Derivation, derivationTargets, sharesOfBlob } from '../delta/delta.js';
import type { Digest } from '../hash/digest.js';
import type { ManifestFile } from '../manifest/manifest.js';

export interface DeltaFileReport {
  readonly path: string;
  readonly how: 'patch' | 'whole' | 'copy' | 'move' | 'remove';
  readonly bytes: number;
  /** Of the blob it is made from, its share by size when others are made from that too; 0 when nothing has to be fetched for it. */
  readonly storedBytes: number;
  /** For moves and copies: where the content was. */
  readonly basePath?: string;
}

/**
 * What happens to each file that is not simply kept, in the order of paths, removals last. A content that leaves a path
 * is moved to one new path at most; whatever else has it is a copy.
 */
export function reportFiles(delta: Delta): readonly DeltaFileReport[] {
  const baseByPath = new Map(delta.base.files.map((file) => [file.path, file]));
  const targetByPath = new Map(delta.target.files.map((file) => [file.path, file]));
  const made = new Map(delta.derivations.flatMap(madeBy));
  const places = basePlaces(delta);
  const changed = delta.target.files
    .filter((file) => baseByPath.get(file.path)?.sha256 !== file.sha256)
    .map((file): DeltaFileReport => {
      const how = made.get(file.sha256);
      return how === undefined ? heldFile(file, places.get(file.sha256)) : { path: file.path, bytes: file.bytes, ...how };
    });
  const removed = delta.base.files
    .filter((file) => !targetByPath.has(file.path))
    .map((file) => ({ path: file.path, how: 'remove' as const, bytes: file.bytes, storedBytes: 0 }));
  return [...changed, ...removed];
}

function madeBy(derivation: Derivation) {
  const targets = derivationTargets(derivation);
  const shares = sharesOfBlob(targets, derivation.blob.bytes);
  return targets.map(({ sha256 }, index) => [sha256, { how: derivation.kind, storedBytes: shares[index] ?? 0 }] as const);
}

/** Where a content of the base was: paths that it leaves, which moves use up, and one path in any case. */
interface BasePlaces {
  readonly any: string;
  readonly left: string[];
}

function basePlaces(delta: Delta): ReadonlyMap<Digest, BasePlaces> {
  const contentAt = new Map(delta.target.files.map((file) => [file.path, file.sha256]));
  const places = new Map<Digest, BasePlaces>();
  for (const { path, sha256 } of delta.base.files) {
    const place = places.get(sha256) ?? { any: path, left: [] };
    if (contentAt.get(path) !== sha256) place.left.push(path);
    places.set(sha256, place);
  }
  return places;
}

function heldFile({ path, bytes }: ManifestFile, place: BasePlaces | undefined): DeltaFileReport {
  const movedFrom = place?.left.shift();
  const basePath = movedFrom ?? place?.any ?? '';
  return { path, how: movedFrom === undefined ? 'copy' : 'move', bytes, storedBytes: 0, basePath };
}
