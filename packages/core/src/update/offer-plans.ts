/** From the server's answer to a release that is trusted and plans in the order of what they cost this terminal. */

import type { DeltaObject } from '../delta/delta.js';
import { heldRanges } from '../download/held-ranges.js';
import { UpdaterError } from '../errors.js';
import type { Digest } from '../hash/digest.js';
import { manifestDigest } from '../manifest/encode-manifest.js';
import { emptyManifest, type Manifest } from '../manifest/manifest.js';
import { compareVersions } from '../manifest/version.js';
import type { ObjectFetch, PlanCost } from '../planner/plan.js';
import { planCost } from '../planner/plan-cost.js';
import type { PlanAnswer } from '../protocol/index.js';
import type { VerifiedRelease } from '../trust/release-trust.js';
import { wholeObject } from './fetch-objects.js';
import { identifyInstall } from './identify-install.js';
import { type Installed, readInstalled } from './install-state.js';
import { fetchesOfPlan } from './server-api.js';
import type { UpdateContext } from './update-context.js';

/** One of the plans the server offers, priced against what this terminal has downloaded already. */
export interface PlanOffer {
  readonly kind: 'delta' | 'zip';
  readonly label: string;
  readonly fetches: readonly ObjectFetch[];
  /** The delta's index; null for the zip. */
  readonly index: DeltaObject | null;
  readonly cost: PlanCost;
}

export interface PlanLoser {
  readonly label: string;
  readonly costBytes: number | null;
  readonly reason: string;
}

/** What to do to reach a release, before anything was fetched but a few kilobytes. */
export interface UpdatePlan {
  readonly release: VerifiedRelease;
  readonly displayVersion: string;
  /** Named components to ranges; see `assertRequirements`. */
  readonly requirements: Readonly<Record<string, string>>;
  readonly requiresBackup: boolean;
  /** Whether the version before understands data that this one changed. */
  readonly rollbackCompatible: boolean;
  readonly installedBytes: number;
  readonly manifest: DeltaObject;
  readonly installed: Installed;
  /** What the terminal has; empty when that is not known. */
  readonly base: Manifest;
  /** What the offered deltas start from: the base, or nothing when the server does not know the base. */
  readonly deltaBase: Manifest;
  /** Cheapest first; the zip is the last resort even where it is not listed first. */
  readonly offers: readonly PlanOffer[];
  readonly losers: readonly PlanLoser[];
}

/**
 * Asks the server how to reach `version` and puts its plans in order.
 * @throws UpdaterError RELEASE_…, PLAN_INVALID, DOWNLOAD_….
 */
export async function offerPlans(
  context: UpdateContext,
  version: string,
  options: { readonly allowDowngrade?: boolean; readonly signal?: AbortSignal } = {},
): Promise<UpdatePlan> {
  const { host, layout, api } = context;
  const installed = await readInstalled(host.fileSystem, layout);
  const known =
    installed.manifest ?? (await identifyBase(context, installed, options.signal === undefined ? {} : { signal: options.signal }));
  const answer = await api.plan(
    { base: known?.version ?? null, baseManifest: known === null ? null : manifestDigest(known), target: version },
    options.signal,
  );
  const { application, platform } = answer;
  const planned = { application, platform, base: answer.base?.version ?? null, target: version, codecs: context.codecs };
  context.source.planned?.(planned);
  const release = await verifyTarget(context, { answer, installed, version }, options.signal);
  const installedVersion = known?.version ?? installed.version?.version ?? null;
  assertNoDowngrade(release, installedVersion, options.allowDowngrade === true);
  const empty = emptyManifest(release.application, release.platform);
  const base = known ?? empty;
  const deltaBase = answer.base?.manifest_digest === manifestDigest(base) ? base : empty;
  const held = await heldRanges(host.fileSystem, layout.downloads);
  const manifest = { digest: answer.target.manifest.digest as Digest, bytes: answer.target.manifest.bytes };
  const offered = answer.plans.map((plan): Omit<PlanOffer, 'cost'> => {
    const index = plan.kind === 'delta' ? { digest: plan.index.digest as Digest, bytes: plan.index.bytes } : null;
    return { kind: plan.kind, label: plan.label, fetches: fetchesOfPlan(plan), index };
  });
  // The last resort needs nobody's offer: the release says what its zip is.
  const zip = { kind: 'zip' as const, label: 'full zip', fetches: [wholeObject(manifest), wholeObject(release.zip)], index: null };
  const offers = (offered.some(({ kind }) => kind === 'zip') ? offered : [...offered, zip])
    .map((offer): PlanOffer => ({ ...offer, cost: planCost(offer.fetches, held) }))
    .sort((a, b) => a.cost.costBytes - b.cost.costBytes);
  const { covered, losers } = coveredOffers(offers, context.openPgpKeys !== null);
  return {
    release,
    displayVersion: answer.target.display_version ?? release.version,
    requirements: answer.target.requirements ?? {},
    requiresBackup: answer.target.requires_backup ?? false,
    rollbackCompatible: answer.target.rollback_compatible ?? true,
    installedBytes: answer.target.installed_bytes,
    manifest,
    installed,
    base,
    deltaBase,
    offers: covered,
    losers: [
      ...losers,
      ...answer.losers.map((loser) => ({ label: loser.label, costBytes: loser.cost_bytes, reason: loser.reason })),
    ],
  };
}

/** An OpenPGP signature covers the zip alone: where one is asked for, all other offers lose. */
function coveredOffers(offers: readonly PlanOffer[], isSignatureAsked: boolean) {
  if (!isSignatureAsked) return { covered: offers, losers: [] };
  const losers = offers
    .filter(({ kind }) => kind !== 'zip')
    .map(({ label, cost }) => ({ label, costBytes: cost.costBytes, reason: 'the OpenPGP signature covers the full zip only' }));
  return { covered: offers.filter(({ kind }) => kind === 'zip'), losers };
}

/** Below what is installed only when this was asked for, and whoever signed the older release allows it. */
function assertNoDowngrade(release: VerifiedRelease, installed: string | null, isAsked: boolean): void {
  const { version } = release;
  if (installed === null || compareVersions(version, installed) >= 0 || (isAsked && release.mayReplace(installed))) return;
  const why = isAsked ? ', and nobody signed that it may take its place' : '';
  throw new UpdaterError('RELEASE_DOWNGRADE', `${version} is older than the installed ${installed}${why}`, {
    details: { version, installed },
  });
}

async function verifyTarget(
  context: UpdateContext,
  { answer, installed, version }: { readonly answer: PlanAnswer; readonly installed: Installed; readonly version: string },
  signal?: AbortSignal,
): Promise<VerifiedRelease> {
  const { target } = answer;
  if (target.version !== version)
    throw new UpdaterError('PLAN_INVALID', `the server planned for ${target.version} instead of ${version}`);
  // Another application's release would take the place of the installed one's files.
  for (const name of ['application', 'platform'] as const) {
    const asked = context[name] ?? installed.state?.[name] ?? answer[name];
    if (answer[name] !== asked)
      throw new UpdaterError('PLAN_INVALID', `the server planned for ${answer[name]} instead of ${asked}`);
  }
  const claim = {
    application: answer.application,
    platform: answer.platform,
    version,
    manifestDigest: target.manifest_digest as Digest,
    zip: { digest: target.zip.digest as Digest, bytes: target.zip.bytes },
  };
  return context.trust.verifyRelease(claim, signal);
}

/** The manifest of the release that an install without one of its own turns out to be. */
async function identifyBase(
  context: UpdateContext,
  installed: Installed,
  options: { readonly signal?: AbortSignal },
): Promise<Manifest | null> {
  const found = await identifyInstall(context, { claimedVersion: installed.version?.version ?? null, ...options });
  if (found === null) return null;
  const { manifest, matched, asked } = found;
  context.emit({ kind: 'base-identified', version: manifest.version, matched, files: asked });
  return manifest;
}
