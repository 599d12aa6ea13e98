/**
 * Reaching what only the server can reach (SSRF): a webhook's address is the one that strangers choose. What is about the
 * sender alone (names that answer otherwise the second time, redirects) is tested beside it, in `webhook-sender.test.ts`.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { failureOf, type HttpDouble, messageTo, never, startHttpDouble } from '../notifications/senders/senders.test.support.js';
import { webhookSender } from '../notifications/senders/webhook-sender.js';
import { admin, ask, newCustomer, type TestCustomer } from '../testing/test-accounts.js';
import { startTestServer, type TestServer } from '../testing/test-server.js';

const internalAnswer = 'root:x:0:0 said the internal service';
let server: TestServer;
let ada: TestCustomer;
/** A service of the server's own machine, which nobody from outside may talk to. */
let internal: HttpDouble;

beforeAll(async () => {
  internal = await startHttpDouble((_request, response) =>
    // Asked once while a test looks, however long that takes.
    response.writeHead(500, internalAnswer, { 'x-internal': internalAnswer, 'retry-after': '3600' }).end(internalAnswer),
  );
  server = await startTestServer();
  ada = await newCustomer(server);
});
beforeEach(() => {
  internal.received.length = 0;
});
afterAll(async () => {
  await server?.stop();
  await internal?.stop();
});

const add = (url: string, to = server, as = ada.as) => ask(to, 'POST', '/api/v1/webhooks', { as, body: { url } });

/** What became of a test of this webhook. */
async function delivered(to: TestServer, id: number, as: TestCustomer['as']) {
  const { body } = await ask(to, 'POST', `/api/v1/webhooks/${id}/test`, { as });
  return vi.waitFor(
    async () => {
      const { body: list, text } = await ask(to, 'GET', `/api/v1/notifications/${body.notification}/deliveries`, { as });
      expect(list.deliveries[0].error).not.toBeNull();
      return { delivery: list.deliveries[0] as { state: string; error: string }, text };
    },
    { timeout: 60_000, interval: 50 },
  );
}

describe('a webhook to an address that is not public', () => {
  it.each([
    ['this machine', ['127.0.0.1', '127.1', '127.0.1', '0', '0.0.0.0', '127.255.255.254', '[::1]', '[::]', '[0:0:0:0:0:0:0:1]']],
    ['this machine, in other numbers', ['2130706433', '0x7f000001', '0x7f.0x0.0x0.0x1', '017700000001', '0177.0.0.1', '127.0x1']],
    ['this machine, in other characters', ['１２７.０.０.１', '①②⑦.⓪.⓪.①', '127。0。0。1', '%31%32%37.0.0.1', '127.0.0.1.']],
    ['private networks', ['10.0.0.1', '172.16.0.1', '172.31.255.254', '192.168.1.1', '0xa000001', '[fc00::1]', '[fd12:3456::1]']],
    [
      'the link and the metadata of clouds',
      ['169.254.169.254', '0xa9fea9fe', '2852039166', '[fe80::1]', '[fd00:ec2::254]', '169.254.170.2'],
    ],
    ["a provider's network", ['100.64.0.1', '100.127.255.254', '100.100.100.200', '192.0.0.192']],
    [
      'IPv4 inside IPv6',
      ['[::ffff:127.0.0.1]', '[::ffff:a9fe:a9fe]', '[::127.0.0.1]', '[64:ff9b::a00:1]', '[2002:7f00:1::]', '[::ffff:0:127.0.0.1]'],
    ],
    ['many machines at once', ['255.255.255.255', '224.0.0.1', '[ff02::1]']],
  ])('is refused when it is made, however it is written: %s', async (_what, hosts) => {
    for (const host of hosts)
      for (const url of [`http://${host}/latest/meta-data`, `https://${host}:8443/`]) {
        const { status, body } = await add(url);
        expect({ url, status, code: body.code }).toEqual({ url, status: 400, code: 'REQUEST_INVALID' });
      }
    expect((await ask(server, 'GET', '/api/v1/webhooks', { as: ada.as })).body.webhooks).toEqual([]);
  });

  it('is refused when an existing one is changed, and to operators as well', async () => {
    const { body } = await add('https://hooks.example.com/');
    const change = await ask(server, 'PATCH', `/api/v1/webhooks/${body.webhook.id}`, {
      as: ada.as,
      body: { url: 'http://10.1.1.1/' },
    });
    expect(change.body).toMatchObject({ status: 400, code: 'REQUEST_INVALID' });
    expect((await add('http://[::1]/', server, admin)).status).toBe(400);
    await ask(server, 'DELETE', `/api/v1/webhooks/${body.webhook.id}`, { as: ada.as });
  });

  it('is refused when its name leads there, alike whether somebody listens or not, and nobody is asked anything', async () => {
    const told = [];
    for (const port of [internal.port, 1_025]) {
      for (const host of ['localhost', 'LOCALHOST']) {
        const { body } = await add(`http://${host}:${port}/admin`);
        told.push((await delivered(server, body.webhook.id, ada.as)).delivery.error);
      }
    }
    expect(new Set(told)).toEqual(new Set(['NOTIFICATION_REFUSED: the webhook leads to an address that is not public']));
    expect(internal.received).toEqual([]);
  });
});

describe('a webhook to something else than a web server', () => {
  it.each([
    'ftp://example.com/',
    'file:///etc/passwd',
    'gopher://example.com:25/_HELO',
    'javascript:alert(1)',
    'data:,x',
    '//example.com/',
    'http://',
    'dict://example.com:11211/',
  ])('is refused: %s', async (url) => {
    expect((await add(url)).body).toMatchObject({ status: 400, code: 'REQUEST_INVALID' });
  });

  it.each([22, 25, 53, 110, 139, 445, 465, 587, 636, 873, 993, 2_049, 5_060, 6_000, 6_667, 10_080])(
    'is refused, and nothing sent there: port %i',
    async (port) => {
      expect((await add(`http://mail.example.com:${port}/`)).body).toMatchObject({ status: 400, code: 'REQUEST_INVALID' });
      let resolved = 0;
      const sender = webhookSender({ resolve: async () => [{ address: `93.184.216.${++resolved}`, family: 4 }] });
      const recipient = { kind: 'webhook', url: `http://mail.example.com:${port}/`, secret: 'a secret' } as const;
      expect((await failureOf(sender.send(messageTo(recipient), never))).code).toBe('NOTIFICATION_REFUSED');
      expect(resolved).toBe(0);
    },
  );

  it('is refused with credentials, which it would show', async () => {
    for (const url of [
      'https://user@example.com/',
      'https://user:hunter2@example.com/',
      'https://:hunter2@example.com/',
      'https://example.com@10.0.0.1/',
    ]) {
      const { body } = await add(url);
      expect(body).toMatchObject({ status: 400, code: 'REQUEST_INVALID' });
      expect(JSON.stringify(body)).not.toContain('hunter2');
    }
  });

  it('is taken on the ports of the web and on high ones', async () => {
    for (const url of [
      'https://example.com/',
      'http://example.com:80/',
      'https://example.com:443/x',
      'https://example.com:8443/',
    ]) {
      const { status, body } = await add(url);
      expect({ url, status }).toEqual({ url, status: 201 });
      await ask(server, 'DELETE', `/api/v1/webhooks/${body.webhook.id}`, { as: ada.as });
    }
  });
});

describe('where private addresses are allowed', () => {
  it('what the service answers is told to nobody but its status, and stands in no log', async () => {
    const open = await startTestServer(['--private-webhooks', 'allowed']);
    try {
      const eve = await newCustomer(open);
      const { body } = await add(`${internal.url}/admin`, open, eve.as);
      const { delivery, text } = await delivered(open, body.webhook.id, eve.as);
      expect(delivery).toMatchObject({
        state: 'wanted',
        error: 'NOTIFICATION_FAILED: the webhook could not be delivered now (500)',
      });
      expect(internal.received).toHaveLength(1);
      for (const told of [text, open.logged.join('')]) expect(told).not.toContain('internal service');
      expect(open.logged.join('')).not.toContain('/admin');
    } finally {
      await open.stop();
    }
  });
});

it('no other request names an address that the server then goes to', async () => {
  const { paths } = (await (await server.get('/openapi.json')).json()) as {
    paths: Record<string, Record<string, { requestBody?: unknown }>>;
  };
  const named = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { requestBody }]) =>
      [
        ...JSON.stringify(requestBody ?? {}).matchAll(/"([a-z_]*(?:url|uri|host|endpoint|callback|address|server)(?:s|es)?)":\{/g),
      ].map(([, field]) => `${method} ${path}: ${field}`),
    ),
  );
  // Blocks of addresses that a customer may come from: compared, never called.
  const compared = ['post /api/v1/customers: allowed_addresses', 'patch /api/v1/customers/{code}: allowed_addresses'];
  expect(named.sort()).toEqual([...compared, 'patch /api/v1/webhooks/{id}: url', 'post /api/v1/webhooks: url'].sort());
});
