import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../limits.js';
import {
  answerStatus,
  dropAfter,
  endless,
  type HostileServer,
  hangUp,
  neverAnswer,
  redirectTo,
  type ServerFault,
  stallAfter,
  startHostileServer,
} from '../testing/hostile-server.js';
import { type ManualClock, manualClock } from '../testing/manual-clock.js';
import { createHttpClient, type HttpClient, type HttpClientOptions } from './http-client.js';

const stallMs = 1_000_000;
const path = 'api/v1/updates/check';
const asIs = (answer: unknown): unknown => answer;

let server: HostileServer;
let other: HostileServer;
let clock: ManualClock;

beforeEach(async () => {
  [server, other] = await Promise.all([startHostileServer(), startHostileServer()]);
  clock = manualClock(stallMs);
  server.serveJson(`/${path}`, { answer: 42 });
  other.serveJson(`/${path}`, { answer: 'other' });
});
afterEach(() => Promise.all([server.close(), other.close()]));

const client = (options: Partial<HttpClientOptions> = {}): HttpClient =>
  createHttpClient({
    serverUrl: server.url,
    clock,
    random: { id: () => 'id', fraction: () => 0 },
    ...options,
    timeouts: { stallMs, ...options.timeouts },
  });

const ask = (options: Partial<HttpClientOptions> = {}): Promise<unknown> => client(options).json(path, { validate: asIs });
/** Time-outs are long in these tests; only back-offs are looked at. */
const backOffs = (): readonly number[] => clock.sleptMs.filter((ms) => ms < stallMs);
const fails = (action: Promise<unknown>, code: string, details: object = {}): Promise<void> =>
  expect(action).rejects.toMatchObject({ name: 'UpdaterError', code, details });

describe('a JSON call', () => {
  it('gives what the validator makes of the answer', async () => {
    const value = await client().json(path, { validate: (answer) => (answer as { answer: number }).answer + 1 });
    expect(value).toBe(43);
  });

  it('sends query, headers, body and credentials', async () => {
    server.serveJson('/api/v1/x?a=1&b=two', {});
    await client({ credentials: async () => ({ 'X-API-Secret': 's3' }) }).json('/api/v1/x', {
      query: { a: 1, b: 'two', c: undefined },
      headers: { 'x-client-version': '1.0.0' },
      body: { files: [] },
      validate: asIs,
    });
    expect(server.requests[0]).toMatchObject({ method: 'POST', body: '{"files":[]}' });
    expect(server.requests[0]?.headers).toMatchObject({
      'x-api-secret': 's3',
      'x-client-version': '1.0.0',
      'content-type': 'application/json',
    });
  });

  it('refuses an answer that is not JSON, or not the expected JSON', async () => {
    server.always(answerStatus(200, {}, '<html>Please sign in to the hotel network</html>'));
    await fails(ask(), 'DOWNLOAD_FAILED');
    server.always(null);
    const validate = (): never => {
      throw new Error('no such field');
    };
    await fails(client().json(path, { validate }), 'DOWNLOAD_FAILED');
    expect(server.requests).toHaveLength(2);
  });

  it('stops reading at its limit, whatever the length says', async () => {
    server.always(endless);
    await fails(ask(), 'LIMIT_EXCEEDED', { bytesMax: limits.answerBytesMax });
    await fails(client().json(path, { validate: asIs, answerBytesMax: 5 }), 'LIMIT_EXCEEDED', { bytesMax: 5 });
    expect(server.requests).toHaveLength(2);
  });

  it('counts an encoded answer by what it becomes', async () => {
    const { gzipSync } = await import('node:zlib');
    const bomb: ServerFault = (response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(new Uint8Array(32 * 1024 * 1024)));
    };
    server.always(bomb);
    await fails(ask(), 'LIMIT_EXCEEDED');
  });

  it('is repeated when its body breaks off', async () => {
    server.script(dropAfter(3), dropAfter(5));
    expect(await ask()).toEqual({ answer: 42 });
    expect(backOffs()).toEqual([500, 1_000]);
  });

  it('is repeated when its body stalls', async () => {
    server.script(stallAfter(3));
    // The next read is under way by then: it starts in the same turn in which these bytes are told.
    const onTransfer = (): unknown => setImmediate(() => clock.advance(stallMs));
    expect(await ask({ onTransfer })).toEqual({ answer: 42 });
    expect(server.requests).toHaveLength(2);
  });

  it('tells the bytes that arrived', async () => {
    let bytes = 0;
    await ask({ onTransfer: (count) => (bytes += count) });
    expect(bytes).toBe('{"answer":42}'.length);
  });
});

describe('a request that gets no good answer', () => {
  it('is repeated on 503 with growing pauses', async () => {
    server.script(answerStatus(503), answerStatus(502), answerStatus(500));
    expect(await ask()).toEqual({ answer: 42 });
    expect(backOffs()).toEqual([500, 1_000, 2_000]);
  });

  it('waits as long as Retry-After says', async () => {
    server.script(answerStatus(429, { 'retry-after': '17' }), answerStatus(503, { 'retry-after': '120' }));
    expect(await ask()).toEqual({ answer: 42 });
    expect(backOffs()).toEqual([17_000, 120_000]);
  });

  it('is not asked again before a Retry-After that is too long to be waited for: how long is told', async () => {
    server.always(answerStatus(429, { 'retry-after': '86400' }));
    await fails(ask(), 'DOWNLOAD_FAILED', { status: 429, retryAfterMs: 86_400_000 });
    expect(server.requests).toHaveLength(1);
  });

  it('is repeated when the connection is closed without an answer', async () => {
    server.script(hangUp, hangUp);
    expect(await ask()).toEqual({ answer: 42 });
  });

  it('is repeated when no answer comes in time', async () => {
    server.script(neverAnswer);
    expect(await ask({ timeouts: { exchangeMs: 100 }, retries: { retriesMax: 100 } })).toEqual({ answer: 42 });
    expect(server.requests.length).toBeGreaterThanOrEqual(2);
  });

  it('fails after as many repetitions as allowed, and keeps the cause', async () => {
    server.always(answerStatus(503));
    await fails(ask({ retries: { retriesMax: 2 } }), 'DOWNLOAD_FAILED', { status: 503 });
    expect(server.requests).toHaveLength(3);
    server.always(hangUp);
    await expect(ask({ retries: { retriesMax: 1 } })).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      cause: { name: 'TypeError' },
    });
    server.always(neverAnswer);
    await expect(ask({ retries: { retriesMax: 0 }, timeouts: { exchangeMs: 20 } })).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      cause: { name: 'TimeoutError' },
    });
  });

  it.each([
    [400, 'DOWNLOAD_REFUSED'],
    [401, 'DOWNLOAD_REFUSED'],
    [403, 'DOWNLOAD_REFUSED'],
    [404, 'DOWNLOAD_NOT_FOUND'],
    [410, 'DOWNLOAD_NOT_FOUND'],
    [413, 'DOWNLOAD_REFUSED'],
    [304, 'DOWNLOAD_FAILED'],
    [501, 'DOWNLOAD_FAILED'],
  ])('is not repeated on %s and fails with %s', async (status, code) => {
    server.always(answerStatus(status));
    await fails(ask(), code, { status });
    expect(server.requests).toHaveLength(1);
  });

  it('is not repeated when it is a POST, unless that is said to be harmless', async () => {
    server.script(answerStatus(503));
    await fails(client().json(path, { body: {}, validate: asIs }), 'DOWNLOAD_FAILED');
    server.script(answerStatus(503));
    expect(await client().json(path, { body: {}, idempotent: true, validate: asIs })).toEqual({ answer: 42 });
  });

  it('fails with the code the server names, if it is one that a server can know', async () => {
    const problem = (code: string): ServerFault =>
      answerStatus(403, { 'content-type': 'application/problem+json' }, JSON.stringify({ code, detail: 'a \u001b[2Jreason' }));
    server.script(problem('RELEASE_NOT_OFFERED'), problem('license_expired'), problem('TRANSACTION_STUCK'), problem('toString'));
    await expect(ask()).rejects.toMatchObject({ code: 'RELEASE_NOT_OFFERED', message: 'The server answered 403: a  [2Jreason' });
    await fails(ask(), 'DOWNLOAD_REFUSED', { status: 403, serverCode: 'license_expired' });
    await fails(ask(), 'DOWNLOAD_REFUSED', { status: 403, serverCode: 'TRANSACTION_STUCK' });
    await fails(ask(), 'DOWNLOAD_REFUSED', { status: 403, serverCode: 'toString' });
  });

  it('is refused all the same when the refusal never ends or is no JSON', async () => {
    const endlessProblem: ServerFault = (response, honest, request) => endless(response, { ...honest, status: 403 }, request);
    server.script(endlessProblem, answerStatus(403, {}, 'null'), answerStatus(403, {}, '[1]'), answerStatus(403, {}, '<html>'));
    for (let count = 0; count < 4; count++) await fails(ask(), 'DOWNLOAD_REFUSED', { status: 403 });
  });

  it('ends with the reason of its signal, also in the middle of a pause', async () => {
    const abort = new AbortController();
    const reason = new Error('closing time');
    server.always((response) => {
      response.writeHead(503).end();
      setImmediate(() => abort.abort(reason));
    });
    clock = manualClock(1);
    await expect(client().json(path, { validate: asIs, signal: abort.signal })).rejects.toBe(reason);
    await expect(client().json(path, { validate: asIs, signal: abort.signal })).rejects.toBe(reason);
    expect(server.requests).toHaveLength(1);
  });
});

describe('redirects', () => {
  const secrets = {
    Authorization: 'Bearer key',
    'X-API-Key': 'key',
    'X-API-Secret': 'secret',
    Cookie: 'a=b',
    'X-Terminal-Id': 't1',
  };

  it('are followed to another origin without anything that tells who is asking', async () => {
    server.script(redirectTo(`${other.url}/${path}`));
    const headers = { 'x-client-version': '1.0.0', range: 'bytes=0-1', 'if-range': '"x"' };
    expect(await client({ credentials: () => secrets }).json(path, { headers, validate: asIs })).toEqual({ answer: 'other' });
    expect(server.requests[0]?.headers).toMatchObject({
      authorization: 'Bearer key',
      'x-api-secret': 'secret',
      'x-terminal-id': 't1',
    });
    const arrived = Object.keys(other.requests[0]?.headers ?? {}).sort();
    expect(arrived).toEqual(
      ['accept', 'accept-encoding', 'accept-language', 'connection', 'host', 'range', 'sec-fetch-mode', 'user-agent'].sort(),
    );
  });

  it('keep credentials on the own origin, and do not pick them up again on the way back to it', async () => {
    server.script(redirectTo('/second'), redirectTo(`${other.url}/away`));
    other.script(redirectTo(`${server.url}/${path}`));
    expect(await ask({ credentials: () => secrets })).toEqual({ answer: 42 });
    expect(server.requests.map((request) => [request.path, request.headers['x-api-secret']])).toEqual([
      [`/${path}`, 'secret'],
      ['/second', 'secret'],
      [`/${path}`, undefined],
    ]);
    expect(other.requests[0]?.headers['x-api-secret']).toBeUndefined();
  });

  it.each([1, 2, 3])('are followed %s times in a row', async (count) => {
    server.script(...Array<ServerFault>(count).fill(redirectTo(`/${path}`, 307)));
    expect(await ask()).toEqual({ answer: 42 });
  });

  it('are refused the fourth time, at once', async () => {
    server.always(redirectTo(`/${path}`));
    await fails(ask(), 'DOWNLOAD_REDIRECT_REFUSED');
    expect(server.requests).toHaveLength(4);
  });

  it('are refused to plain http on another machine, and for a POST', async () => {
    server.script(redirectTo('http://updates.example.com/'), redirectTo(`/${path}`));
    await fails(ask(), 'DOWNLOAD_REDIRECT_REFUSED');
    await fails(client().json(path, { body: {}, idempotent: true, validate: asIs }), 'DOWNLOAD_REDIRECT_REFUSED');
    expect(server.requests).toHaveLength(2);
  });
});

it('refuses plain http to another machine before anything is sent', () => {
  expect(() => client({ serverUrl: 'http://updates.example.com' })).toThrow(expect.objectContaining({ code: 'DOWNLOAD_INSECURE' }));
  expect(() => client({ serverUrl: 'http://updates.example.com', allowInsecure: true })).not.toThrow();
});
