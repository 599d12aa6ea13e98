/**
 * The one step that decides which bytes are a release's. Everything that is fetched is checked against what comes out of
 * here: manifests and zips directly, every other byte through the manifest. Whoever signs releases puts another
 * implementation in this place; nothing else changes.
 */
import type { Digest } from '../hash/digest.js';

export interface ReleaseClaim {
  readonly application: string;
  readonly platform: string;
  readonly version: string;
  readonly manifestDigest: Digest;
  readonly zip: { readonly digest: Digest; readonly bytes: number };
}

/** A claim that has been checked; only a `ReleaseTrust` makes them. */
export type VerifiedRelease = ReleaseClaim & { readonly __verified: unique symbol };

export interface ReleaseTrust {
  /** What the output of an update says about where its trust comes from. */
  readonly kind: string;
  /** @throws UpdaterError when the claim is not to be believed. */
  verifyRelease(claim: ReleaseClaim, signal?: AbortSignal): Promise<VerifiedRelease>;
}

/** Believes the digests that the server announces: as safe as the connection to it, and no safer. */
export const announcedTrust = (): ReleaseTrust => ({
  kind: 'announced',
  verifyRelease: async (claim) => claim as VerifiedRelease,
});
