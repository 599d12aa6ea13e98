import type { ServerResponse } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OutgoingMessage } from './sender.js';
import { failureOf, type HttpDouble, messageTo, never, startHttpDouble } from './senders.test.support.js';
import { type WebhookSenderOptions, webhookSender } from './webhook-sender.js';
import { verifyWebhook } from './webhook-signature.js';

const secret = 'a secret of the receiver';
let receiver: HttpDouble;
let answer: (response: ServerResponse) => void;

const hookTo = (url: string, more: Partial<OutgoingMessage> = {}): OutgoingMessage =>
  messageTo({ kind: 'webhook', url, secret }, more);
const send = (options: WebhookSenderOptions = {}, url = `${receiver.url}/hook?token=in-the-address`): Promise<void> =>
  webhookSender({ allowPrivate: true, timeoutMs: 60_000, ...options }).send(hookTo(url), never);
const withStatus = (status: number, headers: Record<string, string> = {}): void => {
  answer = (response) => response.writeHead(status, headers).end('whatever');
};

beforeEach(async () => {
  withStatus(204);
  receiver = await startHttpDouble((_request, response) => answer(response));
});
afterEach(() => receiver.stop());

describe('a webhook', () => {
  it('arrives with all facts, signed so that the receiver can check it', async () => {
    await send();
    const [request] = receiver.received;
    if (request === undefined) throw new Error('nothing arrived');
    expect(request).toMatchObject({
      method: 'POST',
      path: '/hook?token=in-the-address',
      headers: { 'content-type': 'application/json', 'x-remendo-event-id': hookTo('').id, host: `127.0.0.1:${receiver.port}` },
    });
    expect(JSON.parse(request.body)).toEqual({
      id: hookTo('').id,
      kind: 'release_published',
      subject: 'Versão 1.0.1 está disponível',
      body: hookTo('').body,
      created_at: '2026-03-01T12:00:00.000Z',
      data: { application: 'erp', version: '1.0.1', files: 8, mandatory: false, floor: null },
    });
    verifyWebhook(secret, request.headers, request.body, new Date());
    expect(() => verifyWebhook(secret, request.headers, `${request.body} `, new Date())).toThrow();
    expect(() => verifyWebhook(secret, request.headers, request.body, new Date(Date.now() + 301_000))).toThrow('too old');
  });

  it('is repeated with the same id and a timestamp of its own', async () => {
    await send({ now: () => new Date(1_000) });
    await send({ now: () => new Date(61_000) });
    const headers = receiver.received.map((request) => request.headers);
    expect(headers.map((one) => one['x-remendo-timestamp'])).toEqual(['1', '61']);
    expect(new Set(headers.map((one) => one['x-remendo-event-id'])).size).toBe(1);
    expect(new Set(headers.map((one) => one['x-remendo-signature'])).size).toBe(2);
  });

  it.each([200, 201, 202, 204])('is delivered by %i', async (status) => {
    withStatus(status);
    await send();
  });

  it.each([500, 502, 503, 504, 408, 425, 429])('is tried again after %i', async (status) => {
    withStatus(status);
    expect(await failureOf(send())).toMatchObject({ code: 'NOTIFICATION_FAILED', details: { status } });
  });

  it.each([400, 401, 403, 404, 410, 413, 422])('is not tried again after %i', async (status) => {
    withStatus(status);
    expect(await failureOf(send())).toMatchObject({ code: 'NOTIFICATION_REFUSED', details: { status } });
  });

  it('is tried again when the receiver says so', async () => {
    withStatus(503, { 'retry-after': '120' });
    expect((await failureOf(send())).details.retryAfterMs).toBe(120_000);
    withStatus(429, { 'retry-after': 'Sun, 01 Mar 2026 12:00:30 GMT' });
    const now = () => new Date('2026-03-01T12:00:00Z');
    expect((await failureOf(send({ now }))).details.retryAfterMs).toBe(30_000);
    for (const nonsense of ['soon', '-5', '2030', '99999999999']) {
      withStatus(503, { 'retry-after': nonsense });
      expect([undefined, 2_030_000]).toContain((await failureOf(send({ now }))).details.retryAfterMs);
    }
  });

  it.each([301, 302, 303, 307, 308])('follows no redirect (%i)', async (status) => {
    withStatus(status, { location: `${receiver.url}/elsewhere` });
    expect(await failureOf(send())).toMatchObject({ code: 'NOTIFICATION_REFUSED', details: { status } });
    expect(receiver.received.length).toBe(1);
  });

  it('tells nothing of the secret and of the path, which often is one', async () => {
    for (const status of [404, 500, 302]) {
      withStatus(status);
      expect(inspect(await failureOf(send()), { depth: 20 })).not.toMatch(/in-the-address|a secret/);
    }
    const nobody = await failureOf(send({}, 'http://127.0.0.1:1/in-the-address'));
    expect(nobody.code).toBe('NOTIFICATION_FAILED');
    expect(inspect(nobody, { depth: 20 })).not.toMatch(/in-the-address|a secret/);
  });
});

describe('a receiver that misbehaves', () => {
  it('is given up when it says nothing', async () => {
    answer = () => {};
    expect(await failureOf(send({ timeoutMs: 50 }))).toMatchObject({
      code: 'NOTIFICATION_FAILED',
      message: 'there was no answer within 50 ms',
    });
  });

  it('has taken the webhook when it said so, though its body never ends', async () => {
    answer = (response) => response.writeHead(200).write('and');
    // Its first line has to come in time, which it may not on a busy machine.
    const isTaken = (timeoutMs: number): Promise<boolean> =>
      send({ timeoutMs }).then(
        () => true,
        () => false,
      );
    expect((await isTaken(500)) || (await isTaken(30_000))).toBe(true);
  });

  it('is not read to the end of a body without end', async () => {
    let sentBytes = 0;
    answer = (response) => {
      response.writeHead(200);
      const chunk = Buffer.alloc(64 * 1024);
      const more = (): void => {
        while (!response.destroyed && response.write(chunk)) sentBytes += chunk.length;
      };
      response.on('drain', more);
      more();
    };
    await send();
    // What the system keeps on its way between the two.
    expect(sentBytes).toBeLessThan(16 * 1024 * 1024);
  });

  it.each([
    ['nothing', ''],
    ['no HTTP', 'SMTP says hello\r\n'],
    ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'],
    ['headers without end', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(100_000)}`],
  ])('has taken nothing when it answers %s', async (_name, bytes) => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket.on('error', () => {}));
      socket.once('data', () => socket.end(bytes));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const failure = await failureOf(send({}, `http://127.0.0.1:${port}/`));
    expect(failure).toMatchObject({ code: 'NOTIFICATION_FAILED', message: 'the webhook could not be reached' });
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  it('is left at once when the server stops', async () => {
    answer = () => stopped.abort(new Error('the server stops'));
    const stopped = new AbortController();
    const sending = webhookSender({ allowPrivate: true, timeoutMs: 60_000 }).send(hookTo(receiver.url), stopped.signal);
    await expect(sending).rejects.toThrow('the server stops');
    await expect(webhookSender().send(hookTo(receiver.url), stopped.signal)).rejects.toThrow('the server stops');
  });
});

describe('an address that is not for webhooks', () => {
  const refusedHosts = ['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]', '[::1]', '2130706433', '0x7f.1', '127.1', '0'];

  it.each(refusedHosts)('is refused when it is this machine: %s', async (host) => {
    const failure = await failureOf(send({ allowPrivate: false }, `http://${host}:${receiver.port}/`));
    expect(failure).toMatchObject({
      code: 'NOTIFICATION_REFUSED',
      message: 'the webhook leads to an address that is not public',
    });
    expect(receiver.received).toEqual([]);
  });

  it('is refused when one of the addresses behind a name is not public', async () => {
    const resolve = async () => [
      { address: '93.184.216.34', family: 4 },
      { address: '::ffff:169.254.169.254', family: 6 },
    ];
    const failure = await failureOf(send({ allowPrivate: false, resolve }, `http://receiver.example:${receiver.port}/`));
    expect(failure.code).toBe('NOTIFICATION_REFUSED');
  });

  it.each([
    'ftp://example.com/',
    'file:///etc/passwd',
    'gopher://example.com/',
    'example.com',
    '',
    `http://a.example/${'x'.repeat(3_000)}`,
  ])('is refused when it is no web address: %s', async (url) => {
    expect((await failureOf(send({}, url))).code).toBe('NOTIFICATION_REFUSED');
  });

  it('is refused with a user or a password in it', async () => {
    for (const user of ['user@', 'user:password@', ':password@']) {
      const failure = await failureOf(send({}, receiver.url.replace('://', `://${user}`)));
      expect(failure.code).toBe('NOTIFICATION_REFUSED');
      expect(inspect(failure)).not.toContain('password@');
    }
  });
});

describe('the name of a host', () => {
  it('is resolved once, and the connection goes to the address that was checked', async () => {
    const asked: string[] = [];
    const resolve = async (host: string) => {
      asked.push(host);
      return [{ address: '127.0.0.1', family: 4 }];
    };
    await send({ resolve }, `http://receiver.example:${receiver.port}/`);
    expect(asked).toEqual(['receiver.example']);
    expect(receiver.received[0]?.headers.host).toBe(`receiver.example:${receiver.port}`);
  });

  it('may lead to several addresses, of which one answers', async () => {
    const resolve = async () => [
      { address: '::1', family: 6 },
      { address: '127.0.0.1', family: 4 },
    ];
    await send({ resolve }, `http://receiver.example:${receiver.port}/`);
    expect(receiver.received.length).toBe(1);
  });

  it('may be found later', async () => {
    const lost = async () => Promise.reject(new Error('queryA ESERVFAIL'));
    for (const resolve of [lost, async () => []]) {
      expect((await failureOf(send({ resolve }, 'http://receiver.example/'))).code).toBe('NOTIFICATION_FAILED');
    }
    const silent = () => new Promise<never>(() => {});
    const late = await failureOf(send({ resolve: silent, timeoutMs: 50 }, 'http://receiver.example/'));
    expect(late.message).toBe('there was no answer within 50 ms');
  });
});

it('sends nothing that is for another channel, nor under an id that a header could not carry', async () => {
  const sender = webhookSender({ allowPrivate: true });
  const toMail = messageTo({ kind: 'mail', address: 'ana@example.com' });
  expect((await failureOf(sender.send(toMail, never))).code).toBe('NOTIFICATION_REFUSED');
  const strange = hookTo(receiver.url, { id: 'a\r\nX-Spy: 1' });
  expect((await failureOf(sender.send(strange, never))).code).toBe('NOTIFICATION_REFUSED');
  expect(receiver.received).toEqual([]);
});
