/** What operators see and do about what nothing needs, and what becomes of a release that was withdrawn long ago. */
import type { CollectAnswer, GarbageList, PlanAnswer } from '@remendo/core/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ageStorage } from '../testing/age-storage.test.support.js';
import { admin, ask, newOperator } from '../testing/test-accounts.js';
import { problemOf, publishOk, startTestServer, type TestServer } from '../testing/test-server.js';

let server: TestServer;
let removedBefore = 0;

const parts = (version: string) => [
  { path: 'app', bytes: `the application ${version}` },
  { path: 'kept', bytes: 'never changes' },
];
const garbage = async (query = ''): Promise<GarbageList> => (await ask(server, 'GET', `/api/v1/storage/garbage${query}`)).body;
/** As an operator, who may have what is offered to nobody. */
const download = (version: string): Promise<Response> => server.get(`/api/v1/updates/download/${version}`, admin);
const collect = async (body: object = {}): Promise<CollectAnswer> =>
  (await ask(server, 'POST', '/api/v1/storage/garbage/collect', { body: { reason: 'room for more', ...body } })).body;

const age = (days: number): Promise<void> => ageStorage(server.ports.database.db, days);

/** A terminal that is seen with the version. The server may still plan for it when it has its answer: here it has the plan, too. */
async function see(version: string): Promise<void> {
  await server.get('/api/v1/updates/check', { 'x-client-version': version, 'x-terminal-id': 'till-1' });
  await server.ports.sightings.write();
  expect((await server.get(`/api/v1/updates/plan?base=${version}&target=1.0.3`)).status).toBe(200);
}

/** As two daily runs do. */
async function collectTwice(): Promise<CollectAnswer> {
  await collect();
  await age(1);
  return collect();
}

beforeAll(async () => {
  server = await startTestServer(['--delta-bases', '0']);
  // Nor is any delta built of what is asked for. What is made in the background uses stored objects, rightly, also some that are
  // garbage by then, and takes them from the list that a test is looking at.
  await server.ports.deltaWishes.stop();
  for (const version of ['1.0.0', '1.0.1', '1.0.2', '1.0.3']) await publishOk(server.url, { version, parts: parts(version) });
});
afterAll(() => server?.stop());

describe('a release that was withdrawn', () => {
  beforeAll(async () => {
    for (const version of ['1.0.1', '1.0.2']) {
      const body = { state: 'withdrawn', reason: 'it breaks invoices' };
      await ask(server, 'PATCH', `/api/v1/releases/${version}`, { body });
    }
    await see('1.0.2');
  });

  it('keeps its zip for a month', async () => {
    await age(29);
    expect(await garbage()).toEqual({ objects: [], next: null, total_objects: 0, total_bytes: 0 });
    expect((await download('1.0.1')).status).toBe(200);
  });

  it('loses it then, unless a terminal still has the release', async () => {
    // Seen again, now.
    await see('1.0.2');
    await age(5);
    // Beside it the index of a plan.
    const { objects, total_objects, total_bytes } = await garbage();
    const zips = objects.filter(({ kind }) => kind === 'zip');
    expect(zips).toMatchObject([{ reason: 'release_withdrawn', doomed_at: null, removable_at: null }]);
    expect([total_objects, total_bytes]).toEqual([objects.length, objects.reduce((sum, { bytes }) => sum + bytes, 0)]);
    expect(await collectTwice()).toMatchObject({ dry_run: false, removed_objects: total_objects, removed_bytes: total_bytes });
    removedBefore = total_objects;
    expect((await download('1.0.2')).status).toBe(200);
    expect(await problemOf(await download('1.0.1'))).toEqual({ status: 410, code: 'RELEASE_NOT_OFFERED' });
  });

  it('is listed for ever, and who has it finds the way from it', async () => {
    const { body: listed } = await ask(server, 'GET', '/api/v1/releases/1.0.1');
    expect(listed).toMatchObject({ version: '1.0.1', state: 'withdrawn' });
    const answer = await server.get('/api/v1/updates/plan?base=1.0.1&target=1.0.3');
    const { base, plans } = (await answer.json()) as PlanAnswer;
    expect(base?.version).toBe('1.0.1');
    for (const { digest } of plans.flatMap(({ fetches }) => fetches))
      expect((await server.get(`/api/v1/objects/${digest}`)).status).toBe(200);
  });

  it('does not keep others from having the same files', async () => {
    const { release } = await publishOk(server.url, { application: 'other', version: '7.0.0', parts: parts('1.0.1') });
    const zip = await server.get('/api/v1/updates/download/7.0.0?application=other');
    expect((await zip.arrayBuffer()).byteLength).toBe(release.zip.bytes);
    expect((await download('1.0.1')).status).toBe(200);
  });
});

describe('the list', () => {
  it('comes in pages, to every operator and nobody else', async () => {
    for (const base of ['1.0.0', '1.0.2']) await server.get(`/api/v1/updates/plan?base=${base}&target=1.0.3`);
    await age(40);
    const all = await garbage();
    expect(all.objects.length).toBeGreaterThan(1);
    const paged = [];
    for (let next: string | null = ''; next !== null; ) {
      const page: GarbageList = await garbage(`?limit=1${next === '' ? '' : `&after=${next}`}`);
      expect(page.total_objects).toBe(all.objects.length);
      paged.push(...page.objects);
      next = page.next;
    }
    expect(paged).toEqual(all.objects);
    expect((await ask(server, 'GET', '/api/v1/storage/garbage?after=AAAA')).status).toBe(400);
    const viewer = await newOperator(server, 'vera', 'viewer');
    expect((await ask(server, 'GET', '/api/v1/storage/garbage', { as: viewer })).status).toBe(200);
    expect((await ask(server, 'GET', '/api/v1/storage/garbage', { as: {} })).status).toBe(401);
  });

  it('is what a dry run counts and a collection removes, by an admin with a reason', async () => {
    const { total_objects, total_bytes } = await garbage();
    const counted = { doomed_objects: total_objects, doomed_bytes: total_bytes, removed_objects: 0, removed_bytes: 0 };
    expect(await collect({ dry_run: true })).toEqual({ dry_run: true, ...counted });
    expect(await collect()).toEqual({ dry_run: false, ...counted });
    for (const { doomed_at, removable_at } of (await garbage()).objects)
      expect(Date.parse(removable_at ?? '') - Date.parse(doomed_at ?? '')).toBe(3_600_000);
    await age(1);
    expect(await collect()).toMatchObject({ removed_objects: total_objects, removed_bytes: total_bytes });
    const { events } = (await ask(server, 'GET', '/api/v1/audit?action=object_removed')).body;
    expect(events).toHaveLength(total_objects + removedBefore);
    expect(events[0]).toMatchObject({ actor_kind: 'operator', reason: 'room for more', subject_kind: 'object' });
    const publisher = await newOperator(server, 'paul', 'publisher');
    const refused = { as: publisher, body: { reason: 'tidy' } };
    expect((await ask(server, 'POST', '/api/v1/storage/garbage/collect', refused)).status).toBe(403);
    expect((await ask(server, 'POST', '/api/v1/storage/garbage/collect', { body: {} })).status).toBe(400);
  });
});
