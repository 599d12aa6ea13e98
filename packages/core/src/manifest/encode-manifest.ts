import canonicalize from 'canonicalize';
import { type Digest, digestOf } from '../hash/digest.js';
import type { Manifest, ManifestFile } from './manifest.js';

/** The canonical form: RFC 8785 (JCS) in UTF-8, without a final newline. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  return new TextEncoder().encode(canonicalize(manifest));
}

/** SHA-256 of the canonical form: the name of a build's description, and what is signed. */
export const manifestDigest = (manifest: Manifest): Digest => digestOf(encodeManifest(manifest));

/** Files in the order a manifest has them. */
export const sortFiles = (files: readonly ManifestFile[]): readonly ManifestFile[] =>
  [...files].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
