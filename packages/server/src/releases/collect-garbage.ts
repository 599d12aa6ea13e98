/**
 * Removes objects that nothing needs, in two steps an hour or more apart.
 *
 * 1. An object is **doomed**: patches and contents in it are forgotten, so that no new plan or delta can name it. Its bytes
 *    stay for those who are about to, or just did.
 * 2. It is **removed**, unless it came into use meanwhile: first its bytes, then its row. A kill in between leaves a doomed
 *    row without bytes, which the next run takes up again.
 *
 * No race with those who record: both sides take the object's row first. Publishers, builders and planners store bytes,
 * record them in a transaction (which spares what was doomed) and look there whether the bytes are still stored
 * (`requireStored`): what was removed before they came, they store again. Here what needs an object is asked for after its
 * row, and the rows of its patches, are held: a statement of its own, which sees everything that was recorded until then.
 */
import { type Digest, UpdaterError } from '@remendo/core';
import { sql } from 'kysely';
import { type Actor, recordAudit } from '../audit/record-audit.js';
import type { Changes } from '../database/changes.js';
import type { Db, Tx } from '../database/open-database.js';
import type { ObjectStore } from '../object-store/object-store.js';
import { findGarbage, findGarbageObject, type Garbage, isGarbage } from './find-garbage.js';

export interface GarbagePorts {
  readonly db: Db;
  readonly changes: Changes;
  readonly objects: ObjectStore;
}

export interface CollectOptions {
  readonly now: Date;
  readonly actor: Actor;
  readonly reason: string;
  /** Only says what would be done. Default: false. */
  readonly dryRun?: boolean;
  /** Ends it between two objects. Default: never. */
  readonly signal?: AbortSignal;
}

export interface Collected {
  readonly doomedObjects: number;
  readonly doomedBytes: number;
  readonly removedObjects: number;
  readonly removedBytes: number;
}

/** From being doomed to being removed. Longer than it takes to make a plan, or to fetch what an answer names. */
export const graceMs = 3_600_000;
/** What is stored is recorded within a day, or never. */
const strayMs = 86_400_000;

/**
 * Dooms what is garbage now and removes what was doomed an hour ago; every removal is audited.
 * @throws UpdaterError STORAGE_…; what was removed by then is, and the next run goes on.
 */
export async function collectGarbage(ports: GarbagePorts, options: CollectOptions): Promise<Collected> {
  const { now, dryRun = false, signal } = options;
  if (!dryRun) await spareNeeded(ports.db, now);
  const garbage = await findGarbage(ports.db, now);
  const fresh = garbage.filter(({ doomed_at }) => doomed_at === null);
  const due = garbage.filter((object) => isDue(object, now));
  if (dryRun) return summary(fresh, due);
  const doomed = await each(fresh, signal, ({ digest }) => doom(ports.db, digest, now));
  const removed = await each(due, signal, ({ digest }) => remove(ports, digest, options));
  if (removed.some(({ reason }) => reason === 'release_withdrawn')) await ports.changes.change(['catalogue'], async () => {});
  if (signal?.aborted !== true) await noticeStrays(ports, now);
  return summary(doomed, removed);
}

const isDue = ({ doomed_at }: Garbage, now: Date): boolean => doomed_at !== null && now.getTime() - doomed_at.getTime() >= graceMs;

const total = (garbage: readonly Garbage[]): number => garbage.reduce((sum, { bytes }) => sum + bytes, 0);

const summary = (doomed: readonly Garbage[], removed: readonly Garbage[]): Collected => ({
  doomedObjects: doomed.length,
  doomedBytes: total(doomed),
  removedObjects: removed.length,
  removedBytes: total(removed),
});

/** @returns those for which it was done. */
async function each(
  garbage: readonly Garbage[],
  signal: AbortSignal | undefined,
  work: (object: Garbage) => Promise<boolean>,
): Promise<readonly Garbage[]> {
  const done: Garbage[] = [];
  for (const object of garbage) {
    if (signal?.aborted) break;
    if (await work(object)) done.push(object);
  }
  return done;
}

/** What came into use after it was doomed starts anew when it falls out of use again. */
async function spareNeeded(db: Db, now: Date): Promise<void> {
  await sql`update object set doomed_at = null
    where doomed_at is not null and removed_at is null and not ${isGarbage(now)}`.execute(db);
}

/** What it is now that nobody else can record a use of it; null: needed. */
async function takeGarbage(tx: Tx, digest: Digest, now: Date): Promise<Garbage | null> {
  await tx.selectFrom('object').where('digest', '=', digest).select('digest').forUpdate().execute();
  await tx.selectFrom('patch').where('object', '=', digest).select('id').orderBy('id').forUpdate().execute();
  return findGarbageObject(tx, now, digest);
}

async function forgetContents(tx: Tx, digest: Digest): Promise<void> {
  await tx.deleteFrom('patch').where('object', '=', digest).execute();
  await tx.deleteFrom('content').where('object', '=', digest).execute();
}

function doom(db: Db, digest: Digest, now: Date): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    if ((await takeGarbage(tx, digest, now)) === null) return false;
    await forgetContents(tx, digest);
    await tx.updateTable('object').set({ doomed_at: now }).where('digest', '=', digest).execute();
    return true;
  });
}

function remove({ db, objects }: GarbagePorts, digest: Digest, { now, actor, reason }: CollectOptions): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    const object = await takeGarbage(tx, digest, now);
    if (object === null || !isDue(object, now)) return false;
    const { bytes, kind, reason: cause } = object;
    await forgetContents(tx, digest);
    await objects.remove(digest);
    // The record of a release that was withdrawn stays, and names what is gone.
    if (cause === 'release_withdrawn')
      await tx.updateTable('object').set({ removed_at: now }).where('digest', '=', digest).execute();
    else await tx.deleteFrom('object').where('digest', '=', digest).execute();
    const detail = { bytes, kind, cause };
    await recordAudit(tx, actor, { action: 'object_removed', subjectKind: 'object', subject: digest, reason, detail });
    return true;
  });
}

/**
 * Objects without a row, which a kill between storing and recording leaves. They get a row, and are garbage when nobody
 * recorded them for as long as everything is kept. Where they are more than what is recorded, this store is another
 * database's: nothing in it is touched.
 */
async function noticeStrays({ db, objects }: GarbagePorts, now: Date): Promise<void> {
  const recorded = new Set((await db.selectFrom('object').select('digest').execute()).map(({ digest }) => digest));
  const strays: { readonly digest: string; readonly bytes: number }[] = [];
  for await (const { digest, bytes, storedAt } of objects.list()) {
    if (!recorded.has(digest) && now.getTime() - storedAt.getTime() > strayMs) strays.push({ digest, bytes });
  }
  if (strays.length === 0) return;
  if (strays.length > recorded.size) {
    throw new UpdaterError('STORAGE_FAILED', 'most of what is stored is not in this database: whose objects are they?');
  }
  await sql`
    insert into object (digest, bytes, kind, created_at)
    select digest, bytes, 'stray', ${now.toISOString()}::timestamptz
    from jsonb_to_recordset(${JSON.stringify(strays)}::text::jsonb) as row (digest text, bytes bigint)
    order by digest
    on conflict (digest) do nothing`.execute(db);
}
