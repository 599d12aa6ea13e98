/**
 * Turns the planner's choice into plans that can be fetched: each delta plan gets its index, composed for exactly this
 * base, and is priced with it; the zip is priced with the manifest that has to come beside it. Pure, and slow for large
 * releases, so it runs in a thread.
 */
import {
  type CodecName,
  contentsOf,
  type Delta,
  type DeltaObject,
  type DeltaRecipe,
  type Derivation,
  type Digest,
  derivationTargets,
  digestOf,
  emptyManifest,
  encodeDeltaIndex,
  indexDelta,
  type Manifest,
  nothingHeld,
  type ObjectFetch,
  type Plan,
  type PlanChoice,
  type PlanCost,
  type PlanInput,
  planCost,
  planUpdate,
  requestCostBytes,
} from '@remendo/core';

type PlanLoser = PlanChoice['losers'][number];

export interface ComposeInput {
  /** Null: nothing is installed, or nothing that is known. */
  readonly base: Manifest | null;
  readonly target: Manifest;
  readonly derivations: readonly Derivation[];
  readonly objects: readonly DeltaObject[];
  readonly deltas: readonly DeltaRecipe[];
  /** Of patches that the terminal can apply: no plan has others. */
  readonly codecs: readonly CodecName[];
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
  /** Cheapest first; the zip is always among them. */
  readonly plans: readonly ComposedPlan[];
  readonly losers: readonly ComposedLoser[];
}

/** How many plans are offered, beside the zip, which is the last resort of every terminal. */
const plansMax = 3;
/** Objects that one plan may name: so many fit into an answer of 8 KB. */
const objectsMax = 40;
/** Losers that are told of. */
const losersMax = 16;

export function composePlans(input: ComposeInput): ComposedPlans {
  const base = input.base ?? emptyManifest(input.target.application, input.target.platform);
  const choice = chooseNarrow({
    held: new Set(contentsOf(base).map((content) => content.sha256)),
    wanted: contentsOf(input.target),
    derivations: input.derivations,
    objects: input.objects,
    deltas: input.deltas,
    codecs: new Set(input.codecs),
    baseRelease: input.base?.version ?? null,
    targetRelease: input.target.version,
    zip: input.zip,
    plansMax,
  });
  const deltas = choice.plans.flatMap((plan) => (plan.kind === 'delta' ? [composeDelta(plan, base, input)] : []));
  const zip = composeZip(input);
  const plans = [...deltas, zip].sort((a, b) => a.cost.costBytes - b.cost.costBytes);
  const losers = choice.losers.filter(({ label }) => label !== zip.label).slice(0, losersMax);
  return { plans, losers: pricedAlike(losers, plans) };
}

/**
 * Plans that lie in few enough objects. Where the best one does not, the planner is asked again with those objects only
 * that save it most, the target's zip among them: every content is in there.
 */
function chooseNarrow(input: PlanInput): PlanChoice {
  const choice = planUpdate(input);
  const [best] = choice.plans;
  const narrow = best?.kind === 'delta' && !isNarrow(best) ? planUpdate({ ...input, objects: worthMost(best, input) }) : choice;
  const wide = narrow.plans.filter((plan) => !isNarrow(plan));
  const refused = wide.map(({ label, cost }) => ({ label, cost, reason: 'lies in too many objects' }));
  return { plans: narrow.plans.filter(isNarrow), losers: [...refused, ...narrow.losers] };
}

const isNarrow = (plan: Plan): boolean => plan.fetches.length <= objectsMax;

/** The objects by which a plan saves the most bytes against whole contents, and the zip. */
function worthMost(plan: DeltaPlan, { objects, zip }: PlanInput): readonly DeltaObject[] {
  const savedBytes = new Map<Digest, number>([[zip.digest, Number.POSITIVE_INFINITY]]);
  for (const derivation of plan.derivations) {
    const { object, bytes } = derivation.blob;
    const made = derivationTargets(derivation).reduce((sum, content) => sum + content.bytes, 0);
    savedBytes.set(object, (savedBytes.get(object) ?? 0) + made - bytes);
  }
  const worth = ({ digest }: DeltaObject): number => savedBytes.get(digest) ?? 0;
  return objects
    .filter(({ digest }) => savedBytes.has(digest))
    .sort((a, b) => (worth(a) === worth(b) ? (a.digest < b.digest ? -1 : 1) : worth(b) > worth(a) ? 1 : -1))
    .slice(0, objectsMax);
}

/**
 * Losers have no index: they are priced with the largest of those that are offered, so that none looks cheaper than a
 * plan it lost against.
 */
function pricedAlike(losers: readonly PlanLoser[], plans: readonly ComposedPlan[]): readonly ComposedLoser[] {
  const indexBytes = Math.max(0, ...plans.map(({ index }) => (index === null ? 0 : index.encoded.length + requestCostBytes)));
  const [best] = plans;
  const priced = losers.map(({ label, cost, reason }): ComposedLoser => {
    if (cost === null || best === undefined) return { label, costBytes: null, reason };
    const costBytes = cost.costBytes + indexBytes;
    const dearer = costBytes - best.cost.costBytes;
    return { label, costBytes, reason: dearer > 0 ? `${dearer.toLocaleString('en-US')} bytes dearer than ${best.label}` : reason };
  });
  return priced.sort((a, b) => (a.costBytes ?? Number.POSITIVE_INFINITY) - (b.costBytes ?? Number.POSITIVE_INFINITY));
}

/** Somebody waits for it: see `encodeDeltaIndex`. */
const indexQuality = 8;

const wholeObject = ({ digest, bytes }: DeltaObject): ObjectFetch => ({
  digest,
  objectBytes: bytes,
  ranges: [{ offset: 0, bytes }],
});

type DeltaPlan = Extract<Plan, { readonly kind: 'delta' }>;

/** The plan that needs nothing but the release's own zip and manifest. */
export function composeZip(input: Pick<ComposeInput, 'zip' | 'manifestObject'>): ComposedPlan {
  const fetches = [input.manifestObject, input.zip].map(wholeObject);
  return { label: 'full zip', fetches, cost: planCost(fetches, nothingHeld), index: null };
}

function composeDelta(plan: DeltaPlan, base: Manifest, input: ComposeInput): ComposedPlan {
  const encoded = encodeDeltaIndex(indexDelta(composedDelta(plan.derivations, base, input)), indexQuality);
  const index = { digest: digestOf(encoded), encoded };
  const fetches = [wholeObject({ digest: index.digest, bytes: encoded.length }), ...plan.fetches];
  return { label: plan.label, fetches, cost: planCost(fetches, nothingHeld), index };
}

function composedDelta(derivations: readonly Derivation[], base: Manifest, input: ComposeInput): Delta {
  const used = new Set(derivations.map((derivation) => derivation.blob.object));
  const objects = input.objects.filter((object) => used.has(object.digest));
  return { base, target: input.target, objects, derivations };
}
