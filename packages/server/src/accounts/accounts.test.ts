/** Registration, licences, keys and customers over HTTP. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  admin,
  ask,
  type Identity,
  newCustomer,
  newOperator,
  newTerminal,
  nobody,
  person,
  signedIn,
} from '../testing/test-accounts.js';
import { startTestServer, type TestServer } from '../testing/test-server.js';

let server: TestServer;
const hourMs = 3_600_000;

beforeAll(async () => {
  server = await startTestServer(['--trust-proxy', '127.0.0.1']);
});

afterAll(() => server?.stop());
afterEach(() => void vi.useRealTimers());

const verify = (as: Identity, headers = {}) => ask(server, 'GET', '/api/v1/license/verify', { as, headers });
const register = (body: object, headers = {}) => ask(server, 'POST', '/api/v1/register', { as: nobody, body, headers });
const change = (code: string, body: object) => ask(server, 'PATCH', `/api/v1/customers/${code}`, { body });
const customers = async () =>
  (await ask(server, 'GET', '/api/v1/customers?limit=500')).body.customers as { readonly email: string }[];
const later = (hours: number) => vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + hours * hourMs });

describe('registering', () => {
  // All of a test on one day, and in a year without a leap day.
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2029-07-01T12:00:00Z') }));

  it('gives a code, a key and a secret that work, for a year at the level that may be granted', async () => {
    const { status, body, headers } = await register(person({ email: 'Ada.Rossi@Example.com', service_level: 'enterprise' }));
    expect([status, body.success, headers.get('cache-control')]).toEqual([201, true, 'no-store']);
    const { code, api_key, api_secret, ...terms } = body.data;
    expect(code).toMatch(/^USR[A-HJKMNP-Z2-9]{5}$/);
    expect(terms).toMatchObject({
      service_level: 'basic',
      requested_level: 'enterprise',
      limits: { administrators: 5, properties: 50 },
    });
    const licence = await verify(signedIn(api_key, api_secret));
    expect(licence.body).toMatchObject({ valid: true, status: 'active', code, level: 'basic', days_left: 365, features: ['api'] });
    expect(licence.body.expires_on).toBe(terms.expires_on);
    const { body: stored, text } = await ask(server, 'GET', `/api/v1/customers/${code}`);
    expect(stored).toMatchObject({
      email: 'ada.rossi@example.com',
      requested_level: 'enterprise',
      service_level: 'basic',
      status: 'active',
    });
    expect(text).not.toContain(api_secret);
  });

  it('with an e-mail that is known, in any case, tells neither a key nor that it is, and changes nothing', async () => {
    const first = await register(person({ email: 'twice@example.com' }));
    const before = await customers();
    const second = await register(person({ email: 'TWICE@example.com', company: 'Somebody else', service_level: 'professional' }));
    expect(second.status).toBe(first.status);
    const { code, api_key, api_secret, ...rest } = first.body.data;
    expect(second.body.data).toEqual({ ...rest, requested_level: 'professional' });
    expect(await customers()).toEqual(before);
    expect((await verify(signedIn(api_key, api_secret))).body.code).toBe(code);
  });

  it('takes the old names of fields, and tells them to those who ask', async () => {
    const old = {
      email: 'old@example.com',
      nome: 'Ada',
      cognome: 'Rossi',
      azienda: 'Rossi',
      telefono: '06',
      livello_servizio: 'basic',
    };
    const { status, body } = await register(old, { 'x-compat': 'netgescon-1' });
    expect(status).toBe(201);
    expect(body.data).toMatchObject({ livello_servizio: 'basic', service_level: 'basic', limits: { properties: 50, stabili: 50 } });
    expect(body.data.data_scadenza).toBe(body.data.expires_on);
    const as = signedIn(body.data.api_key, body.data.api_secret);
    expect((await verify(as, { 'x-compat': 'netgescon-1' })).body).toMatchObject({
      stato: 'active',
      livello_servizio: 'basic',
      level: 'basic',
    });
    expect((await verify(as)).body).not.toHaveProperty('stato');
    const seen = await ask(server, 'GET', `/api/v1/customers/${body.data.code}`, { headers: { 'x-compat': 'netgescon-1' } });
    expect(seen.body).toMatchObject({
      nome: 'Ada',
      first_name: 'Ada',
      azienda: 'Rossi',
      telefono: '06',
      ip_autorizzati: [],
      ultimo_accesso: null,
    });
  });

  it.each([
    ['no e-mail', { email: undefined }],
    ['an e-mail that is none', { email: 'ada at example.com' }],
    ['two e-mails', { email: 'a@example.com, b@example.com' }],
    ['an e-mail with a line end', { email: 'ada@example.com\r\nBcc: x@example.com' }],
    ['a name with a control character', { first_name: 'Ada\u0000' }],
    ['half a character', { company: '\ud800' }],
    ['a name that is too long', { last_name: 'x'.repeat(101) }],
    ['a level that does not exist', { service_level: 'platinum' }],
    ['a field that does not exist', { is_admin: true }],
    ['a number for a name', { first_name: 7 }],
  ])('with %s is refused, and nobody is registered', async (_what, fields) => {
    const before = (await customers()).length;
    const { status, body } = await register(person(fields));
    expect([status, body.code]).toEqual([400, 'REQUEST_INVALID']);
    expect((await customers()).length).toBe(before);
  });

  it('of many with one e-mail at the same time makes one customer', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => register(person({ email: 'race@example.com' }))));
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(201));
    expect(answers.filter(({ body }) => body.data.api_key !== undefined)).toHaveLength(1);
    expect((await customers()).filter(({ email }) => email === 'race@example.com')).toHaveLength(1);
  });
});

describe('by invitation', () => {
  let other: TestServer;
  beforeAll(async () => {
    other = await startTestServer(['--registration', 'invite']);
  });
  afterAll(() => other?.stop());
  const come = (fields: object) => ask(other, 'POST', '/api/v1/register', { as: nobody, body: person(fields) });
  const invite = async (body: object) => (await ask(other, 'POST', '/api/v1/invitations', { body })).body;

  it('one customer registers, at the level of the invitation', async () => {
    const { code, invitation } = await invite({ service_level: 'professional', note: 'for Ada' });
    const known = await newCustomer(other);
    expect((await come({ email: known.email, invitation: code })).body.data).not.toHaveProperty('api_key');
    const answers = await Promise.all([1, 2, 3].map(() => come({ invitation: code, service_level: 'enterprise' })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 403, 403]);
    const made = answers.find(({ status }) => status === 201)?.body.data;
    expect(made).toMatchObject({ service_level: 'professional', requested_level: 'enterprise' });
    const { body } = await ask(other, 'GET', '/api/v1/invitations');
    expect(body.invitations).toEqual([{ ...invitation, used_by: made.code }]);
    expect(JSON.stringify(body)).not.toContain(code);
  });

  it('nobody registers without one, with one that was taken back, or with one that is over', async () => {
    const { code, invitation } = await invite({ service_level: 'basic' });
    expect((await ask(other, 'DELETE', `/api/v1/invitations/${invitation.id}`)).status).toBe(204);
    expect((await ask(other, 'DELETE', `/api/v1/invitations/${invitation.id}`)).body.code).toBe('RECORD_NOT_FOUND');
    const old = await invite({ service_level: 'basic', expires_in_days: 1 });
    later(25);
    for (const given of [undefined, code, old.code, 'guessed'])
      expect((await come({ invitation: given })).body).toMatchObject({ status: 403, code: 'LICENSE_REGISTRATION_CLOSED' });
  });
});

it('nobody registers where registration is closed; operators still add customers', async () => {
  const closed = await startTestServer(['--registration', 'closed']);
  try {
    const { body } = await ask(closed, 'POST', '/api/v1/register', { as: nobody, body: person() });
    expect(body).toMatchObject({ status: 403, code: 'LICENSE_REGISTRATION_CLOSED' });
    expect((await ask(closed, 'GET', '/api/v1/license/verify', { as: (await newCustomer(closed)).as })).body.valid).toBe(true);
  } finally {
    await closed.stop();
  }
});

describe('signing in', () => {
  it('needs a key and its own secret; every other pair hears the same', async () => {
    const [ada, eve] = [await newCustomer(server), await newCustomer(server)];
    const terminal = await newTerminal(server, ada);
    const key = ada.as.authorization ?? '';
    const bad: Identity[] = [
      { authorization: key },
      { authorization: key, 'x-api-secret': eve.as['x-api-secret'] ?? '' },
      { authorization: `${key.slice(0, -2)}xx`, 'x-api-secret': ada.as['x-api-secret'] ?? '' },
      { authorization: key.replace(/rk_.{12}/, 'rk_unknown00000'), 'x-api-secret': ada.as['x-api-secret'] ?? '' },
      { authorization: terminal.as.authorization ?? '', 'x-api-secret': ada.as['x-api-secret'] ?? '' },
      { authorization: `Bearer ${ada.as['x-api-secret']}` },
      { authorization: 'Basic YWRhOmFkYQ==' },
    ];
    const answers = await Promise.all(bad.map((as) => verify(as)));
    const told = answers.map(({ body: { request_id: _, ...problem } }) => JSON.stringify(problem));
    expect(new Set(told).size).toBe(1);
    expect(answers[0]?.body).toMatchObject({ status: 401, code: 'AUTH_REQUIRED' });
    expect((await verify(nobody)).status).toBe(401);
    expect((await verify(admin)).body.code).toBe('AUTH_FORBIDDEN');
  });

  it('from an address that the customer does not allow is refused, from the next request on', async () => {
    const ada = await newCustomer(server);
    const terminal = await newTerminal(server, ada);
    const from = async (address: string, as = ada.as) => (await verify(as, { 'x-forwarded-for': address })).body.code;
    expect(await from('203.0.113.9')).toBe(ada.code);
    await change(ada.code, { allowed_addresses: ['192.0.2.0/24', '2001:db8::/32'] });
    for (const address of ['192.0.2.7', '::ffff:192.0.2.7', '2001:db8:1::1']) expect(await from(address)).toBe(ada.code);
    for (const address of ['203.0.113.9', '::ffff:203.0.113.9', '2001:db9::1', '127.0.0.1'])
      expect(await from(address), address).toBe('AUTH_ADDRESS_REFUSED');
    expect(await from('203.0.113.9', terminal.as)).toBe('AUTH_ADDRESS_REFUSED');
    await change(ada.code, { ip_autorizzati: [] });
    expect(await from('203.0.113.9')).toBe(ada.code);
    for (const blocks of [['192.0.2.0/33'], ['everywhere']])
      expect((await change(ada.code, { allowed_addresses: blocks })).body).toMatchObject({ status: 400, code: 'REQUEST_INVALID' });
  });
});

describe('a licence', () => {
  it('that is suspended or expired says so at once, and is good again when it is resumed', async () => {
    const ada = await newCustomer(server);
    const states = async (body: object) => {
      await change(ada.code, body);
      const { valid, status, days_left } = (await verify(ada.as)).body;
      return [valid, status, days_left];
    };
    expect(await states({ expires_on: '2099-01-01', status: 'suspended', reason: 'not paid' })).toEqual([
      false,
      'suspended',
      expect.any(Number),
    ]);
    expect(await states({ status: 'active' })).toEqual([true, 'active', expect.any(Number)]);
    expect(await states({ expires_on: '2020-02-29' })).toEqual([false, 'expired', 0]);
    const { body } = await ask(server, 'GET', '/api/v1/customers?status=expired');
    expect(body.customers.map((customer: { code: string }) => customer.code)).toEqual([ada.code]);
  });

  it('gets the limits and features of its level, and those that an operator gives it instead', async () => {
    const ada = await newCustomer(server);
    expect((await change(ada.code, { service_level: 'enterprise' })).body).toMatchObject({
      limits: { administrators: null, properties: null, terminals: null },
      features: { multi_db: true },
    });
    const limits = { administrators: 1, properties: 2, terminals: 3 };
    const own = await change(ada.code, { livello_servizio: 'professional', limits, features: { multi_db: true, audit: false } });
    expect(own.body).toMatchObject({ service_level: 'professional', limits });
    expect((await verify(ada.as)).body).toMatchObject({ level: 'professional', limits, features: ['multi_db'] });
    expect((await change(ada.code, { phone: '' })).body).toMatchObject({ phone: '', limits });
  });

  it('is told to a terminal too', async () => {
    const ada = await newCustomer(server);
    expect((await verify((await newTerminal(server, ada)).as)).body.code).toBe(ada.code);
  });
});

describe('keys', () => {
  const keysOf = async (code: string) =>
    (await ask(server, 'GET', `/api/v1/customers/${code}/keys`)).body.keys as { prefix: string }[];

  it('are changed without a pause: both are good until the overlap is over', async () => {
    const ada = await newCustomer(server);
    const { status, body } = await ask(server, 'POST', '/api/v1/keys', { as: ada.as, body: { overlap_hours: 2 } });
    expect([status, body.code]).toEqual([201, ada.code]);
    const fresh = signedIn(body.api_key, body.api_secret);
    expect([(await verify(ada.as)).status, (await verify(fresh)).status]).toEqual([200, 200]);
    later(1.9);
    expect((await verify(ada.as)).status).toBe(200);
    later(0.2);
    expect([(await verify(ada.as)).status, (await verify(fresh)).status]).toEqual([401, 200]);
  });

  it('are ended at once where the overlap is none, and an overlap never makes a key live longer', async () => {
    const ada = await newCustomer(server);
    const rotate = (overlap_hours: number) =>
      ask(server, 'POST', `/api/v1/customers/${ada.code}/keys`, { body: { overlap_hours } });
    const second = (await rotate(1)).body;
    await rotate(700);
    later(1.5);
    expect((await verify(ada.as)).status).toBe(401);
    expect((await verify(signedIn(second.api_key, second.api_secret))).status).toBe(200);
    const last = (await rotate(0)).body;
    expect((await verify(signedIn(second.api_key, second.api_secret))).status).toBe(401);
    expect((await verify(signedIn(last.api_key, last.api_secret))).status).toBe(200);
    expect((await keysOf(ada.code)).map(({ prefix }) => prefix)).toEqual([last.prefix]);
  });

  it('are revoked in the very next request, by the customer or an operator, each only the own ones', async () => {
    const [ada, eve] = [await newCustomer(server), await newCustomer(server)];
    const { body } = await ask(server, 'POST', '/api/v1/keys', { as: ada.as, body: {} });
    const [newest, oldest] = await keysOf(ada.code);
    expect((await verify(ada.as)).status).toBe(200);
    expect((await ask(server, 'DELETE', `/api/v1/keys/${oldest?.prefix}`, { as: eve.as })).body.code).toBe('RECORD_NOT_FOUND');
    expect(
      (await ask(server, 'DELETE', `/api/v1/keys/${oldest?.prefix}`, { as: signedIn(body.api_key, body.api_secret) })).status,
    ).toBe(204);
    expect((await verify(ada.as)).status).toBe(401);
    expect((await ask(server, 'DELETE', `/api/v1/customers/${ada.code}/keys/${newest?.prefix}`)).status).toBe(204);
    expect((await verify(signedIn(body.api_key, body.api_secret))).status).toBe(401);
  });

  it("are not a terminal's to see or to make", async () => {
    const terminal = await newTerminal(server, await newCustomer(server));
    for (const [method, path, body] of [
      ['GET', '/api/v1/keys', undefined],
      ['POST', '/api/v1/keys', {}],
    ] as const)
      expect((await ask(server, method, path, { as: terminal.as, body })).body.code).toBe('AUTH_FORBIDDEN');
  });

  it('with hours out of bounds are not made, and there is an end to how many are good at the same time', async () => {
    const ada = await newCustomer(server);
    const rotate = (body: object) => ask(server, 'POST', `/api/v1/customers/${ada.code}/keys`, { body });
    for (const hours of [-1, 721, 1.5, '24']) expect((await rotate({ overlap_hours: hours })).status).toBe(400);
    const statuses = [];
    for (let made = 0; made < 21; made++) statuses.push((await rotate({ overlap_hours: 720 })).status);
    expect([statuses.at(0), statuses.at(-1)]).toEqual([201, 400]);
    expect(await keysOf(ada.code)).toHaveLength(20);
  });
});

describe('a customer', () => {
  it('that is deleted can not sign in any more, nor can the terminals; the e-mail is free, the audit remains', async () => {
    const ada = await newCustomer(server);
    const terminal = await newTerminal(server, ada);
    expect([(await verify(ada.as)).status, (await verify(terminal.as)).status]).toEqual([200, 200]);
    expect((await ask(server, 'DELETE', `/api/v1/customers/${ada.code}?reason=moved`)).status).toBe(204);
    expect([(await verify(ada.as)).status, (await verify(terminal.as)).status]).toEqual([401, 401]);
    for (const [method, path] of [
      ['GET', ada.code],
      ['DELETE', ada.code],
      ['GET', `${ada.code}/keys`],
    ])
      expect((await ask(server, method ?? '', `/api/v1/customers/${path}`)).status).toBe(404);
    expect((await ask(server, 'GET', `/api/v1/terminals/${terminal.id}`)).status).toBe(404);
    const again = await register(person({ email: ada.email }));
    expect(again.body.data.code).not.toBe(ada.code);
    expect(again.body.data.api_key).toBeDefined();
    const { body } = await ask(server, 'GET', `/api/v1/audit?subject=${ada.code}&action=customer_deleted`);
    expect(body.events).toMatchObject([{ actor: 'publisher', reason: 'moved', detail: { before: { email: ada.email } } }]);
    const deleted = await ask(server, 'GET', '/api/v1/customers?status=deleted');
    expect(deleted.body.customers.map(({ code }: { code: string }) => code)).toContain(ada.code);
  });

  it('can not have the e-mail of another one', async () => {
    const [ada, eve] = [await newCustomer(server), await newCustomer(server)];
    expect((await change(eve.code, { email: ada.email.toUpperCase() })).body).toMatchObject({ status: 409, code: 'RECORD_EXISTS' });
    const added = await ask(server, 'POST', '/api/v1/customers', { body: person({ email: ada.email }) });
    expect(added.body).toMatchObject({ status: 409, code: 'RECORD_EXISTS' });
    expect((await change(eve.code, { email: 'New.Eve@Example.com' })).body.email).toBe('new.eve@example.com');
  });

  it.each([
    ['nothing', {}],
    ['a day that does not exist', { expires_on: '2027-02-30' }],
    ['a negative limit', { limits: { administrators: -1, properties: 1, terminals: 1 } }],
    ['limits that lack one', { limits: { administrators: 1 } }],
    ['a feature with a strange name', { features: { 'a b': true } }],
    ['a state that is told, not set', { status: 'expired' }],
    ['a field that is not to be set', { code: 'USR22222' }],
  ])('is not changed by %s', async (_what, body) => {
    const ada = await newCustomer(server);
    const before = (await ask(server, 'GET', `/api/v1/customers/${ada.code}`)).body;
    expect((await change(ada.code, body)).body).toMatchObject({ status: 400, code: 'REQUEST_INVALID' });
    expect((await ask(server, 'GET', `/api/v1/customers/${ada.code}`)).body).toEqual(before);
  });

  it('is found by parts of the name, and pages come one after the other without gaps', async () => {
    const made = [];
    for (let count = 0; count < 5; count++) made.push((await newCustomer(server, { company: `Paged Company ${count}` })).code);
    const seen: string[] = [];
    let after = '';
    do {
      const { body } = await ask(server, 'GET', `/api/v1/customers?search=pAGED%20comp&limit=2${after}`);
      seen.push(...body.customers.map(({ code }: { code: string }) => code));
      after = body.next === null ? '' : `&after=${body.next}`;
    } while (after !== '');
    expect(seen).toEqual(made);
    for (const query of ['limit=0', 'limit=501', 'after=!', `after=${Buffer.from('x').toString('base64url')}`])
      expect((await ask(server, 'GET', `/api/v1/customers?${query}`)).status).toBe(400);
    expect(
      (await ask(server, 'GET', `/api/v1/customers?after=${Buffer.from('999999999999999').toString('base64url')}`)).body.customers,
    ).toEqual([]);
  });

  it('is read by viewers, changed by admins, and not for customers to see', async () => {
    const ada = await newCustomer(server);
    const [viewer, publisher] = [await newOperator(server, 'vera', 'viewer'), await newOperator(server, 'paul', 'publisher')];
    expect((await ask(server, 'GET', `/api/v1/customers/${ada.code}`, { as: viewer })).status).toBe(200);
    for (const as of [viewer, publisher, ada.as, nobody]) {
      const status = as === nobody ? 401 : 403;
      const asked = [
        ask(server, 'PATCH', `/api/v1/customers/${ada.code}`, { as, body: { phone: '1' } }),
        ask(server, 'DELETE', `/api/v1/customers/${ada.code}`, { as }),
        ask(server, 'POST', '/api/v1/customers', { as, body: person() }),
        ask(server, 'POST', `/api/v1/customers/${ada.code}/keys`, { as, body: {} }),
        ask(server, 'POST', '/api/v1/invitations', { as, body: { service_level: 'basic' } }),
      ];
      expect((await Promise.all(asked)).map((answer) => answer.status)).toEqual(Array(5).fill(status));
    }
    expect((await ask(server, 'GET', '/api/v1/customers', { as: ada.as })).status).toBe(403);
  });
});
