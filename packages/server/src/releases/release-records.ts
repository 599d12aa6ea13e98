/** Reading applications, releases and builds. What is asked for without a name is found by the rules in one place: here. */
import { compareVersions, parseVersion, UpdaterError } from '@remendo/core';
import type { Db, Tx } from '../database/open-database.js';

export type Channel = 'stable' | 'development';

export interface ApplicationRecord {
  readonly id: number;
  readonly slug: string;
  readonly access: 'public' | 'licensed';
  readonly version_form: 'semver' | 'four_part' | null;
}

/** A build with its release: everything an answer says about it. */
export interface BuildRecord {
  readonly buildId: number;
  readonly releaseId: number;
  readonly application: string;
  readonly platform: string;
  readonly version: string;
  readonly display_version: string | null;
  readonly type: 'stable' | 'development' | 'hotfix';
  readonly state: 'draft' | 'testing' | 'published' | 'deprecated' | 'withdrawn';
  readonly title: string;
  readonly changelog: string;
  readonly breaking_changes: string;
  readonly requires_backup: boolean;
  readonly requires_downtime: boolean;
  readonly mandatory: boolean;
  readonly released_at: Date | null;
  readonly manifest_digest: string;
  readonly manifest_object: string;
  readonly manifest_object_bytes: number;
  readonly zip_object: string;
  readonly zip_bytes: number;
  readonly files: number;
  readonly installed_bytes: number;
}

export interface Asked {
  readonly application?: string | undefined;
  readonly platform?: string | undefined;
}

/** Which application a request means: the one it names, else the configured default, else the first one published. */
export async function findApplication(db: Db | Tx, slug: string | undefined, fallback: string | null): Promise<ApplicationRecord> {
  const name = slug ?? fallback;
  let query = db.selectFrom('application').select(['id', 'slug', 'access', 'version_form']);
  query = name === null ? query.orderBy('id').limit(1) : query.where('slug', '=', name);
  const found = await query.executeTakeFirst();
  if (found === undefined) {
    throw new UpdaterError(
      'APPLICATION_NOT_FOUND',
      name === null ? 'no application has been published yet' : `there is no application ${name}`,
      {
        details: name === null ? {} : { application: name },
      },
    );
  }
  return found;
}

/** Which platform a request means: the one it names, else the application's only one, else `any`, else its first. */
export async function findPlatform(db: Db | Tx, applicationId: number, platform: string | undefined): Promise<string> {
  if (platform !== undefined) return platform;
  const rows = await db
    .selectFrom('build')
    .innerJoin('release', 'release.id', 'build.release_id')
    .where('release.application_id', '=', applicationId)
    .select((eb) => ['build.platform', eb.fn.min('build.id').as('first')])
    .groupBy('build.platform')
    .orderBy('first')
    .execute();
  return rows.find((row) => row.platform === 'any')?.platform ?? rows[0]?.platform ?? 'any';
}

const buildQuery = (db: Db | Tx) =>
  db
    .selectFrom('build')
    .innerJoin('release', 'release.id', 'build.release_id')
    .innerJoin('application', 'application.id', 'release.application_id')
    .innerJoin('object as zip', 'zip.digest', 'build.zip_object')
    .innerJoin('object as manifest', 'manifest.digest', 'build.manifest_object')
    .select([
      'build.id as buildId',
      'release.id as releaseId',
      'application.slug as application',
      'build.platform',
      'release.version',
      'release.display_version',
      'release.type',
      'release.state',
      'release.title',
      'release.changelog',
      'release.breaking_changes',
      'release.requires_backup',
      'release.requires_downtime',
      'release.mandatory',
      'release.released_at',
      'build.manifest_digest',
      'build.manifest_object',
      'manifest.bytes as manifest_object_bytes',
      'build.zip_object',
      'zip.bytes as zip_bytes',
      'build.files',
      'build.installed_bytes',
    ]);

/** Published builds of an application, newest version first. */
export async function listBuilds(db: Db | Tx, applicationId: number, platform?: string): Promise<readonly BuildRecord[]> {
  let query = buildQuery(db).where('release.application_id', '=', applicationId).where('release.state', '=', 'published');
  if (platform !== undefined) query = query.where('build.platform', '=', platform);
  const builds = await query.execute();
  return builds.sort((a, b) => compareVersions(b.version, a.version) || (a.platform < b.platform ? -1 : 1));
}

/** One build by version, as people write it. Null when it was never published. */
export async function findBuild(
  db: Db | Tx,
  of: { readonly applicationId: number; readonly platform: string; readonly version: string },
): Promise<BuildRecord | null> {
  const { version } = parseVersion(of.version);
  const found = await buildQuery(db)
    .where('release.application_id', '=', of.applicationId)
    .where('release.state', '=', 'published')
    .where('release.version', '=', version)
    .where('build.platform', '=', of.platform)
    .executeTakeFirst();
  return found ?? null;
}

export async function findBuildById(db: Db | Tx, buildId: number): Promise<BuildRecord | null> {
  return (await buildQuery(db).where('build.id', '=', buildId).executeTakeFirst()) ?? null;
}

/** @throws UpdaterError RELEASE_NOT_FOUND or RELEASE_VERSION_INVALID. */
export async function requireBuild(
  db: Db | Tx,
  of: { readonly application: ApplicationRecord; readonly platform: string; readonly version: string },
): Promise<BuildRecord> {
  const build = await findBuild(db, { applicationId: of.application.id, platform: of.platform, version: of.version });
  if (build !== null) return build;
  throw new UpdaterError('RELEASE_NOT_FOUND', `${of.application.slug} ${of.version} is not published for ${of.platform}`, {
    details: { application: of.application.slug, version: of.version, platform: of.platform },
  });
}

/** What a channel takes of its own accord: `stable` takes stable releases and hotfixes, `development` takes all. */
export const channelTakes = (channel: Channel, type: BuildRecord['type']): boolean =>
  channel === 'development' || type !== 'development';

/**
 * What a channel offers on a platform: the release it points to, or, where that has no build for the platform, the
 * newest older one that has.
 */
export async function findOffered(
  db: Db | Tx,
  of: { readonly applicationId: number; readonly platform: string; readonly channel: Channel },
): Promise<BuildRecord | null> {
  const pointer = await db
    .selectFrom('channel')
    .innerJoin('release', 'release.id', 'channel.release_id')
    .where('channel.application_id', '=', of.applicationId)
    .where('channel.channel', '=', of.channel)
    .select(['release.id', 'release.version'])
    .executeTakeFirst();
  if (pointer === undefined) return null;
  // Nearly always there: then the changelogs of all other releases stay where they are.
  const pointed = await buildQuery(db)
    .where('release.id', '=', pointer.id)
    .where('release.state', '=', 'published')
    .where('build.platform', '=', of.platform)
    .executeTakeFirst();
  if (pointed !== undefined) return pointed;
  const builds = await listBuilds(db, of.applicationId, of.platform);
  const offered = builds.find(
    (build) =>
      build.releaseId === pointer.id ||
      (channelTakes(of.channel, build.type) && compareVersions(build.version, pointer.version) < 0),
  );
  return offered ?? null;
}
