import { readFile } from 'node:fs/promises';
import { notificationKinds } from '@remendo/core/protocol';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Db } from '../database/open-database.js';
import { openTestDatabase, type TestDatabase, testDatabases } from '../testing/test-database.js';
import {
  addTestCustomer,
  addTestWebhook,
  configWith,
  deliveriesOf,
  type NotifyingServer,
  news,
  notifyingServer,
  tell,
} from './notifications.test.support.js';
import { Notifier } from './notifier.js';

const config = configWith({
  REMENDO_SMTP_URL: 'smtp://127.0.0.1:1',
  REMENDO_OPERATOR_MAIL: 'night@example.org, day@example.org',
});

it('are documented, every kind with its sentence', async () => {
  const docs = await readFile(new URL('../../../../docs/operating/notifications.md', import.meta.url), 'utf8');
  const rows = [...docs.matchAll(/^\| `(\w+)` \| (.+) \|$/gm)].map(([, kind, sentence]) => [kind, sentence]);
  expect(rows).toEqual(Object.entries(notificationKinds));
});

describe.each(testDatabases)('notifications on the %s database', (kind) => {
  let test: TestDatabase;
  let db: Db;
  let servers: NotifyingServer[];
  let server: NotifyingServer;

  beforeAll(async () => {
    test = await openTestDatabase(kind);
    db = test.database.db;
    server = await notifyingServer(test.database, config);
    servers = [server];
  });
  afterAll(async () => {
    for (const each of servers) await each.stop();
    await test.remove();
  });

  const jobs = async (): Promise<number> => {
    const { rows } = await sql<{ count: number }>`select count(*) from jobs.job where name = 'deliver-notification'`.execute(db);
    return rows[0]?.count ?? 0;
  };
  const reached = async (dedupKey: string) =>
    (await deliveriesOf(db, dedupKey)).map(({ recipient: { address, host } }) => address ?? host).sort();

  it('tell a thing once, however many servers tell it at the same time', async () => {
    const other = await test.another();
    const another = other === test.database ? server : await notifyingServer(other, config);
    if (another !== server) servers.push(another);
    const notification = news();
    const before = await jobs();
    const told = await Promise.all(
      [...Array(8).keys()].map((n) => (n % 2 === 0 ? tell(db, server, notification) : tell(other.db, another, notification))),
    );
    expect(told.filter((isNews) => isNews)).toHaveLength(1);
    expect(await reached(notification.dedupKey)).toEqual(['day@example.org', 'night@example.org']);
    expect(await jobs()).toBe(before + 2);
  });

  it('are told exactly when what they tell of is committed', async () => {
    const notification = news();
    const before = await jobs();
    const failing = db.transaction().execute(async (tx) => {
      await server.notifier.notify(tx, notification);
      throw new Error('something else failed');
    });
    await expect(failing).rejects.toThrow('something else failed');
    expect(await deliveriesOf(db, notification.dedupKey)).toEqual([]);
    expect(await jobs()).toBe(before);
    expect(await tell(db, server, notification)).toBe(true);
  });

  it('reach who they concern, the operators where something is wrong, and the webhooks that want the kind', async () => {
    const ana = await addTestCustomer(db, { email: 'ana@example.com' });
    const ben = await addTestCustomer(db, { email: 'ben@example.com' });
    await addTestWebhook(db, { url: 'https://ana.example/all', customerId: ana });
    await addTestWebhook(db, { url: 'https://ana-licence.example/', customerId: ana, kinds: ['license_expired'] });
    await addTestWebhook(db, { url: 'https://ben.example/', customerId: ben });
    const all = await addTestWebhook(db, { url: 'https://operators.example/' });
    const off = await addTestWebhook(db, { url: 'https://off.example/' });
    await db.updateTable('webhook').set({ is_enabled: false }).where('id', '=', off).execute();

    const backup = news({ customerId: ana });
    const licence = news({ kind: 'license_expired', customerId: ana });
    const release = news({ kind: 'release_published', customerId: ana });
    const halted = news({ kind: 'rollout_halted' });
    for (const each of [backup, licence, release, halted]) await tell(db, server, each);
    const operators = ['day@example.org', 'night@example.org', 'operators.example'];
    expect(await reached(backup.dedupKey)).toEqual(['ana.example', 'ana@example.com', ...operators]);
    expect(await reached(licence.dedupKey)).toEqual(['ana-licence.example', 'ana.example', 'ana@example.com', 'operators.example']);
    // Operators were told of the release themselves.
    expect(await reached(release.dedupKey)).toEqual(['ana.example', 'ana@example.com']);
    expect(await reached(halted.dedupKey)).toEqual(operators);
    await db.deleteFrom('webhook').where('id', '>=', 1).where('id', '<=', all).execute();
  });

  it('send nothing where there is no mail server, and rows of backups alone to the sheet', async () => {
    const customerId = await addTestCustomer(db);
    const sheet = configWith({ REMENDO_SHEETS_KEY: '{"some":"key"}', REMENDO_SHEET_ID: 'sheet-1', REMENDO_OPERATOR_MAIL: 'a@b.c' });
    const notifier = new Notifier({ queue: server.delivering.queue, config: sheet });
    const [backup, halted] = [news({ customerId }), news({ kind: 'rollout_halted' })];
    await db.transaction().execute(async (tx) => {
      await notifier.notify(tx, backup);
      await notifier.notify(tx, halted);
    });
    expect((await deliveriesOf(db, backup.dedupKey)).map(({ channel, recipient }) => [channel, recipient])).toEqual([
      ['sheet', { spreadsheet: 'sheet-1' }],
    ]);
    expect(await deliveriesOf(db, halted.dedupKey)).toEqual([]);
  });
});
