/**
 * How releases are named in signed metadata (The Update Framework, specification 1.0). Top-level targets delegate each
 * application's names to a role of its own, which spreads them over hashed bins (TAP 15), so that a terminal fetches the
 * two bins of one build and not a list of all releases. A bin that holds nothing is not made.
 */
import { createHash } from 'node:crypto';

/** Which build is meant: what its signature is bound to. Channel and rollout are not signed. */
export interface SignedBuildName {
  readonly application: string;
  readonly platform: string;
  /** Semver. */
  readonly version: string;
}

/** The canonical manifest, before any compression. */
export const manifestTarget = (name: SignedBuildName): string => `${folderOf(name)}/manifest.json`;
export const zipTarget = (name: SignedBuildName): string => `${folderOf(name)}/release.zip`;

const folderOf = ({ application, platform, version }: SignedBuildName): string => `${application}/${platform}/${version}`;

/** What the role of an application may name. */
export const applicationPaths = (application: string): string => `${application}/*/*/*`;

export const applicationRole = (application: string): string => `app-${application}`;

/** The role whose metadata an offline bundle carries, with an expiry of its own. */
export const bundleRole = 'bundle';
export const bundlePaths = 'bundle/*';
/** What a bundle names: the timestamp that it was made with, and what it says it holds. */
export const bundleTimestamp = 'bundle/timestamp.json';
export const bundleIndex = 'bundle/index.json';

/** 128 bins: with 1,000 releases 16 names in each. */
export const binBits = 7;
export const binPrefix = (application: string): string => `bin-${application}`;

/** The bin that has to name a target: TAP 15, the first bits of the SHA-256 of its name. */
export function binOf(application: string, target: string): string {
  const number = createHash('sha256').update(target).digest().readUInt32BE() >>> (32 - binBits);
  return `${binPrefix(application)}-${number.toString(16).padStart(2, '0')}`;
}

/** Beside what TUF wants to know of a target; of a manifest's. */
export interface TargetCustom {
  /** Terminals that have this version, or an older one than it, may go back to the release; left out: none may. */
  readonly downgrade_from?: string;
}

/** When metadata was signed, beside the fields of TUF's own: what a terminal's clock is held against. RFC 3339, UTC. */
export const signedAtField = 'signed_at';

/**
 * Which delegated role metadata is of, beside the fields of TUF's own: one key signs all bins of an application, and without
 * it one of them could be served, and kept, in the place of another.
 */
export const roleField = 'role';
