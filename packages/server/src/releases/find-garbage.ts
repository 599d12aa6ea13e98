/**
 * Objects that nothing needs. An object is needed while
 * - a release has it as its zip, but for one that was withdrawn a month ago and that no terminal was seen with since;
 * - a release has it as its manifest, always: who has a release, withdrawn or not, must find the way from it;
 * - a delta has it as its index or its pack, or is built of patches in it;
 * - a plan named it within a month, or it was stored within a month.
 * Patches and contents in it alone keep nothing: a plan that uses them says so.
 */
import type { Digest } from '@remendo/core';
import { type RawBuilder, sql } from 'kysely';
import type { Db, Tx } from '../database/open-database.js';
import type { ObjectKind } from '../database/tables.js';

export const keepDays = 30;
/** Plans are handed out again for a day after they were written down as used: see `PlanService`. */
const planDays = 1;

export type GarbageReason = 'release_withdrawn' | 'unused' | 'never_recorded';

export interface Garbage {
  readonly digest: Digest;
  readonly bytes: number;
  readonly kind: ObjectKind;
  readonly reason: GarbageReason;
  readonly stored_at: Date;
  /** When a plan was made that names it, or a release or delta was recorded with it; null: never. */
  readonly last_used_at: Date | null;
  /** When it was found to be garbage; null: it was not yet. */
  readonly doomed_at: Date | null;
}

const before = (now: Date, days: number): RawBuilder<Date> =>
  sql`(${now.toISOString()}::timestamptz - make_interval(days => ${days}))`;

/** Of a row of `object`, in a statement of its own: whether it is garbage. What is removed already is not. */
export const isGarbage = (now: Date) => sql<boolean>`(
  object.removed_at is null and object.created_at < ${before(now, keepDays)}
  and not exists (select 1 from build where build.manifest_object = object.digest)
  and not exists (
    select 1 from build join release on release.id = build.release_id
    where build.zip_object = object.digest and ${isZipNeeded(now)})
  and not exists (select 1 from delta where delta.index_object = object.digest)
  and not exists (select 1 from delta where delta.pack_object = object.digest)
  and not exists (select 1 from patch join delta_patch on delta_patch.patch_id = patch.id where patch.object = object.digest)
  and not exists (
    select 1 from object_use
    where object_use.object = object.digest and object_use.used_at > ${before(now, keepDays + planDays)}))`;

/** A zip is read to build deltas, and gives single contents to whoever has the release and lost some. */
const isZipNeeded = (now: Date) => sql`(
  release.state <> 'withdrawn' or release.updated_at > ${before(now, keepDays)}
  or exists (
    select 1 from sighting
    where sighting.application_id = release.application_id and sighting.platform = build.platform
      and sighting.version = release.version and sighting.checked_at > ${before(now, keepDays)})
  or exists (
    select 1 from delta
    where (delta.base_build_id = build.id or delta.target_build_id = build.id)
      and (delta.state in ('wanted', 'building') or delta.is_refining)))`;

const reason = sql<GarbageReason>`case
  when object.kind = 'stray' then 'never_recorded'
  when exists (select 1 from build where build.zip_object = object.digest) then 'release_withdrawn'
  else 'unused' end`;

const garbageColumns = sql`digest, bytes, kind, ${reason} as reason, created_at as stored_at, doomed_at,
  (select max(used_at) from object_use where object_use.object = object.digest) as last_used_at`;

/** Garbage by its digests, doomed or not. @param page default: all of it. */
export async function findGarbage(
  db: Db,
  now: Date,
  page: { readonly after: string | null; readonly limit: number | null } = { after: null, limit: null },
): Promise<readonly Garbage[]> {
  const { rows } = await sql<Garbage>`
    select ${garbageColumns} from object where ${isGarbage(now)} and digest > ${page.after ?? ''}
    order by digest limit ${page.limit}`.execute(db);
  return rows;
}

/** Null: it is needed, or is no more. The caller holds its row. */
export async function findGarbageObject(tx: Tx, now: Date, digest: Digest): Promise<Garbage | null> {
  const { rows } = await sql<Garbage>`
    select ${garbageColumns} from object where digest = ${digest} and ${isGarbage(now)}`.execute(tx);
  return rows[0] ?? null;
}

export async function sumGarbage(db: Db, now: Date): Promise<{ readonly objects: number; readonly bytes: number }> {
  const { rows } = await sql<{ objects: number; bytes: number }>`
    select count(*)::int as objects, coalesce(sum(bytes), 0)::bigint as bytes from object where ${isGarbage(now)}`.execute(db);
  return rows[0] ?? { objects: 0, bytes: 0 };
}
