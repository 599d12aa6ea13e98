import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Db } from '../database/open-database.js';
import { addTestCustomer, configWith, type NotifyingServer, notifyingServer } from '../notifications/notifications.test.support.js';
import { openTestDatabase, type TestDatabase, testDatabases } from '../testing/test-database.js';
import { licenceNotice, watchLicences } from './watch-licences.js';

it.each([
  ['2026-02-28T23:59:59Z', null],
  ['2026-03-01T00:00:00Z', { kind: 'expiring', days: 30 }],
  ['2026-03-23T23:59:59Z', { kind: 'expiring', days: 30 }],
  ['2026-03-24T00:00:00Z', { kind: 'expiring', days: 7 }],
  ['2026-03-29T23:59:59Z', { kind: 'expiring', days: 7 }],
  ['2026-03-30T00:00:00Z', { kind: 'expiring', days: 1 }],
  ['2026-03-31T23:59:59Z', { kind: 'expiring', days: 1 }],
  ['2026-04-01T00:00:00Z', { kind: 'expired' }],
  ['2026-05-01T00:00:00Z', null],
])('at %s a licence until 2026-03-31 calls for the notice %j', (now, notice) => {
  expect(licenceNotice('2026-03-31', new Date(now))).toEqual(notice);
});

describe.each(testDatabases)('the watch of licences on the %s database', (kind) => {
  let test: TestDatabase;
  let db: Db;
  let server: NotifyingServer;

  beforeAll(async () => {
    test = await openTestDatabase(kind);
    db = test.database.db;
    server = await notifyingServer(test.database, configWith({}));
  });
  afterAll(async () => {
    await server.stop();
    await test.remove();
  });
  const watch = (now: string): Promise<number> => watchLicences({ db, notifier: server.notifier }, new Date(now));

  it('tells every notice once, however often it looks, and the end to the audit too', async () => {
    const id = await addTestCustomer(db, { expires_on: '2026-03-31' });
    const suspended = await addTestCustomer(db, { expires_on: '2026-03-31' });
    await db.updateTable('customer').set({ suspended_at: new Date() }).where('id', '=', suspended).execute();
    const told: number[] = [];
    for (let hour = 0; hour < 24 * 70; hour += 12) {
      const now = new Date(Date.parse('2026-02-20T00:30:00Z') + hour * 3_600_000).toISOString();
      const [once, again] = await Promise.all([watch(now), watch(now)]);
      told.push(once + again);
    }
    expect(told.reduce((sum, count) => sum + count)).toBe(4);
    const rows = await db
      .selectFrom('notification')
      .where('customer_id', '=', id)
      .select(['kind', 'subject'])
      .orderBy('id')
      .execute();
    expect(rows).toEqual([
      ...Array(3).fill({ kind: 'license_expiring', subject: 'Your licence ends on 2026-03-31' }),
      { kind: 'license_expired', subject: 'Your licence has ended' },
    ]);
    const audited = await db.selectFrom('audit_event').where('action', '=', 'license_expired').select('actor_kind').execute();
    expect(audited).toEqual([{ actor_kind: 'server' }]);
  });

  it('tells anew of a licence that was renewed', async () => {
    const id = await addTestCustomer(db, { expires_on: '2026-06-30' });
    await watch('2026-06-25T12:00:00Z');
    await db.updateTable('customer').set({ expires_on: '2027-06-30' }).where('id', '=', id).execute();
    expect(await watch('2026-07-01T12:00:00Z')).toBe(0);
    expect(await watch('2027-06-25T12:00:00Z')).toBe(1);
  });
});
