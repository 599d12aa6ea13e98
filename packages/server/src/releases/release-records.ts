/** Builds with their releases, as the database has them. What terminals ask is answered from memory: see `catalogue.ts`. */
import { type Channel, compareVersions, type HaltRule } from '@remendo/core';
import { sql } from 'kysely';
import type { Db, Tx } from '../database/open-database.js';

export interface RolloutRecord {
  readonly seed: string;
  readonly share: number;
  readonly groups: readonly string[];
  readonly rings: readonly string[];
  readonly state: 'running' | 'paused' | 'halted';
  readonly halt_reason: string | null;
  readonly halt_rule: Partial<HaltRule>;
}

export interface ApplicationRecord {
  readonly id: number;
  readonly slug: string;
  readonly access: 'public' | 'licensed';
  readonly version_form: 'semver' | 'four_part' | null;
}

/** A build with its release and its rollout: everything an answer says about it. */
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
  readonly rollback_compatible: boolean;
  readonly mandatory: boolean;
  readonly is_floor: boolean;
  readonly requirements: Readonly<Record<string, string>>;
  readonly released_at: Date | null;
  readonly rollout: RolloutRecord;
  readonly manifest_digest: string;
  readonly manifest_object: string;
  readonly manifest_object_bytes: number;
  readonly zip_object: string;
  readonly zip_bytes: number;
  /** There is an OpenPGP signature of the zip. */
  readonly is_zip_signed: boolean;
  /** The release was withdrawn long ago: its zip is gone. */
  readonly is_removed: boolean;
  readonly files: number;
  readonly installed_bytes: number;
}

/** In a statement with both: a build that joins a release counts when it is signed. */
export const buildState = sql<BuildRecord['state']>`case when build.signed_at is null and release.state in ('testing', 'published')
  then 'draft' else release.state end`;

/** Builds in every state, in no order. */
export const buildQuery = (db: Db | Tx) =>
  db
    .selectFrom('build')
    .innerJoin('release', 'release.id', 'build.release_id')
    .innerJoin('rollout', 'rollout.release_id', 'release.id')
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
      buildState.as('state'),
      'release.title',
      'release.changelog',
      'release.breaking_changes',
      'release.requires_backup',
      'release.requires_downtime',
      'release.rollback_compatible',
      'release.mandatory',
      'release.is_floor',
      'release.requirements',
      'release.released_at',
      sql<RolloutRecord>`to_jsonb(rollout)`.as('rollout'),
      'build.manifest_digest',
      'build.manifest_object',
      'manifest.bytes as manifest_object_bytes',
      'build.zip_object',
      'zip.bytes as zip_bytes',
      sql<boolean>`build.zip_signature is not null`.as('is_zip_signed'),
      sql<boolean>`zip.removed_at is not null`.as('is_removed'),
      'build.files',
      'build.installed_bytes',
    ]);

export async function findBuildById(db: Db | Tx, buildId: number): Promise<BuildRecord | null> {
  return (await buildQuery(db).where('build.id', '=', buildId).executeTakeFirst()) ?? null;
}

/** Builds of an application that may be anybody's base or target some day, newest version first. */
export async function listBuilds(db: Db | Tx, applicationId: number, platform?: string): Promise<readonly BuildRecord[]> {
  let query = buildQuery(db).where('release.application_id', '=', applicationId).where('release.state', '!=', 'withdrawn');
  if (platform !== undefined) query = query.where('build.platform', '=', platform);
  return newestFirst(await query.execute());
}

export const newestFirst = (builds: readonly BuildRecord[]): readonly BuildRecord[] =>
  builds.toSorted((a, b) => compareVersions(b.version, a.version) || (a.platform < b.platform ? -1 : 1));

/** What a channel takes of its own accord: `stable` takes stable releases and hotfixes, `development` takes all. */
export const channelTakes = (channel: Channel, type: BuildRecord['type']): boolean =>
  channel === 'development' || type !== 'development';
