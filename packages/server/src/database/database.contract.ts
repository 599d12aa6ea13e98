/** What every database has to do; its test calls this with a way to one of its own, empty but for its tables. */
import { digestOf } from '@remendo/core';
import type { FastifyBaseLogger } from 'fastify';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attemptsMax, buildDeltaKind, enqueueDelta } from '../jobs/build-delta-kind.js';
import { claimDelta, renewLease, sweepDeltas } from '../jobs/claim-delta.js';
import { JobQueue } from '../jobs/job-queue.js';
import { Sightings } from '../terminals/sightings.js';
import type { TestDatabase } from '../testing/test-database.js';
import { Changes } from './changes.js';
import { isDuplicate } from './is-duplicate.js';
import type { Database, Db } from './open-database.js';

const log = { warn() {}, error() {} } as unknown as FastifyBaseLogger;

export function databaseContract(open: () => Promise<TestDatabase>): void {
  describe('a database', () => {
    let test: TestDatabase;
    let db: Db;
    /** Another server's connection, where there can be one. */
    let other: Database;
    let queue: JobQueue;

    beforeAll(async () => {
      test = await open();
      db = test.database.db;
      other = await test.another();
      queue = await JobQueue.open(test.database, log, [buildDeltaKind]);
    });
    afterAll(async () => {
      await queue?.close();
      await test?.remove();
    });

    const waitingJobs = async (): Promise<number> => {
      const { rows } = await sql`select 1 from jobs.job where name = 'build-delta' and state = 'created'`.execute(db);
      return rows.length;
    };

    it('reads numbers, days, moments and values as they were written', async () => {
      const moment = new Date('2026-11-22T01:02:03.456Z');
      const customer = {
        ...{ code: 'USR00001', email: 'a@example.com', first_name: 'Ada', last_name: 'Rossi', company: 'R', phone: '' },
        ...{ service_level: 'basic' as const, requested_level: 'basic' as const, expires_on: '2027-02-28' },
        ...{ limits: JSON.stringify({ terminals: 5 }), features: '{}', allowed_addresses: JSON.stringify(['10.0.0.0/8']) },
        suspended_at: moment,
      };
      const row = await db.insertInto('customer').values(customer).returningAll().executeTakeFirstOrThrow();
      expect(row).toMatchObject({ expires_on: '2027-02-28', suspended_at: moment, limits: { terminals: 5 } });
      expect(row).toMatchObject({ allowed_addresses: ['10.0.0.0/8'], deleted_at: null });
      const bytes = 2 ** 52 + 1;
      const object = { digest: digestOf('types'), bytes, kind: 'zip' as const };
      await db.insertInto('object').values(object).execute();
      const found = await db
        .selectFrom('object')
        .where('digest', '=', sql<string>`any(${[object.digest, 'nothing']}::text[])`)
        .select((eb) => ['bytes', eb.fn.countAll<number>().as('count')])
        .groupBy('bytes')
        .execute();
      expect(found).toEqual([{ bytes, count: 1 }]);
    });

    it('keeps nothing of a transaction that fails', async () => {
      const failing = db.transaction().execute(async (tx) => {
        await tx.insertInto('setting').values({ name: 'rolled back', value: '1' }).execute();
        throw new Error('thought better of it');
      });
      await expect(failing).rejects.toThrow('thought better of it');
      expect(await db.selectFrom('setting').where('name', '=', 'rolled back').selectAll().execute()).toEqual([]);
    });

    it('says that a row is there already, in and out of a transaction, and goes on', async () => {
      const row = { name: 'twice', value: '1' };
      await db.insertInto('setting').values(row).execute();
      const again = (): Promise<unknown> => db.transaction().execute((tx) => tx.insertInto('setting').values(row).execute());
      for (const insert of [() => db.insertInto('setting').values(row).execute(), again]) {
        const error = await insert().then(null, (caught: unknown) => caught);
        expect(isDuplicate(error)).toBe(true);
      }
      expect(await db.selectFrom('setting').where('name', '=', 'twice').selectAll().execute()).toEqual([row]);
    });

    it('has a job exactly when the transaction commits that called for it, and one for each key', async () => {
      const before = await waitingJobs();
      const calling = db.transaction().execute(async (tx) => {
        await enqueueDelta(queue, tx, 1_000_001);
        throw new Error('not after all');
      });
      await expect(calling).rejects.toThrow('not after all');
      expect(await waitingJobs()).toBe(before);
      for (let times = 0; times < 3; times++) await db.transaction().execute((tx) => enqueueDelta(queue, tx, 1_000_002));
      expect(await waitingJobs()).toBe(before + 1);
    });

    it('tells another server of changes to what it keeps in memory', async () => {
      const [mine, theirs] = [new Changes(test.database, log), new Changes(other, log)];
      const heard: string[] = [];
      for (const topic of ['accounts', 'catalogue'] as const) {
        mine.on(topic, () => heard.push(`mine ${topic}`));
        theirs.on(topic, () => heard.push(`theirs ${topic}`));
      }
      await theirs.look();
      heard.length = 0;
      await mine.change(['catalogue'], async () => {});
      expect(heard).toEqual(['mine catalogue']);
      await theirs.look();
      await theirs.look();
      expect(heard).toEqual(['mine catalogue', 'theirs catalogue']);
      await expect(mine.change(['accounts'], () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
      await theirs.look();
      expect(heard).toHaveLength(2);
    });

    it('keeps the newest sighting of a terminal, whoever writes first', async () => {
      const applicationId = await addApplication(db, 'seen');
      const writers = [new Sightings({ db, log }), new Sightings({ db: other.db, log })] as const;
      const see = (writer: Sightings, terminalName: string, version: string) => {
        const asked = { applicationId, platform: 'any', version, channel: 'stable' as const, terminalName, address: '10.0.0.1' };
        writer.record({ ...asked, principal: { kind: 'anonymous' } });
      };
      for (let name = 0; name < 50; name++) see(writers[0], `till-${name}`, '1.0.0');
      await new Promise((resolve) => setTimeout(resolve, 5));
      for (let name = 49; name >= 0; name--) see(writers[1], `till-${name}`, '1.0.1');
      await Promise.all([writers[1].write(), writers[0].write()]);
      const rows = await db.selectFrom('sighting').where('application_id', '=', applicationId).select('version').execute();
      expect(rows).toHaveLength(50);
      expect(new Set(rows.map(({ version }) => version))).toEqual(new Set(['1.0.1']));
    });

    it('gives a delta to one worker only, however many ask at once', async () => {
      const ids = await addWantedDeltas(db, 'claimed', 12);
      const claimed: number[] = [];
      const work = async (worker: string, on: Db): Promise<void> => {
        for (let delta = await claimDelta(on, worker); delta !== null; delta = await claimDelta(on, worker)) claimed.push(delta.id);
      };
      await Promise.all(['a', 'b', 'c', 'd'].map((worker, index) => work(worker, index % 2 === 0 ? db : other.db)));
      expect(claimed.sort((a, b) => a - b)).toEqual(ids);
    });

    it('frees the delta of a worker that died, until building it has ended so too often', async () => {
      // None of the others' leases ends meanwhile.
      await db.deleteFrom('delta').execute();
      const [id = 0] = await addWantedDeltas(db, 'swept', 1);
      const jobsBefore = await waitingJobs();
      const expire = () =>
        db
          .updateTable('delta')
          .set({ lease_until: new Date(Date.now() - 1_000) })
          .where('id', '=', id)
          .execute();
      const stateNow = async () =>
        db.selectFrom('delta').where('id', '=', id).select(['state', 'worker', 'attempts']).executeTakeFirstOrThrow();
      const sweep = () => db.transaction().execute((tx) => sweepDeltas(tx, queue, { all: false }));
      for (let attempts = 1; attempts <= attemptsMax; attempts++) {
        expect((await claimDelta(db, 'dies'))?.id).toBe(id);
        await sweep();
        expect(await stateNow()).toMatchObject({ state: 'building', worker: 'dies' });
        expect([await renewLease(db, id, 'dies'), await renewLease(db, id, 'another')]).toEqual([true, false]);
        await expire();
        await sweep();
        const state = attempts < attemptsMax ? 'wanted' : 'rejected';
        expect(await stateNow()).toEqual({ state, worker: null, attempts });
      }
      expect(await waitingJobs()).toBe(jobsBefore + 1);
      expect(await claimDelta(db, 'comes too late')).toBeNull();
    });
  });
}

async function addApplication(db: Db, slug: string): Promise<number> {
  const row = { slug, name: slug, version_form: 'semver' as const };
  return (await db.insertInto('application').values(row).returning('id').executeTakeFirstOrThrow()).id;
}

/** So many releases, each with a delta to it from the first. @returns the deltas' ids. */
async function addWantedDeltas(db: Db, slug: string, count: number): Promise<readonly number[]> {
  const applicationId = await addApplication(db, slug);
  const builds: number[] = [];
  for (let patch = 0; patch <= count; patch++) builds.push(await addBuild(db, { applicationId, slug, patch }));
  const [base = 0, ...targets] = builds;
  const values = targets.map((target) => ({ base_build_id: base, target_build_id: target }));
  const rows = await db.insertInto('delta').values(values).returning('id').execute();
  return rows.map(({ id }) => id).sort((a, b) => a - b);
}

async function addBuild(db: Db, of: { readonly applicationId: number; readonly slug: string; readonly patch: number }) {
  const texts = { title: '', description: '', changelog: '', breaking_changes: '' };
  const marks = { requires_backup: false, requires_downtime: false, rollback_compatible: true, mandatory: false };
  const release = await db
    .insertInto('release')
    .values({
      ...{ ...texts, ...marks, application_id: of.applicationId, version: `1.0.${of.patch}` },
      ...{ display_version: null, type: 'stable', state: 'published', released_at: new Date() },
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  await db.insertInto('rollout').values({ release_id: release.id, seed: 's' }).execute();
  const digest = digestOf(`${of.slug} ${of.patch}`);
  await db.insertInto('object').values({ digest, bytes: 1, kind: 'zip' }).execute();
  const objects = { manifest_digest: digest, manifest_object: digest, zip_object: digest };
  const build = { ...objects, release_id: release.id, platform: 'any', files: 1, installed_bytes: 1 };
  return (await db.insertInto('build').values(build).returning('id').executeTakeFirstOrThrow()).id;
}
