import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Changes } from '../database/changes.js';
import type { Db } from '../database/open-database.js';
import { addTestCustomer, log } from '../notifications/notifications.test.support.js';
import { never } from '../notifications/senders/senders.test.support.js';
import { DiskObjectStore } from '../object-store/disk-object-store.js';
import type { ObjectStore } from '../object-store/object-store.js';
import { openTestDatabase, type TestDatabase, testDatabases } from '../testing/test-database.js';
import { newDataFolder, removeFolder } from '../testing/test-server.js';
import { cleanUp } from './clean-up.js';

const dayMs = 86_400_000;
const now = new Date('2026-11-22T03:17:00Z');
const daysAgo = (days: number): Date => new Date(now.getTime() - days * dayMs);

describe.each(testDatabases)('the clean-up on the %s database', (kind) => {
  let test: TestDatabase;
  let db: Db;
  let folder: string;
  let changes: Changes;
  let objects: ObjectStore;

  beforeAll(async () => {
    test = await openTestDatabase(kind);
    db = test.database.db;
    changes = new Changes(test.database, log);
    folder = await newDataFolder();
    objects = new DiskObjectStore(folder);
  });
  afterAll(async () => {
    await test.remove();
    await removeFolder(folder);
  });
  const clean = (store = objects): Promise<void> =>
    cleanUp({ db, changes, objects: store, historyDays: 100, log, signal: never }, now);

  async function addNotification(key: string, days: number, isRead: boolean): Promise<void> {
    const told = { customer_id: null, kind: 'rollout_halted' as const, subject: '', body: '', data: '{}', dedup_key: key };
    const moments = { created_at: daysAgo(days), read_at: isRead ? daysAgo(days - 1) : null };
    const { id } = await db
      .insertInto('notification')
      .values({ ...told, ...moments })
      .returning('id')
      .executeTakeFirstOrThrow();
    const delivery = { id: key, notification_id: id, channel: 'mail' as const, recipient: '{}', state: 'delivered' as const };
    await db.insertInto('notification_delivery').values(delivery).execute();
  }
  const keys = async () =>
    (await db.selectFrom('notification').select('dedup_key').orderBy('id').execute()).map((row) => row.dedup_key);

  it('forgets what was read after the days of the history, and what nobody reads after twice as many', async () => {
    await addNotification('read and young', 99, true);
    await addNotification('read and old', 101, true);
    await addNotification('unread', 199, false);
    await addNotification('unread and ancient', 201, false);
    await clean();
    expect(await keys()).toEqual(['read and young', 'unread']);
    expect(await db.selectFrom('notification_delivery').select('id').orderBy('id').execute()).toHaveLength(2);
  });

  it('forgets keys and invitations that are good for nothing any more, and keeps the audit', async () => {
    const customer_id = await addTestCustomer(db);
    const key = { customer_id, key_sha256: 'k', secret_sha256: 's' };
    for (const [prefix, expires_at] of [
      ['over', daysAgo(1)],
      ['rotated', daysAgo(-1)],
      ['current', null],
    ] as const)
      await db
        .insertInto('customer_key')
        .values({ ...key, prefix, expires_at })
        .execute();
    const invitation = { service_level: 'basic' as const, note: '' };
    for (const [code_sha256, days, used_by] of [
      ['lapsed', 31, null],
      ['just over', 1, null],
      ['used', 300, customer_id],
    ] as const)
      await db
        .insertInto('invitation')
        .values({ ...invitation, code_sha256, expires_at: daysAgo(days), used_by })
        .execute();
    const audited = {
      actor_kind: 'server' as const,
      actor: 'test',
      action: 'old',
      subject_kind: 'customer',
      subject: 'x',
      detail: '{}',
    };
    await db
      .insertInto('audit_event')
      .values({ ...audited, at: daysAgo(3_000) })
      .execute();
    await clean();
    const prefixes = await db.selectFrom('customer_key').select('prefix').orderBy('id').execute();
    expect(prefixes.map(({ prefix }) => prefix)).toEqual(['rotated', 'current']);
    const codes = await db.selectFrom('invitation').select('code_sha256').orderBy('id').execute();
    expect(codes.map(({ code_sha256 }) => code_sha256)).toEqual(['just over', 'used']);
    expect(await db.selectFrom('audit_event').where('action', '=', 'old').select('id').execute()).toHaveLength(1);
  });

  it('forgets terminals that nobody enrolled and that are not seen any more', async () => {
    const application = { slug: 'erp', name: 'erp', version_form: 'semver' as const };
    const { id } = await db.insertInto('application').values(application).returning('id').executeTakeFirstOrThrow();
    const sighting = { application_id: id, platform: 'any', channel: 'stable' };
    for (const [terminal_key, days] of [
      ['/seen', 99],
      ['/gone', 101],
    ] as const)
      await db
        .insertInto('sighting')
        .values({ ...sighting, terminal_key, checked_at: daysAgo(days) })
        .execute();
    await clean();
    expect(await db.selectFrom('sighting').select('terminal_key').execute()).toEqual([{ terminal_key: '/seen' }]);
  });

  it('goes on with the other steps when one fails', async () => {
    await addNotification('read and old', 101, true);
    const asked: Date[] = [];
    const broken: ObjectStore = Object.assign(Object.create(objects), {
      removeUnfinished: async (before: Date) => {
        asked.push(before);
        throw new Error('the store is away');
      },
    });
    await clean(broken);
    expect(asked).toEqual([daysAgo(1)]);
    expect(await keys()).not.toContain('read and old');
  });
});
