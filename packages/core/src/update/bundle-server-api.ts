/**
 * Answers of a server, given by a bundle: the update goes its way as it does online. A plan is offered when all its objects
 * are there; what a signed index says of them is held against the folder, not the other way round.
 */
import { type FolderObjectSourceOptions, folderPieces } from '../download/folder-object-source.js';
import { UpdaterError } from '../errors.js';
import type { Digest } from '../hash/digest.js';
import { compareVersions } from '../manifest/version.js';
import type { BundledRelease, BundleIndex, CheckAnswer, OfferedPlan, PlanAnswer } from '../protocol/index.js';
import { identifyByManifests, locateContents } from './bundle-objects.js';
import { type BundledBuilds, findBuilds, requireRelease } from './bundled-builds.js';
import type { AskingTerminal, ServerApi } from './server-api.js';

export interface BundleServerApiOptions extends FolderObjectSourceOptions {
  /** Asked for whenever something is to be answered; `readBundle` makes one. */
  readonly index: () => Promise<BundleIndex>;
  readonly channel: string;
  readonly asking: () => Promise<AskingTerminal>;
  /** Whether objects that the folder lacks can be had elsewhere (default false). */
  readonly hasOthers?: boolean;
}

/** Answers fail with BUNDLE_INVALID when the bundle has nothing for who asks, or not all of what it names. */
export function bundleServerApi(options: BundleServerApiOptions): ServerApi {
  const builds = async (): Promise<BundledBuilds> => findBuilds(await options.index(), await options.asking());
  return {
    check: async ({ version }) => check(options, await builds(), version),
    async plan({ base, baseManifest, target }) {
      const release = requireRelease(await builds(), target);
      const found =
        release.plans.find((plan) => plan.base?.version === base && plan.base?.manifest_digest === baseManifest) ??
        release.plans.find((plan) => plan.base === null);
      if (found === undefined) throw new UpdaterError('BUNDLE_INVALID', `the bundle has no way to ${target} for this install`);
      return offerComplete(options, found);
    },
    async contents(version, contents) {
      return locateContents(options, requireRelease(await builds(), version), contents);
    },
    blocks: noBlocks,
    backOff: async () => false,
    async signature(version) {
      const { zip_signature: armored } = requireRelease(await builds(), version);
      if (armored === undefined) throw new UpdaterError('RECORD_NOT_FOUND', `${version} has no OpenPGP signature in the bundle`);
      return Buffer.from(armored);
    },
    identify: async (files, signal) => identifyByManifests(options, await builds(), { files, signal }),
  };
}

/** Contents come whole from a folder: there is no link to save bytes on. */
async function* noBlocks(): AsyncGenerator<never, { readonly isComplete: boolean }> {
  yield* [];
  return { isComplete: false };
}

const takes = (channel: string, { type }: BundledRelease): boolean => channel === 'development' || type !== 'development';

async function check(options: BundleServerApiOptions, builds: BundledBuilds, version: string | null): Promise<CheckAnswer> {
  const { application, platform, releases } = builds;
  const names = { application, platform, current_version: version };
  const latest = releases.find((release) => takes(options.channel, release));
  const nothing = (reason: string): CheckAnswer => ({
    update_available: false,
    ...names,
    latest_version: latest?.version ?? null,
    reason,
  });
  if (latest === undefined) return nothing('nothing_published');
  const order = version === null ? 1 : compareVersions(latest.version, version);
  if (order <= 0) return nothing(order === 0 ? 'up_to_date' : 'newer_installed');
  const step = nextStep(builds, latest, version);
  if (step === null) return nothing('floor_not_in_bundle');
  const { plans, floors: _floors, zip_signature: _signature, version: stepVersion, ...described } = step;
  const plan = plans.find(({ base }) => version !== null && base?.version === version) ?? plans.find(({ base }) => base === null);
  const cheapest = plan === undefined ? undefined : (await completePlans(options, plan))[0];
  return {
    update_available: true,
    ...described,
    ...names,
    latest_version: stepVersion,
    ...(plan === undefined ? {} : { size_bytes: plan.target.zip.bytes }),
    patch_bytes: cheapest?.fetch_bytes ?? null,
    final_version: latest.version,
    floor_step: step !== latest,
  };
}

/** The lowest floor on the way, or the release itself; null when the floor is not in the bundle. */
function nextStep({ releases }: BundledBuilds, latest: BundledRelease, version: string | null): BundledRelease | null {
  const above = version === null ? [] : latest.floors.filter((floor) => compareVersions(floor, version) > 0);
  const [lowest] = above.sort(compareVersions);
  return lowest === undefined ? latest : (releases.find((release) => release.version === lowest) ?? null);
}

/** Without the plans that something is missing of; all of them where it can come from elsewhere and none is complete. */
async function offerComplete(options: BundleServerApiOptions, answer: PlanAnswer): Promise<PlanAnswer> {
  const complete = await completePlans(options, answer);
  if (complete.length === 0) {
    if (options.hasOthers === true) return answer;
    throw new UpdaterError('BUNDLE_INVALID', `the bundle lacks objects of every way to ${answer.target.version}`, {
      details: { folder: options.folder, missing: (await firstMissing(options, answer)) ?? '' },
    });
  }
  const losers = answer.plans
    .filter((plan) => !complete.includes(plan))
    .map(({ label, cost_bytes }) => ({ label, cost_bytes, reason: 'not all of it is in the bundle' }));
  return { ...answer, plans: complete, losers: [...losers, ...answer.losers] };
}

async function completePlans(options: BundleServerApiOptions, { plans }: PlanAnswer): Promise<OfferedPlan[]> {
  const complete: OfferedPlan[] = [];
  for (const plan of plans) if ((await missingOf(options, plan)) === null) complete.push(plan);
  return complete;
}

async function firstMissing(options: BundleServerApiOptions, { plans }: PlanAnswer): Promise<Digest | null> {
  return plans[0] === undefined ? null : missingOf(options, plans[0]);
}

/** The first object of the plan that the folder does not have in its size; null: it has all. */
async function missingOf(options: BundleServerApiOptions, { fetches }: OfferedPlan): Promise<Digest | null> {
  for (const { digest, object_bytes: bytes } of fetches) {
    const object = { digest: digest as Digest, bytes };
    for (const piece of folderPieces(options.folder, object, options.pieceBytes)) {
      // A stick that was pulled out has nothing.
      const stat = await options.fileSystem.stat(piece.path).catch(() => null);
      if (stat?.kind !== 'file' || stat.bytes !== piece.bytes) return object.digest;
    }
  }
  return null;
}
