/** Operators, their roles and tokens, and the audit, over HTTP. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { admin, ask, type Identity, newCustomer, newOperator, nobody } from '../testing/test-accounts.js';
import { startTestServer, type TestServer } from '../testing/test-server.js';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});

afterAll(() => server?.stop());
afterEach(() => void vi.useRealTimers());

const me = (as: Identity) => ask(server, 'GET', '/api/v1/operators/me', { as });
const change = (name: string, body: object, as = admin) => ask(server, 'PATCH', `/api/v1/operators/${name}`, { as, body });
const audit = async (query: string) => (await ask(server, 'GET', `/api/v1/audit?${query}`)).body;

describe('an operator', () => {
  it('is told who asks; others are not', async () => {
    expect((await me(admin)).body).toMatchObject({
      name: 'publisher',
      role: 'admin',
      is_enabled: true,
      tokens: [{ name: 'first' }],
    });
    expect((await me(nobody)).body).toMatchObject({ status: 401, code: 'AUTH_REQUIRED' });
    expect((await me((await newCustomer(server)).as)).body).toMatchObject({ status: 403, code: 'AUTH_FORBIDDEN' });
  });

  it('that is disabled, or gets another role, has it from the next request on', async () => {
    const paul = await newOperator(server, 'paul', 'viewer');
    expect((await ask(server, 'POST', '/api/v1/operators', { as: paul, body: { name: 'x', role: 'admin' } })).status).toBe(403);
    await change('paul', { role: 'admin', email: 'paul@example.com', reason: 'holidays' });
    expect((await ask(server, 'POST', '/api/v1/operators', { as: paul, body: { name: 'pia', role: 'viewer' } })).status).toBe(201);
    expect((await change('paul', { is_enabled: false })).body).toMatchObject({ is_enabled: false, role: 'admin' });
    expect((await me(paul)).status).toBe(401);
    await change('paul', { is_enabled: true, role: 'viewer' });
    expect((await me(paul)).body).toMatchObject({ role: 'viewer', email: 'paul@example.com' });
  });

  it('is listed with the names of tokens, never the tokens', async () => {
    const mia = await newOperator(server, 'mia', 'publisher');
    const { body, text } = await ask(server, 'GET', '/api/v1/operators', { as: mia });
    expect(body.operators.find(({ name }: { name: string }) => name === 'mia')).toMatchObject({
      role: 'publisher',
      tokens: [{ name: 'work' }],
    });
    expect(text).not.toContain(mia.authorization?.slice(7));
    expect(text).not.toContain('sha256');
  });

  it('has a name of its own, and a token too', async () => {
    await newOperator(server, 'nina', 'viewer');
    expect((await ask(server, 'POST', '/api/v1/operators', { body: { name: 'nina', role: 'admin' } })).body.code).toBe(
      'RECORD_EXISTS',
    );
    expect((await ask(server, 'POST', '/api/v1/operators/nina/tokens', { body: { name: 'work' } })).body.code).toBe(
      'RECORD_EXISTS',
    );
    expect((await ask(server, 'POST', '/api/v1/operators/nobody/tokens', { body: { name: 'work' } })).body.code).toBe(
      'RECORD_NOT_FOUND',
    );
    for (const body of [
      { name: '../x', role: 'viewer' },
      { name: 'me', role: 'viewer' },
      { name: 'x', role: 'root' },
      { name: 'x' },
      { name: 'x', role: 'viewer', email: 'x' },
    ])
      expect((await ask(server, 'POST', '/api/v1/operators', { body })).body.code).toBe('REQUEST_INVALID');
  });
});

describe('a token', () => {
  it('is good for nothing after it was deleted, or its time is over', async () => {
    const tom = await newOperator(server, 'tom', 'viewer');
    const { body } = await ask(server, 'POST', '/api/v1/operators/tom/tokens', { body: { name: 'short', expires_in_days: 1 } });
    const short = { authorization: `Bearer ${body.token}` };
    expect([(await me(tom)).status, (await me(short)).status]).toEqual([200, 200]);
    expect((await ask(server, 'DELETE', '/api/v1/operators/tom/tokens/work')).status).toBe(204);
    expect((await ask(server, 'DELETE', '/api/v1/operators/tom/tokens/work')).body.code).toBe('RECORD_NOT_FOUND');
    expect([(await me(tom)).status, (await me(short)).status]).toEqual([401, 200]);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 25 * 3_600_000 });
    expect((await me(short)).status).toBe(401);
  });
});

describe('the last admin', () => {
  it('can not be disabled, made a viewer, or left without a token', async () => {
    const last = { status: 400, code: 'REQUEST_INVALID' };
    expect((await change('publisher', { is_enabled: false })).body).toMatchObject(last);
    expect((await change('publisher', { role: 'publisher' })).body).toMatchObject(last);
    expect((await ask(server, 'DELETE', '/api/v1/operators/publisher/tokens/first')).body).toMatchObject(last);
    await ask(server, 'POST', '/api/v1/operators', { body: { name: 'without-token', role: 'admin' } });
    expect((await change('publisher', { is_enabled: false })).body).toMatchObject(last);
    expect((await me(admin)).body).toMatchObject({ is_enabled: true, role: 'admin', tokens: [{ name: 'first' }] });
  });

  it('remains when two admins disable each other at the same time', async () => {
    const amy = await newOperator(server, 'amy', 'admin');
    const answers = await Promise.all([
      change('publisher', { is_enabled: false }, amy),
      change('amy', { is_enabled: false }, admin),
    ]);
    expect(answers.map(({ status }) => status).sort()).not.toEqual([200, 200]);
    const left = [await me(amy), await me(admin)].filter(({ status }) => status === 200);
    expect(left).toHaveLength(1);
    const as = left[0]?.body.name === 'amy' ? amy : admin;
    for (const name of ['publisher', 'amy']) expect((await change(name, { is_enabled: true }, as)).status).toBe(200);
  });
});

describe('the audit', () => {
  it('has who changed what, from where and why, what was and what is, and no secret', async () => {
    const ada = await newCustomer(server);
    const olga = await newOperator(server, 'olga', 'admin');
    const path = `/api/v1/customers/${ada.code}`;
    await ask(server, 'PATCH', path, { as: olga, body: { status: 'suspended', reason: 'not paid' } });
    const rotated = await ask(server, 'POST', '/api/v1/keys', { as: ada.as, body: {} });
    const { events } = await audit(`subject_kind=customer&subject=${ada.code}`);
    expect(events).toMatchObject([
      { actor_kind: 'customer', actor: ada.code, action: 'keys_rotated', detail: { prefix: rotated.body.prefix } },
      { actor_kind: 'operator', actor: 'olga', action: 'customer_suspended', reason: 'not paid', address: '127.0.0.1' },
      { actor: 'publisher', action: 'customer_added', detail: { after: { email: ada.email } } },
    ]);
    expect(events[1].detail).toMatchObject({ before: { status: 'active' }, after: { status: 'suspended' } });
    expect(events[1].request_id).toMatch(/^[0-9a-f-]{36}$/);
    const everything = JSON.stringify((await audit('limit=500')).events);
    for (const secret of [rotated.body.api_key, rotated.body.api_secret, ada.as['x-api-secret'], olga.authorization?.slice(7)])
      expect(everything).not.toContain(secret);
  });

  it('is filtered and read page by page, newest first', async () => {
    const moment = new Date().toISOString();
    const names = ['zoe-1', 'zoe-2', 'zoe-3'];
    for (const name of names) await ask(server, 'POST', '/api/v1/operators', { body: { name, role: 'viewer' } });
    const query = `action=operator_added&actor=publisher&since=${moment}&limit=2`;
    const first = await audit(query);
    const second = await audit(`${query}&after=${first.next}`);
    expect([...first.events, ...second.events].map(({ subject }) => subject)).toEqual(names.toReversed());
    expect(second.next).toBeNull();
    expect(
      (await audit(`action=operator_added&until=${moment}&limit=500`)).events.map(({ subject }: { subject: string }) => subject),
    ).not.toContain('zoe-1');
    for (const bad of ['since=yesterday', 'since=2026-12-31T23:59:60Z', 'until=0000-01-01T00:00:00Z', 'limit=x'])
      expect(await audit(bad)).toMatchObject({ status: 400, code: 'REQUEST_INVALID' });
  });

  it('is for operators', async () => {
    expect((await ask(server, 'GET', '/api/v1/audit', { as: nobody })).status).toBe(401);
    expect((await ask(server, 'GET', '/api/v1/audit', { as: (await newCustomer(server)).as })).status).toBe(403);
    expect((await ask(server, 'GET', '/api/v1/audit', { as: await newOperator(server, 'vic', 'viewer') })).status).toBe(200);
  });
});
