import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Digest } from '../hash/digest.js';
import {
  answerStatus,
  dropAfter,
  endless,
  gzipped,
  type HostileServer,
  hangUp,
  ignoreRange,
  redirectTo,
  type ServerFault,
  stallAfter,
  startHostileServer,
  withBody,
  withHeaders,
} from '../testing/hostile-server.js';
import { type ManualClock, manualClock } from '../testing/manual-clock.js';
import { seededRandom } from '../testing/seeded-random.js';
import { createHttpClient, type HttpClientOptions } from './http-client.js';
import { httpObjectSource } from './http-object-source.js';
import type { ObjectRequest } from './object-source.js';

const stallMs = 1_000_000;
const fraction = seededRandom(7);
const object = Uint8Array.from({ length: 200_000 }, () => Math.floor(fraction() * 256));
const objectBytes = object.length;

let server: HostileServer;
let other: HostileServer;
let clock: ManualClock;
let digest: Digest;

beforeEach(async () => {
  [server, other] = await Promise.all([startHostileServer(), startHostileServer()]);
  clock = manualClock(stallMs);
  digest = server.serve(object);
  other.serve(object);
});
afterEach(() => Promise.all([server.close(), other.close()]));

type Asked = Partial<ObjectRequest>;

async function fetchFrom(asked: Asked, into: Uint8Array[], options: Partial<HttpClientOptions> = {}): Promise<void> {
  const client = createHttpClient({
    serverUrl: server.url,
    clock,
    random: { id: () => 'id', fraction: () => 0 },
    timeouts: { stallMs },
    retries: { retriesMax: 20 },
    ...options,
  });
  const request = { digest, objectBytes, offset: 0, bytes: objectBytes - (asked.offset ?? 0), ...asked };
  for await (const chunk of httpObjectSource({ client }).open(request)) into.push(chunk.slice());
}

async function fetched(asked: Asked = {}, options: Partial<HttpClientOptions> = {}): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  await fetchFrom(asked, chunks, options);
  return Buffer.concat(chunks);
}

/** That the answer is refused with the code, and that everything given before lay in its right place. */
async function refused(code: string, asked: Asked = {}): Promise<void> {
  const chunks: Uint8Array[] = [];
  await expect(fetchFrom(asked, chunks)).rejects.toMatchObject({ name: 'UpdaterError', code });
  const offset = asked.offset ?? 0;
  const given = Buffer.concat(chunks);
  expect(given.length).toBeLessThanOrEqual(asked.bytes ?? objectBytes);
  expect(given.equals(object.subarray(offset, offset + given.length))).toBe(true);
}

const ranges = (): unknown[] => server.requests.map((request) => request.headers.range);

describe('an honest server', () => {
  it('is asked for a whole object without a range, and for no encoding', async () => {
    expect((await fetched()).equals(object)).toBe(true);
    expect(server.requests).toHaveLength(1);
    expect(server.requests[0]).toMatchObject({ path: `/api/v1/objects/${digest}`, headers: { 'accept-encoding': 'identity' } });
    expect(server.requests[0]?.headers).not.toHaveProperty('range');
  });

  it('is asked for a range, bound to the object, and past no cache', async () => {
    expect((await fetched({ offset: 100, bytes: 50_000 })).equals(object.subarray(100, 50_100))).toBe(true);
    const headers = server.requests[0]?.headers;
    expect(headers).toMatchObject({ range: 'bytes=100-50099', 'if-range': `"${digest}"` });
    expect(headers).not.toHaveProperty('cache-control');
    expect(headers).not.toHaveProperty('pragma');
  });

  it('is not asked for nothing', async () => {
    expect(await fetched({ offset: 5, bytes: 0 })).toHaveLength(0);
    expect(server.requests).toHaveLength(0);
  });
});

describe('a link that breaks', () => {
  it('ends with the exact bytes when the connection drops every few kilobytes', async () => {
    server.always(dropAfter(30_000));
    expect((await fetched({ offset: 1 })).equals(object.subarray(1))).toBe(true);
    expect(server.requests.length).toBeGreaterThanOrEqual(7);
    expect(new Set(ranges()).size).toBeGreaterThanOrEqual(7);
  });

  it('goes on from the byte where it stopped', async () => {
    server.script(dropAfter(10_000), hangUp, answerStatus(503));
    const chunks: Uint8Array[] = [];
    await fetchFrom({}, chunks);
    expect(Buffer.concat(chunks).equals(object)).toBe(true);
    const resumed = ranges().slice(1);
    expect(new Set(resumed).size).toBe(1);
    const from = Number(/^bytes=(\d+)-199999$/.exec(String(resumed[0] ?? 'bytes=0-199999'))?.[1]);
    expect(from).toBeLessThanOrEqual(10_000);
  });

  it('goes on after a stall', async () => {
    server.script(stallAfter(10_000));
    let toldOnce = false;
    const onTransfer = (): void => {
      if (!toldOnce) setImmediate(() => clock.advance(stallMs));
      toldOnce = true;
    };
    expect((await fetched({}, { onTransfer })).equals(object)).toBe(true);
    expect(server.requests).toHaveLength(2);
  });

  /** Sends a piece each time the client has received the one before, a little over a third of the stall time later. */
  function inPieces(pieceBytes: number): { fault: ServerFault; onTransfer: () => void } {
    let sendNext = (): void => undefined;
    return {
      fault: (response, { status, headers, body }) => {
        let sentBytes = 0;
        response.writeHead(status, { ...headers, 'content-length': body.length });
        sendNext = () => {
          response.write(body.subarray(sentBytes, sentBytes + pieceBytes));
          sentBytes += pieceBytes;
        };
        sendNext();
      },
      onTransfer: () =>
        setImmediate(() => {
          clock.advance(stallMs / 3 + 1);
          sendNext();
        }),
    };
  }

  it('goes on elsewhere when a server drips single bytes', async () => {
    const { fault, onTransfer } = inPieces(1);
    server.script(fault);
    expect((await fetched({ offset: 100, bytes: 900 }, { onTransfer })).equals(object.subarray(100, 1_000))).toBe(true);
    expect(ranges()).toEqual(['bytes=100-999', 'bytes=102-999']);
  });

  it('takes what comes slowly but comes', async () => {
    const { fault, onTransfer } = inPieces(2_000);
    server.script(fault);
    expect((await fetched({ offset: 0, bytes: 20_000 }, { onTransfer })).equals(object.subarray(0, 20_000))).toBe(true);
    expect(server.requests).toHaveLength(1);
  });

  it('goes on after a body that ended early without saying so', async () => {
    server.script(
      withBody((body) => body.subarray(0, 50_000)),
      withBody((body) => body.subarray(0, 50_000)),
    );
    expect((await fetched()).equals(object)).toBe(true);
    expect(ranges()).toEqual([undefined, 'bytes=50000-199999', 'bytes=100000-199999']);
  });

  it('is given up when it brings next to nothing, many times in a row', async () => {
    server.always(withBody((body) => body.subarray(0, 10)));
    await expect(fetched({}, { retries: { retriesMax: 3 } })).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      details: { doneBytes: 40 },
      cause: { name: 'BodyBroken' },
    });
    expect(server.requests).toHaveLength(4);
    expect(clock.sleptMs.filter((ms) => ms < stallMs)).toEqual([500, 1_000, 2_000]);
  });

  it('is not given up while it brings something', async () => {
    server.always(withBody((body) => body.subarray(0, 5_000)));
    expect((await fetched({}, { retries: { retriesMax: 1 } })).equals(object)).toBe(true);
    expect(server.requests).toHaveLength(40);
  });
});

describe('a server that answers something else', () => {
  it('may send the whole object: only the asked bytes of it are taken', async () => {
    server.always(ignoreRange(object));
    expect((await fetched({ offset: 70_000, bytes: 1_000 })).equals(object.subarray(70_000, 71_000))).toBe(true);
    expect((await fetched({ offset: 70_000 })).equals(object.subarray(70_000))).toBe(true);
  });

  it('may send less of a range than asked, if it says so', async () => {
    const half: ServerFault = (response, { headers, body }) => {
      const contentRange = `bytes 100-149/${objectBytes}`;
      response.writeHead(206, { ...headers, 'content-range': contentRange, 'content-length': 50 }).end(body.subarray(0, 50));
    };
    server.script(half);
    expect((await fetched({ offset: 100, bytes: 100 })).equals(object.subarray(100, 200))).toBe(true);
    expect(ranges()).toEqual(['bytes=100-199', 'bytes=150-199']);
  });

  it.each([
    'bytes 99-10098/200000',
    'bytes 101-10100/200000',
    'bytes 100-10100/200000',
    'bytes 100-99/200000',
    'bytes 100-10099/200001',
    'bytes 100-10099/0',
    'bytes */200000',
    'items 100-10099/200000',
    'bytes 100-10099/200000, bytes 5-6/200000',
    'bytes 100-99999999999999999999/200000',
    'bytes -100--10099/200000',
    '',
  ])('is refused with the Content-Range "%s"', async (contentRange) => {
    server.always(withHeaders({ 'content-range': contentRange, 'content-length': null }));
    await refused('DOWNLOAD_FAILED', { offset: 100, bytes: 10_000 });
    expect(server.requests).toHaveLength(1);
  });

  it.each([
    ['a range without Content-Range', withHeaders({ 'content-range': null })],
    ['another object', withHeaders({ etag: `"${'0'.repeat(64)}"` })],
    ['an empty answer', withHeaders({}, 204)],
    ['several statuses', withHeaders({}, 207)],
    ['a refusal of the range', answerStatus(416)],
    ['gzip', gzipped],
    ['an unknown encoding', withHeaders({ 'content-encoding': 'x-other' })],
    ['a sign-in page', answerStatus(200, { 'content-type': 'text/html' }, '<html>Please sign in</html>')],
    ['an answer with another length', withHeaders({ 'content-length': '9999' })],
    ['a body that is too long', withBody((body) => Buffer.concat([body, body]))],
    ['a body that is too long by one byte', withBody((body) => Buffer.concat([body, Buffer.alloc(1)]))],
    ['a body that never ends', endless],
  ])('is refused with %s', async (_title, fault) => {
    server.always(fault);
    await refused('DOWNLOAD_FAILED', { offset: 100, bytes: 10_000 });
  });

  it('is refused with a whole object that never ends', async () => {
    server.always(endless);
    await refused('DOWNLOAD_FAILED');
  });

  it('is taken at its word when it leaves out the ETag, or a proxy weakened it', async () => {
    server.script(withHeaders({ etag: null }), withHeaders({ etag: `W/"${digest}"` }));
    for (let count = 0; count < 2; count++) expect(await fetched({ offset: 9, bytes: 9 })).toHaveLength(9);
  });

  it.each([
    [404, 'DOWNLOAD_NOT_FOUND'],
    [403, 'DOWNLOAD_REFUSED'],
    [401, 'DOWNLOAD_REFUSED'],
  ])('fails at once with %s', async (status, code) => {
    server.always(answerStatus(status));
    await refused(code);
    expect(server.requests).toHaveLength(1);
  });
});

describe('a redirect to another store', () => {
  it('is followed for the range, whatever entity tags that store has, and resumed at the own server', async () => {
    server.always(redirectTo(`${other.url}/api/v1/objects/${digest}?signature=abc`, 307));
    const foreignTag: ServerFault = (response) => {
      const range = /^bytes=(\d+)-(\d+)$/.exec(String(response.req.headers.range));
      const [first, last] = [Number(range?.[1] ?? 0), Number(range?.[2] ?? objectBytes - 1)];
      const headers = { etag: '"s3-etag"', 'content-range': `bytes ${first}-${last}/${objectBytes}` };
      dropAfter(60_000)(response, { status: 206, headers, body: object.subarray(first, last + 1) }, response.req);
    };
    other.always(foreignTag);
    const credentials = (): Record<string, string> => ({ authorization: 'Bearer key', 'x-api-secret': 'secret' });
    expect((await fetched({ offset: 5 }, { credentials })).equals(object.subarray(5))).toBe(true);
    expect(server.requests.length).toBe(other.requests.length);
    expect(server.requests.every((request) => request.headers.authorization === 'Bearer key')).toBe(true);
    for (const { headers } of other.requests) {
      expect(headers.range).toMatch(/^bytes=/);
      for (const name of ['authorization', 'x-api-secret', 'if-range']) expect(headers).not.toHaveProperty(name);
    }
  });
});

describe('the caller', () => {
  it('ends a transfer by its signal', async () => {
    const abort = new AbortController();
    const reason = new Error('closing time');
    server.always(stallAfter(10_000));
    const chunks: Uint8Array[] = [];
    const onTransfer = (): unknown => setImmediate(() => abort.abort(reason));
    await expect(fetchFrom({ signal: abort.signal }, chunks, { onTransfer })).rejects.toBe(reason);
  });

  it('closes the connection by leaving the loop', async () => {
    const closed = new Promise<void>((resolve) => {
      server.always((response, honest, request) => {
        response.on('close', resolve);
        endless(response, { ...honest, body: object }, request);
      });
    });
    const client = createHttpClient({
      serverUrl: server.url,
      clock,
      random: { id: () => '', fraction: () => 0 },
      timeouts: { stallMs },
    });
    for await (const chunk of httpObjectSource({ client }).open({ digest, objectBytes, offset: 0, bytes: objectBytes })) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    await closed;
  });

  it('is asked for leave for every chunk', async () => {
    let pacedBytes = 0;
    const pace = async (bytes: number): Promise<void> => {
      pacedBytes += bytes;
    };
    await fetched({ offset: 10, bytes: 1_000, pace });
    expect(pacedBytes).toBe(1_000);
  });
});
