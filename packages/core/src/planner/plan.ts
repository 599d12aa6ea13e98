/**
 * Data of the planner. The graph is over contents: nodes are contents, edges are derivations whose blobs lie in stored
 * objects. A plan is a set of derivations that makes every wanted content from the held ones, or the full zip.
 */
import type { Content, DeltaObject, Derivation } from '../delta/delta.js';
import type { Digest } from '../hash/digest.js';
import type { CodecName } from '../patch/codec-name.js';

/** Bytes a request costs beside its body: request and answer headers, a round trip on a thin link (spec: 600). */
export const requestCostBytes = 600;

/** Ranges of one plan unless told otherwise: three plans of that many fit into a plan answer of 8 KiB. */
export const planRangesMax = 100;

/** Plans returned unless told otherwise. */
export const plansMaxDefault = 3;

export interface ByteRange {
  readonly offset: number;
  readonly bytes: number;
}

/** What a plan fetches from one object: ascending ranges that do not touch. */
export interface ObjectFetch {
  readonly digest: Digest;
  /** Of the whole object. */
  readonly objectBytes: number;
  readonly ranges: readonly ByteRange[];
}

export interface PlanCost {
  /** Bodies of all fetches. */
  readonly fetchBytes: number;
  readonly requests: number;
  /** fetchBytes + requests × requestCostBytes: what plans are compared by. */
  readonly costBytes: number;
}

/** What a terminal has on disk of objects already: full or partial downloads. */
export type HeldRanges = ReadonlyMap<Digest, readonly ByteRange[]>;

/** A delta as the publisher built it for one pair of releases: the recipe of a chain's link. */
export interface DeltaRecipe {
  readonly base: string;
  readonly target: string;
  /** Enough to make every content of the target release from those of the base release. */
  readonly derivations: readonly Derivation[];
}

export interface PlanInput {
  /** Contents of the base release (what the terminal has). */
  readonly held: ReadonlySet<Digest>;
  /** Contents of the target release. */
  readonly wanted: readonly Content[];
  /** All known ways to make contents, in any order. */
  readonly derivations: readonly Derivation[];
  /** The objects that can be fetched: a derivation whose blob does not lie in one of them is not used. */
  readonly objects: readonly DeltaObject[];
  /** Known deltas by release, for the chains that a plan is held against. */
  readonly deltas: readonly DeltaRecipe[];
  readonly baseRelease: string | null;
  readonly targetRelease: string;
  readonly zip: DeltaObject;
  /** Codecs of patches that the terminal knows: patches of others are not used (default: it knows all). */
  readonly codecs?: ReadonlySet<CodecName>;
  /** How many plans to return at most (default 3, at least 1). */
  readonly plansMax?: number;
  /** How many ranges one plan may name (default `planRangesMax`): nearby ones are fetched as one, with what lies between. */
  readonly rangesMax?: number;
}

export type Plan =
  | {
      readonly kind: 'delta';
      /** Where it comes from, for people: `contents` (cheapest derivation of each), `chain 1.0.0 → 1.0.1 → 1.0.2`, `whole contents`. */
      readonly label: string;
      /** In an order in which each derivation's bases are held or made before. */
      readonly derivations: readonly Derivation[];
      readonly fetches: readonly ObjectFetch[];
      readonly cost: PlanCost;
    }
  | { readonly kind: 'zip'; readonly label: string; readonly fetches: readonly ObjectFetch[]; readonly cost: PlanCost };

export interface PlanLoser {
  readonly label: string;
  /** Null when the candidate does not reach the target. */
  readonly cost: PlanCost | null;
  /** One clause without a full stop: `1,234 bytes dearer than contents`. */
  readonly reason: string;
}

export interface PlanChoice {
  /** Cheapest first; the zip is always among them or among the losers. Empty wanted gives one plan that costs nothing. */
  readonly plans: readonly Plan[];
  /** Every other candidate with its cost and why it lost: cheapest first, those that do not reach the target last. */
  readonly losers: readonly PlanLoser[];
}
