import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestDatabase, type TestDatabase, testDatabases } from '../testing/test-database.js';
import { cleanHistory } from './clean-history.js';

describe.each(testDatabases)('cleaning the history on a database that is %s', (kind) => {
  let test: TestDatabase;

  beforeAll(async () => {
    test = await openTestDatabase(kind);
  });

  afterAll(() => test?.remove());

  it('forgets what is older than it is kept, however much it is, and nothing else', async () => {
    const { db } = test.database;
    const erp = db.insertInto('application').values({ slug: 'erp', name: 'ERP', version_form: 'semver' }).returning('id');
    const { id } = await erp.executeTakeFirstOrThrow();
    const now = new Date('2026-11-22T12:00:00Z');
    const ago = (days: number) => new Date(now.getTime() - days * 86_400_000);
    const row = (event: number, received_at: Date) => ({
      terminal_key: 'a',
      event_id: `${event}`,
      application_id: id,
      platform: 'any',
      state: 'started' as const,
      percent: 0,
      log_output: '',
      // A terminal whose clock is wrong: what counts is when it was told.
      at: ago(2_000),
      received_at,
    });
    const rows = Array.from({ length: 5_200 }, (_, index) => row(index, ago(index < 5_100 ? 11 : 9)));
    for (let from = 0; from < rows.length; from += 1_000)
      await db
        .insertInto('update_log')
        .values(rows.slice(from, from + 1_000))
        .execute();
    expect(await cleanHistory(db, { historyDays: 10, now })).toBe(5_100);
    expect(await cleanHistory(db, { historyDays: 10, now })).toBe(0);
    expect(await db.selectFrom('update_log').select('id').execute()).toHaveLength(100);
  });
});
