/**
 * Turns the planner's choice into plans that can be fetched: each delta plan gets its index, composed for exactly this
 * base, and is priced with it; the zip is priced with the manifest that has to come beside it. Pure, and slow for large
 * releases (the index is compressed hard), so it runs in a thread.
 */
import {
  contentsOf,
  type Delta,
  type DeltaObject,
  type DeltaRecipe,
  type Derivation,
  type Digest,
  digestOf,
  emptyManifest,
  encodeDeltaIndex,
  indexDelta,
  type Manifest,
  nothingHeld,
  type ObjectFetch,
  type Plan,
  type PlanCost,
  planCost,
  planUpdate,
} from '@remendo/core';

export interface ComposeInput {
  /** Null: nothing is installed, or nothing that is known. */
  readonly base: Manifest | null;
  readonly target: Manifest;
  readonly derivations: readonly Derivation[];
  readonly objects: readonly DeltaObject[];
  readonly deltas: readonly DeltaRecipe[];
  readonly zip: DeltaObject;
  /** The target's manifest as stored. */
  readonly manifestObject: DeltaObject;
}

export interface ComposedPlan {
  readonly label: string;
  readonly fetches: readonly ObjectFetch[];
  readonly cost: PlanCost;
  /** Null for the zip. */
  readonly index: { readonly digest: Digest; readonly encoded: Uint8Array } | null;
}

export interface ComposedLoser {
  readonly label: string;
  readonly costBytes: number | null;
  readonly reason: string;
}

export interface ComposedPlans {
  /** Cheapest first. */
  readonly plans: readonly ComposedPlan[];
  readonly losers: readonly ComposedLoser[];
}

/** How many plans are offered. */
const plansMax = 3;

export function composePlans(input: ComposeInput): ComposedPlans {
  const base = input.base ?? emptyManifest(input.target.application, input.target.platform);
  const choice = planUpdate({
    held: new Set(contentsOf(base).map((content) => content.sha256)),
    wanted: contentsOf(input.target),
    derivations: input.derivations,
    objects: input.objects,
    deltas: input.deltas,
    baseRelease: input.base?.version ?? null,
    targetRelease: input.target.version,
    zip: input.zip,
    plansMax,
  });
  const plans = choice.plans.map((plan) => compose(plan, base, input)).sort((a, b) => a.cost.costBytes - b.cost.costBytes);
  const losers = choice.losers.map(({ label, cost, reason }) => ({ label, costBytes: cost?.costBytes ?? null, reason }));
  return { plans, losers };
}

const wholeObject = ({ digest, bytes }: DeltaObject): ObjectFetch => ({
  digest,
  objectBytes: bytes,
  ranges: [{ offset: 0, bytes }],
});

function compose(plan: Plan, base: Manifest, input: ComposeInput): ComposedPlan {
  if (plan.kind === 'zip') {
    const fetches = [wholeObject(input.manifestObject), ...plan.fetches];
    return { label: plan.label, fetches, cost: planCost(fetches, nothingHeld), index: null };
  }
  const encoded = encodeDeltaIndex(indexDelta(composedDelta(plan.derivations, base, input)));
  const index = { digest: digestOf(encoded), encoded };
  const fetches = [wholeObject({ digest: index.digest, bytes: encoded.length }), ...plan.fetches];
  return { label: plan.label, fetches, cost: planCost(fetches, nothingHeld), index };
}

function composedDelta(derivations: readonly Derivation[], base: Manifest, input: ComposeInput): Delta {
  const used = new Set(derivations.map((derivation) => derivation.blob.object));
  const objects = input.objects.filter((object) => used.has(object.digest));
  return { base, target: input.target, objects, derivations };
}
