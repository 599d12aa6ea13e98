/** Requests that a proxy and the server could read in two ways, and those that ask for more work than they cost to send. */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admin } from '../testing/test-accounts.js';
import { problemOf, publishOk, startTestServer, type TestServer, testToken } from '../testing/test-server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  await publishOk(server.url, { version: '1.0.0', parts: [{ path: 'a.txt', bytes: '1' }] });
});
afterAll(() => server?.stop());

/** All that is answered until the connection is closed. */
function raw(bytes: string): Promise<string> {
  const { hostname, port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(bytes, 'latin1'));
    let answer = '';
    socket.setTimeout(120_000, () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1');
    });
    socket.on('close', () => resolve(answer));
    // Whoever answers before all has come may cut off the rest.
    socket.on('error', (error) => (answer === '' ? reject(error) : resolve(answer)));
  });
}

const statusesOf = (answer: string): readonly number[] =>
  [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
const smuggled = 'GET /api/v1/customers HTTP/1.1\r\nhost: x\r\n\r\n';
const post = (headers: string, body: string): string =>
  `POST /api/v1/updates/identify HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${headers}\r\n\r\n${body}`;

describe('a request inside another one (smuggling)', () => {
  it.each([
    ['a length and chunks', post('content-length: 5\r\ntransfer-encoding: chunked', `0\r\n\r\n${smuggled}`)],
    ['chunks and a length', post('transfer-encoding: chunked\r\ncontent-length: 5', `0\r\n\r\n${smuggled}`)],
    ['chunks that are not the last coding', post('transfer-encoding: chunked, identity', `0\r\n\r\n${smuggled}`)],
    ['chunks under another name', post('transfer-encoding: xchunked', `0\r\n\r\n${smuggled}`)],
    ['chunks twice', post('transfer-encoding: chunked\r\ntransfer-encoding: identity', `0\r\n\r\n${smuggled}`)],
    ['a space before the colon', post('transfer-encoding : chunked', `0\r\n\r\n${smuggled}`)],
    ['a folded line', post('transfer-encoding:\r\n chunked', `0\r\n\r\n${smuggled}`)],
    ['two lengths', post('content-length: 0\r\ncontent-length: 44', smuggled)],
    ['two lengths in one', post('content-length: 0, 44', smuggled)],
    ['a length with a sign', post('content-length: +2', `{}${smuggled}`)],
    ['a length below zero', post('content-length: -1', smuggled)],
    ['a length in hex', post('content-length: 0x2', `{}${smuggled}`)],
    ['a chunk of no length', post('transfer-encoding: chunked', `zz\r\n${smuggled}`)],
    ['a chunk longer than numbers are', post('transfer-encoding: chunked', `ffffffffffffffffff\r\n${smuggled}`)],
    ['a line feed alone', `GET /healthz HTTP/1.1\nhost: x\n\n${smuggled}`],
    ['a carriage return in a header', `GET /healthz HTTP/1.1\r\nhost: x\r\na: b\rc: d\r\n\r\n${smuggled}`],
    ['another version', `GET /healthz HTTP/3.7\r\nhost: x\r\n\r\n${smuggled}`],
  ])('is not read by itself: %s', async (_what, bytes) => {
    const statuses = statusesOf(await raw(bytes));
    expect(statuses).toHaveLength(1);
    expect(statuses[0]).toBeGreaterThanOrEqual(400);
    expect(statuses[0]).toBeLessThan(500);
  });

  it('has credentials of its own: those of the request before it on the connection are not its', async () => {
    const first = `GET /api/v1/customers HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${testToken}\r\n\r\n`;
    const statuses = statusesOf(await raw(`${first}GET /api/v1/customers HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`));
    expect(statuses).toEqual([200, 401]);
  });

  it('is taken with the first of two authorizations or with none, never with both', async () => {
    const twice = (first: string, second: string) =>
      `GET /api/v1/customers HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: ${first}\r\nauthorization: ${second}\r\n\r\n`;
    expect(statusesOf(await raw(twice('Bearer guess', `Bearer ${testToken}`)))).toEqual([401]);
  });
});

describe('the host of a request', () => {
  it.each(['evil.example', '127.0.0.1:1', 'x"><script>', '[::1]:0', 'a'.repeat(5_000)])('changes no answer: %s', async (host) => {
    for (const path of ['/docs', '/openapi.json', '/api/v1/updates/check', '/nothing', '/api/v1/updates/download/1.0.0']) {
      const answer = await raw(`GET ${path} HTTP/1.1\r\nhost: ${host}\r\nx-forwarded-host: ${host}\r\nconnection: close\r\n\r\n`);
      expect(answer, path).toMatch(/^HTTP\/1\.1 [24]\d\d /);
      expect(answer, path).not.toContain(host);
    }
  });

  it('that is not there once is refused', async () => {
    expect(statusesOf(await raw('GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n'))).toEqual([400]);
  });
});

describe('other ways to the same address', () => {
  it.each([
    '/API/V1/customers',
    '//api/v1/customers',
    '/api//v1/customers',
    '/api/v1/customers/',
    '/api/v1/./customers',
    '/api/v1/x/..;/customers',
    '/api/v1/customers;a=b',
    '/api/v1/customers%20',
    '/api/v1/customers%00',
    '/api/v1/customers.json',
    '/api%2fv1%2fcustomers',
    '/healthz/..%2fapi%2fv1%2fcustomers',
    '/docs/..%2fapi/v1/customers',
    '/docs/static/..%2f..%2f..%2fpackage.json',
    '/docs/static/%2e%2e/%2e%2e/package.json',
    '/docs/static/..%5c..%5cpackage.json',
  ])('are no way around who may: %s', async (path) => {
    const answer = await raw(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
    expect([400, 401, 403, 404]).toContain(statusesOf(answer)[0]);
    expect(answer).not.toContain('"customers"');
  });

  it('a header does not make another method or address of a request', async () => {
    for (const name of ['x-http-method-override', 'x-http-method', 'x-method-override', 'x-original-url', 'x-rewrite-url']) {
      const value = name.endsWith('url') ? '/api/v1/customers' : 'DELETE';
      const answer = await server.get('/api/v1/updates/check', { [name]: value });
      expect(answer.status).toBe(200);
      expect(await answer.text()).toContain('update_available');
    }
  });
});

describe('a body', () => {
  const identify = (body: string, headers: Record<string, string> = {}) =>
    fetch(`${server.url}/api/v1/updates/identify`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    });

  it.each([
    ['arrays in arrays', '['.repeat(500_000)],
    ['arrays in arrays, closed', `${'['.repeat(200_000)}${']'.repeat(200_000)}`],
    ['objects in objects', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
    ['a field that holds them', `{"files":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['a number of a million digits', `{"files":${'9'.repeat(1_000_000)}}`],
    ['one name a hundred thousand times', `{${'"files":[],'.repeat(80_000)}"files":1}`],
    ['many names', `{${Array.from({ length: 60_000 }, (_, n) => `"k${n}":0`).join(',')}}`],
    ['more than it may have', `{"files":"${'x'.repeat(2_000_000)}"}`],
  ])('that is a bomb is refused, and the server goes on: %s', async (_what, body) => {
    const { status } = await problemOf(await identify(body));
    expect([400, 413]).toContain(status);
    expect((await server.get('/healthz')).status).toBe(200);
  });

  it.each([
    ['text that says it is a form', '{"files":[]}', 'application/x-www-form-urlencoded'],
    ['a form', 'files=1', 'multipart/form-data'],
    ['another charset', '{"files":[]}', 'application/json; charset=utf-16'],
    ['text', '{"files":[]}', 'text/plain'],
    ['what ends like JSON', '{"files":[]}', 'application/vnd.api+json'],
    ['two types', '{"files":[]}', 'text/plain, application/json'],
    ['nothing', '{"files":[]}', ''],
  ])('is read as what its type says, or not at all: %s', async (_what, body, type) => {
    const { status, code } = await problemOf(await identify(body, { 'content-type': type }));
    expect([400, 415, 406]).toContain(status);
    expect(code).toBe('REQUEST_INVALID');
  });

  it('that is coded is not decoded: nothing of a few bytes becomes gigabytes here', async () => {
    for (const coding of ['gzip', 'deflate', 'br', 'zstd']) {
      const { status } = await problemOf(await identify('\x1f\x8b', { 'content-encoding': coding }));
      expect([400, 415]).toContain(status);
    }
  });

  it('where none belongs changes nothing', async () => {
    const before = await (await server.get('/api/v1/applications', admin)).text();
    const answer = await raw(
      `GET /api/v1/applications HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer ${testToken}\r\ncontent-type: application/json\r\ncontent-length: 16\r\n\r\n{"name":"other"}`,
    );
    expect(statusesOf(answer)).toEqual([200]);
    expect(await (await server.get('/api/v1/applications', admin)).text()).toBe(before);
  });
});

describe('headers', () => {
  it('that are too many or too large are refused, and the server goes on', async () => {
    const lines = (count: number, bytes: number) =>
      Array.from({ length: count }, (_, n) => `h${n}: ${'x'.repeat(bytes)}\r\n`).join('');
    for (const fields of [lines(1, 40_000), lines(500, 100), lines(5_000, 1)]) {
      expect(statusesOf(await raw(`GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${fields}\r\n`))).toEqual([431]);
    }
    expect((await server.get('/healthz')).status).toBe(200);
  });

  it('with ranges without end are answered with one range or refused', async () => {
    const ranges = [
      'bytes=0-,0-,0-',
      `bytes=${'0-0,'.repeat(2_000)}0-0`,
      'bytes=0-99999999999999999999',
      'bytes=-',
      `bytes=${'9'.repeat(4_000)}-`,
    ];
    for (const range of ranges) {
      const answer = await server.get('/api/v1/updates/download/1.0.0', { range });
      expect(answer.status, range.slice(0, 40)).toBe(416);
      await answer.arrayBuffer();
    }
  });
});

describe('names in addresses', () => {
  const climbing = [
    '..%2f..%2fdatabase%2fPG_VERSION',
    '%2e%2e%2f%2e%2e%2fetc%2fpasswd',
    '..%5c..%5cwindows%5cwin.ini',
    '..%252f..%252fetc%252fpasswd',
    '%c0%ae%c0%ae%2fetc%2fpasswd',
    '/etc/passwd',
    'C:%5cwindows',
    'con',
    'x%00.json',
    '.',
    '..',
    '%2e',
    '-rf',
    'x'.repeat(199),
    '%F0%9F%A6%80',
    '$%7Bjndi:ldap:%2f%2fevil%7D',
  ];

  it('lead to no file and to no error inside, whatever they are names of', async () => {
    const { paths } = (await (await server.get('/openapi.json')).json()) as { paths: Record<string, Record<string, unknown>> };
    const named = Object.entries(paths).filter(([path, methods]) => path.includes('{') && 'get' in methods);
    expect(named.length).toBeGreaterThan(6);
    for (const [path] of named)
      for (const name of climbing) {
        const filled = path.replace(/\{\w+\}/g, name);
        const answer = await raw(
          `GET ${filled} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer ${testToken}\r\n\r\n`,
        );
        expect([400, 404, 410, 414], `${filled}: ${answer.slice(0, 200)}`).toContain(statusesOf(answer)[0]);
        expect(answer).not.toMatch(/root:|PG_VERSION\n|\[fonts\]/);
      }
  });
});
