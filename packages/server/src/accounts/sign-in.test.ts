/** Signing in where several servers share a database, and the operator of the first start. */
import { fastify } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serverActor } from '../audit/record-audit.js';
import { Changes } from '../database/changes.js';
import { openTestDatabase, type TestDatabase, testDatabases } from '../testing/test-database.js';
import { addCustomer, deleteCustomer } from './change-customer.js';
import { revokeKey } from './customer-keys.js';
import { ensureFirstOperator } from './first-operator.js';
import { SignIn } from './sign-in.js';

const actor = serverActor('test');
const address = '192.0.2.1';

describe.each(testDatabases)('on the %s database', (kind) => {
  let test: TestDatabase;
  beforeAll(async () => {
    test = await openTestDatabase(kind);
  });
  afterAll(() => test?.remove());

  /** A server of its own, as far as accounts go: it knows of others' changes by looking. */
  async function startProcess() {
    const database = await test.another();
    const changes = new Changes(database, fastify().log);
    const signIn = new SignIn({ db: database.db, changes });
    await changes.look();
    const kindOf = async (authorization: string, apiSecret?: string) =>
      (await signIn.principalOf({ authorization: `Bearer ${authorization}`, apiSecret }, address).catch((error) => error)).kind ??
      'refused';
    return { changes, kindOf };
  }

  const audited = async () =>
    (await test.database.db.selectFrom('audit_event').select('action').execute()).map(({ action }) => action);

  it('the first operator is made once; the token of the settings takes the place of that one, at once and once', async () => {
    const [one, two] = [await startProcess(), await startProcess()];
    const made = await Promise.all([ensureFirstOperator(one.changes, null), ensureFirstOperator(two.changes, null)]);
    const token = made.find((text) => text !== null) ?? '';
    expect(made.filter((text) => text !== null)).toHaveLength(1);
    expect(await one.kindOf(token)).toBe('operator');
    for (let start = 0; start < 2; start++) expect(await ensureFirstOperator(one.changes, 'of-the-settings-0123456789')).toBeNull();
    expect([await one.kindOf(token), await one.kindOf('of-the-settings-0123456789')]).toEqual(['refused', 'operator']);
    expect(await audited()).toEqual(['first_token_set', 'first_token_set']);
  });

  it('what one server revoked is refused by the others once they have looked', async () => {
    const [one, two] = [await startProcess(), await startProcess()];
    const person = (email: string) => ({ email, first_name: 'Ada', last_name: 'Rossi' });
    const { customer, keys } = await addCustomer(one.changes, actor, person('ada@example.com'));
    const eve = await addCustomer(one.changes, actor, person('eve@example.com'));
    const asked = async () => [
      await two.kindOf(keys.apiKey, keys.apiSecret),
      await two.kindOf(eve.keys.apiKey, eve.keys.apiSecret),
    ];
    expect(await asked()).toEqual(['customer', 'customer']);
    await revokeKey(one.changes, actor, { code: customer.code, prefix: keys.prefix });
    await deleteCustomer(one.changes, actor, { code: eve.customer.code });
    expect(await one.kindOf(keys.apiKey, keys.apiSecret)).toBe('refused');
    await two.changes.look();
    expect(await asked()).toEqual(['refused', 'refused']);
  });

  it('an unknown key, a wrong one and a wrong secret are refused alike, and what is unknown is not remembered', async () => {
    const [one, two] = [await startProcess(), await startProcess()];
    const { keys } = await addCustomer(one.changes, actor, { email: 'eva@example.com', first_name: 'Eva', last_name: 'Rossi' });
    const unknown = keys.apiKey.replace(keys.prefix, 'unknown00000');
    const wrong = [
      [unknown, keys.apiSecret],
      [`${keys.apiKey}x`, keys.apiSecret],
      [keys.apiKey, 'wrong'],
      [keys.apiKey, undefined],
    ] as const;
    for (const [key, secret] of wrong) expect(await one.kindOf(key, secret)).toBe('refused');
    expect(await one.kindOf(keys.apiKey, keys.apiSecret)).toBe('customer');
    const later = 'a-token-that-comes-later-0123';
    expect(await two.kindOf(later)).toBe('refused');
    await ensureFirstOperator(one.changes, later);
    expect(await two.kindOf(later)).toBe('operator');
  });
});
