import { join } from 'node:path';
import { type Content, type Delta, type Digest, derivationBases, derivationTargets, type ManifestFile } from '@remendo/core';
import type { PeerFile } from './peers.js';
import type { ScannedRelease } from './scanned-release.js';

/** A content that a tool for single files has to make. */
export interface PeerContent extends PeerFile {
  readonly content: Content;
}

/**
 * The contents that the target has and the base has not, each once. A tool gets the base file at the same path, else
 * the one that our delta makes the content from.
 */
export function peerFiles(
  { base, target, delta }: { readonly base: ScannedRelease; readonly target: ScannedRelease; readonly delta: Delta },
  folder: string,
): readonly PeerContent[] {
  const [basePaths, targetPaths] = [new Map(base.paths), new Map(target.paths)];
  const changed = new Map(target.manifest.files.filter((file) => !basePaths.has(file.sha256)).map((file) => [file.sha256, file]));
  const baseOf = baseFinder(base, delta);
  return [...changed.values()]
    .filter(({ bytes }) => bytes > 0)
    .map((file, index) => ({
      content: { sha256: file.sha256, bytes: file.bytes },
      base: basePaths.get(baseOf(file) ?? ('' as Digest)) ?? null,
      target: targetPaths.get(file.sha256) ?? '',
      patch: join(folder, `${index}.patch`),
      made: join(folder, `${index}.made`),
    }));
}

function baseFinder(base: ScannedRelease, delta: Delta): (file: ManifestFile) => Digest | undefined {
  const filled = base.manifest.files.filter(({ bytes }) => bytes > 0);
  const byPath = new Map(filled.map((file) => [file.path, file.sha256]));
  const basesOf = new Map(
    delta.derivations.flatMap((derivation) => {
      const bases = new Set(derivationBases(derivation).map(({ sha256 }) => sha256));
      return derivationTargets(derivation).map(({ sha256 }) => [sha256, bases] as const);
    }),
  );
  return ({ path, sha256 }) => {
    const same = byPath.get(path);
    if (same !== undefined) return same;
    const candidates = filled.filter((file) => basesOf.get(sha256)?.has(file.sha256) === true);
    const namesake = candidates.find((file) => nameStem(file.path) === nameStem(path));
    // A patch may have the bases of many files: only a namesake's, or the only one, can be said to be this file's.
    return (namesake ?? (candidates.length === 1 ? candidates[0] : undefined))?.sha256;
  };
}

/** The file name but for its numbers. */
const nameStem = (path: string): string =>
  path
    .slice(path.lastIndexOf('/') + 1)
    .toLowerCase()
    .replaceAll(/\d+/g, '#');
