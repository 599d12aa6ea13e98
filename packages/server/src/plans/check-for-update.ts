import { type CodecName, compareVersions, parseVersion, shownVersion } from '@remendo/core';
import type { CheckAnswer } from '@remendo/core/protocol';
import type { Db } from '../database/open-database.js';
import {
  type ApplicationRecord,
  type BuildRecord,
  type Channel,
  findBuild,
  findOffered,
  findPlatform,
} from '../releases/release-records.js';
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
}

/** What a terminal should have; never something older than what it has. */
export async function checkForUpdate(
  ports: { readonly db: Db; readonly plans: PlanService },
  input: CheckInput,
): Promise<CheckAnswer> {
  const { application, channel } = input;
  const platform = await findPlatform(ports.db, application.id, input.platform);
  const current = input.version === undefined ? null : parseVersion(input.version).version;
  const offered = await findOffered(ports.db, { applicationId: application.id, platform, channel });
  const names = { application: application.slug, platform, current_version: current };
  if (offered === null) return { update_available: false, ...names, latest_version: null, reason: 'nothing_published' };
  if (current !== null && compareVersions(offered.version, current) <= 0) {
    const reason = compareVersions(offered.version, current) === 0 ? 'up_to_date' : 'newer_installed';
    return { update_available: false, ...names, latest_version: offered.version, reason };
  }
  const base = current === null ? null : await findBuild(ports.db, { applicationId: application.id, platform, version: current });
  return {
    update_available: true,
    ...names,
    ...describe(offered),
    patch_bytes: await patchBytes(ports, base, offered, input.codecs),
  };
}

function describe(offered: BuildRecord) {
  return {
    latest_version: offered.version,
    ...(offered.display_version === null ? {} : { display_version: offered.display_version }),
    type: offered.type,
    download_url: `/api/v1/updates/download/${encodeURIComponent(shownVersion(versionOf(offered)))}${buildQuery(offered)}`,
    checksum: `sha256:${offered.zip_object}`,
    size_bytes: offered.zip_bytes,
    size_mb: Math.round((offered.zip_bytes / 1024 ** 2) * 100) / 100,
    title: offered.title,
    changelog: offered.changelog,
    breaking_changes: offered.breaking_changes,
    requires_backup: offered.requires_backup,
    requires_downtime: offered.requires_downtime,
    mandatory: offered.mandatory,
  };
}

const versionOf = (build: BuildRecord) =>
  build.display_version === null ? { version: build.version } : { version: build.version, displayVersion: build.display_version };

const buildQuery = ({ application, platform }: BuildRecord): string =>
  `?application=${encodeURIComponent(application)}&platform=${encodeURIComponent(platform)}`;

/** A check is a quick question: a plan that is not made by then is for the next one. */
const planWaitMsMax = 500;

/** What the best plan fetches; null while the delta that would make it smaller, or the plan itself, is still on its way. */
async function patchBytes(
  ports: { db: Db; plans: PlanService },
  base: BuildRecord | null,
  target: BuildRecord,
  codecs: readonly CodecName[],
): Promise<number | null> {
  if (base !== null && (await isUnderWay(ports.db, base, target))) return null;
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, planWaitMsMax, null);
  });
  // A terminal is told of its update all the same; who asks for the plan is told what failed.
  const plan = ports.plans.plan(base, target, codecs).catch(() => null);
  const answer = await Promise.race([plan, tooLate]).finally(() => clearTimeout(timer));
  return answer?.plans[0]?.fetch_bytes ?? null;
}

async function isUnderWay(db: Db, base: BuildRecord, target: BuildRecord): Promise<boolean> {
  const delta = await db
    .selectFrom('delta')
    .where('base_build_id', '=', base.buildId)
    .where('target_build_id', '=', target.buildId)
    .where('state', 'in', ['wanted', 'building'])
    .select('id')
    .executeTakeFirst();
  return delta !== undefined;
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
