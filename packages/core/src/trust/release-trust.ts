/**
 * The one step that decides which bytes are a release's. Everything that is fetched is checked against what comes out of
 * here: manifests and zips directly, every other byte through the manifest.
 */
import type { Digest } from '../hash/digest.js';
import { limits } from '../limits.js';

/** What a server says a release is. */
export interface ReleaseClaim {
  readonly application: string;
  readonly platform: string;
  readonly version: string;
  readonly manifestDigest: Digest;
  readonly zip: { readonly digest: Digest; readonly bytes: number };
}

/** A claim that has been checked; only a `ReleaseTrust` makes them. */
export interface VerifiedRelease extends ReleaseClaim {
  readonly __verified: unique symbol;
  readonly manifest: VerifiedManifest;
  /** Whether a terminal that has the newer version `installed` may go back to this release, by what is signed. */
  readonly mayReplace: (installed: string) => boolean;
}

export interface ReleaseTrust {
  /** What the output of an update says about where its trust comes from. */
  readonly kind: 'signed' | 'announced';
  /** Learns what is signed now; throws when that has expired, is older than what was known, or does not hold. */
  refresh(signal?: AbortSignal): Promise<void>;
  /** @throws UpdaterError TRUST_… when the claim is not to be believed. */
  verifyRelease(claim: ReleaseClaim, signal?: AbortSignal): Promise<VerifiedRelease>;
  /**
   * For what a server says is installed already: its manifest decides which files an update may remove.
   * @throws UpdaterError TRUST_….
   */
  verifyManifest(claim: Omit<ReleaseClaim, 'zip'>, signal?: AbortSignal): Promise<VerifiedManifest>;
  status(): Promise<TrustStatus>;
}

export interface VerifiedManifest {
  readonly digest: Digest;
  /** Of the canonical manifest. */
  readonly bytesMax: number;
}

export interface TrustStatus {
  readonly kind: ReleaseTrust['kind'];
  /** Whether there is a root to begin with. */
  readonly hasRoot: boolean;
  /** Of the root that is trusted by now; 0: nothing was refreshed yet. */
  readonly rootVersion: number;
  /** Milliseconds since 1970 of the newest signature on a timestamp; null: none was seen yet. */
  readonly newestSignedAtMs: number | null;
  /** Set when trust comes out of an offline bundle: it is no fresher than that. */
  readonly bundle?: BundleFreshness;
}

/** Both in milliseconds since 1970. */
export interface BundleFreshness {
  /** When the bundle was made. */
  readonly signedAtMs: number;
  readonly expiresMs: number;
}

const announced = (claim: Omit<ReleaseClaim, 'zip'>): VerifiedManifest => ({
  digest: claim.manifestDigest,
  bytesMax: limits.manifestBytesMax,
});

/** Believes the digests that the server announces: as safe as the connection to it, and no safer. For tests and closed networks. */
export const announcedTrust = (): ReleaseTrust => ({
  kind: 'announced',
  refresh: async () => {},
  verifyRelease: async (claim) => ({ ...claim, manifest: announced(claim), mayReplace: () => true }) as unknown as VerifiedRelease,
  verifyManifest: async (claim) => announced(claim),
  status: async () => ({ kind: 'announced', hasRoot: false, rootVersion: 0, newestSignedAtMs: null }),
});
