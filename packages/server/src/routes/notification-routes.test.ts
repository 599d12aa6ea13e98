import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { type MailServer, startMailServer } from '../notifications/notifications.test.support.js';
import { type HttpDouble, startHttpDouble } from '../notifications/senders/senders.test.support.js';
import { verifyWebhook } from '../notifications/senders/webhook-signature.js';
import { admin, ask, newCustomer, newOperator, newTerminal, nobody, type TestCustomer } from '../testing/test-accounts.js';
import { problemOf, publishOk, startTestServer, type TestServer } from '../testing/test-server.js';

/** With a machine that does other things too. */
const patience = 100_000;

let server: TestServer;
let mail: MailServer;
let hook: HttpDouble;
let ana: TestCustomer;
let ben: TestCustomer;

beforeAll(async () => {
  mail = await startMailServer();
  hook = await startHttpDouble((_request, response) => response.writeHead(204).end());
  server = await startTestServer(['--private-webhooks', 'allowed', '--operator-mail', 'night@example.org'], {
    REMENDO_SMTP_URL: mail.url,
  });
  ana = await newCustomer(server);
  ben = await newCustomer(server);
});
beforeEach(() => {
  mail.mails.length = 0;
  hook.received.length = 0;
});
afterAll(async () => {
  await server.stop();
  await hook.stop();
  await mail.stop();
});

let told = 0;
const tell = (customer: TestCustomer | null, kind: 'license_expired' | 'backup_failed' = 'license_expired') =>
  server.ports.database.db.transaction().execute(async (tx) => {
    const row =
      customer === null
        ? null
        : await tx.selectFrom('customer').where('code', '=', customer.code).select('id').executeTakeFirstOrThrow();
    await server.ports.notifier.notify(tx, {
      kind,
      customerId: row?.id ?? null,
      subject: `Number ${++told}`,
      body: 'It happened.',
      data: { number: told },
      dedupKey: `test ${told}`,
    });
    return `Number ${told}`;
  });
const inbox = async (as: TestCustomer['as'], query = '') =>
  (await ask(server, 'GET', `/api/v1/notifications${query}`, { as })).body;
const subjects = async (as: TestCustomer['as'], query = ''): Promise<string[]> =>
  (await inbox(as, query)).notifications.map(({ subject }: { subject: string }) => subject);

it('shows each customer and its terminals their own inbox, operators theirs or the one they ask for', async () => {
  const [first, second, own] = [await tell(ana), await tell(ana, 'backup_failed'), await tell(null)];
  const terminal = await newTerminal(server, ana);
  const viewer = await newOperator(server, 'viewer-1', 'viewer');
  expect(await subjects(ana.as)).toEqual([second, first]);
  expect(await subjects(terminal.as)).toEqual([second, first]);
  expect(await subjects(ben.as)).toEqual([]);
  expect(await subjects(viewer)).toEqual([own]);
  expect(await subjects(viewer, `?customer=${ana.code}`)).toEqual([second, first]);
  expect(await subjects(ana.as, '?kind=backup_failed')).toEqual([second]);
  const page = await inbox(ana.as, '?limit=1');
  expect(await subjects(ana.as, `?limit=1&after=${page.next}`)).toEqual([first]);
  expect((await inbox(ana.as, `?limit=1&after=${page.next}`)).next).toBeNull();
  expect((await ask(server, 'GET', '/api/v1/notifications', { as: nobody })).status).toBe(401);
  expect((await ask(server, 'GET', `/api/v1/notifications?customer=${ana.code}`, { as: ben.as })).body.code).toBe(
    'RECORD_NOT_FOUND',
  );
});

it('marks notifications of the own inbox as read, one or all, and none of another', async () => {
  await tell(ben);
  const unread = (await inbox(ben.as, '?unread=true')).notifications;
  const [{ id }] = unread;
  for (const other of [ana.as, admin]) {
    expect((await ask(server, 'POST', `/api/v1/notifications/${id}/read`, { as: other })).body.code).toBe('RECORD_NOT_FOUND');
  }
  const read = await ask(server, 'POST', `/api/v1/notifications/${id}/read`, { as: ben.as });
  expect(read).toMatchObject({ status: 200, body: { id, customer: ben.code, read_at: expect.any(String) } });
  const again = await ask(server, 'POST', `/api/v1/notifications/${id}/read`, { as: ben.as });
  expect(again.body.read_at).toBe(read.body.read_at);
  await tell(ben);
  await tell(ben);
  expect((await ask(server, 'POST', '/api/v1/notifications/read-all', { as: ben.as })).body).toEqual({ read: 2 });
  expect(await subjects(ben.as, '?unread=true')).toEqual([]);
  expect((await subjects(ana.as, '?unread=true')).length).toBeGreaterThan(0);
});

it('lets a terminal read the inbox and mark nothing in it', async () => {
  await tell(ana);
  const terminal = await newTerminal(server, ana);
  const unread = await subjects(ana.as, '?unread=true');
  const [{ id }] = (await inbox(terminal.as, '?unread=true')).notifications;
  for (const path of [`/api/v1/notifications/${id}/read`, '/api/v1/notifications/read-all']) {
    expect(await ask(server, 'POST', path, { as: terminal.as })).toMatchObject({ status: 403, body: { code: 'AUTH_FORBIDDEN' } });
  }
  expect(await subjects(ana.as, '?unread=true')).toEqual(unread);
});

it('tells where a notification went, and a customer nothing of the operators', async () => {
  const subject = await tell(ana, 'backup_failed');
  const [{ id }] = (await inbox(ana.as)).notifications;
  const path = `/api/v1/notifications/${id}/deliveries`;
  await vi.waitFor(async () => {
    const { body } = await ask(server, 'GET', path);
    expect(body.deliveries).toHaveLength(2);
    for (const delivery of body.deliveries)
      expect(delivery).toMatchObject({ channel: 'mail', state: 'delivered', attempts: 1, due_at: null });
  }, patience);
  const mails = mail.mails.filter((each) => each.subject?.endsWith(subject));
  expect(mails.map((each) => [each.subject, each.to?.[0]?.address]).sort()).toEqual([
    [subject, ana.email],
    [`${ana.code}: ${subject}`, 'night@example.org'],
  ]);
  const { body } = await ask(server, 'GET', path, { as: ana.as });
  expect(body.deliveries.map(({ recipient }: { recipient: string }) => recipient)).toEqual([ana.email]);
  expect((await ask(server, 'GET', path, { as: ben.as })).status).toBe(404);
});

const addWebhook = (as: TestCustomer['as'], body: object, query = '') =>
  ask(server, 'POST', `/api/v1/webhooks${query}`, { as, body });

it('posts what happens to the webhook of a customer, signed with the secret that was told once', async () => {
  const { status, body, headers } = await addWebhook(ana.as, { url: `${hook.url}/a?key=b`, kinds: ['license_expired'] });
  expect(status).toBe(201);
  expect(headers.get('cache-control')).toBe('no-store');
  expect(body).toEqual({
    webhook: {
      id: expect.any(Number),
      customer: ana.code,
      url: `${hook.url}/a?key=b`,
      kinds: ['license_expired'],
      is_enabled: true,
      created_at: expect.any(String),
    },
    secret: expect.stringMatching(/^[\w-]{43}$/),
  });
  const path = `/api/v1/webhooks/${body.webhook.id}`;
  await tell(ana, 'backup_failed');
  const subject = await tell(ana);
  await vi.waitFor(() => expect(hook.received).toHaveLength(1), patience);
  const [{ headers: sent, body: text, path: sentPath } = { headers: {}, body: '', path: '' }] = hook.received;
  verifyWebhook(body.secret, sent, text, new Date());
  expect(sentPath).toBe('/a?key=b');
  expect(JSON.parse(text)).toMatchObject({ kind: 'license_expired', subject });

  const answers = [
    await ask(server, 'GET', '/api/v1/webhooks', { as: ana.as }),
    await ask(server, 'PATCH', path, { as: ana.as, body: { is_enabled: false } }),
    await ask(server, 'GET', '/api/v1/audit?subject_kind=webhook'),
  ];
  for (const answer of answers) {
    expect(answer.status).toBe(200);
    expect(answer.text).not.toContain(body.secret);
  }
  // Often the path of such an address is a secret too.
  expect(answers[2]?.text).not.toContain('key=b');
  expect(answers[2]?.body.events.map(({ action }: { action: string }) => action)).toEqual(['webhook_changed', 'webhook_added']);

  // Switched off, it gets what somebody tries it out with, and nothing else.
  hook.received.length = 0;
  await tell(ana);
  const test = await ask(server, 'POST', `${path}/test`, { as: ana.as });
  expect(test.status).toBe(202);
  await vi.waitFor(() => expect(hook.received).toHaveLength(1), patience);
  expect(JSON.parse(hook.received[0]?.body ?? '')).toMatchObject({ id: test.body.delivery, kind: 'webhook_test' });
  expect((await ask(server, 'DELETE', path, { as: ana.as })).status).toBe(204);
  expect((await ask(server, 'DELETE', path, { as: ana.as })).status).toBe(404);
});

it('keeps webhooks from everybody but their owner, and those of the operators to admins', async () => {
  const { body } = await addWebhook(ana.as, { url: hook.url });
  const path = `/api/v1/webhooks/${body.webhook.id}`;
  const terminal = await newTerminal(server, ana);
  for (const as of [ben.as, admin]) {
    expect((await ask(server, 'PATCH', path, { as, body: { is_enabled: false } })).status).toBe(404);
    expect((await ask(server, 'DELETE', path, { as })).status).toBe(404);
    expect((await ask(server, 'POST', `${path}/test`, { as })).status).toBe(404);
  }
  const publisher = await newOperator(server, 'publisher-1', 'publisher');
  for (const as of [terminal.as, publisher]) expect((await addWebhook(as, { url: hook.url })).status).toBe(403);
  expect((await ask(server, 'PATCH', `${path}?customer=${ana.code}`, { body: { kinds: ['backup_failed'] } })).body.kinds).toEqual([
    'backup_failed',
  ]);
  const own = await addWebhook(admin, { url: hook.url });
  expect(own.body.webhook.customer).toBeNull();
  expect((await ask(server, 'GET', '/api/v1/webhooks')).body.webhooks).toHaveLength(1);
  expect((await ask(server, 'GET', '/api/v1/webhooks', { as: ben.as })).body.webhooks).toEqual([]);
  await ask(server, 'DELETE', `/api/v1/webhooks/${own.body.webhook.id}`);
  await ask(server, 'DELETE', path, { as: ana.as });
});

it.each([
  ['of another scheme', { url: 'ftp://example.com/' }],
  ['that is a script', { url: 'javascript:alert(1)' }],
  ['that is no address', { url: 'not an address' }],
  ['with a password', { url: 'https://user:password@example.com/' }],
  ['without an address', {}],
  ['with an empty address', { url: '' }],
  ['with an address too long', { url: `https://example.com/${'a'.repeat(2_048)}` }],
  ['for an unknown kind', { url: 'https://example.com/', kinds: ['no_such_kind'] }],
  ['that brings its own secret', { url: 'https://example.com/', secret: 'mine' }],
])('refuses a webhook %s', async (_what, body) => {
  const answer = await addWebhook(ana.as, body);
  expect(answer).toMatchObject({ status: 400, body: { code: 'REQUEST_INVALID' } });
});

it('takes twenty webhooks of a customer, also when they come at the same time', async () => {
  const carl = await newCustomer(server);
  const answers = await Promise.all([...Array(24)].map(() => addWebhook(carl.as, { url: 'https://example.com/' })));
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(20);
});

it('tells customers of a release when it is published, in whatever way it is', async () => {
  const till = { ...ana.as, 'x-terminal-id': 'till-1', 'x-client-version': '1.0.0' };
  await publishOk(server.url, { version: '1.0.0', parts: [{ path: 'a.txt', bytes: 'one' }] });
  await server.get('/api/v1/updates/check?application=erp', till);
  await server.ports.sightings.write();
  await publishOk(server.url, { version: '1.1.0', parts: [{ path: 'a.txt', bytes: 'two' }] });
  await vi.waitFor(async () => expect(await subjects(ana.as)).toContain('erp 1.1.0 was published'), patience);
  const draft = { version: '1.2.0', parts: [{ path: 'a.txt', bytes: 'three' }], fields: { state: 'draft' } };
  await publishOk(server.url, draft);
  await ask(server, 'PATCH', '/api/v1/releases/1.2.0?application=erp', { body: { state: 'published', reason: 'it is good' } });
  await vi.waitFor(async () => expect(await subjects(ana.as)).toContain('erp 1.2.0 was published'), patience);
  expect(await subjects(ben.as, '?kind=release_published')).toEqual([]);
  const all = ['erp 1.0.0 was published', 'erp 1.1.0 was published', 'erp 1.2.0 was published'];
  const told = () => subjects(admin, '?kind=release_published');
  await vi.waitFor(async () => expect(await told()).toEqual(expect.arrayContaining(all)), patience);
});

it('refuses private addresses at once where they are not allowed, however they are written', async () => {
  const strict = await startTestServer();
  try {
    const urls = [
      'http://127.0.0.1/',
      'http://2130706433/',
      'http://[::ffff:10.0.0.1]/',
      'http://169.254.169.254/latest',
      'http://[::1]:80/',
    ];
    for (const url of urls) {
      const answer = await fetch(`${strict.url}/api/v1/webhooks`, {
        method: 'POST',
        headers: { ...admin, 'content-type': 'application/json' },
        body: JSON.stringify({ url }),
      });
      expect(await problemOf(answer)).toEqual({ status: 400, code: 'REQUEST_INVALID' });
    }
  } finally {
    await strict.stop();
  }
});
