/** What is not published yet is kept from everybody but the operators and the rings that test it; what was, can be repaired. */
import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admin, ask, type Identity, newCustomer, newTerminal, nobody, type TestCustomer } from '../testing/test-accounts.js';
import { deltasSettled, publishOk, startTestServer, type TestServer } from '../testing/test-server.js';

let server: TestServer;
let customer: TestCustomer;
/** A terminal in the ring that tests, and one that is in no ring. */
let inside: Identity;
let outside: Identity;

beforeAll(async () => {
  server = await startTestServer();
  customer = await newCustomer(server);
  const terminal = await newTerminal(server, customer);
  await ask(server, 'PATCH', `/api/v1/terminals/${terminal.id}`, { body: { ring: 'lab' } });
  inside = terminal.as;
  outside = (await newTerminal(server, customer)).as;
});

afterAll(() => server.stop());

const base = randomBytes(60_000);
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The base with something of its own here and there. */
function program(seed: number): Buffer<ArrayBuffer> {
  const bytes = Buffer.from(base);
  for (let offset = 1_000; offset < bytes.length; offset += 9_000) bytes.writeUInt32LE(seed * 65_537 + offset, offset);
  return bytes;
}

const publish = (application: string, version: string, bytes: Uint8Array, fields: Readonly<Record<string, string>> = {}) =>
  publishOk(server.url, { application, version, fields, parts: [{ path: 'app.bin', bytes: Buffer.from(bytes) }] });

const get = async (path: string, as: Identity): Promise<number> => (await fetch(server.url + path, { headers: as })).status;

const change = (application: string, version: string, body: object) =>
  ask(server, 'PATCH', `/api/v1/releases/${version}?application=${application}`, { body: { reason: 'a test', ...body } });

/** Every way to something of the release, each by its status. */
async function answersTo(application: string, version: string, content: Uint8Array, as: Identity) {
  const of = `?application=${application}`;
  const contents = { body: { version, contents: [sha256(content)] }, as };
  const blocks = { version, contents: [{ sha256: sha256(content), block_bytes: 4_096, digests: '' }] };
  const headers = { ...as, 'content-type': 'application/json' };
  return {
    blocks: (await fetch(`${server.url}/api/v1/updates/blocks${of}`, { method: 'POST', headers, body: JSON.stringify(blocks) }))
      .status,
    checksum: await get(`/api/v1/updates/checksum/${version}${of}`, as),
    contents: (await ask(server, 'POST', `/api/v1/updates/contents${of}`, contents)).status,
    download: await get(`/api/v1/updates/download/${version}${of}`, as),
    plan: await get(`/api/v1/updates/plan${of}&base=1.0.0&target=${version}`, as),
    release: await get(`/api/v1/releases/${version}${of}`, as),
  };
}

const allOf = (status: number) => ({
  blocks: status,
  checksum: status,
  contents: status,
  download: status,
  plan: status,
  release: status,
});

/** Digests of everything that is stored for the release alone: zip, manifest, and what its deltas are made of. */
async function objectsOf(application: string, version: string): Promise<readonly string[]> {
  const view = await server.ports.catalogue.view();
  const build = view.findBuild(view.application(application), 'any', version);
  const deltas = await server.ports.database.db
    .selectFrom('delta')
    .where('target_build_id', '=', build?.buildId ?? 0)
    .select(['index_object', 'pack_object'])
    .execute();
  const found = [build?.zip_object, build?.manifest_object, ...deltas.flatMap((row) => [row.index_object, row.pack_object])];
  return found.filter((digest) => digest != null);
}

const objectStatuses = async (digests: readonly string[], as: Identity): Promise<readonly number[]> => {
  const statuses = await Promise.all(digests.map((digest) => get(`/api/v1/objects/${digest}`, as)));
  return [...new Set(statuses)];
};

async function testedRelease(application: string): Promise<Buffer> {
  const next = program(1);
  await publish(application, '1.0.0', base);
  await publish(application, '1.1.0', next, { state: 'testing', rollout_rings: 'lab' });
  await deltasSettled(server.url, '1.1.0', application);
  return next;
}

describe('a release in testing', () => {
  it('is not there for who is not in its ring, by whichever way they ask, and is for who is', async () => {
    const next = await testedRelease('tested');
    for (const as of [nobody, customer.as, outside]) {
      expect(await answersTo('tested', '1.1.0', next, as)).toEqual(allOf(404));
      expect(await get('/api/v1/updates/signature/1.1.0?application=tested', as)).toBe(404);
    }
    for (const as of [inside, admin]) expect(await answersTo('tested', '1.1.0', next, as)).toEqual(allOf(200));
  });

  it('is refused in the same words as one that there is not', async () => {
    await testedRelease('worded');
    const refusal = async (version: string) => {
      const { body } = await ask(server, 'GET', `/api/v1/updates/checksum/${version}?application=worded`, { as: nobody });
      return JSON.stringify({ ...body, request_id: '' }).replaceAll(version, '…');
    };
    expect(await refusal('1.1.0')).toBe(await refusal('7.7.7'));
  });

  it('is not what an install is told to be, nor a base to plan from', async () => {
    const next = await testedRelease('identified');
    await publish('identified', '1.2.0', program(2));
    const body = { files: [{ path: 'app.bin', sha256: sha256(next) }] };
    const candidates = async (as: Identity) =>
      (await ask(server, 'POST', '/api/v1/updates/identify?application=identified', { as, body })).body.candidates.length;
    expect([await candidates(nobody), await candidates(outside), await candidates(inside)]).toEqual([0, 0, 1]);
    const plan = async (as: Identity) =>
      (await ask(server, 'GET', '/api/v1/updates/plan?application=identified&base=1.1.0&target=1.2.0', { as })).body.base;
    expect(await plan(nobody)).toBeNull();
    const { body: shown } = await ask(server, 'GET', '/api/v1/releases?application=identified', { as: nobody });
    expect(JSON.stringify(shown)).not.toContain('1.1.0');
    expect(await plan(inside)).toMatchObject({ version: '1.1.0' });
  });

  it('gives nobody else its zip, its manifest and the packs and indexes that lead to it, until it is published', async () => {
    await testedRelease('stored');
    const { body: plan } = await ask(server, 'GET', '/api/v1/updates/plan?application=stored&base=1.0.0&target=1.1.0', {
      as: inside,
    });
    const planned = (plan.plans as { fetches: { digest: string }[] }[]).flatMap(({ fetches }) =>
      fetches.map(({ digest }) => digest),
    );
    const digests = [...new Set([...(await objectsOf('stored', '1.1.0')), ...planned])];
    expect(digests.length).toBeGreaterThanOrEqual(4);
    for (const as of [nobody, customer.as, outside]) expect(await objectStatuses(digests, as)).toEqual([404]);
    for (const as of [inside, admin]) expect(await objectStatuses(digests, as)).toEqual([200]);
    await change('stored', '1.1.0', { state: 'published' });
    expect(await objectStatuses(digests, nobody)).toEqual([200]);
  });

  it('shares no pack with a release that is published: what plans name can be fetched by whoever gets them', async () => {
    const next = await testedRelease('shared');
    await publish('shared', '1.0.1', next, { type: 'hotfix' });
    await deltasSettled(server.url, '1.0.1', 'shared');
    const path = '/api/v1/updates/plan?application=shared&base=1.0.0&target=1.0.1';
    const { body: plan } = await ask(server, 'GET', path, { as: nobody });
    expect(plan.plans[0].kind).toBe('delta');
    const planned = (plan.plans as { fetches: { digest: string }[] }[]).flatMap(({ fetches }) =>
      fetches.map(({ digest }) => digest),
    );
    expect(await objectStatuses(planned, nobody)).toEqual([200]);
    const contents = { as: nobody, body: { version: '1.0.1', contents: [sha256(next)] } };
    const { body: whole } = await ask(server, 'POST', '/api/v1/updates/contents?application=shared', contents);
    expect(
      await objectStatuses(
        whole.contents.map(({ object }: { object: string }) => object),
        nobody,
      ),
    ).toEqual([200]);
  });
});

describe('a draft', () => {
  it('is for operators alone, with all that is stored for it', async () => {
    const next = program(3);
    await publish('drafted', '1.0.0', base);
    await publish('drafted', '1.1.0', next, { state: 'draft', rollout_rings: 'lab' });
    await deltasSettled(server.url, '1.1.0', 'drafted');
    for (const as of [nobody, outside, inside]) {
      expect(await answersTo('drafted', '1.1.0', next, as)).toEqual(allOf(404));
      expect(await objectStatuses(await objectsOf('drafted', '1.1.0'), as)).toEqual([404]);
    }
    expect(await objectStatuses(await objectsOf('drafted', '1.1.0'), admin)).toEqual([200]);
    await change('drafted', '1.1.0', { state: 'withdrawn' });
    expect(await get('/api/v1/updates/checksum/1.1.0?application=drafted', inside)).toBe(404);
  });
});

describe('a release that was published', () => {
  it.each(['deprecated', 'withdrawn'])('can be repaired when it is %s', async (state) => {
    const application = `repaired-${state}`;
    await publish(application, '1.0.0', base);
    await publish(application, '1.1.0', program(4));
    await change(application, '1.0.0', { state });
    expect(await answersTo(application, '1.0.0', base, nobody)).toMatchObject({ checksum: 200, contents: 200 });
    expect(await objectStatuses(await objectsOf(application, '1.0.0'), nobody)).toEqual([200]);
  });
});
