/**
 * A delta takes one base build to one target build: an index over patches and whole contents that lie in stored
 * objects, with the difference between the two manifests. The same index describes what one release pair needs, what a
 * chain of releases needs, and what a fresh install needs (there the base is empty).
 */
import type { Digest } from '../hash/digest.js';
import type { Manifest } from '../manifest/manifest.js';
import type { CodecName } from '../patch/codec-name.js';

/** How the bytes of a whole content are stored. */
export const encodingNames = ['identity', 'deflate', 'brotli'] as const;
/** identity: as they are · deflate: raw RFC 1951, as inside a zip · brotli: RFC 7932. */
export type EncodingName = (typeof encodingNames)[number];

/** Bytes inside a stored object. */
export interface Blob {
  /** The object they lie in. */
  readonly object: Digest;
  readonly offset: number;
  readonly bytes: number;
  /** SHA-256 of these bytes: checked on arrival, before anything parses them. */
  readonly sha256: Digest;
}

/** A content by its identity and size. */
export interface Content {
  readonly sha256: Digest;
  readonly bytes: number;
}

/** One way to get contents. */
export type Derivation =
  | { readonly kind: 'whole'; readonly target: Content; readonly encoding: EncodingName; readonly blob: Blob }
  | {
      readonly kind: 'patch';
      readonly codec: CodecName;
      /** In the patch's own order. None: the patch makes its targets from nothing, as `remendo` can. */
      readonly bases: readonly Content[];
      readonly targets: readonly Content[];
      readonly blob: Blob;
    };

export interface DeltaObject {
  readonly digest: Digest;
  readonly bytes: number;
}

export interface Delta {
  /** The empty manifest for a fresh install. */
  readonly base: Manifest;
  readonly target: Manifest;
  /** Objects that blobs lie in, each once. */
  readonly objects: readonly DeltaObject[];
  /** In an order in which every base is a content of the base release or was made before. */
  readonly derivations: readonly Derivation[];
}

/** What a derivation makes. */
export const derivationTargets = (derivation: Derivation): readonly Content[] =>
  derivation.kind === 'whole' ? [derivation.target] : derivation.targets;

/** What a derivation needs. */
export const derivationBases = (derivation: Derivation): readonly Content[] =>
  derivation.kind === 'whole' ? [] : derivation.bases;

/** All of them together. */
export const bytesOfContents = (contents: readonly Content[]): number => contents.reduce((sum, { bytes }) => sum + bytes, 0);

/** What each target of a blob costs of it, by its size; the shares add up to the blob. */
export function sharesOfBlob(targets: readonly Content[], blobBytes: number): readonly number[] {
  const bytes = Math.max(1, bytesOfContents(targets));
  let before = 0;
  let shared = 0;
  return targets.map((target, index) => {
    before += target.bytes;
    const end = index === targets.length - 1 ? blobBytes : Math.round((blobBytes * before) / bytes);
    const share = end - shared;
    shared = end;
    return share;
  });
}
