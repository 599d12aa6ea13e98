/** What the server and the process that builds a delta tell each other. Large things lie in files of the work folder. */
import type { Derivation, Digest, ErrorCode, Manifest } from '@remendo/core';
import type { KnownDerivation, RemendoPatchMakerOptions } from '@remendo/core/publish';

/** Of the patches that are made; those that are known may have the other one. */
export type PatchProfile = NonNullable<RemendoPatchMakerOptions['profile']>;

/** Where a content that is needed lies in a zip. */
export interface ContentToExtract {
  readonly sha256: Digest;
  readonly bytes: number;
  readonly offset: number;
  readonly encodedBytes: number;
  readonly encoding: 'identity' | 'deflate' | 'brotli';
}

export interface ReleaseToExtract {
  readonly manifest: Manifest;
  readonly zipPath: string;
  readonly contents: readonly ContentToExtract[];
}

/** `job.json` in the work folder. */
export interface BuildJob {
  readonly base: ReleaseToExtract;
  readonly target: ReleaseToExtract;
  /** Patches that are stored already and make what the target needs. */
  readonly known: readonly KnownDerivation[];
  readonly concurrency: number;
  readonly profile: PatchProfile;
}

/** `result.json` in the work folder; the index is `index`, the pack where `pack.path` says. */
export interface BuildResult {
  readonly derivations: readonly Derivation[];
  readonly pack: { readonly digest: Digest; readonly bytes: number; readonly path: string } | null;
  readonly notices: readonly string[];
}

/** The one message a build process sends. */
export type BuildMessage =
  | { readonly kind: 'built' }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string };
