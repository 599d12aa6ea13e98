import { type Digest, type Manifest, nodeFileSystem } from '@remendo/core';
import { type ReleaseOnDisk, scanFolder } from '@remendo/core/publish';

/** A release on disk in plain values, which fit into a job's file. */
export interface ScannedRelease {
  readonly manifest: Manifest;
  /** A file for each content. */
  readonly paths: readonly (readonly [Digest, string])[];
}

export async function scanRelease(folder: string, version: string): Promise<ScannedRelease> {
  const { manifest, filePaths } = await scanFolder(nodeFileSystem(), folder, { application: 'bench', platform: 'any', version });
  return { manifest, paths: manifest.files.map((file) => [file.sha256, filePaths.get(file.path) ?? '']) };
}

export function releaseOnDisk({ manifest, paths }: ScannedRelease): ReleaseOnDisk {
  const pathOf = new Map(paths);
  return { manifest, pathOf: (sha256) => pathOf.get(sha256) ?? '' };
}
