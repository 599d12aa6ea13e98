/** Enrolled terminals over HTTP: how they come, who sees and changes them, how they go. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  admin,
  ask,
  type Identity,
  machine,
  newCustomer,
  newOperator,
  newTerminal,
  nobody,
  signedIn,
  type TestCustomer,
} from '../testing/test-accounts.js';
import { publishOk, startTestServer, type TestServer } from '../testing/test-server.js';

let server: TestServer;
let ada: TestCustomer;
let eve: TestCustomer;
let publisher: Identity;
let viewer: Identity;

beforeAll(async () => {
  server = await startTestServer();
  [ada, eve] = [await newCustomer(server), await newCustomer(server)];
  [publisher, viewer] = [await newOperator(server, 'paul', 'publisher'), await newOperator(server, 'vera', 'viewer')];
  await publishOk(server.url, { version: '1.0.0', parts: [{ path: 'app.txt', bytes: 'one' }] });
  await publishOk(server.url, { version: '1.1.0', parts: [{ path: 'app.txt', bytes: 'two' }] });
});

afterAll(() => server?.stop());
afterEach(() => void vi.useRealTimers());

const works = async (as: Identity) => (await ask(server, 'GET', '/api/v1/license/verify', { as })).status;
const enrol = (as: Identity, fields: object = {}) => ask(server, 'POST', '/api/v1/terminals/enrol', { as, body: machine(fields) });
const see = (id: string, as: Identity = admin) => ask(server, 'GET', `/api/v1/terminals/${id}`, { as });
const change = (id: string, body: object, as: Identity = admin) => ask(server, 'PATCH', `/api/v1/terminals/${id}`, { as, body });
const idsOf = async (query: string, as: Identity = admin): Promise<string[]> =>
  (await ask(server, 'GET', `/api/v1/terminals?${query}`, { as })).body.terminals.map(
    ({ terminal_id }: { terminal_id: string }) => terminal_id,
  );

describe('enrolling', () => {
  it("gives a machine an id and a secret of its own, with the customer's key", async () => {
    const { status, body, headers } = await enrol(ada.as, { group: 'south' });
    expect([status, headers.get('cache-control')]).toEqual([201, 'no-store']);
    expect(body.terminal_id).toMatch(/^trm_[A-Za-z0-9_-]{22}$/);
    expect(await works(signedIn(body.terminal_id, body.secret))).toBe(200);
    const seen = await see(body.terminal_id);
    expect(seen.body).toMatchObject({
      customer: ada.code,
      ...machine(),
      group: 'south',
      ring: null,
      is_enabled: true,
      last_check_at: null,
    });
    expect(seen.text).not.toContain(body.secret);
  });

  it('is for customers with their own key only', async () => {
    const terminal = await newTerminal(server, ada);
    for (const as of [admin, publisher, terminal.as]) expect((await enrol(as)).body.code).toBe('AUTH_FORBIDDEN');
    expect((await enrol(nobody)).body.code).toBe('AUTH_REQUIRED');
  });

  it.each([
    ['a ring, which is for operators to set', { ring: 'staging' }],
    ['an architecture that is none', { architecture: 'x64; rm' }],
    ['a name that is too long', { name: 'x'.repeat(101) }],
    ['no branch', { branch: undefined }],
    ['a line end', { branch: 'Roma\n' }],
  ])('with %s is refused', async (_what, fields) => {
    expect((await enrol(eve.as, fields)).body).toMatchObject({ status: 400, code: 'REQUEST_INVALID' });
    expect(await idsOf('', eve.as)).toEqual([]);
  });

  it('stops at the limit of the licence, also when many come at the same time; a revoked one makes room', async () => {
    const limits = { administrators: 1, properties: 1, terminals: 3 };
    const max = await newCustomer(server, { limits });
    const answers = await Promise.all(Array.from({ length: 10 }, () => enrol(max.as)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 201, ...Array(7).fill(403)]);
    expect(answers.find(({ status }) => status === 403)?.body.code).toBe('LICENSE_LIMIT');
    const ids = await idsOf('', max.as);
    expect(ids).toHaveLength(3);
    await ask(server, 'DELETE', `/api/v1/terminals/${ids[0]}`, { as: max.as });
    expect([(await enrol(max.as)).status, (await enrol(max.as)).status]).toEqual([201, 403]);
    await ask(server, 'PATCH', `/api/v1/customers/${max.code}`, { body: { limits: { ...limits, terminals: null } } });
    expect((await enrol(max.as)).status).toBe(201);
  });

  it('is refused when the licence is over or suspended', async () => {
    const max = await newCustomer(server);
    const licence = (body: object) => ask(server, 'PATCH', `/api/v1/customers/${max.code}`, { body });
    await licence({ expires_on: '2020-01-01' });
    expect((await enrol(max.as)).body.code).toBe('LICENSE_EXPIRED');
    await licence({ status: 'suspended' });
    expect((await enrol(max.as)).body.code).toBe('LICENSE_SUSPENDED');
  });
});

describe('a terminal', () => {
  it('of another customer is not there: 404, not 403, whatever is asked', async () => {
    const { id } = await newTerminal(server, ada);
    const spy = await newTerminal(server, eve);
    for (const as of [eve.as, spy.as]) {
      const body = as === spy.as ? { agent_version: '9' } : { name: 'mine' };
      expect((await see(id, as)).body).toMatchObject({ status: 404, code: 'RECORD_NOT_FOUND' });
      expect((await change(id, body, as)).status).toBe(404);
      expect((await ask(server, 'POST', `/api/v1/terminals/${id}/secret`, { as, body: {} })).status).toBe(404);
      expect(await idsOf(`customer=${ada.code}`, as)).toEqual([]);
    }
    expect((await ask(server, 'DELETE', `/api/v1/terminals/${id}`, { as: eve.as })).status).toBe(404);
    expect((await see(id, ada.as)).body).toMatchObject({ name: 'Till 1', agent_version: '1.0.0', is_enabled: true });
    expect((await see('trm_0000000000000000000000')).status).toBe(404);
  });

  it('sees itself and none of its neighbours', async () => {
    const [one, two] = [await newTerminal(server, ada), await newTerminal(server, ada)];
    expect(await idsOf('', one.as)).toEqual([one.id]);
    expect([(await see(one.id, one.as)).status, (await see(two.id, one.as)).status]).toEqual([200, 404]);
  });

  it('is changed field by field by whom the field belongs to', async () => {
    const { id, as } = await newTerminal(server, ada);
    const fields = { name: 'Till 7', branch: 'Milano', group: 'north', ring: 'staging' };
    expect((await change(id, { ...fields, reason: 'moved' }, publisher)).body).toMatchObject(fields);
    expect((await change(id, { name: 'Till 8', branch: 'Torino' }, ada.as)).body).toMatchObject({
      name: 'Till 8',
      ring: 'staging',
    });
    expect((await change(id, { agent_version: '1.2.0', link_bytes_per_second: 32_000 }, as)).body).toMatchObject({
      agent_version: '1.2.0',
      link_bytes_per_second: 32_000,
    });
    for (const [who, body] of [
      [ada.as, { ring: 'staging' }],
      [ada.as, { name: 'x', group: 'north' }],
      [as, { ring: 'staging' }],
      [as, { branch: 'Roma' }],
      [publisher, { agent_version: '7' }],
      [viewer, { name: 'x' }],
    ] as const)
      expect((await change(id, body, who)).body, JSON.stringify(body)).toMatchObject({ status: 403, code: 'AUTH_FORBIDDEN' });
    expect((await change(id, { name: 'x' }, nobody)).status).toBe(401);
    expect((await change(id, { group: null, ring: null })).body).toMatchObject({ name: 'Till 8', group: null, ring: null });
    for (const body of [{}, { is_enabled: false }, { name: '' }]) expect((await change(id, body)).status).toBe(400);
  });

  it('that is revoked can not sign in from the next request on', async () => {
    const { id, as } = await newTerminal(server, ada);
    expect(await works(as)).toBe(200);
    for (const who of [publisher, viewer, as])
      expect((await ask(server, 'DELETE', `/api/v1/terminals/${id}`, { as: who })).status).toBe(403);
    expect((await ask(server, 'DELETE', `/api/v1/terminals/${id}?reason=stolen`)).body).toMatchObject({ is_enabled: false });
    expect(await works(as)).toBe(401);
    expect((await ask(server, 'POST', `/api/v1/terminals/${id}/secret`, { body: {} })).body.code).toBe('REQUEST_INVALID');
    const { body } = await ask(server, 'GET', `/api/v1/audit?subject=${id}`);
    expect(body.events).toMatchObject([
      { action: 'terminal_revoked', reason: 'stolen' },
      { action: 'terminal_enrolled', actor: ada.code },
    ]);
  });

  it('gets a new secret while the one before is still good, for as long as was said', async () => {
    const { id, as } = await newTerminal(server, ada);
    const rotate = async (who: Identity, body: object) =>
      signedIn(id, (await ask(server, 'POST', `/api/v1/terminals/${id}/secret`, { as: who, body })).body.secret);
    const second = await rotate(as, { overlap_hours: 1 });
    expect([await works(as), await works(second)]).toEqual([200, 200]);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_001 });
    expect([await works(as), await works(second)]).toEqual([401, 200]);
    const third = await rotate(ada.as, { overlap_hours: 0 });
    expect([await works(second), await works(third)]).toEqual([401, 200]);
    expect((await ask(server, 'POST', `/api/v1/terminals/${id}/secret`, { as: publisher, body: {} })).status).toBe(403);
  });

  it('is listed by what it checked for, and where it stands', async () => {
    const max = await newCustomer(server, { service_level: 'enterprise' });
    const [one, two, three] = [
      await newTerminal(server, max, { branch: 'Bari' }),
      await newTerminal(server, max, { branch: 'Bari', group: 'south' }),
      await newTerminal(server, max),
    ];
    await ask(server, 'GET', '/api/v1/updates/check?application=erp', { as: one.as, headers: { 'x-client-version': '1.0.0' } });
    await ask(server, 'GET', '/api/v1/updates/check?application=erp', { as: two.as, headers: { 'x-client-version': '1.1.0' } });
    await change(three.id, { ring: 'staging' });
    const own = `customer=${max.code}`;
    await server.ports.sightings.write();
    const seen = (await see(one.id, max.as)).body;
    expect(seen.applications).toMatchObject([{ application: 'erp', platform: 'any', version: '1.0.0', channel: 'stable' }]);
    expect(seen.last_check_at).toBe(seen.applications[0].checked_at);
    expect(await idsOf(`${own}&branch=Bari`)).toEqual([one.id, two.id].sort());
    expect(await idsOf(`${own}&branch=Bari&group=south`)).toEqual([two.id]);
    expect(await idsOf(`${own}&ring=staging`)).toEqual([three.id]);
    expect(await idsOf(`${own}&application=erp`)).toEqual([one.id, two.id].sort());
    expect(await idsOf(`${own}&application=erp&version=1.1.0`)).toEqual([two.id]);
    expect(await idsOf(`${own}&version=2.0.0`)).toEqual([]);
    expect(await idsOf(`${own}&silent=true`)).toEqual([]);
    await ask(server, 'DELETE', `/api/v1/terminals/${three.id}`);
    expect(await idsOf(`${own}&enabled=false`)).toEqual([three.id]);
    const first = (await ask(server, 'GET', `/api/v1/terminals?${own}&limit=2`)).body;
    const rest = await idsOf(`${own}&limit=2&after=${first.next}`);
    expect([...first.terminals.map(({ terminal_id }: { terminal_id: string }) => terminal_id), ...rest]).toEqual(
      [one.id, two.id, three.id].sort(),
    );
    for (const query of ['silent=yes', 'limit=0', `after=${Buffer.from("' or 1=1").toString('base64url')}`, 'customer=ada'])
      expect((await ask(server, 'GET', `/api/v1/terminals?${query}`)).status).toBe(400);
    expect((await ask(server, 'GET', '/api/v1/terminals', { as: nobody })).status).toBe(401);
  });
});

describe('a policy', () => {
  const set = (id: string, body: object, { as = publisher, application = 'erp' }: { as?: Identity; application?: string } = {}) =>
    ask(server, 'PUT', `/api/v1/terminals/${id}/policies/${application}`, { as, body });

  it('pins a terminal to a release, from its next check on, and lets it go again', async () => {
    const { id, as } = await newTerminal(server, ada);
    const check = async () =>
      (await ask(server, 'GET', '/api/v1/updates/check?application=erp&version=1.1.0', { as })).body.update_available;
    expect(await check()).toBe(false);
    const { body } = await set(id, { pinned_version: 'v1.0.0', allow_downgrade: true, reason: 'printer' });
    expect(body.policies).toEqual([{ application: 'erp', pinned_version: '1.0.0', allow_downgrade: true, blocked: [] }]);
    expect(await check()).toBe(true);
    await set(id, { pinned_version: null, allow_downgrade: false, blocked: ['1.2.0', '1.2.0'] });
    expect(await check()).toBe(false);
    expect((await set(id, { pinned_version: '1.1.0', allow_downgrade: false })).body.policies).toMatchObject([
      { pinned_version: '1.1.0', blocked: ['1.2.0'] },
    ]);
    const events = (await ask(server, 'GET', `/api/v1/audit?subject=${id}&action=terminal_policy_set`)).body.events;
    expect(events.at(-1)).toMatchObject({ actor: 'paul', reason: 'printer', detail: { before: { policies: [] } } });
  });

  it('is for operators who publish, about what there is', async () => {
    const { id, as } = await newTerminal(server, ada);
    const good = { pinned_version: null, allow_downgrade: false };
    for (const who of [viewer, ada.as, as]) expect((await set(id, good, { as: who })).status).toBe(403);
    const refused = async (body: object, application = 'erp') => (await set(id, body, { application })).body.code;
    expect(await refused({ ...good, pinned_version: '7.0.0' })).toBe('RELEASE_NOT_FOUND');
    expect(await refused({ ...good, pinned_version: 'seven' })).toBe('RELEASE_VERSION_INVALID');
    expect(await refused(good, 'unknown')).toBe('APPLICATION_NOT_FOUND');
    expect(await refused({ ...good, blocked: ['x'] })).toBe('RELEASE_VERSION_INVALID');
    expect(await refused({ ...good, blocked: Array(101).fill('1.0.0') })).toBe('REQUEST_INVALID');
    expect(await refused({ allow_downgrade: true })).toBe('REQUEST_INVALID');
    expect((await see(id)).body.policies).toEqual([]);
  });
});
