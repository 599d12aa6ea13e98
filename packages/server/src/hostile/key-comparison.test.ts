/**
 * Guessing keys by the clock. Times are not measured: whoever is refused cost the same statements, the same hashes and the
 * same comparisons, all of them in constant time, whatever was wrong.
 */
import { timingSafeEqual } from 'node:crypto';
import { digestOf } from '@remendo/core';
import { fastify } from 'fastify';
import type { KyselyPlugin } from 'kysely';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { addCustomer } from '../accounts/change-customer.js';
import { newSecret, newTerminalId } from '../accounts/credentials.js';
import { addOperator, addToken } from '../accounts/operators.js';
import { registerCustomer } from '../accounts/register-customer.js';
import { SignIn } from '../accounts/sign-in.js';
import { serverActor } from '../audit/record-audit.js';
import { Changes } from '../database/changes.js';
import { enrolTerminal } from '../terminals/enrol-terminal.js';
import { openTestDatabase, type TestDatabase } from '../testing/test-database.js';

vi.mock('node:crypto', async (original) => {
  const crypto = await original<typeof import('node:crypto')>();
  return { ...crypto, timingSafeEqual: vi.fn(crypto.timingSafeEqual) };
});
vi.mock('@remendo/core', async (original) => {
  const core = await original<typeof import('@remendo/core')>();
  return { ...core, digestOf: vi.fn(core.digestOf) };
});

const actor = serverActor('test');
let test: TestDatabase;
let statements = 0;
let changes: Changes;
let signIn: SignIn;
let key: { readonly apiKey: string; readonly apiSecret: string; readonly prefix: string };
let terminal: { readonly terminal_id: string; readonly secret: string };
let token: string;

const counting: KyselyPlugin = {
  transformQuery: ({ node }) => {
    statements++;
    return node;
  },
  transformResult: async ({ result }) => result,
};

beforeAll(async () => {
  test = await openTestDatabase('embedded');
  const db = test.database.db.withPlugin(counting);
  changes = new Changes({ ...test.database, db }, fastify().log);
  signIn = new SignIn({ db, changes });
  const person = { email: 'ada@example.com', first_name: 'Ada', last_name: 'Rossi' };
  const { customer, keys } = await addCustomer(changes, actor, person);
  key = keys;
  const principal = await signIn.principalOf({ authorization: `Bearer ${keys.apiKey}`, apiSecret: keys.apiSecret }, '192.0.2.1');
  if (principal.kind !== 'customer') throw new Error(`${customer.code} can not sign in`);
  const request = { name: 'till', branch: 'Roma', operating_system: 'Linux', architecture: 'x64', agent_version: '1.0.0' };
  terminal = await enrolTerminal(changes, actor, { customer: principal.customer, request });
  await addOperator(changes, actor, { name: 'vera', role: 'viewer' });
  token = (await addToken(changes, actor, { operator: 'vera', name: 'work' })).token;
});
afterAll(() => test?.remove());

const digests = vi.mocked(digestOf);
const comparisons = vi.mocked(timingSafeEqual);

async function workOf(work: () => Promise<unknown>): Promise<object> {
  digests.mockClear();
  comparisons.mockClear();
  statements = 0;
  const outcome = await work().then(
    () => 'taken',
    ({ code, message }: { code: string; message: string }) => `${code}: ${message}`,
  );
  return { outcome, statements, digests: digests.mock.calls.length, comparisons: comparisons.mock.calls.length };
}

const signingIn = (bearer: string, apiSecret?: string): Promise<object> =>
  workOf(() => signIn.principalOf({ authorization: `Bearer ${bearer}`, apiSecret }, '192.0.2.1'));

const refused = 'AUTH_REQUIRED: the credentials are not valid';

describe.each([
  ['that is in memory', false],
  ['that is not in memory', true],
])('a customer or terminal %s', (_where, isForgotten) => {
  const asked = async (bearer: string, secret?: string): Promise<object> => {
    if (isForgotten) await changes.change(['accounts'], async () => {});
    else await signingIn(key.apiKey, key.apiSecret);
    if (!isForgotten) await signingIn(terminal.terminal_id, terminal.secret);
    return signingIn(bearer, secret);
  };

  it('costs as much to refuse with an unknown prefix, a wrong key, a wrong secret and none', async () => {
    const wrongKeys: readonly (readonly [string, string | undefined])[] = [
      [key.apiKey.replace(key.prefix, 'unknown00000'), key.apiSecret],
      [`rk_${key.prefix}_${newSecret()}`, key.apiSecret],
      [`${key.apiKey.slice(0, -1)}${key.apiKey.endsWith('A') ? 'B' : 'A'}`, key.apiSecret],
      [key.apiKey, newSecret()],
      [key.apiKey, `${key.apiSecret}x`],
      [key.apiKey, undefined],
      [`rk_unknown00000_${newSecret()}`, newSecret()],
    ];
    const work = [];
    for (const [bearer, secret] of wrongKeys) work.push(await asked(bearer, secret));
    expect(work).toEqual(Array(wrongKeys.length).fill({ outcome: refused, statements: 1, digests: 2, comparisons: 4 }));
  });

  it('costs as much to refuse with an unknown id as with a wrong secret', async () => {
    const work = [
      await asked(newTerminalId(), terminal.secret),
      await asked(terminal.terminal_id, newSecret()),
      await asked(terminal.terminal_id, undefined),
    ];
    expect(work).toEqual(Array(3).fill({ outcome: refused, statements: 1, digests: 1, comparisons: 4 }));
  });
});

it("operators' tokens are found by their digest: nothing of a guess is compared", async () => {
  for (const guess of [newSecret(), `${token.slice(0, -1)}_`, `${token}x`, 'x'])
    expect(await signingIn(guess)).toEqual({ outcome: refused, statements: 1, digests: 1, comparisons: 0 });
  expect(await signingIn(token)).toMatchObject({ outcome: 'taken', digests: 1, comparisons: 0 });
});

it('what is compared are digests, all of one length', async () => {
  for (const secret of ['', 'x', 'x'.repeat(10_000)]) await signingIn(key.apiKey, secret);
  for (const [given, stored] of comparisons.mock.calls) expect([given.byteLength, stored.byteLength]).toEqual([32, 32]);
});

it('a secret that another server made a moment ago is good at once', async () => {
  expect(await signingIn(terminal.terminal_id, terminal.secret)).toMatchObject({ outcome: 'taken' });
  const fresh = newSecret();
  await test.database.db
    .updateTable('terminal')
    .set({ secret_sha256: digestOf(fresh) })
    .where('id', '=', terminal.terminal_id)
    .execute();
  expect(await signingIn(terminal.terminal_id, fresh)).toMatchObject({ outcome: 'taken' });
});

it('registering costs as much with an e-mail that is known', async () => {
  const rules = { mode: 'open', levelMax: 'basic' } as const;
  const registering = (email: string): Promise<object> =>
    workOf(() => registerCustomer(changes, actor, { rules, request: { email, first_name: 'Ada', last_name: 'Rossi' } }));
  const known = await registering('ADA@example.com');
  expect(await registering('new@example.com')).toEqual(known);
});
