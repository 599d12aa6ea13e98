/** The check: what a terminal should have, decided in memory; the answer of equal terminals is made once. */
import {
  bucketOf,
  type Channel,
  type CodecName,
  compareVersions,
  decideOffer,
  digestOf,
  type Offer,
  type OfferTerminal,
  parseVersion,
  shownVersion,
} from '@remendo/core';
import type { CheckAnswer } from '@remendo/core/protocol';
import type { CatalogueView, PlatformReleases } from '../releases/catalogue.js';
import { isOpenTo } from '../releases/release-access.js';
import type { ApplicationRecord, BuildRecord } from '../releases/release-records.js';
import { zipName } from '../releases/versions-folder.js';
import type { PlanService } from './plan-service.js';

export interface CheckInput {
  readonly application: ApplicationRecord;
  readonly platform: string | undefined;
  /** As the terminal says it; undefined: it does not know. */
  readonly version: string | undefined;
  readonly channel: Channel;
  /** Of patches that the terminal can apply. */
  readonly codecs: readonly CodecName[];
  readonly terminal: Omit<OfferTerminal, 'version'>;
  /** Why its customer gets no updates, whatever there is; null: it does. */
  readonly refusal: 'license_expired' | 'license_suspended' | null;
}

export interface PreparedAnswer {
  readonly platform: string;
  /** Of what is installed; null: the terminal did not say. */
  readonly version: string | null;
  readonly outcome: string;
  /** As JSON. */
  readonly body: string;
  readonly etag: string;
}

/** What a terminal should have; never something older than what it has, but by a pin that says so. @throws UpdaterError RELEASE_VERSION_INVALID. */
export async function checkForUpdate(view: CatalogueView, plans: PlanService, input: CheckInput): Promise<PreparedAnswer> {
  const { application, channel, terminal } = input;
  const platform = view.platform(application, input.platform);
  const version = input.version === undefined ? null : parseVersion(input.version).version;
  const releases = view.releases(application, platform);
  const asked = { ...input, platform, version };
  const key = `${application.id} ${platform} ${version} ${channel} ${input.codecs} ${input.refusal} ${terminalClass(terminal, releases)}`;
  const known = view.answers.get(key) as PreparedAnswer | undefined;
  if (known !== undefined) return known;
  const { answer, isLasting } = await answerTo(view, plans, asked);
  const prepared = prepare(answer, { platform, version });
  if (isLasting) view.answers.set(key, prepared);
  return prepared;
}

type Asked = Omit<CheckInput, 'platform' | 'version'> & { readonly platform: string; readonly version: string | null };

/** Terminals of one class get one answer: they differ in what no offer depends on. */
function terminalClass(terminal: CheckInput['terminal'], { offerable }: PlatformReleases): string {
  const { key, group, ring, pinnedVersion, allowDowngrade, blocked } = terminal;
  let buckets = '';
  for (const { seed, share } of partialRollouts(offerable)) buckets += key !== null && bucketOf(seed, key) < share ? '1' : '0';
  // Nearly all terminals have none of these.
  const isPlain = group === null && ring === null && pinnedVersion === null && blocked.length === 0;
  return isPlain ? buckets : JSON.stringify([group, ring, pinnedVersion, allowDowngrade, blocked, buckets]);
}

const partial = new WeakMap<object, readonly { readonly seed: string; readonly share: number }[]>();

function partialRollouts(offerable: PlatformReleases['offerable']) {
  const known = partial.get(offerable);
  if (known !== undefined) return known;
  const found = offerable.map(({ rollout }) => rollout).filter(({ share }) => share > 0 && share < 10_000);
  partial.set(offerable, found);
  return found;
}

function prepare(answer: CheckAnswer, of: Pick<PreparedAnswer, 'platform' | 'version'>): PreparedAnswer {
  const body = JSON.stringify(answer);
  const outcome = answer.update_available ? 'offered' : (answer.reason ?? 'none');
  return { ...of, outcome, body, etag: `"${digestOf(body).slice(0, 32)}"` };
}

async function answerTo(view: CatalogueView, plans: PlanService, asked: Asked) {
  const { application, platform, version, channel } = asked;
  const names = { application: application.slug, platform, current_version: version };
  const releases = view.releases(application, platform);
  const pointer = view.pointer(application, channel);
  const offer = decideOffer({ channel, pointer, releases: releases.offerable, terminal: { ...asked.terminal, version } });
  const latest = offer.kind === 'offer' ? offer.finalVersion : offer.latestVersion;
  if (asked.refusal !== null || offer.kind === 'none') {
    const reason = asked.refusal ?? (offer.kind === 'none' ? offer.reason : 'up_to_date');
    const answer: CheckAnswer = { update_available: false, ...names, latest_version: latest, reason };
    return { answer, isLasting: true };
  }
  const target = releases.byVersion.get(offer.version);
  if (target === undefined) throw new Error(`the offered release ${offer.version} is not in the catalogue`);
  const installed = version === null ? undefined : releases.byVersion.get(version);
  const base = installed !== undefined && isOpenTo(installed, asked.terminal.ring ?? null) ? installed : null;
  const bytes = await patchBytes({ view, plans }, base, target, asked.codecs);
  const answer: CheckAnswer = { update_available: true, ...names, ...describe(target, offer), patch_bytes: bytes ?? null };
  return { answer, isLasting: bytes !== undefined };
}

function describe(target: BuildRecord, offer: Extract<Offer, { kind: 'offer' }>) {
  const { rollout } = target;
  return {
    latest_version: target.version,
    ...describeRelease(target),
    download_url: `/api/v1/updates/download/${encodeURIComponent(shownVersion(versionOf(target)))}${buildQuery(target)}`,
    checksum: `sha256:${target.zip_object}`,
    size_bytes: target.zip_bytes,
    size_mb: Math.round((target.zip_bytes / 1024 ** 2) * 100) / 100,
    mandatory: offer.isMandatory,
    final_version: offer.finalVersion,
    floor_step: offer.isFloorStep,
    downgrade: offer.isDowngrade,
    rollout: { share: rollout.share, state: rollout.state },
  };
}

/** What is said of a release to whoever may have it, however it comes to them. */
export const describeRelease = (build: BuildRecord) => ({
  ...(build.display_version === null ? {} : { display_version: build.display_version }),
  type: build.type,
  title: build.title,
  changelog: build.changelog,
  breaking_changes: build.breaking_changes,
  requires_backup: build.requires_backup,
  requires_downtime: build.requires_downtime,
  rollback_compatible: build.rollback_compatible,
  requirements: build.requirements,
});

const versionOf = (build: BuildRecord) =>
  build.display_version === null ? { version: build.version } : { version: build.version, displayVersion: build.display_version };

const buildQuery = ({ application, platform }: BuildRecord): string =>
  `?application=${encodeURIComponent(application)}&platform=${encodeURIComponent(platform)}`;

/** A check is a quick question: a plan that is not made by then is for the next one. */
const planWaitMsMax = 500;

/**
 * What the best plan fetches; null while the delta that would make it smaller is still on its way, or when no plan can be
 * made; undefined while the plan itself is.
 */
async function patchBytes(
  { view, plans }: { readonly view: CatalogueView; readonly plans: PlanService },
  base: BuildRecord | null,
  target: BuildRecord,
  codecs: readonly CodecName[],
): Promise<number | null | undefined> {
  if (base !== null && view.isUnderWay(base, target)) return null;
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, planWaitMsMax, undefined);
  });
  // A terminal is told of its update all the same; who asks for the plan is told what failed.
  const plan = plans
    .plan(view, { base, target, codecs })
    .then((answer) => answer.plans[0]?.fetch_bytes ?? null)
    .catch(() => null);
  return Promise.race([plan, tooLate]).finally(() => clearTimeout(timer));
}

/** What `/check_update` says, in the words and in the order the first terminals know. */
export function oldCheckAnswer(offered: BuildRecord | null, version: string | undefined) {
  if (offered === null) return { update_available: false };
  const current = version === undefined || version === '' ? null : parseVersion(version).version;
  if (current !== null && compareVersions(offered.version, current) <= 0) return { update_available: false };
  return {
    update_available: true,
    latest_version: offered.display_version ?? offered.version,
    download_url: `/download/${zipName(offered)}`,
    checksum: `sha256:${offered.zip_object}`,
  };
}
