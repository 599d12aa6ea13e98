/** Fetches what one plan needs beyond what the terminal holds: afterwards staging needs no network, but to heal. */
import type { Delta, DeltaObject, Derivation } from '../delta/delta.js';
import { derivationBases, derivationTargets } from '../delta/delta.js';
import { decodeDeltaIndex } from '../delta/delta-index.js';
import { resolveDelta } from '../delta/resolve-delta.js';
import { type Downloads, downloadRoom } from '../download/fetch-ranges.js';
import { UpdaterError } from '../errors.js';
import { assertFreeBytes } from '../file-system/free-space.js';
import type { Digest } from '../hash/digest.js';
import { limits } from '../limits.js';
import { manifestDigest } from '../manifest/encode-manifest.js';
import type { Manifest } from '../manifest/manifest.js';
import type { CodecName } from '../patch/codec-name.js';
import { fetchesOf } from '../planner/merge-ranges.js';
import type { ObjectFetch } from '../planner/plan.js';
import { findChanges, type InstallChanges, stagingBytes } from './changes.js';
import { encodingSpareBytes, fetchAll, fetchManifest, fetchSmallObject, wholeObject } from './fetch-objects.js';
import type { PlanOffer, UpdatePlan } from './offer-plans.js';
import { fetchSignature } from './signed-zip.js';
import type { UpdateContext } from './update-context.js';

interface Downloaded {
  readonly plan: UpdatePlan;
  readonly offer: PlanOffer;
  readonly target: Manifest;
}

export type DownloadedUpdate = Downloaded &
  (
    | { readonly kind: 'delta'; readonly derivations: readonly Derivation[]; readonly downloads: Downloads }
    /** `signature`: null where none is asked for. */
    | { readonly kind: 'zip'; readonly zipPath: string; readonly signature: Uint8Array | null }
  );

/** Room beside what is counted: journal, index, file system overhead. */
const spareBytes = 16 * 1024 * 1024;

/**
 * Carries out one offer's downloads; interrupted, the next call goes on where it stopped.
 * @throws UpdaterError DOWNLOAD_…, DELTA_…, MANIFEST_…, PLAN_INVALID, PATCH_CODEC_UNKNOWN, TRUST_…, STORAGE_NO_SPACE before anything is fetched.
 */
export async function downloadUpdate(
  context: UpdateContext,
  plan: UpdatePlan,
  offer: PlanOffer,
  signal?: AbortSignal,
): Promise<DownloadedUpdate> {
  await assertRoom(context, offer.cost.fetchBytes);
  return offer.kind === 'zip' ? downloadZip(context, plan, offer, signal) : downloadDelta(context, plan, offer, signal);
}

/** @throws UpdaterError STORAGE_NO_SPACE unless so much, and a little more, is free where the updater works. */
export const assertRoom = (context: UpdateContext, bytes: number): Promise<void> =>
  assertFreeBytes(context.host.fileSystem, context.layout.home, bytes + spareBytes);

/** Before the large part of a download: room for it and for the staging after it, which moves the files it replaces. */
async function assertRoomFor(context: UpdateContext, fetches: readonly ObjectFetch[], stagedBytes: number): Promise<void> {
  const room = await downloadRoom({ fileSystem: context.host.fileSystem, folder: context.layout.downloads, fetches });
  await assertRoom(context, room + stagedBytes);
}

async function downloadZip(
  context: UpdateContext,
  plan: UpdatePlan,
  offer: PlanOffer,
  signal?: AbortSignal,
): Promise<DownloadedUpdate> {
  const { zip, manifest } = plan.release;
  const target = await fetchManifest(context, plan.manifest, manifest, signal);
  assertIsRelease(target, plan);
  await assertRoomFor(context, [wholeObject(zip)], stagingBytes(await findChanges(context, plan, target, signal), []));
  const signature = await fetchSignature(context, plan.release.version, signal);
  const downloads = await fetchAll(context, [wholeObject(zip)], signal === undefined ? {} : { signal });
  const { path } = downloads.locate({ object: zip.digest, offset: 0, bytes: zip.bytes });
  return { kind: 'zip', plan, offer, target, zipPath: path, signature };
}

async function downloadDelta(
  context: UpdateContext,
  plan: UpdatePlan,
  offer: PlanOffer,
  signal?: AbortSignal,
): Promise<DownloadedUpdate> {
  const delta = await fetchDelta(context, plan, offer.index, signal);
  const changes = await findChanges(context, plan, delta.target, signal);
  const derivations = neededDerivations(delta, changes);
  assertCodecs(derivations, context.codecs);
  assertLengths(derivations);
  const fetches = fetchesOf(derivations, delta.objects);
  await assertRoomFor(context, fetches, stagingBytes(changes, derivations));
  const downloads = await fetchAll(context, fetches, {
    blobs: derivations.map((derivation) => derivation.blob),
    // A blob that is damaged costs its content, not the plan: staging finds it again and heals.
    keepsDamaged: true,
    ...(signal === undefined ? {} : { signal }),
  });
  return { kind: 'delta', plan, offer, target: delta.target, derivations, downloads };
}

/** Before anything large is fetched: a server that was not told, or does not listen, offers all it has. */
function assertCodecs(derivations: readonly Derivation[], known: readonly CodecName[]): void {
  for (const derivation of derivations) {
    if (derivation.kind === 'whole' || known.includes(derivation.codec)) continue;
    const { codec } = derivation;
    throw new UpdaterError('PATCH_CODEC_UNKNOWN', `the plan needs the codec ${codec}, which this terminal does not take`, {
      details: { codec, known },
    });
  }
}

/** Patches are not signed, what they make is: one that is longer than that is worth nothing, whatever it says. */
function assertLengths(derivations: readonly Derivation[]): void {
  for (const derivation of derivations) {
    const madeBytes = derivationTargets(derivation).reduce((sum, { bytes }) => sum + bytes, 0);
    const spare = derivation.kind === 'whole' ? encodingSpareBytes(madeBytes) : 0;
    if (derivation.blob.bytes <= madeBytes + spare) continue;
    throw new UpdaterError('DELTA_INVALID', `a ${derivation.kind} of ${derivation.blob.bytes} bytes makes only ${madeBytes}`);
  }
}

/** The delta, proved to lead from what is installed to the release that is trusted. */
async function fetchDelta(
  context: UpdateContext,
  plan: UpdatePlan,
  index: DeltaObject | null,
  signal?: AbortSignal,
): Promise<Delta> {
  if (index === null) throw new UpdaterError('PLAN_INVALID', 'the plan has no index');
  const encoded = await fetchSmallObject(context, index, limits.deltaIndexEncodedBytesMax, signal);
  const delta = resolveDelta(decodeDeltaIndex(encoded), plan.deltaBase);
  const digest = manifestDigest(delta.target);
  if (digest !== plan.release.manifestDigest) {
    throw new UpdaterError('MANIFEST_DIGEST_MISMATCH', `the delta leads to another manifest than ${plan.release.version} has`, {
      details: { expected: plan.release.manifestDigest, actual: digest },
    });
  }
  assertIsRelease(delta.target, plan);
  return delta;
}

/** A manifest of another release would be installed under its own version: an older one, or one that was rolled back here. */
function assertIsRelease({ application, platform, version }: Manifest, { release }: UpdatePlan): void {
  if (application === release.application && platform === release.platform && version === release.version) return;
  throw new UpdaterError('PLAN_INVALID', `the manifest of ${release.version} is one of ${application} ${version} for ${platform}`);
}

/** Only what leads to files that change and to contents that the install root does not hold. */
function neededDerivations(delta: Delta, { changes, ownContents, held }: InstallChanges): readonly Derivation[] {
  const isNeeded = new Set<Digest>();
  changes.forEach(({ target }, index) => {
    if (target !== null && !ownContents.has(index) && !held.has(target.sha256)) isNeeded.add(target.sha256);
  });
  const derivations: Derivation[] = [];
  for (const derivation of [...delta.derivations].reverse()) {
    if (!derivationTargets(derivation).some((target) => isNeeded.has(target.sha256))) continue;
    derivations.push(derivation);
    for (const base of derivationBases(derivation)) if (!held.has(base.sha256)) isNeeded.add(base.sha256);
  }
  return derivations.reverse();
}
