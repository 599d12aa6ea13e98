/** How the server speaks HTTP, whatever is asked of it. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rawAnswer } from './testing/raw-answer.js';
import { problemOf, publishOk, startTestServer, type TestServer, testToken } from './testing/test-server.js';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
  await publishOk(server.url, { version: '1.0.0', parts: [{ path: 'app.txt', bytes: 'the application' }] });
  // A check does not wait for a plan: its answer is another one when the plan is made.
  expect((await server.get('/api/v1/updates/plan')).status).toBe(200);
});

afterAll(() => server?.stop());

const ask = (bytes: string): Promise<string> => rawAnswer(server.url, bytes);

function problemIn(answer: string): { readonly line: string | undefined; readonly code: unknown } {
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  expect(head).toMatch(/content-type: application\/problem\+json/i);
  return { line: head.split('\r\n')[0], code: (JSON.parse(body) as { code: unknown }).code };
}

describe('every answer', () => {
  it('names its request: by the id it came with, or by a new one when that could do harm', async () => {
    const idOf = async (given?: string) =>
      (await server.get('/healthz', given === undefined ? {} : { 'x-request-id': given })).headers.get('x-request-id');
    expect(await idOf('trace-0123456789')).toBe('trace-0123456789');
    for (const bad of ['short', 'with spaces in it', '<script>alert(1)</script>', 'a'.repeat(65)]) {
      expect(await idOf(bad)).toMatch(/^[0-9a-f-]{36}$/);
    }
    const refused = await server.get('/nothing', { 'x-request-id': 'trace-0123456789' });
    expect(await refused.json()).toMatchObject({ code: 'REQUEST_ROUTE_UNKNOWN', request_id: 'trace-0123456789' });
  });

  it.each(['/healthz', '/nothing', '/%E0%A4%A', '/api/v1/updates/check', '/api/v1/audit', '/openapi.json'])(
    'tells browsers to do nothing with it: %s',
    async (path) => {
      const { headers } = await server.get(path);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
      expect(headers.has('strict-transport-security')).toBe(false);
    },
  );
});

describe('methods', () => {
  it('HEAD answers what GET does, without the body', async () => {
    for (const path of ['/healthz', '/api/v1/updates/check', '/api/v1/updates/download/1.0.0', '/download/v1.0.0.zip']) {
      const [get, head] = await Promise.all(['GET', 'HEAD'].map((method) => fetch(server.url + path, { method })));
      expect(head?.status).toBe(200);
      expect(await head?.text()).toBe('');
      for (const name of ['content-type', 'content-length', 'etag']) expect(head?.headers.get(name)).toBe(get?.headers.get(name));
    }
  });

  it('others are unknown where they mean nothing', async () => {
    for (const method of ['OPTIONS', 'PUT', 'PATCH', 'DELETE', 'SEARCH']) {
      const answer = await fetch(`${server.url}/api/v1/updates/check`, { method });
      expect(answer.headers.has('access-control-allow-origin')).toBe(false);
      expect(await problemOf(answer)).toEqual({ status: 404, code: 'REQUEST_ROUTE_UNKNOWN' });
    }
    for (const method of ['BREW', 'TRACE', 'CONNECT']) {
      expect(await ask(`${method} /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)).toMatch(/^HTTP\/1\.1 4\d\d |^$/);
    }
  });
});

describe('what does not arrive in time is cut off', () => {
  /** Of headers and whole requests, so that a test can wait for it. Nothing else may be asked of such a server: it would be late. */
  const arrivalMsMax = 1_500;
  let hasty: TestServer;

  beforeAll(async () => {
    hasty = await startTestServer(['--upload-ms-max', String(arrivalMsMax)]);
  });
  afterAll(() => hasty?.stop());

  it('headers that drip', async () => {
    const answer = await rawAnswer(
      hasty.url,
      'GET /healthz HTTP/1.1\r\nhost: x\r\n',
      700,
      'a: 1\r\n',
      700,
      'b: 1\r\n',
      700,
      'c: 1\r\n',
      700,
      'd: 1\r\n',
    );
    expect(problemIn(answer)).toEqual({ line: 'HTTP/1.1 408 Request Timeout', code: 'REQUEST_INVALID' });
  });

  it('a body that drips', async () => {
    const head =
      'POST /api/v1/updates/identify HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n';
    const answer = await rawAnswer(hasty.url, head, '{"fi', 600, 'les', 600, '":', 600, '[', 600, ' ');
    expect(problemIn(answer)).toEqual({ line: 'HTTP/1.1 408 Request Timeout', code: 'REQUEST_INVALID' });
  });

  it('a form that drips, and nothing of it stays', async () => {
    const head =
      `POST /api/v1/releases HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${testToken}\r\ncontent-length: 9999\r\n` +
      'content-type: multipart/form-data; boundary=b\r\n\r\n--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nPK';
    expect(await rawAnswer(hasty.url, head, 800, 'a', 800, 'b', 800, 'c', 800, 'd')).toMatch(/^HTTP\/1\.1 4\d\d /);
    const uploads = () => readdir(join(hasty.dataFolder, 'work/uploads'));
    await expect.poll(uploads, { timeout: 60_000 }).toEqual([]);
  });
});

describe('odd requests', () => {
  it.each([
    ['an expectation that nobody can meet', 'GET /healthz HTTP/1.1\r\nhost: x\r\nexpect: coffee\r\n\r\n', '417 Expectation Failed'],
    ['a header with a line feed in it', 'GET /healthz HTTP/1.1\r\nhost: x\r\na: b\nx-evil: c\r\nx\r\n\r\n', '400 Bad Request'],
    ['a header with NUL in it', 'GET /healthz HTTP/1.1\r\nhost: x\r\na: b\0c\r\n\r\n', '400 Bad Request'],
    [
      'two lengths',
      'POST /api/v1/updates/identify HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}',
      '400 Bad Request',
    ],
    [
      'a length and chunks',
      'POST /api/v1/updates/identify HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}',
      '400 Bad Request',
    ],
    [
      'an absolute address of another host',
      'GET http://evil.example/nothing HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
      '404 Not Found',
    ],
    ['no host', 'GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n', '400 Bad Request'],
  ])('are answered with a status: %s', async (_name, bytes, status) => {
    expect((await ask(bytes)).split('\r\n')[0]).toBe(`HTTP/1.1 ${status}`);
  });

  it('headers of the answer take nothing from the request', async () => {
    for (const path of ['/download/v1.0.0.zip%0d%0ax-evil:%201', '/api/v1/updates/download/1.0.0%0d%0ax-evil:%201']) {
      const answer = await server.get(path);
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.headers.has('x-evil')).toBe(false);
    }
  });

  it.each([
    '..%2f..%2fdatabase%2fPG_VERSION',
    '%2e%2e%2fv1.0.0.zip',
    '..%5cv1.0.0.zip',
    'v1.0.0.zip%00',
    'v1.0.0.zip%00.txt',
    'v1.0.0.zip%2f',
    'v1.0.0.zip/',
    './v1.0.0.zip%20',
    'con.zip',
    'nul',
    'v1.0.0.zip::$DATA',
    'manifest.json',
    `v${'1'.repeat(300)}.zip`,
    `${'%2e%2e%2f'.repeat(20)}etc%2fpasswd`,
    '%c0%ae%c0%ae%2fv1.0.0.zip',
  ])('no name leads to another file: /download/%s', async (name) => {
    const { status } = await problemOf(await server.get(`/download/${name}`));
    expect([400, 404, 414]).toContain(status);
  });

  it('text that no database takes is refused wherever it stands', async () => {
    const sha256 = 'a'.repeat(64);
    const refused = { status: 400, code: 'REQUEST_INVALID' };
    for (const path of ['a\0b', '\ud800', 'x\udc00y']) {
      expect(await problemOf(await server.post('/api/v1/updates/identify', { files: [{ path, sha256 }] }))).toEqual(refused);
      expect(await problemOf(await server.post('/api/v1/updates/identify', { files: [{ path: 'a', sha256, [path]: 1 }] }))).toEqual(
        refused,
      );
    }
    expect(await problemOf(await server.get('/api/v1/updates/check?version=1.0.0%00'))).toEqual(refused);
    const deep = `${'['.repeat(5_000)}${']'.repeat(5_000)}`;
    const answer = await fetch(`${server.url}/api/v1/updates/identify`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: deep,
    });
    expect(await problemOf(answer)).toEqual(refused);
  });

  it('a body in a type or coding that nobody reads is refused', async () => {
    for (const headers of [{ 'content-type': 'text/xml' }, { 'content-type': 'rubbish' }] as Record<string, string>[]) {
      const answer = await fetch(`${server.url}/api/v1/updates/identify`, { method: 'POST', headers, body: '<a/>' });
      expect(await problemOf(answer)).toEqual({ status: 415, code: 'REQUEST_INVALID' });
    }
    const polluted = await fetch(`${server.url}/api/v1/updates/identify`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"__proto__":{"files":[]},"files":[]}',
    });
    expect(await problemOf(polluted)).toEqual({ status: 400, code: 'REQUEST_INVALID' });
  });
});
