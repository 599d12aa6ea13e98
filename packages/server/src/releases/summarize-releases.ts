import { compareVersions } from '@remendo/core';
import type { ReleaseSummary } from '@remendo/core/protocol';
import { sql } from 'kysely';
import type { Db } from '../database/open-database.js';
import type { BuildRecord } from './release-records.js';

/**
 * Releases as the API shows them, each with the deltas that lead to it, newest base first.
 * @param isSeen whether the build with this id may be named as a base; default: each of them.
 */
export async function summarizeReleases(
  db: Db,
  builds: readonly BuildRecord[],
  isSeen: (buildId: number) => boolean = () => true,
): Promise<ReleaseSummary[]> {
  const buildIds = builds.map((build) => build.buildId);
  const deltas = byTarget((await deltasTo(db, buildIds)).filter(({ base_build_id }) => isSeen(base_build_id)));
  return builds.map((build) => ({
    application: build.application,
    platform: build.platform,
    version: build.version,
    ...(build.display_version === null ? {} : { display_version: build.display_version }),
    type: build.type,
    state: build.state,
    manifest_digest: build.manifest_digest,
    files: build.files,
    installed_bytes: build.installed_bytes,
    zip: { digest: build.zip_object, bytes: build.zip_bytes },
    zip_signed: build.is_zip_signed,
    title: build.title,
    changelog: build.changelog,
    mandatory: build.mandatory,
    floor: build.is_floor,
    rollout: { share: build.rollout.share, state: build.rollout.state },
    released_at: build.released_at?.toISOString() ?? null,
    deltas: deltas.get(build.buildId) ?? [],
  }));
}

function deltasTo(db: Db, buildIds: readonly number[]) {
  return db
    .selectFrom('delta')
    .innerJoin('build as base', 'base.id', 'delta.base_build_id')
    .innerJoin('release as base_release', 'base_release.id', 'base.release_id')
    .leftJoin('object as index', 'index.digest', 'delta.index_object')
    .leftJoin('object as pack', 'pack.digest', 'delta.pack_object')
    .where('delta.target_build_id', '=', sql<number>`any(${[...buildIds]}::int[])`)
    .select([
      'delta.base_build_id',
      'delta.target_build_id',
      'delta.state',
      'delta.detail',
      'delta.is_refining',
      'base_release.version as base_version',
      'index.bytes as index_bytes',
      'pack.bytes as pack_bytes',
      sql<number>`(select coalesce(sum(patch.bytes), 0)::bigint from delta_patch join patch on patch.id = delta_patch.patch_id
        where delta_patch.delta_id = delta.id and patch.object is distinct from delta.pack_object)`.as('shared_bytes'),
    ])
    .execute();
}

function byTarget(rows: Awaited<ReturnType<typeof deltasTo>>): ReadonlyMap<number, ReleaseSummary['deltas']> {
  const found = new Map<number, ReleaseSummary['deltas']>();
  for (const row of rows.sort((a, b) => compareVersions(b.base_version, a.base_version))) {
    const list = found.get(row.target_build_id) ?? [];
    found.set(row.target_build_id, list);
    list.push({
      base_version: row.base_version,
      state: row.state,
      bytes: row.state === 'ready' ? (row.index_bytes ?? 0) + (row.pack_bytes ?? 0) + Number(row.shared_bytes) : null,
      ...(row.is_refining ? { refining: true } : {}),
      ...(row.detail === null ? {} : { detail: row.detail }),
    });
  }
  return found;
}
