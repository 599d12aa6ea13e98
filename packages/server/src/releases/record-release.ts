/** The transaction that makes a release exist: records, channel pointers, and the deltas it wants. */
import { randomUUID } from 'node:crypto';
import {
  type Channel,
  compareVersions,
  type Digest,
  encodeManifest,
  type Manifest,
  manifestBytes,
  manifestDigest,
  type ReleaseVersion,
  UpdaterError,
} from '@remendo/core';
import type { ContentInZip } from '@remendo/core/publish';
import { sql } from 'kysely';
import type { Db, Tx } from '../database/open-database.js';
import type { ObjectKind } from '../database/tables.js';
import { recordObjectUse } from './object-use.js';
import { channelTakes } from './release-records.js';

export interface ReleaseFields {
  readonly type: 'stable' | 'development' | 'hotfix';
  readonly title: string;
  readonly description: string;
  readonly changelog: string;
  readonly breakingChanges: string;
  readonly requiresBackup: boolean;
  readonly requiresDowntime: boolean;
  readonly rollbackCompatible: boolean;
  readonly mandatory: boolean;
  readonly isFloor: boolean;
  readonly requirements: Readonly<Record<string, string>>;
  readonly state: 'draft' | 'testing' | 'published';
  readonly rollout: { readonly share: number; readonly groups: readonly string[]; readonly rings: readonly string[] };
  /** Of an application that is published for the first time. */
  readonly access: 'public' | 'licensed';
}

export interface StoredBuild {
  readonly manifest: Manifest;
  readonly manifestDigest: string;
  readonly manifestObject: { readonly digest: Digest; readonly bytes: number };
  readonly zip: { readonly digest: Digest; readonly bytes: number };
  readonly contents: readonly ContentInZip[];
  /** Detached OpenPGP signature of the zip, armored; null: there is none. */
  readonly zipSignature: string | null;
}

export interface RecordedBuild {
  readonly buildId: number;
  readonly releaseId: number;
  readonly alreadyPublished: boolean;
}

export async function recordObject(
  tx: Tx,
  object: { readonly digest: string; readonly bytes: number },
  kind: ObjectKind,
): Promise<void> {
  await tx
    .insertInto('object')
    .values({ digest: object.digest, bytes: object.bytes, kind })
    // Takes the row, so that it is not collected as garbage before this transaction says who uses it.
    .onConflict((conflict) => conflict.column('digest').doUpdateSet({ kind, doomed_at: null, removed_at: null }))
    .execute();
}

/**
 * @returns the build that is recorded with this manifest already; null when it is one to record.
 * @throws UpdaterError RELEASE_EXISTS when the version is published with another manifest or as another type,
 * RELEASE_VERSION_INVALID when the application writes its versions in the other form.
 */
export async function findRecorded(db: Db | Tx, manifest: Manifest, type: ReleaseFields['type']): Promise<RecordedBuild | null> {
  const application = await db
    .selectFrom('application')
    .where('slug', '=', manifest.application)
    .select(['id', 'version_form'])
    .executeTakeFirst();
  if (application === undefined) return null;
  if (application.version_form !== null && application.version_form !== formOf(manifest)) {
    throw otherForm(manifest.application, application.version_form);
  }
  const release = await db
    .selectFrom('release')
    .where('application_id', '=', application.id)
    .where('version', '=', manifest.version)
    .select(['id', 'type'])
    .executeTakeFirst();
  if (release === undefined) return null;
  if (release.type !== type) throw releaseExists(manifest, `as a ${release.type} release`);
  const build = await db
    .selectFrom('build')
    .where('release_id', '=', release.id)
    .where('platform', '=', manifest.platform)
    .select(['id', 'manifest_digest'])
    .executeTakeFirst();
  if (build === undefined) return null;
  if (build.manifest_digest !== manifestDigest(manifest)) throw releaseExists(manifest, 'with other files');
  return { buildId: build.id, releaseId: release.id, alreadyPublished: true };
}

/**
 * A second build of a release joins it as it is: the fields are the first one's.
 * @returns the build, new or the one that is already recorded. @throws UpdaterError as `findRecorded` does.
 */
export async function recordRelease(tx: Tx, stored: StoredBuild, fields: ReleaseFields): Promise<RecordedBuild> {
  const { manifest } = stored;
  const applicationId = await takeApplication(tx, manifest, fields.access);
  const recorded = await findRecorded(tx, manifest, fields.type);
  if (recorded !== null) return recorded;
  const releaseId = await takeRelease(tx, applicationId, manifest, fields);
  await recordObject(tx, stored.zip, 'zip');
  await recordObject(tx, stored.manifestObject, 'manifest');
  const { id: buildId } = await tx
    .insertInto('build')
    .values({
      release_id: releaseId,
      platform: manifest.platform,
      manifest_digest: stored.manifestDigest,
      manifest_object: stored.manifestObject.digest,
      zip_object: stored.zip.digest,
      zip_signature: stored.zipSignature,
      files: manifest.files.length,
      installed_bytes: manifestBytes(manifest),
      manifest_bytes: encodeManifest(manifest).length,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  await recordContents(
    tx,
    stored.contents.map((content) => ({ ...content, object: stored.zip.digest })),
  );
  await recordObjectUse(tx, { application: manifest.application, buildId }, [stored.zip.digest, stored.manifestObject.digest]);
  return { buildId, releaseId, alreadyPublished: false };
}

const releaseExists = (of: { application: string; version: string }, how: string): UpdaterError =>
  new UpdaterError('RELEASE_EXISTS', `${of.application} ${of.version} is already published ${how}`, {
    details: { application: of.application, version: of.version },
  });

type VersionForm = 'semver' | 'four_part';

const formOf = (version: ReleaseVersion): VersionForm => (version.displayVersion === undefined ? 'semver' : 'four_part');

function otherForm(slug: string, form: VersionForm): UpdaterError {
  const expected = form === 'semver' ? 'semver' : 'four parts';
  const message = `${slug} writes its versions as ${expected}; the two forms do not order among each other`;
  return new UpdaterError('RELEASE_VERSION_INVALID', message, { details: { application: slug, expected } });
}

/** The application's row, made by its first release and held until the transaction ends: releases of one application queue up here. */
async function takeApplication(tx: Tx, manifest: Manifest, access: ReleaseFields['access']): Promise<number> {
  const { application: slug } = manifest;
  const form = formOf(manifest);
  await tx
    .insertInto('application')
    .values({ slug, name: slug, version_form: form, access })
    .onConflict((conflict) => conflict.column('slug').doNothing())
    .execute();
  const application = await tx
    .selectFrom('application')
    .where('slug', '=', slug)
    .select(['id', 'version_form'])
    .forUpdate()
    .executeTakeFirstOrThrow();
  if (application.version_form === null) {
    await tx.updateTable('application').set({ version_form: form }).where('id', '=', application.id).execute();
  }
  return application.id;
}

async function takeRelease(tx: Tx, applicationId: number, manifest: Manifest, fields: ReleaseFields): Promise<number> {
  const existing = await tx
    .selectFrom('release')
    .where('application_id', '=', applicationId)
    .where('version', '=', manifest.version)
    .select('id')
    .executeTakeFirst();
  if (existing !== undefined) return existing.id;
  const { id } = await tx
    .insertInto('release')
    .values({
      application_id: applicationId,
      version: manifest.version,
      display_version: manifest.displayVersion ?? null,
      type: fields.type,
      // Until its builds are signed nobody gets it.
      state: 'draft',
      state_when_signed: fields.state === 'draft' ? null : fields.state,
      title: fields.title,
      description: fields.description,
      changelog: fields.changelog,
      breaking_changes: fields.breakingChanges,
      requires_backup: fields.requiresBackup,
      requires_downtime: fields.requiresDowntime,
      rollback_compatible: fields.rollbackCompatible,
      mandatory: fields.mandatory,
      is_floor: fields.isFloor,
      requirements: JSON.stringify(fields.requirements),
      released_at: null,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  const { share, groups, rings } = fields.rollout;
  const rollout = { release_id: id, seed: randomUUID(), share, groups: JSON.stringify(groups), rings: JSON.stringify(rings) };
  await tx.insertInto('rollout').values(rollout).execute();
  return id;
}

export interface ContentRecord {
  readonly object: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly offset: number;
  readonly encodedBytes: number;
  readonly encoding: 'identity' | 'deflate' | 'brotli';
  readonly encodedSha256: string;
}

/** In one statement whatever their number: the rows travel as one JSON parameter. */
export async function recordContents(tx: Tx, contents: readonly ContentRecord[]): Promise<void> {
  if (contents.length === 0) return;
  const rows = JSON.stringify(
    contents.map(({ object, sha256, bytes, offset, encodedBytes, encoding, encodedSha256 }) => ({
      object,
      sha256,
      bytes,
      offset,
      encoded_bytes: encodedBytes,
      encoding,
      encoded_sha256: encodedSha256,
    })),
  );
  await sql`
    insert into content (object, sha256, bytes, "offset", encoded_bytes, encoding, encoded_sha256)
    select object, sha256, bytes, "offset", encoded_bytes, encoding, encoded_sha256
    from jsonb_to_recordset(${rows}::text::jsonb)
      as row (object text, sha256 text, bytes bigint, "offset" bigint, encoded_bytes bigint, encoding text, encoded_sha256 text)
    on conflict (object, sha256) do nothing`.execute(tx);
}

/** A channel points to the newest release that was published to it: releases may be published out of order. */
export async function movePointers(tx: Tx, applicationId: number, releaseId: number): Promise<void> {
  const release = await tx
    .selectFrom('release')
    .where('id', '=', releaseId)
    .select(['version', 'type', 'state'])
    .executeTakeFirstOrThrow();
  if (release.state !== 'published') return;
  for (const channel of ['stable', 'development'] satisfies Channel[]) {
    if (!channelTakes(channel, release.type)) continue;
    const pointer = await tx
      .selectFrom('channel')
      .innerJoin('release', 'release.id', 'channel.release_id')
      .where('channel.application_id', '=', applicationId)
      .where('channel.channel', '=', channel)
      .select('release.version')
      .executeTakeFirst();
    if (pointer !== undefined && compareVersions(pointer.version, release.version) >= 0) continue;
    await pointChannel(tx, { applicationId, channel, releaseId });
  }
}

export async function pointChannel(
  tx: Tx,
  { applicationId, channel, releaseId }: { readonly applicationId: number; readonly channel: Channel; readonly releaseId: number },
): Promise<void> {
  await tx
    .insertInto('channel')
    .values({ application_id: applicationId, channel, release_id: releaseId })
    .onConflict((conflict) => conflict.columns(['application_id', 'channel']).doUpdateSet({ release_id: releaseId }))
    .execute();
}
