import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { type Digest, relayObjectPath, UpdaterError } from '@remendo/core';
import { answerStatus, dropAfter, MemoryFileSystem, neverAnswer, stallAfter } from '@remendo/core/testing';
import { describe, expect, it } from 'vitest';
import { patience } from '../testing/patience.js';
import { bytesOf, names, openWorld, type RelayWorld } from './relay-world.test.support.js';

const object = bytesOf(300_000, 7);
const other = bytesOf(200_000, 8);

const objectRequests = (world: RelayWorld): readonly string[] => world.asked().filter((path) => path.includes('/objects/'));
const eventually = <T>(look: () => T | Promise<T>) => expect.poll(look, patience);
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('one download for many', () => {
  it('fetches an object once for twenty terminals that ask at the same time', async () => {
    const world = await openWorld();
    const [digest] = world.plan([object]) as [Digest];
    const answers = await Promise.all(Array.from({ length: 20 }, () => world.get(digest)));
    expect(answers.every(({ status, body }) => status === 200 && body.equals(object))).toBe(true);
    expect(world.asked()).toEqual([expect.stringContaining('/api/v1/updates/plan'), `/api/v1/objects/${digest}`]);
    expect(world.relay.traffic()).toMatchObject({ requests: 20, hits: 19, bytesServed: 20 * object.length, failed: 0 });
    expect(world.relay.traffic().bytesUpstream).toBeLessThan(object.length + 2_000);
  });

  it('fetches of overlapping ranges what nobody asked for before, and the whole from what is missing', async () => {
    const world = await openWorld();
    const [digest] = world.plan([object]) as [Digest];
    expect((await world.get(digest, [100_000, 149_999])).body.equals(object.subarray(100_000, 150_000))).toBe(true);
    expect((await world.get(digest, [50_000, 199_999])).body.equals(object.subarray(50_000, 200_000))).toBe(true);
    const whole = await world.get(digest);
    expect(whole.body.equals(object)).toBe(true);
    expect(world.server.requests.flatMap(({ headers }) => headers.range ?? [])).toEqual([
      'bytes=100000-149999',
      'bytes=50000-99999',
      'bytes=150000-199999',
      'bytes=0-49999',
      'bytes=200000-299999',
    ]);
    expect(world.relay.traffic().bytesUpstream).toBeLessThan(object.length + 2_000);
  });

  it('answers as the server does: ranges, entity tags, HEAD, for ever the same', async () => {
    const world = await openWorld();
    const [digest] = world.plan([object]) as [Digest];
    const part = await world.get(digest, [10, 19]);
    expect(part).toMatchObject({ status: 206, headers: { 'content-range': 'bytes 10-19/300000', 'content-length': '10' } });
    expect(part.headers).toMatchObject({
      etag: `"${digest}"`,
      'cache-control': 'public, max-age=31536000, immutable, no-transform',
    });
    const head = await world.ask(`/v1/objects/${digest}`, {}, 'HEAD');
    expect(head).toMatchObject({ status: 200, headers: { 'content-length': '300000' } });
    expect((await world.ask(`/v1/objects/${digest}`, { 'if-none-match': `"${digest}"` })).status).toBe(304);
    for (const range of ['bytes=300000-', 'bytes=5-4', 'bytes=0-1,5-6', 'bytes=-5', 'lines=1-2'])
      expect(await world.ask(`/v1/objects/${digest}`, { range })).toMatchObject({ status: 416 });
  });

  it('serves the others when one of them reads nothing, and goes on when the first one leaves', async () => {
    const large = bytesOf(1_000_000, 9);
    const world = await openWorld();
    const [digest] = world.plan([large]) as [Digest];
    const idle = connect(world.relay.port, '127.0.0.1');
    const query = `application=erp&platform=win-x64&base=1.0.0&target=1.1.0&codecs=remendo`;
    idle.pause().write(`GET /v1/objects/${digest}?${query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
    await new Promise((resolve) => idle.once('readable', resolve));
    const [one, two] = await Promise.all([world.get(digest), world.get(digest)]);
    expect([sha256(one.body), sha256(two.body)]).toEqual([digest, digest]);
    idle.destroy();
    expect(objectRequests(world)).toHaveLength(1);
  });

  it('goes on for a moment when everybody left, keeps what arrived, and fetches the rest when it is asked for', async () => {
    const world = await openWorld();
    const [digest] = world.plan([object]) as [Digest];
    await world.get(digest, [0, 9]);
    world.server.script(stallAfter(100_000));
    const leaving = connect(world.relay.port, '127.0.0.1');
    const left = new Promise((resolve) => leaving.once('close', resolve));
    leaving.once('data', () => leaving.destroy());
    leaving.write(`GET /v1/objects/${digest} HTTP/1.1\r\nHost: 127.0.0.1\r\nRange: bytes=10-\r\n\r\n`);
    await left;
    await eventually(() => world.clock.sleptMs).toContain(5_000);
    world.clock.advance(5_000);
    await eventually(() => world.relay.traffic().cacheBytes).toBeGreaterThan(10);
    const keptBytes = world.relay.traffic().cacheBytes;
    expect((await world.get(digest)).body.equals(object)).toBe(true);
    expect(world.server.requests.at(-1)?.headers.range).toBe(`bytes=${keptBytes}-299999`);
    expect(world.events.map(({ event }) => event)).not.toContain('transfer_failed');
  });
});

describe('what it fetches', () => {
  it('asks the server for plans and objects only, with its own credentials and no terminal', async () => {
    const world = await openWorld();
    const [digest] = world.plan([object]) as [Digest];
    await world.get(digest);
    for (const { method, headers, path } of world.server.requests) {
      expect(method).toBe('GET');
      expect(path).toMatch(/^\/api\/v1\/(updates\/plan\?|objects\/[0-9a-f]{64}$)/);
      expect(headers).toMatchObject({ authorization: 'Bearer relay', 'x-api-secret': 'secret of the relay' });
      expect(headers).not.toHaveProperty('x-terminal-id');
    }
    expect(world.events).toContainEqual(expect.objectContaining({ event: 'plan_learned', base: '1.0.0', target: '1.1.0' }));
  });

  it('fetches no object that no plan of its branch names, though the server would give it', async () => {
    const world = await openWorld();
    world.plan([object]);
    const foreign = world.server.serve(other);
    expect(await world.get(foreign)).toMatchObject({ status: 404 });
    expect(await world.get(foreign, [0, 9], null)).toMatchObject({ status: 404 });
    expect(objectRequests(world)).toEqual([]);
    expect(world.relay.traffic()).toMatchObject({ notFound: 2, bytesServed: 0 });
  });

  it('believes the server, not the terminal, on what is between two releases', async () => {
    const world = await openWorld();
    const foreign = world.server.serve(other);
    const made = { ...names, target: '9.9.9' };
    for (const _ of [1, 2]) expect(await world.get(foreign, undefined, made)).toMatchObject({ status: 404 });
    expect(world.asked()).toEqual([expect.stringContaining('target=9.9.9')]);
  });

  it('asks nothing for applications that are not its own', async () => {
    const world = await openWorld({ settings: { applications: ['erp'] } });
    const [digest] = world.plan([object], { ...names, application: 'payroll' }) as [Digest];
    expect(await world.get(digest, undefined, { ...names, application: 'payroll' })).toMatchObject({ status: 404 });
    expect(world.asked()).toEqual([]);
  });

  it('asks for a plan again when it lacks an object, but not at once', async () => {
    const world = await openWorld();
    world.plan([object]);
    const late = world.server.serve(other);
    expect(await world.get(late)).toMatchObject({ status: 404 });
    world.plan([object, other]);
    expect(await world.get(late)).toMatchObject({ status: 404 });
    world.clock.advance(60_000);
    expect((await world.get(late)).body.equals(other)).toBe(true);
  });

  it('asks for no more plans than a terminal can need, whatever is made up', async () => {
    const world = await openWorld();
    const [digest] = world.plan([object]) as [Digest];
    await world.get(digest);
    const unknown = digest.replace(/^./, (first) => (first === '0' ? '1' : '0')) as Digest;
    let statuses: number[] = [];
    for (let index = 0; index < 45; index += 1)
      statuses = [...statuses, (await world.get(unknown, undefined, { ...names, target: `7.0.${index}` })).status];
    expect(statuses.filter((status) => status === 404)).toHaveLength(39);
    expect(world.asked().filter((path) => path.includes('/plan'))).toHaveLength(40);
    expect((await world.get(digest)).status).toBe(200);
  });

  it('stops at the bytes of a day', async () => {
    const world = await openWorld({ settings: { upstreamBytesPerDay: 1024 ** 2 } });
    const digests = world.plan([bytesOf(800_000, 3), bytesOf(800_000, 4)]) as [Digest, Digest];
    expect((await world.get(digests[0])).status).toBe(200);
    expect((await world.get(digests[1])).status).toBe(503);
    expect((await world.get(digests[0])).status).toBe(200);
    world.clock.advance(86_400_000);
    expect((await world.get(digests[1])).status).toBe(200);
  });

  it('counts of a day what came, not what was asked for and broke off', async () => {
    const world = await openWorld({ settings: { upstreamBytesPerDay: 1024 ** 2 } });
    const [digest] = world.plan([bytesOf(800_000, 3)]) as [Digest];
    for (const _ of [1, 2, 3]) {
      world.server.script(...(world.asked().length === 0 ? [null] : []), dropAfter(1_000), answerStatus(500), answerStatus(500));
      expect(await world.get(digest)).toMatchObject({ status: 200, isWhole: false });
      world.clock.advance(5_000);
    }
    expect(await world.get(digest)).toMatchObject({ status: 200, isWhole: true });
  });
});

describe('who is answered', () => {
  it.each<[string, Readonly<Record<string, string>>]>([
    ['credentials', { authorization: 'Bearer me' }],
    ['a secret', { 'x-api-secret': 's3' }],
    ['a cookie', { cookie: 'a=b' }],
    ['a name of a terminal', { 'x-terminal-id': 'caixa-3' }],
    ['an origin', { origin: 'http://evil.example.com' }],
    ['a page', { referer: 'http://evil.example.com/' }],
    ['a site', { 'sec-fetch-site': 'cross-site' }],
    ['the name of another host', { host: 'evil.example.com' }],
    ['a name that hides another', { host: '127.0.0.1@evil.example.com' }],
    ['a body', { 'content-length': '4' }],
    ['a body without length', { 'transfer-encoding': 'chunked' }],
  ])('nobody that brings %s', async (_what, headers) => {
    const world = await openWorld();
    const [digest] = world.plan([object]) as [Digest];
    expect(await world.ask(`/v1/objects/${digest}?application=erp&platform=any&target=1.1.0`, headers)).toMatchObject({
      status: 400,
    });
    expect(world.asked()).toEqual([]);
  });

  it.each([
    '/v1/objects/../../../etc/passwd',
    '/v1/objects/..%2f..%2fetc%2fpasswd',
    '/v1/objects/ABCDEF',
    `/v1/objects/${'a'.repeat(64)}/`,
    `/v1/objects/${'a'.repeat(63)}%00`,
    `/v1/objects/${'a'.repeat(64)}?application=..%2f..&platform=x&target=1`,
    `/v1/objects/${'a'.repeat(64)}?url=http://elsewhere.example.com/`,
    `/v1/objects/${'a'.repeat(64)}?base=a&base=b`,
    'http://elsewhere.example.com/',
    '/api/v1/updates/check',
    '/metadata/root.json',
    '/',
  ])('gives nothing at %s, and asks the server nothing', async (path) => {
    const world = await openWorld();
    expect([400, 404]).toContain((await world.ask(path)).status);
    expect(world.asked()).toEqual([]);
  });

  it('takes GET and HEAD only', async () => {
    const world = await openWorld();
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])
      expect((await world.ask(`/v1/objects/${'a'.repeat(64)}`, {}, method)).status).toBe(404);
    await expect(world.ask('elsewhere.example.com:443', {}, 'CONNECT')).rejects.toThrow();
  });

  it('nobody from another network, and of one machine only so many connections', async () => {
    const far = await openWorld({ settings: { networks: ['10.0.0.0/8'] } });
    await expect(far.ask('/v1/relay')).rejects.toThrow();
    const near = await openWorld({ settings: { connectionsPerAddressMax: 2 } });
    const sockets = [1, 2].map(() => connect(near.relay.port, '127.0.0.1'));
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
    await expect(near.ask('/v1/relay')).rejects.toThrow();
    for (const socket of sockets) socket.destroy();
    await eventually(async () => (await near.ask('/v1/relay').catch(() => null))?.status).toBe(200);
  });

  it('one request at a time in a connection: what does not wait for its answer is refused', async () => {
    const world = await openWorld();
    const [digest] = world.plan([object]) as [Digest];
    await world.get(digest);
    const rushed = connect(world.relay.port, '127.0.0.1');
    const one = `GET /v1/objects/${digest} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;
    rushed.write(one.repeat(40));
    const chunks: Buffer[] = [];
    for await (const chunk of rushed) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('latin1');
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 400']);
    expect(world.relay.traffic()).toMatchObject({ requests: 2, bytesServed: 2 * object.length });
  });

  it('says who it is under every name that is its own', async () => {
    const world = await openWorld({ settings: { names: ['relay.branch.lan'] } });
    for (const host of ['127.0.0.1', '[::1]:8476', 'localhost:1', 'relay.branch.lan', 'RELAY.branch.lan.:80']) {
      const { status, body } = await world.ask('/v1/relay', { host });
      expect([status, body.toString()]).toEqual([200, '{"relay":"remendo","protocol":1}']);
    }
  });
});

describe('when something is wrong', () => {
  it('tells everybody who waits at once that the server failed, and who comes next too', async () => {
    const world = await openWorld();
    const [digest] = world.plan([object]) as [Digest];
    await world.get(digest, [0, 9]);
    world.server.always(answerStatus(500));
    const answers = await Promise.all([1, 2, 3].map(() => world.get(digest, [1_000, 1_999])));
    expect(answers.map(({ status }) => status)).toEqual([503, 503, 503]);
    const before = world.asked().length;
    expect((await world.get(digest, [5_000, 5_999])).status).toBe(503);
    expect(world.asked()).toHaveLength(before);
    expect(world.events.filter(({ event }) => event === 'transfer_failed')).not.toHaveLength(0);
  });

  it('breaks an answer off where the server broke off, and goes on from there when it is asked again', async () => {
    const world = await openWorld();
    const [digest] = world.plan([object]) as [Digest];
    await world.get(digest, [0, 9]);
    world.server.script(dropAfter(50_000), answerStatus(500), answerStatus(500));
    const broken = await world.get(digest);
    expect(broken.isWhole).toBe(false);
    expect(object.subarray(0, broken.body.length)).toEqual(new Uint8Array(broken.body));
    world.clock.advance(5_000);
    expect((await world.get(digest)).body.equals(object)).toBe(true);
  });

  it('waits for no server that is silent when nobody asks any more', async () => {
    const world = await openWorld();
    const [digest] = world.plan([object]) as [Digest];
    await world.get(digest, [0, 9]);
    world.server.script(neverAnswer);
    const leaving = connect(world.relay.port, '127.0.0.1');
    leaving.write(`GET /v1/objects/${digest} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
    await eventually(() => objectRequests(world).length).toBe(2);
    leaving.destroy();
    await eventually(() => world.clock.sleptMs).toContain(5_000);
    world.clock.advance(5_000);
    expect((await world.get(digest)).body.equals(object)).toBe(true);
  });

  it('fetches nothing for who left while the server was asked for the plan', async () => {
    const world = await openWorld();
    const [digest] = world.plan([object]) as [Digest];
    let answer = (): void => undefined;
    world.server.script((response, { status, headers, body }) => {
      answer = () => response.writeHead(status, { ...headers, 'content-length': body.length }).end(body);
    });
    const leaving = connect(world.relay.port, '127.0.0.1');
    leaving.write(`GET /${relayObjectPath(digest, names)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
    await eventually(() => world.asked().length).toBe(1);
    leaving.destroy();
    // By then the relay has heard of it.
    for (const _ of [1, 2]) expect((await world.ask('/v1/relay')).status).toBe(200);
    answer();
    await eventually(() => world.events.map(({ event }) => event)).toContain('plan_learned');
    for (const _ of [1, 2]) await world.ask('/v1/relay');
    expect(objectRequests(world)).toEqual([]);
  });

  it('tells who waits that the server is silent before they take the relay for dead', async () => {
    const world = await openWorld();
    const [digest] = world.plan([object]) as [Digest];
    for (const silent of ['/plan', '/objects/']) {
      world.server.always((response, { status, headers, body }, { url = '' }) => {
        if (!url.includes(silent)) response.writeHead(status, { ...headers, 'content-length': body.length }).end(body);
      });
      const waiting = world.get(digest);
      const asked = world.clock.sleptMs.filter((ms) => ms === 7_000).length;
      await eventually(() => world.asked().at(-1)).toContain(silent);
      await eventually(() => world.clock.sleptMs.filter((ms) => ms === 7_000).length).toBeGreaterThan(asked);
      world.clock.advance(7_000);
      expect((await waiting).status).toBe(503);
      world.clock.advance(5_000);
    }
  });

  it('passes on in small pieces what comes slowly, and keeps nobody waiting for the first', async () => {
    const world = await openWorld({ relay: { bandwidthBytesPerSecond: 10_000 } });
    const [digest] = world.plan([object]) as [Digest];
    expect((await world.get(digest)).body.equals(object)).toBe(true);
    expect(world.clock.sleptMs.filter((ms) => ms < 1_000).reduce((sum, ms) => sum + ms, 0)).toBeGreaterThan(29_000);
  });

  it('leaves a server that is too busy alone for as long as it asks', async () => {
    const world = await openWorld();
    const [digest] = world.plan([object]) as [Digest];
    await world.get(digest, [0, 9]);
    world.server.always(answerStatus(429, { 'retry-after': '60' }));
    expect((await world.get(digest, [1_000, 1_999])).status).toBe(503);
    world.server.always(null);
    const before = world.asked().length;
    world.clock.advance(50_000);
    expect((await world.get(digest, [1_000, 1_999])).status).toBe(503);
    expect(world.asked()).toHaveLength(before);
    world.clock.advance(10_000);
    expect((await world.get(digest, [1_000, 1_999])).status).toBe(206);
  });

  it('tells whoever looks after it that the server gives it no plans', async () => {
    const world = await openWorld();
    const [digest] = world.plan([object]) as [Digest];
    world.server.always(answerStatus(401));
    expect((await world.get(digest)).status).toBe(404);
    expect(world.events).toEqual([
      expect.objectContaining({ event: 'plan_failed', base: '1.0.0', target: '1.1.0', code: 'DOWNLOAD_REFUSED' }),
    ]);
  });

  it('never gives the last byte of an object that is another than its digest, and keeps nothing of it', async () => {
    const world = await openWorld();
    const [digest] = world.plan([object]) as [Digest];
    const wrong = object.map((byte) => byte ^ 1);
    world.server.script(null, (response, honest) => {
      response.writeHead(200, { ...honest.headers, 'content-length': wrong.length }).end(wrong);
    });
    const answer = await world.get(digest);
    expect(answer.isWhole).toBe(false);
    expect(answer.body.length).toBeLessThan(object.length);
    expect(world.relay.traffic().cacheBytes).toBe(0);
    expect((await world.get(digest)).body.equals(object)).toBe(true);
  });

  it('declines what the disk has no room for, and serves what it has', async () => {
    const disk = new MemoryFileSystem();
    const world = await openWorld({ disk });
    const digests = world.plan([object, other]) as [Digest, Digest];
    await world.get(digests[0]);
    disk.capacityBytes = 100_000;
    expect((await world.get(digests[1])).status).toBe(503);
    expect(world.relay.traffic().cacheBytes).toBe(0);
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    expect((await world.get(digests[1])).body.equals(other)).toBe(true);
  });

  it('breaks off, and keeps nothing wrong, when the disk is full in the middle', async () => {
    const disk = new MemoryFileSystem();
    const world = await openWorld({ disk });
    const [digest] = world.plan([object]) as [Digest];
    let writes = 0;
    disk.fault = (operation, path) => {
      if (operation !== 'write' || !path.endsWith('.part')) return undefined;
      writes += 1;
      return writes > 1 ? new UpdaterError('STORAGE_NO_SPACE', 'full') : undefined;
    };
    const broken = await world.get(digest);
    expect(broken.isWhole && broken.status === 200).toBe(false);
    disk.fault = undefined;
    expect((await world.get(digest)).body.equals(object)).toBe(true);
  });
});
