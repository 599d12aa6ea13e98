import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Db } from '../database/open-database.js';
import { openTestDatabase, type TestDatabase, testDatabases } from '../testing/test-database.js';
import { announceRelease } from './announce-release.js';
import { addTestCustomer, configWith, type NotifyingServer, notifyingServer } from './notifications.test.support.js';

const dayMs = 86_400_000;

describe.each(testDatabases)('the announcement of a release on the %s database', (kind) => {
  let test: TestDatabase;
  let db: Db;
  let server: NotifyingServer;
  let applicationId: number;

  beforeAll(async () => {
    test = await openTestDatabase(kind);
    db = test.database.db;
    server = await notifyingServer(test.database, configWith({}));
    const application = { slug: 'erp', name: 'erp', version_form: 'semver' as const };
    applicationId = (await db.insertInto('application').values(application).returning('id').executeTakeFirstOrThrow()).id;
  });
  afterAll(async () => {
    await server.stop();
    await test.remove();
  });

  async function addRelease(version: string, state: 'draft' | 'published'): Promise<number> {
    const texts = { title: '', description: '', changelog: 'Faster.', breaking_changes: '', display_version: null };
    const marks = { requires_backup: true, requires_downtime: false, rollback_compatible: true, mandatory: false };
    const values = {
      application_id: applicationId,
      version,
      type: 'stable' as const,
      state,
      released_at: null,
      requirements: '{}',
      ...texts,
      ...marks,
    };
    return (await db.insertInto('release').values(values).returning('id').executeTakeFirstOrThrow()).id;
  }
  const point = async (channel: 'stable' | 'development', release_id: number): Promise<void> => {
    const values = { application_id: applicationId, channel, release_id };
    await db
      .insertInto('channel')
      .values(values)
      .onConflict((conflict) => conflict.columns(['application_id', 'channel']).doUpdateSet({ release_id }))
      .execute();
  };
  const see = async (customer_id: number, channel: string, daysAgo = 0): Promise<void> => {
    const place = { application_id: applicationId, platform: 'any', terminal_key: `${customer_id}/till` };
    await db
      .insertInto('sighting')
      .values({ ...place, customer_id, version: '1.0.0', channel, checked_at: new Date(Date.now() - daysAgo * dayMs) })
      .execute();
  };
  const told = async (releaseId: number): Promise<readonly (number | null)[]> => {
    const prefix = `release_published/${releaseId}/`;
    const rows = await db
      .selectFrom('notification')
      .where('dedup_key', 'like', `${prefix}%`)
      .select('customer_id')
      .orderBy('id')
      .execute();
    return rows.map(({ customer_id }) => customer_id);
  };
  const announce = async (releaseId: number, after = 0): Promise<void> =>
    announceRelease({ db, queue: server.delivering.queue, notifier: server.notifier }, { releaseId, after });

  it('reaches customers whose terminals get it, once, and the operators', async () => {
    const [stable, development, gone, long, expired, suspended] = await Promise.all([
      addTestCustomer(db),
      addTestCustomer(db),
      addTestCustomer(db),
      addTestCustomer(db),
      addTestCustomer(db, { expires_on: '2026-01-01' }),
      addTestCustomer(db),
      // Nobody saw a terminal of this one.
      addTestCustomer(db),
    ]);
    for (const id of [stable, gone, expired, suspended]) await see(id, 'stable');
    await see(development, 'development');
    await see(long, 'stable', 91);
    await db.updateTable('customer').set({ deleted_at: new Date() }).where('id', '=', gone).execute();
    await db.updateTable('customer').set({ suspended_at: new Date() }).where('id', '=', suspended).execute();

    const draft = await addRelease('1.0.1', 'draft');
    await announce(draft);
    expect(await told(draft)).toEqual([]);

    const release = await addRelease('1.1.0', 'published');
    await point('stable', release);
    await announce(release);
    await announce(release);
    expect(await told(release)).toEqual([null, stable]);

    await point('development', release);
    await announce(release);
    expect(await told(release)).toEqual([null, stable, development]);
  });

  it('goes on where it was interrupted, a page after the other', async () => {
    const release = await addRelease('2.0.0', 'published');
    await point('stable', release);
    const customers: number[] = [];
    for (let n = 0; n < 130; n++) customers.push(await addTestCustomer(db));
    for (const id of customers) await see(id, 'stable');
    await announce(release);
    const first = await told(release);
    expect(first).toHaveLength(101);
    // The first page again, as when its server died before it could say so, and then what it enqueued.
    await announce(release);
    expect(await told(release)).toEqual(first);
    await announce(release, first.at(-1) ?? 0);
    const all = await told(release);
    expect(all).toEqual(expect.arrayContaining(customers));
    expect(new Set(all).size).toBe(all.length);
  });
});
