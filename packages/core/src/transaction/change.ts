import { UpdaterError } from '../errors.js';
import type { Digest } from '../hash/digest.js';
import { assertPathsDistinct, isOwnPath, type ReleasePath, releasePathToFilePath } from '../manifest/release-path.js';
import type { InstallLayout } from './install-layout.js';

/** A file's bytes, by their hash, and its permission bits. */
export interface Content {
  readonly bytes: number;
  readonly sha256: Digest;
  readonly mode: number;
}

/** root: the application's files and version.txt · home: state.json and manifest.json. */
export type Place = 'root' | 'home';

/** What one path shall hold after the transaction; null removes it. Its position in the list is its staging number. */
export interface Change {
  readonly place: Place;
  readonly path: ReleasePath;
  readonly target: Content | null;
}

export interface ReleaseReference {
  readonly version: string;
  readonly manifestDigest: Digest;
}

/** A change together with what the disk held at its path when it was staged. */
export interface Slot {
  /** Names its files in staging/ and previous/. */
  readonly index: number;
  readonly place: Place;
  readonly path: ReleasePath;
  /** As the disk spells it; differs from `path` in a case-only rename on a disk that ignores case. */
  readonly basePath: ReleasePath;
  /** What was really there, whatever a manifest says; null when there was no file. */
  readonly base: Content | null;
  readonly target: Content | null;
}

/** A directory that exists only before or only after the swap. */
export interface DirectoryChange {
  readonly path: ReleasePath;
  /** Permission bits of one that is there before and goes when it is empty; null for one that the target brings. */
  readonly baseMode: number | null;
}

export const isSameContent = (one: Content | null, other: Content | null): boolean =>
  one !== null && other !== null && one.bytes === other.bytes && one.sha256 === other.sha256;

/** Whether a transaction may touch this path at all. */
export const isChangeable = (place: Place, path: string): boolean =>
  place === 'home' ? path === 'state.json' || path === 'manifest.json' : path === 'version.txt' || !isOwnPath(path);

export const placePath = (layout: InstallLayout, place: Place, path: ReleasePath): string =>
  releasePathToFilePath(place === 'root' ? layout.root : layout.home, path);

/** @throws UpdaterError MANIFEST_PATH_UNSAFE for paths that are not a release's, and for targets that would collide. */
export function checkChanges(changes: readonly Change[]): void {
  const seen = new Set<string>();
  for (const { place, path } of changes) {
    const key = `${place}:${path}`;
    if (isChangeable(place, path) && !seen.has(key)) {
      seen.add(key);
      continue;
    }
    const reason = seen.has(key) ? 'it is changed twice' : 'it belongs to the updater';
    throw new UpdaterError('MANIFEST_PATH_UNSAFE', `${JSON.stringify(path)} is refused: ${reason}`, { details: { path, reason } });
  }
  assertPathsDistinct(changes.filter((change) => change.place === 'root' && change.target !== null).map((change) => change.path));
}
