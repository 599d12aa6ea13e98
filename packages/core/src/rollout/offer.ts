/** What an offer is decided from, and what it says. Versions are as `parseVersion` gives them. */
import { compareVersions } from '../manifest/version.js';
import type { ReleaseState } from './release-state.js';

/** stable takes stable releases and hotfixes, development takes all. */
export type Channel = 'stable' | 'development';

export type ReleaseType = 'stable' | 'development' | 'hotfix';

/** Which terminals a release is for. A terminal is in by its ring, or by its group and its bucket. */
export interface Rollout {
  /** Any text, the release's own: see `bucketOf`. */
  readonly seed: string;
  /** Of 10,000: terminals with a bucket below it are in. */
  readonly share: number;
  /** The share is taken inside these; none: of all terminals. */
  readonly groups: readonly string[];
  /** These are in whatever the share and the groups, and before the release is published. */
  readonly rings: readonly string[];
  /** paused: nobody gets it any more until it runs again · halted: the same, because of its failures. */
  readonly state: 'running' | 'paused' | 'halted';
}

export interface OfferableRelease {
  readonly version: string;
  readonly type: ReleaseType;
  readonly state: ReleaseState;
  /**
   * Terminals below it pass it on their way to anything above it. The mark of a withdrawn release still counts and closes
   * the way, until an operator takes it off.
   */
  readonly isFloor: boolean;
  /** How it is installed (it has to be), not who gets it: that is the rollout's. */
  readonly isMandatory: boolean;
  readonly rollout: Rollout;
}

/** The releases of one application and platform, newest first; only `orderReleases` makes them. */
export type OrderedReleases = readonly OfferableRelease[] & { readonly __ordered: unique symbol };

/** Once for many decisions, which then look at no more than what is newer than the terminal's version. */
export const orderReleases = (releases: readonly OfferableRelease[]): OrderedReleases =>
  releases.toSorted(
    // Versions that differ in build metadata only are in one order too, so that the same releases give the same offers.
    (a, b) => compareVersions(b.version, a.version) || (a.version < b.version ? 1 : -1),
  ) as readonly OfferableRelease[] as OrderedReleases;

export interface OfferTerminal {
  /** Installed; null: not known. */
  readonly version: string | null;
  /** What its bucket comes from; null (nobody knows which terminal asks): it is in when everybody is. */
  readonly key: string | null;
  readonly group: string | null;
  readonly ring: string | null;
  /** The one version it may have. */
  readonly pinnedVersion: string | null;
  /** The pin may lead to something older than what is installed. */
  readonly allowDowngrade: boolean;
  /** Versions that were rolled back here. */
  readonly blocked: readonly string[];
}

export interface OfferInput {
  readonly channel: Channel;
  /** The version that the channel points to; null: to none. */
  readonly pointer: string | null;
  readonly releases: OrderedReleases;
  readonly terminal: OfferTerminal;
}

/**
 * Why there is nothing: of the pin where there is one, else of the newest release that the terminal's channel reaches.
 * pinned: the terminal has the pinned version, or has a newer one, or the pinned version is not to be had.
 */
export type NoOfferReason =
  | 'nothing_published'
  | 'up_to_date'
  | 'newer_installed'
  | 'not_in_rollout'
  | 'paused'
  | 'halted'
  | 'blocked'
  | 'pinned';

export type Offer =
  | {
      readonly kind: 'offer';
      /** To install now. */
      readonly version: string;
      /** What it leads to: the same, unless it is a step. */
      readonly finalVersion: string;
      /** It is a floor on the way, installed in a transaction of its own; the next check offers what follows. */
      readonly isFloorStep: boolean;
      /** The final version is mandatory, or one between the installed and it that the channel takes; never of a downgrade. */
      readonly isMandatory: boolean;
      /** Older than what is installed: only by a pin that allows it. */
      readonly isDowngrade: boolean;
    }
  | {
      readonly kind: 'none';
      readonly reason: NoOfferReason;
      /** The newest release that the terminal's channel reaches, whoever it is for by now; null: none. */
      readonly latestVersion: string | null;
    };
