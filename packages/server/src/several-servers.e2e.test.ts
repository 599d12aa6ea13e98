/** Three servers on one PostgreSQL and one bucket, all real processes; some are killed while they work. */
import { request } from 'node:http';
import { type Digest, digestOf } from '@remendo/core';
import type { CheckAnswer, PlanAnswer } from '@remendo/core/protocol';
import { seededRandom } from '@remendo/core/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ServerProgram } from './testing/server-program.js';
import { canShare, openSharedServers, type SharedServers } from './testing/shared-servers.test.support.js';
import { ask, newCustomer } from './testing/test-accounts.js';
import { deltasSettled, publish, publishOk, testToken } from './testing/test-server.js';
import { zipOf } from './testing/zip-of.js';

const runSeed = Number(process.env.REMENDO_TEST_SEED ?? Date.now() % 1_000_000);
/** Servers that are killed while they publish; REMENDO_TEST_KILLS makes a campaign of it. */
const kills = Number(process.env.REMENDO_TEST_KILLS ?? 3);
const signInsPerMinute = 6;
/**
 * For what others see when they look again (once a second), or take over from one that was killed, when its lease (half a minute)
 * or the time of its job is over; on a machine that does other things too. How long it took is printed.
 */
const patience = { timeout: 170_000, interval: 100 };
const testMsMax = 600_000;

describe.skipIf(!canShare)('three servers on one database and one bucket', () => {
  let shared: SharedServers;
  let servers: ServerProgram[];
  const random = seededRandom(runSeed);
  const any = (): ServerProgram => servers[Math.floor(random() * servers.length)] as ServerProgram;

  beforeAll(async () => {
    shared = await openSharedServers(['--sign-ins-per-minute', String(signInsPerMinute), '--quick-patches', 'off']);
    // All at once, on a database without tables.
    servers = await Promise.all([shared.start(), shared.start(), shared.start()]);
  });
  afterAll(() => shared?.remove());

  /** Bytes that do not compress, of which a few differ by version. */
  function program(version: string, bytes = 100_000): Buffer {
    const buffer = Buffer.alloc(bytes);
    const next = seededRandom(7);
    for (let at = 0; at + 4 <= bytes; at += 4) buffer.writeUInt32LE(Math.floor(next() * 2 ** 32), at);
    for (let at = 1_000; at < bytes; at += 50_000) buffer.write(`version ${version}`, at);
    return buffer;
  }
  const release = (application: string, version: string, bytes?: number) => ({
    application,
    version,
    zip: zipOf([{ path: 'app.exe', bytes: program(version, bytes), stored: true }]),
  });

  const published = (url: string, application: string, version: string) =>
    vi.waitFor(async () => {
      const answer = await fetch(`${url}/api/v1/releases/${version}?application=${application}`);
      expect(answer.status).toBe(200);
    }, patience);

  /** Whole, through a server: it may send the asker to the bucket. */
  async function verifyObject(url: string, digest: string): Promise<void> {
    const answer = await fetch(`${url}/api/v1/objects/${digest}`);
    expect(answer.status).toBe(200);
    expect(digestOf(Buffer.from(await answer.arrayBuffer()))).toBe(digest);
  }

  /** Everything that a release left in the database is there exactly once, and what it names is whole. */
  async function verifyOnce(application: string, version: string): Promise<void> {
    const subject = `${application} ${version}`;
    const told = `${subject} was published`;
    const audits = await shared.query(`select 1 from audit_event where action = 'release_published' and subject = $1`, [subject]);
    expect(audits, `audit entries of ${subject}`).toHaveLength(1);
    const notifications = () => shared.query('select 1 from notification where subject = $1', [told]);
    await vi.waitFor(async () => expect(await notifications()).toHaveLength(1), patience);
    const rows = await shared.query(
      `select digest from object where digest in (
         select unnest(array[zip_object, manifest_object]) from build join release on release.id = release_id
           join application on application.id = application_id where slug = $1 and version = $2
         union select unnest(array[index_object, pack_object]) from delta join build on build.id = target_build_id
           join release on release.id = release_id join application on application.id = application_id
           where slug = $1 and version = $2)`,
      [application, version],
    );
    expect(rows.length).toBeGreaterThanOrEqual(2);
    for (const { digest } of rows) await verifyObject(any().url, digest as Digest);
  }

  async function replace(killed: ServerProgram): Promise<void> {
    servers = [...servers.filter((server) => server !== killed), await shared.start()];
  }

  it(
    'serve what any of them published, with the same plans',
    async () => {
      for (const [index, version] of ['1.0.0', '1.0.1', '1.0.2'].entries()) {
        await publishOk((servers[index] as ServerProgram).url, release('erp', version));
      }
      for (const { url } of servers) await published(url, 'erp', '1.0.2');
      const { deltas } = await deltasSettled(any().url, '1.0.2');
      expect(deltas.map(({ base_version, state }) => `${base_version} ${state}`)).toEqual(['1.0.1 ready', '1.0.0 ready']);
      const plans = await vi.waitFor(async () => {
        const found = await Promise.all(servers.map(({ url }) => planOf(url)));
        for (const plan of found) expect(plan.plans[0]?.label).toContain('chain');
        for (const plan of found) expect(plan).toEqual(found[0]);
        return found;
      }, patience);
      const digests = new Set(plans[0]?.plans.flatMap(({ fetches }) => fetches.map(({ digest }) => digest)));
      for (const digest of digests) for (const { url } of servers) await verifyObject(url, digest);
      for (const version of ['1.0.0', '1.0.1', '1.0.2']) await verifyOnce('erp', version);
    },
    testMsMax,
  );

  const planOf = async (url: string): Promise<PlanAnswer> => {
    const answer = await fetch(`${url}/api/v1/updates/plan?application=erp&base=1.0.0&target=1.0.2`);
    return (await answer.json()) as PlanAnswer;
  };

  /** Who builds a delta now, and as whom. */
  async function findBuilder(): Promise<{ readonly server: ServerProgram; readonly worker: unknown } | undefined> {
    const [row] = await shared.query(`select worker, split_part(worker, '/', 2)::int as pid from delta where state = 'building'`);
    const server = servers.find(({ pid }) => pid === row?.pid);
    return server === undefined ? undefined : { server, worker: row?.worker };
  }

  /** Stops one in the middle of it, however late a busy machine sees who it is. @returns to which release the delta leads. */
  async function stopBuilder() {
    await publishOk(any().url, release('large', '1.0.0', 6_000_000));
    for (let major = 2; ; major++) {
      const version = `${major}.0.0`;
      await publishOk(any().url, release('large', version, 6_000_000));
      const { server, worker } = await vi.waitUntil(findBuilder, { ...patience, interval: 20 });
      server.tell('SIGSTOP');
      if ((await findBuilder())?.worker === worker) return { builder: server, worker, version };
      server.tell('SIGCONT');
      await deltasSettled(any().url, version, 'large');
    }
  }

  it(
    'go on with the delta of one that was killed while building it',
    async () => {
      const { builder, worker, version } = await stopBuilder();
      const killedAt = performance.now();
      await builder.end('SIGKILL');
      servers = servers.filter((server) => server !== builder);
      const seconds = () => ((performance.now() - killedAt) / 1_000).toFixed(1);
      await vi.waitFor(async () => {
        const held = await shared.query(`select 1 from delta where worker = $1`, [worker]);
        if (held.length > 0) throw new Error('nobody took it over');
      }, patience);
      console.log(`a killed server's delta was taken over after ${seconds()} s`);
      const { deltas } = await deltasSettled(any().url, version, 'large');
      console.log(`and ready after ${seconds()} s`);
      expect(deltas.at(-1)).toMatchObject({ base_version: '1.0.0', state: 'ready' });
      expect(new Set(deltas.map(({ state }) => state))).toEqual(new Set(['ready']));
      await verifyOnce('large', version);
      await shared.start().then((server) => servers.push(server));
    },
    testMsMax,
  );

  it(
    'lose nothing when one is killed in the middle of an upload, or at any moment after it',
    async () => {
      const halfway = any();
      await uploadHalf(halfway.url, release('killed', '1.0.0', 400_000).zip);
      await halfway.end('SIGKILL');
      await replace(halfway);
      const versions = Array.from({ length: kills }, (_, index) => `1.0.${index}`);
      for (const version of versions) {
        const victim = any();
        // While it publishes, or, in a campaign, while it builds what the one before called for.
        const ms = Math.floor(random() * (kills > 3 && random() < 0.5 ? 3_000 : 250));
        const first = publish(victim.url, release('killed', version, 400_000)).then(
          (answer) => answer.status,
          () => 'cut off',
        );
        await new Promise((resolve) => setTimeout(resolve, ms));
        await victim.end('SIGKILL');
        servers = servers.filter((server) => server !== victim);
        const answer = await publishOk(any().url, release('killed', version, 400_000));
        console.log(
          `killed ${ms} ms into a publishing (${await first}); again: ${answer.already_published ? 'was there' : 'published'}`,
        );
        servers.push(await shared.start());
      }
      await published(any().url, 'killed', versions.at(-1) ?? '');
      for (const version of versions) await verifyOnce('killed', version);
      const { deltas } = await deltasSettled(any().url, versions.at(-1) ?? '', 'killed');
      expect(new Set(deltas.map(({ state }) => state))).toEqual(new Set(['ready']));
    },
    testMsMax + kills * 20_000,
  );

  it(
    'all see a withdrawn release and a revoked key soon',
    async () => {
      const [first, ...others] = servers as [ServerProgram, ...ServerProgram[]];
      const customer = await newCustomer(first, {});
      const offered = async (url: string) => {
        const answer = await fetch(`${url}/api/v1/updates/check?application=erp&version=1.0.0`);
        return ((await answer.json()) as CheckAnswer).latest_version;
      };
      const isGood = async (url: string) => (await fetch(`${url}/api/v1/license/verify`, { headers: customer.as })).status === 200;
      for (const { url } of servers) {
        await vi.waitFor(async () => expect([await offered(url), await isGood(url)]).toEqual(['1.0.2', true]), patience);
      }
      const body = { state: 'withdrawn', reason: 'the test' };
      const withdrawn = await ask(first, 'PATCH', '/api/v1/releases/1.0.2?application=erp', { body });
      expect(withdrawn.status, withdrawn.text).toBe(200);
      await seenByAll('a withdrawn release', others, async ({ url }) => (await offered(url)) === '1.0.1');
      const keys = await ask(first, 'GET', `/api/v1/customers/${customer.code}/keys`);
      const revoked = await ask(first, 'DELETE', `/api/v1/customers/${customer.code}/keys/${keys.body.keys[0].prefix}?reason=test`);
      expect(revoked.status, revoked.text).toBe(204);
      await seenByAll('a revoked key', others, async ({ url }) => !(await isGood(url)));
    },
    testMsMax,
  );

  async function seenByAll(what: string, others: readonly ServerProgram[], isSeen: (server: ServerProgram) => Promise<boolean>) {
    const began = performance.now();
    for (const server of others) {
      await vi.waitFor(async () => expect(await isSeen(server)).toBe(true), { ...patience, interval: 20 });
    }
    console.log(`${what} was seen by the others after ${Math.round(performance.now() - began)} ms`);
  }

  it('count failed sign-ins together', async () => {
    const statuses: number[] = [];
    for (let tries = 0; tries < 3 * signInsPerMinute; tries++) {
      const { url } = servers[tries % servers.length] as ServerProgram;
      statuses.push(await failToSignIn(url));
    }
    expect(statuses.filter((status) => status === 401)).toHaveLength(signInsPerMinute);
    expect(statuses.filter((status) => status === 429)).toHaveLength(2 * signInsPerMinute);
  });
});

/** From an address that nobody else in this file has. */
function failToSignIn(url: string): Promise<number> {
  const headers = { authorization: 'Bearer not-the-token-of-anybody' };
  return new Promise((resolve, reject) => {
    const asking = request(`${url}/api/v1/operators`, { localAddress: '127.0.0.2', headers }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
    });
    asking.on('error', reject).end();
  });
}

/** Sends the first half of a form, and leaves the connection open. */
function uploadHalf(url: string, zip: Buffer): Promise<void> {
  const boundary = 'a-boundary-of-the-test';
  const head = `--${boundary}\r\ncontent-disposition: form-data; name="application"\r\n\r\nkilled\r\n--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="v1.0.0.zip"\r\n\r\n`;
  const headers = {
    authorization: `Bearer ${testToken}`,
    'content-type': `multipart/form-data; boundary=${boundary}`,
    'content-length': head.length + zip.length + boundary.length + 8,
  };
  const sending = request(`${url}/api/v1/releases`, { method: 'POST', headers });
  sending.on('error', () => {});
  return new Promise((resolve) => {
    sending.write(head);
    sending.write(zip.subarray(0, zip.length / 2), () => setTimeout(resolve, 100));
  });
}
