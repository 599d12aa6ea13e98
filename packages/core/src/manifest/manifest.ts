import type { Digest } from '../hash/digest.js';
import type { Xxh64 } from '../hash/xxh64.js';
import type { ReleasePath } from './release-path.js';

export interface ManifestFile {
  /** Relative, `/` between segments, NFC, safe on Windows and Linux (see release-path.ts). */
  readonly path: ReleasePath;
  readonly bytes: number;
  /** POSIX permission bits: 0o644, or 0o755 when anyone may execute it. */
  readonly mode: number;
  readonly sha256: Digest;
  readonly xxh64: Xxh64;
}

/** Describes one build: what has to be on disk, nothing about how it gets there. */
export interface Manifest {
  readonly format: 'remendo-manifest-1';
  /** Slug of the application: `erp`. */
  readonly application: string;
  /** Semver. */
  readonly version: string;
  /** The version as its publisher writes it, when that is not semver: `1.2.3.4`. */
  readonly displayVersion?: string;
  /** `any`, `win-x64`, `linux-x64`, … */
  readonly platform: string;
  /** By path, in code unit order; no two alike when case and Unicode form are ignored. */
  readonly files: readonly ManifestFile[];
}

/** What is installed where nothing is: the base of a first install. */
export const emptyManifest = (application: string, platform: string): Manifest => ({
  format: 'remendo-manifest-1',
  application,
  version: '0.0.0',
  platform,
  files: [],
});

export const manifestBytes = (manifest: Manifest): number => manifest.files.reduce((sum, file) => sum + file.bytes, 0);
