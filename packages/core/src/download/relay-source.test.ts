import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UpdaterError } from '../errors.js';
import type { FileSystem } from '../file-system/file-system.js';
import { digestOf } from '../hash/digest.js';
import {
  answerStatus,
  dropAfter,
  endless,
  gzipped,
  type HostileServer,
  hangUp,
  neverAnswer,
  redirectTo,
  type ServerFault,
  startHostileServer,
  withHeaders,
} from '../testing/hostile-server.js';
import { type ManualClock, manualClock } from '../testing/manual-clock.js';
import { MemoryFileSystem } from '../testing/memory-file-system.js';
import { seededRandom } from '../testing/seeded-random.js';
import { fetchObjects } from './fetch-ranges.js';
import { createHttpClient } from './http-client.js';
import { httpObjectSource } from './http-object-source.js';
import type { PlanNames } from './object-source.js';
import { relayHello } from './relay-client.js';
import { type RelayEvent, type RelaySource, type RelaySourceOptions, relaySource } from './relay-source.js';
import { sourcesInOrder } from './sources-in-order.js';

const fraction = seededRandom(11);
const object = Uint8Array.from({ length: 100_000 }, () => Math.floor(fraction() * 256));
const digest = digestOf(object);
const lie = object.map((byte, index) => (index === 70_000 ? byte ^ 1 : byte));
const plan: PlanNames = {
  application: 'erp',
  platform: 'win-x64',
  base: '1.0.0',
  target: '1.1.0',
  codecs: ['remendo', 'bsdiff40'],
};
const random = { id: () => 'id', fraction: () => 0 };

let relay: HostileServer;
let server: HostileServer;
let clock: ManualClock;
let events: RelayEvent[];

beforeEach(async () => {
  [relay, server] = await Promise.all([startHostileServer(), startHostileServer()]);
  clock = manualClock(10_000);
  events = [];
  server.serve(object);
  relayGives(object);
});
afterEach(() => Promise.all([relay.close(), server.close()]));

/** What the relay holds under the digest; a fault for its objects instead, when one is given. */
function relayGives(bytes: Uint8Array, fault: ServerFault | null = null): void {
  relay.serveJson('/v1/relay', relayHello);
  relay.always((response, honest, request) => {
    const isHello = request.url === '/v1/relay';
    const answer = isHello ? honest : { status: 200, headers: { etag: `"${digest}"` }, body: bytes };
    if (fault !== null && !isHello) return fault(response, answer, request);
    send(response, request, answer);
  });
}

function send(response: ServerResponse, { headers }: IncomingMessage, answer: Parameters<ServerFault>[1]): void {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
  if (first === undefined) return void response.writeHead(answer.status, answer.headers).end(answer.body);
  const range = `bytes ${first}-${last}/${answer.body.length}`;
  response.writeHead(206, { ...answer.headers, 'content-range': range }).end(answer.body.subarray(Number(first), Number(last) + 1));
}

const source = (options: Partial<RelaySourceOptions> = {}): RelaySource => {
  const made = relaySource({
    find: async () => [`${relay.url}/`],
    clock,
    random,
    onEvent: (event) => events.push(event),
    ...options,
    // These two are of the machine's own time, which a busy one has less of.
    times: { helloMs: 120_000, answerMs: 120_000, ...options.times },
  });
  made.planned?.(plan);
  return made;
};

async function read(from: RelaySource, range = { offset: 0, bytes: object.length }): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of from.open({ digest, objectBytes: object.length, ...range })) chunks.push(chunk.slice());
  return Buffer.concat(chunks);
}

/** As an update does: the relay, then the server. */
async function download(first: RelaySource): Promise<Uint8Array> {
  const http = createHttpClient({ serverUrl: server.url, clock, random, credentials: () => ({ 'x-api-secret': 'ours' }) });
  const fileSystem: FileSystem = new MemoryFileSystem();
  const all = sourcesInOrder([first, httpObjectSource({ client: http })]);
  const fetches = [{ digest, objectBytes: object.length, ranges: [{ offset: 0, bytes: object.length }] }];
  const downloads = await fetchObjects({ fileSystem, folder: '/downloads', source: all, fetches, clock });
  const { path } = downloads.locate({ object: digest, offset: 0, bytes: object.length });
  const file = await fileSystem.open(path, 'read');
  const bytes = new Uint8Array(file.bytes);
  await file.read(0, bytes);
  await file.close();
  return bytes;
}

const kinds = (): readonly string[] => events.map(({ kind }) => kind);
const asked = (): readonly string[] => relay.requests.filter(({ path }) => path !== '/v1/relay').map(({ path }) => path);

it('takes objects from the relay and nothing from the server', async () => {
  const first = source();
  expect(digestOf(await download(first))).toBe(digest);
  expect(server.requests).toHaveLength(0);
  expect(kinds()).toEqual(['relay-found']);
  expect(first.given()).toEqual([{ url: `${relay.url}/`, bytes: object.length }]);
});

it('tells the relay a digest and names of releases, and nothing about this terminal', async () => {
  await read(source(), { offset: 100, bytes: 50 });
  const names = 'application=erp&platform=win-x64&base=1.0.0&target=1.1.0&codecs=remendo%2Cbsdiff40';
  expect(asked()).toEqual([`/v1/objects/${digest}?${names}`]);
  const sent = relay.requests.flatMap(({ headers }) => Object.keys(headers));
  for (const name of ['authorization', 'cookie', 'x-api-secret', 'x-terminal-id', 'x-application'])
    expect(sent).not.toContain(name);
});

it('leaves alone what answers and is no relay, and does not ask it again for every object', async () => {
  relay.always(answerStatus(404));
  const first = source();
  for (const offset of [0, 10, 20])
    await expect(read(first, { offset, bytes: 10 })).rejects.toMatchObject({ code: expect.stringMatching(/^DOWNLOAD_/) });
  first.planned?.(plan);
  await expect(read(first)).rejects.toThrow();
  expect(relay.requests.map(({ path }) => path)).toEqual(['/v1/relay']);
  expect(kinds()).toEqual(['relay-away']);
});

it('asks no relay before there is a plan', async () => {
  const unplanned = relaySource({ find: async () => [relay.url], clock, random });
  await expect(read(unplanned)).rejects.toMatchObject({ code: 'DOWNLOAD_NOT_FOUND' });
  expect(relay.requests).toHaveLength(0);
});

it('catches a lie, asks that relay nothing more, and has the right bytes in the end', async () => {
  relayGives(lie);
  const first = source();
  expect(digestOf(await download(first))).toBe(digest);
  expect(events.at(-1)).toEqual({ kind: 'relay-refuted', url: `${relay.url}/`, digest });
  await expect(read(first)).rejects.toMatchObject({ code: 'DOWNLOAD_NOT_FOUND' });
  expect(asked()).toHaveLength(1);
});

it('goes to another relay when the first is away, and says so once', async () => {
  const away = await startHostileServer();
  await away.close();
  const first = source({ find: async () => [away.url, relay.url] });
  const both = await Promise.all([read(first), read(first)]);
  expect(both.every((bytes) => digestOf(bytes) === digest)).toBe(true);
  expect(kinds()).toEqual(['relay-away', 'relay-found']);
});

it('goes on with the server where a relay breaks off', async () => {
  relayGives(object, dropAfter(40_000));
  const first = source();
  expect(digestOf(await download(first))).toBe(digest);
  const [{ bytes } = { bytes: 0 }] = first.given();
  expect(bytes).toBeGreaterThan(0);
  expect(server.requests.map(({ headers }) => headers.range)).toEqual([`bytes=${bytes}-${object.length - 1}`]);
  expect(kinds()).toEqual(['relay-found', 'relay-away']);
});

describe('whatever a relay says', () => {
  const verdict = (code: string): ServerFault =>
    answerStatus(403, { 'content-type': 'application/problem+json' }, JSON.stringify({ code }));
  const cases: readonly [string, ServerFault][] = [
    ['the release is not offered', verdict('RELEASE_NOT_OFFERED')],
    ['the licence has expired', verdict('LICENSE_EXPIRED')],
    ['credentials are needed', answerStatus(401, { 'www-authenticate': 'Basic realm="remendo"' })],
    ['it is elsewhere', redirectTo('https://elsewhere.example.com/object')],
    ['it is elsewhere here', redirectTo('/v1/relay')],
    ['nothing', hangUp],
    ['another encoding', answerStatus(200, { 'content-encoding': 'gzip' }, 'x')],
    ['what unpacks to the object', gzipped],
    ['without end', endless],
    ['another range', withHeaders({ 'content-range': `bytes 5-${object.length + 4}/${object.length}` }, 206)],
    ['a range of a longer object', withHeaders({ 'content-range': `bytes 0-${object.length - 1}/${2 * object.length}` }, 206)],
    ['another object', withHeaders({ etag: `"${'a'.repeat(64)}"` })],
    ['less than it announces', withHeaders({ 'content-length': String(2 * object.length) })],
    ['too much', (response, honest) => void response.writeHead(200).end(Buffer.concat([honest.body, honest.body]))],
  ];
  it.each(cases)('the update goes on with the server: %s', async (_name, fault) => {
    relayGives(object, fault);
    expect(digestOf(await download(source()))).toBe(digest);
    expect(asked()).toHaveLength(1);
  });
});

const bomb: ServerFault = (response) =>
  void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(2_000_000, ' ')));

it.each<[string, ServerFault]>([
  ['never ends', endless],
  ['unpacks to more than any has', bomb],
  ['leads elsewhere', redirectTo('http://127.0.0.1:1/v1/relay')],
])('asks no relay whose greeting %s', async (_name, fault) => {
  relay.always(fault);
  expect(digestOf(await download(source()))).toBe(digest);
  expect(asked()).toEqual([]);
  expect(kinds()).toEqual(['relay-away']);
});

it('leaves a relay alone that is no relay, until some time has passed', async () => {
  const first = source();
  relay.serveJson('/v1/relay', { relay: 'something else' });
  await expect(read(first)).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
  await expect(read(first)).rejects.toMatchObject({ code: 'DOWNLOAD_NOT_FOUND' });
  expect(relay.requests).toHaveLength(1);
  relay.serveJson('/v1/relay', relayHello);
  clock.advance(300_000);
  expect(digestOf(await read(first))).toBe(digest);
});

it('asks again after a moment where a relay was only busy', async () => {
  relayGives(object, answerStatus(503));
  const first = source();
  await expect(read(first)).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
  expect(events.at(-1)).toMatchObject({ kind: 'relay-away', forMs: 30_000 });
  relayGives(object);
  clock.advance(30_000);
  expect(digestOf(await read(first))).toBe(digest);
});

it('asks once for an object that the relay does not have, and again with the next plan', async () => {
  relayGives(object, answerStatus(404));
  const first = source();
  for (const _ of [1, 2]) await expect(read(first)).rejects.toMatchObject({ code: 'DOWNLOAD_NOT_FOUND' });
  expect(asked()).toHaveLength(1);
  first.planned?.({ ...plan, target: '1.2.0' });
  await expect(read(first)).rejects.toMatchObject({ code: 'DOWNLOAD_NOT_FOUND' });
  expect(asked()).toHaveLength(2);
});

it('waits no longer for a silent relay than for its greeting', async () => {
  relay.always(neverAnswer);
  await expect(read(source({ times: { helloMs: 20 } }))).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
  expect(kinds()).toEqual(['relay-away']);
});

it('gives up a relay that trickles', async () => {
  relayGives(object, (response, honest) => {
    response.writeHead(200, { ...honest.headers, 'content-length': honest.body.length });
    response.write(honest.body.subarray(0, 2_000));
  });
  const first = source({ onEvent: (event) => events.push(event) });
  const reading = first.open({ digest, objectBytes: object.length, offset: 0, bytes: object.length })[Symbol.asyncIterator]();
  await reading.next();
  const next = reading.next();
  setImmediate(() => clock.advance(15_000));
  await expect(next).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
  expect(kinds()).toEqual(['relay-found', 'relay-away']);
});

/** So many bytes at a time, each of which takes so long. */
const trickle =
  (bytes: number, ms: number): ServerFault =>
  (response, honest, { headers }) => {
    const [, first = '0', last = `${honest.body.length - 1}`] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
    const body = honest.body.subarray(Number(first), Number(last) + 1);
    const range = { 'content-range': `bytes ${first}-${last}/${honest.body.length}` };
    response.writeHead(headers.range === undefined ? 200 : 206, { ...honest.headers, ...range, 'content-length': body.length });
    const next = (offset: number): void => {
      if (response.destroyed) return;
      clock.advance(ms);
      if (offset >= body.length) return void response.end();
      response.write(body.subarray(offset, offset + bytes), () => setImmediate(next, offset + bytes));
    };
    next(0);
  };

describe('a relay that trickles', () => {
  const honestServer = (fault: ServerFault): void =>
    server.always((response, _honest, request) =>
      fault(response, { status: 200, headers: { etag: `"${digest}"` }, body: object }, request),
    );
  // Longer than what passes by itself on this clock.
  const times = { trialMs: 20_000 };

  it('is left for a server that is faster', async () => {
    relayGives(object, trickle(2_000, 1_000));
    expect(digestOf(await download(source({ times })))).toBe(digest);
    expect(kinds()).toEqual(['relay-found', 'relay-away']);
    expect(events[1]).toMatchObject({
      reason: expect.stringMatching(/^it gives \d+ bytes a second, and server \d+$/),
      forMs: 300_000,
    });
    expect(asked()).toHaveLength(1);
  });

  it('is stayed with where the server is no faster, and that is tried once in a while only', async () => {
    relayGives(object, trickle(2_000, 1_000));
    honestServer(trickle(1_000, 1_000));
    expect(digestOf(await download(source({ times })))).toBe(digest);
    expect(kinds()).toEqual(['relay-found']);
    expect(server.requests).toHaveLength(1);
  });

  it('is better than a server that is away, unless it is slower than any link', async () => {
    await server.close();
    relayGives(object, trickle(2_000, 1_000));
    expect(digestOf(await download(source({ times })))).toBe(digest);
    relayGives(object, trickle(1_100, 6_000));
    await expect(download(source({ times }))).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
    expect(events.at(-1)).toMatchObject({ kind: 'relay-away', reason: expect.stringMatching(/^it gives \d+ bytes a second$/) });
    server = await startHostileServer();
  });

  it('is left by all requests at a time', async () => {
    relayGives(object, trickle(2_000, 1_000));
    const first = source({ times });
    const next = httpObjectSource({ client: createHttpClient({ serverUrl: server.url, clock, random }) });
    const both = sourcesInOrder([first, next]);
    const halves = await Promise.all(
      [0, 50_000].map(async (offset) => {
        const chunks: Uint8Array[] = [];
        for await (const chunk of both.open({ digest, objectBytes: object.length, offset, bytes: 50_000 }))
          chunks.push(chunk.slice());
        return Buffer.concat(chunks);
      }),
    );
    expect(digestOf(Buffer.concat(halves))).toBe(digest);
    expect(kinds()).toEqual(['relay-found', 'relay-away']);
    expect(asked()).toHaveLength(2);
  });
});

it('stops with the reason of an aborted signal, and holds that against nobody', async () => {
  const stopped = new AbortController();
  const reason = new Error('closing time');
  const first = source();
  const reading = first.open({ digest, objectBytes: object.length, offset: 0, bytes: object.length, signal: stopped.signal });
  await expect(
    (async () => {
      for await (const _ of reading) stopped.abort(reason);
    })(),
  ).rejects.toBe(reason);
  expect(kinds()).toEqual(['relay-found']);
});

it('looks for relays again after a while, and where looking fails there is none', async () => {
  let looked = 0;
  const first = source({
    find: async () => {
      looked += 1;
      throw new UpdaterError('DOWNLOAD_FAILED', 'no multicast here');
    },
  });
  for (const _ of [1, 2]) await expect(read(first)).rejects.toMatchObject({ code: 'DOWNLOAD_NOT_FOUND' });
  expect(looked).toBe(1);
  clock.advance(600_000);
  await expect(read(first)).rejects.toMatchObject({ code: 'DOWNLOAD_NOT_FOUND' });
  expect(looked).toBe(2);
});

it('passes over what is no address', async () => {
  expect(digestOf(await read(source({ find: async () => ['ftp://10.0.0.1/', 'no', relay.url] })))).toBe(digest);
});
