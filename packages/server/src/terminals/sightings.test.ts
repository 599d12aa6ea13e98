import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Principal } from '../accounts/principal.js';
import { log } from '../notifications/notifications.test.support.js';
import { openTestDatabase, type TestDatabase } from '../testing/test-database.js';
import { Sightings } from './sightings.js';

let test: TestDatabase;
let applicationId: number;

beforeAll(async () => {
  test = await openTestDatabase('embedded');
  const application = { slug: 'erp', name: 'erp', version_form: 'semver' as const };
  ({ id: applicationId } = await test.database.db
    .insertInto('application')
    .values(application)
    .returning('id')
    .executeTakeFirstOrThrow());
});
afterAll(() => test?.remove());

const stranger: Principal = { kind: 'anonymous' };

it('no address fills the disk with names: those beyond what a branch has are not kept, others still are', async () => {
  const { db } = test.database;
  const sightings = new Sightings({ db, log });
  const see = (terminalName: string, address: string, version = '1.0.0') =>
    sightings.record({ applicationId, platform: 'any', version, channel: 'stable', principal: stranger, terminalName, address });
  for (let n = 0; n < 2_500; n++) see(`name-${n}`, n % 2 === 0 ? '2001:db8::1' : '2001:db8::2');
  see('name-0', '2001:db8::1', '1.1.0');
  see('another', '192.0.2.1');
  await sightings.write();
  const rows = await db.selectFrom('sighting').select(['terminal_key', 'version']).execute();
  expect(rows).toHaveLength(2_001);
  expect(rows).toContainEqual({ terminal_key: '/name-0', version: '1.1.0' });
  expect(rows).toContainEqual({ terminal_key: '/another', version: '1.0.0' });
});
