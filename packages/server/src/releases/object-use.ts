/** Which applications' plans and builds name an object: who may fetch it, and how long it stays. */
import { type Digest, UpdaterError } from '@remendo/core';
import { sql } from 'kysely';
import type { Db, Tx } from '../database/open-database.js';
import type { ObjectStore } from '../object-store/object-store.js';

/**
 * The objects stay for a month from now. They are taken in one order, so that two who record the same do not wait for
 * each other; and who collects garbage waits, or is waited for.
 * @throws UpdaterError STORAGE_FAILED when one of them is gone, which making what names it again mends.
 */
export async function recordObjectUse(db: Db | Tx, application: string, objects: readonly string[]): Promise<void> {
  const digests = [...new Set(objects)];
  const { rows } = await sql<{ object: string }>`
    with held as (
      select digest from object where digest = any(${digests}::text[]) and removed_at is null order by digest for key share
    )
    insert into object_use (object, application_id)
    select held.digest, application.id from held, application where application.slug = ${application} order by held.digest
    on conflict (object, application_id) do update set used_at = now()
    returning object`.execute(db);
  const recorded = new Set(rows.map(({ object }) => object));
  const gone = digests.find((digest) => !recorded.has(digest));
  if (gone !== undefined) throw new UpdaterError('STORAGE_FAILED', `object ${gone} is not stored any more`);
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
