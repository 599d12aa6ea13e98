/** What goes, what stays and what comes back, on every database. */
import { utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, digestOf } from '@remendo/core';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { serverActor } from '../audit/record-audit.js';
import { Changes } from '../database/changes.js';
import type { Db } from '../database/open-database.js';
import { DiskObjectStore } from '../object-store/disk-object-store.js';
import { objectName } from '../object-store/object-name.js';
import { ageStorage } from '../testing/age-storage.test.support.js';
import { openTestDatabase, type TestDatabase, testDatabases } from '../testing/test-database.js';
import { newDataFolder, removeFolder } from '../testing/test-server.js';
import { type CollectOptions, collectGarbage } from './collect-garbage.js';
import { findGarbage } from './find-garbage.js';
import { recordObjectUse, requireStored, type UsingBuild } from './object-use.js';
import { recordObject } from './record-release.js';

const log = { warn() {} } as never;
const hours = (count: number): number => count / 24;

/** Whose zip and manifest are one object, which is not in the store. */
async function addBuild(db: Db): Promise<number> {
  const object = digestOf('a build');
  await db.insertInto('object').values({ digest: object, bytes: 1, kind: 'zip' }).execute();
  const { rows } = await sql<{ id: number }>`
    with made as (
      insert into release (application_id, version, type, state, title, description, changelog, breaking_changes,
        requires_backup, requires_downtime, rollback_compatible, mandatory)
      select id, '1.0.0', 'stable', 'published', '', '', '', '', false, false, true, false from application returning id)
    insert into build (release_id, platform, manifest_digest, manifest_object, zip_object, files, installed_bytes)
    select id, 'any', ${object}, ${object}, ${object}, 1, 1 from made returning id`.execute(db);
  return (rows[0] as { id: number }).id;
}

describe.each(testDatabases)('garbage on the %s database', (kind) => {
  let test: TestDatabase;
  let db: Db;
  let folder: string;
  let objects: DiskObjectStore;
  let plan: UsingBuild;

  beforeAll(async () => {
    test = await openTestDatabase(kind);
    db = test.database.db;
    folder = await newDataFolder();
    objects = new DiskObjectStore(folder);
    await db.insertInto('application').values({ slug: 'erp', name: 'erp', version_form: 'semver' }).execute();
    plan = { application: 'erp', buildId: await addBuild(db) };
  });
  afterAll(async () => {
    await test?.remove();
    await removeFolder(folder);
  });

  const collect = (options: Partial<CollectOptions> = {}) => {
    const ports = { db, changes: new Changes(test.database, log), objects };
    return collectGarbage(ports, { now: new Date(), actor: serverActor('test'), reason: 'the test', ...options });
  };
  const digests = async () => (await findGarbage(db, new Date())).map(({ digest }) => digest);

  async function store(text: string): Promise<Digest> {
    const buffer = Buffer.from(text);
    await objects.put(digestOf(buffer), { kind: 'buffer', buffer });
    await db.transaction().execute((tx) => recordObject(tx, { digest: digestOf(buffer), bytes: buffer.length }, 'index'));
    return digestOf(buffer);
  }

  it('goes a month after its last use: doomed first, removed an hour later, and audited', async () => {
    const digest = await store('used once');
    await recordObjectUse(db, plan, [digest]);
    await ageStorage(db, 30);
    expect(await digests()).toEqual([]);
    await ageStorage(db, 2);
    expect(await findGarbage(db, new Date())).toMatchObject([{ digest, bytes: 9, reason: 'unused', doomed_at: null }]);

    expect(await collect()).toEqual({ doomedObjects: 1, doomedBytes: 9, removedObjects: 0, removedBytes: 0 });
    await ageStorage(db, hours(0.9));
    expect(await collect()).toMatchObject({ doomedObjects: 0, removedObjects: 0 });
    expect(await objects.stat(digest)).not.toBeNull();
    await ageStorage(db, hours(1));
    expect(await collect()).toEqual({ doomedObjects: 0, doomedBytes: 0, removedObjects: 1, removedBytes: 9 });
    expect(await objects.stat(digest)).toBeNull();
    expect(await db.selectFrom('object').where('digest', '=', digest).selectAll().execute()).toEqual([]);
    const events = await db.selectFrom('audit_event').where('subject', '=', digest).selectAll().execute();
    expect(events).toMatchObject([
      { action: 'object_removed', actor: 'test', reason: 'the test', detail: { bytes: 9, cause: 'unused' } },
    ]);
  });

  it('is only told of by a dry run', async () => {
    const digest = await store('dry');
    await ageStorage(db, 32);
    expect(await collect({ dryRun: true })).toMatchObject({ doomedObjects: 1, removedObjects: 0 });
    expect(await findGarbage(db, new Date())).toMatchObject([{ digest, doomed_at: null }]);
    await collect();
    await ageStorage(db, 1);
    expect(await collect({ dryRun: true })).toMatchObject({ doomedObjects: 0, removedObjects: 1, removedBytes: 3 });
    expect(await objects.stat(digest)).not.toBeNull();
    await collect();
  });

  it('stays when it came into use after it was doomed, and starts anew when it falls out of use', async () => {
    const digest = await store('comes back');
    await ageStorage(db, 32);
    await collect();
    await recordObjectUse(db, plan, [digest]);
    await ageStorage(db, 1);
    expect(await collect()).toMatchObject({ removedObjects: 0 });
    await ageStorage(db, 32);
    expect(await collect()).toMatchObject({ doomedObjects: 1, removedObjects: 0 });
    await ageStorage(db, 1);
    expect(await collect()).toMatchObject({ removedObjects: 1 });
  });

  it('is stored again by who finds it gone: neither use nor record is written of bytes that are not there', async () => {
    const digest = await store('gone meanwhile');
    // As a server leaves it that is killed between removing the bytes and the row.
    await ageStorage(db, 32);
    await collect();
    await objects.remove(digest);
    const record = () =>
      db.transaction().execute(async (tx) => {
        await recordObject(tx, { digest, bytes: 14 }, 'index');
        await requireStored(objects, [digest]);
      });
    await expect(record()).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    expect(await findGarbage(db, new Date())).toMatchObject([{ digest }]);
    await ageStorage(db, 1);
    expect(await collect()).toMatchObject({ removedObjects: 1 });
    await expect(recordObjectUse(db, plan, [digest])).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    await objects.put(digest, { kind: 'buffer', buffer: Buffer.from('gone meanwhile') });
    await record();
    expect(await digests()).toEqual([]);
  });

  it('is an object that nobody ever recorded, a month after it was found', async () => {
    await store('recorded');
    const buffer = Buffer.from('a kill came between storing and recording');
    const [stray, young] = [digestOf(buffer), digestOf('just stored')];
    await objects.put(stray, { kind: 'buffer', buffer });
    await objects.put(young, { kind: 'buffer', buffer: Buffer.from('just stored') });
    await utimes(join(folder, objectName(stray)), new Date(), new Date(Date.now() - 100 * 86_400_000));
    await collect();
    expect(await db.selectFrom('object').where('kind', '=', 'stray').select('digest').execute()).toEqual([{ digest: stray }]);
    await ageStorage(db, 29);
    expect(await digests()).toEqual([]);
    await ageStorage(db, 2);
    const found = await findGarbage(db, new Date());
    expect(found.find(({ digest }) => digest === stray)).toMatchObject({ reason: 'never_recorded', bytes: buffer.length });
    await collect();
    await ageStorage(db, 1);
    await collect();
    expect([await objects.stat(stray), (await objects.stat(young))?.bytes]).toEqual([null, 11]);
  });

  it('is not what another database knows: a store with more strangers than objects of ours is not touched', async () => {
    const foreign = [1, 2, 3, 4, 5, 6, 7, 8].map((number) => Buffer.from(`foreign ${number}`));
    for (const buffer of foreign) {
      await objects.put(digestOf(buffer), { kind: 'buffer', buffer });
      await utimes(join(folder, objectName(digestOf(buffer))), new Date(), new Date(Date.now() - 100 * 86_400_000));
    }
    await expect(collect()).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    await ageStorage(db, 100);
    await collect().catch(() => {});
    await ageStorage(db, 1);
    await collect().catch(() => {});
    for (const buffer of foreign) {
      expect(await objects.stat(digestOf(buffer))).not.toBeNull();
      await objects.remove(digestOf(buffer));
    }
  });

  it.skipIf(kind === 'embedded')('is removed once by servers that collect at the same time', async () => {
    const digest = await store('collected by three');
    await ageStorage(db, 32);
    await collect();
    await ageStorage(db, 1);
    const collected = await Promise.all([collect(), collect(), collect()]);
    expect(collected.map(({ removedObjects }) => removedObjects).sort()).toEqual([0, 0, 1]);
    expect(await db.selectFrom('audit_event').where('subject', '=', digest).selectAll().execute()).toHaveLength(1);
  });

  it.skipIf(kind === 'embedded')('waits for a transaction that is recording a use of it', async () => {
    const digest = await store('held by another server');
    await ageStorage(db, 32);
    await collect();
    await ageStorage(db, 1);
    let removing: Promise<unknown> = Promise.resolve();
    await db.transaction().execute(async (tx) => {
      await recordObjectUse(tx, plan, [digest]);
      removing = collect().catch(() => {});
      await untilSomebodyWaits(db);
    });
    await removing;
    expect((await objects.stat(digest))?.bytes).toBe(22);
  });
});

/** For a lock, in this database. */
const untilSomebodyWaits = (db: Db): Promise<void> =>
  vi.waitFor(
    async () => {
      const { rows } = await sql`select 1 from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`.execute(db);
      if (rows.length === 0) throw new Error('nobody waits');
    },
    { timeout: 100_000, interval: 20 },
  );
