import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Db } from '../database/open-database.js';
import { addTestCustomer, configWith, type NotifyingServer, notifyingServer } from '../notifications/notifications.test.support.js';
import { openTestDatabase, type TestDatabase, testDatabases } from '../testing/test-database.js';
import { watchTerminals } from './watch-terminals.js';

const noon = Date.parse('2026-11-22T12:00:00Z');
const at = (hours: number): Date => new Date(noon + hours * 3_600_000);

describe.each(testDatabases)('silent terminals on a database that is %s', (kind) => {
  let test: TestDatabase;
  let db: Db;
  let server: NotifyingServer;
  let [first, second] = [0, 0];

  beforeAll(async () => {
    test = await openTestDatabase(kind);
    db = test.database.db;
    server = await notifyingServer(test.database, configWith({}));
    [first, second] = [await addTestCustomer(db), await addTestCustomer(db)];
    for (const [index, id] of [first, second].entries()) {
      for (const name of ['one', 'two']) await addTerminal(id, `trm_${index}${name}`);
    }
  });

  afterAll(async () => {
    await server?.stop();
    await test?.remove();
  });

  async function addTerminal(customer_id: number, id: string, fields: { is_enabled?: boolean } = {}): Promise<void> {
    const machine = {
      operating_system: '',
      architecture: '',
      agent_version: '',
      branch: 'Roma',
      name: id.slice(5),
      created_at: at(0),
    };
    await db
      .insertInto('terminal')
      .values({ id, customer_id, secret_sha256: '', ...machine, ...fields })
      .execute();
  }

  const seen = (id: string, hours: number) =>
    db
      .updateTable('terminal')
      .set({ last_check_at: at(hours) })
      .where('id', '=', id)
      .execute();
  const watch = (hours: number, silentHours = 72) => watchTerminals({ db, notifier: server.notifier, silentHours }, at(hours));
  const told = async () =>
    (await db.selectFrom('notification').select(['kind', 'customer_id', 'data']).orderBy('id').execute()).map(
      ({ kind, customer_id, data }) => `${kind} ${customer_id} ${data.terminals}`,
    );

  it('tells once of all terminals of a customer together, and again when they are back', async () => {
    await addTerminal(first, 'trm_9gone', { is_enabled: false });
    await seen('trm_1one', 50);
    expect(await watch(72)).toEqual({ silent: 0, back: 0 });
    expect(await watch(73)).toEqual({ silent: 3, back: 0 });
    const silent = [`terminals_silent ${first} 2`, `terminals_silent ${second} 1`];
    expect(await told()).toEqual(silent);
    await Promise.all([watch(74), watch(74)]);
    expect(await told()).toEqual(silent);
    await seen('trm_0one', 75);
    expect(await watch(76)).toEqual({ silent: 0, back: 1 });
    await watch(77);
    const back = [...silent, `terminals_recovered ${first} 1`];
    expect(await told()).toEqual(back);
    // Silent for a second time is told for a second time.
    await watch(75 + 73);
    expect((await told()).length).toBeGreaterThan(back.length);
  });

  it('takes nobody for silent when it is told not to look', async () => {
    const before = await told();
    await watch(10_000, 0);
    const marked = await db.selectFrom('terminal').where('is_silent', '=', true).select('id').execute();
    expect(marked).toEqual([]);
    expect((await told()).slice(before.length).every((line) => line.startsWith('terminals_recovered'))).toBe(true);
  });
});
