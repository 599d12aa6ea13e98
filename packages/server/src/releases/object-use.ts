/** Which builds, and plans that lead to them, name an object: who may fetch it, and how long it stays. */
import { type Digest, UpdaterError } from '@remendo/core';
import { sql } from 'kysely';
import type { Db, Tx } from '../database/open-database.js';
import type { ObjectStore } from '../object-store/object-store.js';
import { isOpen } from './release-access.js';
import { type BuildRecord, buildState } from './release-records.js';

/** What the objects belong to, or lead to. */
export type UsingBuild = Pick<BuildRecord, 'application' | 'buildId'>;

/**
 * The objects stay for a month from now. They are taken in one order, so that two who record the same do not wait for
 * each other; and who collects garbage waits, or is waited for.
 * @throws UpdaterError STORAGE_FAILED when one of them is gone, which making what names it again mends.
 */
export async function recordObjectUse(db: Db | Tx, build: UsingBuild, objects: readonly string[]): Promise<void> {
  const digests = [...new Set(objects)];
  const { rows } = await sql<{ object: string }>`
    with held as (
      select digest from object where digest = any(${digests}::text[]) and removed_at is null order by digest for key share
    )
    insert into object_use (object, application_id, build_id)
    select held.digest, application.id, ${build.buildId}::integer from held, application
    where application.slug = ${build.application} order by held.digest
    on conflict (object, application_id, build_id) do update set used_at = now()
    returning object`.execute(db);
  const recorded = new Set(rows.map(({ object }) => object));
  const gone = digests.find((digest) => !recorded.has(digest));
  if (gone !== undefined) throw new UpdaterError('STORAGE_FAILED', `object ${gone} is not stored any more`);
}

/**
 * What a plan that leads to the build may name of these objects, with their bytes: nothing that only leads to builds which
 * not everybody who may have this one may know of.
 */
export async function findUsable(db: Db, build: UsingBuild, objects: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const rows = await db
    .selectFrom('object')
    .innerJoin('object_use', 'object_use.object', 'object.digest')
    .leftJoin('build', 'build.id', 'object_use.build_id')
    .leftJoin('release', 'release.id', 'build.release_id')
    .where('object.digest', '=', sql<string>`any(${[...new Set(objects)]}::text[])`)
    .select(['object.digest', 'object.bytes', 'object_use.build_id', buildState.as('state'), 'release.released_at'])
    .execute();
  const usable = rows.filter((row) => row.build_id === null || row.build_id === build.buildId || isOpen(row));
  return new Map(usable.map(({ digest, bytes }) => [digest, bytes]));
}

/**
 * To be called in the transaction that records objects, after it took their rows: what was stored before may have been
 * collected as garbage meanwhile, and then has to be stored again.
 * @throws UpdaterError STORAGE_FAILED, which trying again mends.
 */
export async function requireStored(objects: ObjectStore, digests: readonly Digest[]): Promise<void> {
  for (const digest of digests) {
    if ((await objects.stat(digest)) === null) throw new UpdaterError('STORAGE_FAILED', `object ${digest} is not stored any more`);
  }
}
