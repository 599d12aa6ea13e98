import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admin, ask, newCustomer, newOperator, newTerminal, nobody, type TestCustomer } from '../testing/test-accounts.js';
import { publishOk, startTestServer, type TestServer } from '../testing/test-server.js';
import { zipOf } from '../testing/zip-of.js';

let server: TestServer;
let customer: TestCustomer;

beforeAll(async () => {
  server = await startTestServer(['--checks-per-minute', '1000']);
  customer = await newCustomer(server);
});

afterAll(() => server.stop());

let applications = 0;
/** Every test has an application of its own. */
const newApplication = (): string => `states-${++applications}`;

const publish = (application: string, version: string, fields: Readonly<Record<string, string>> = {}) =>
  publishOk(server.url, { application, version, fields, parts: [{ path: 'app.txt', bytes: `${application} ${version}` }] });

const check = (application: string, version: string, as = nobody, headers = {}) =>
  ask(server, 'GET', `/api/v1/updates/check?application=${application}`, {
    as,
    headers: { 'x-client-version': version, ...headers },
  });

const change = (application: string, version: string, body: object) =>
  ask(server, 'PATCH', `/api/v1/releases/${version}?application=${application}`, { body: { reason: 'a test', ...body } });

describe('the states of a release', () => {
  it('keep a draft from everybody but operators', async () => {
    const application = newApplication();
    await publish(application, '1.0.0');
    await publish(application, '1.1.0', { state: 'draft' });
    expect((await check(application, '1.0.0')).body).toMatchObject({ update_available: false, reason: 'up_to_date' });
    const of = `/api/v1/releases/1.1.0?application=${application}`;
    expect((await ask(server, 'GET', of, { as: nobody })).status).toBe(404);
    expect((await ask(server, 'GET', of)).body).toMatchObject({ state: 'draft' });
    const zip = await ask(server, 'GET', `/api/v1/updates/checksum/1.1.0?application=${application}`, { as: customer.as });
    expect(zip).toMatchObject({ status: 404, body: { code: 'RELEASE_NOT_FOUND' } });
  });

  it('show one in testing to terminals whose ring its rollout names, and to no other', async () => {
    const application = newApplication();
    await publish(application, '1.0.0');
    await publish(application, '1.1.0', { state: 'testing', rollout_rings: 'lab' });
    const [inside, outside] = [await newTerminal(server, customer), await newTerminal(server, customer)];
    await ask(server, 'PATCH', `/api/v1/terminals/${inside.id}`, { body: { ring: 'lab' } });
    expect((await check(application, '1.0.0', inside.as)).body).toMatchObject({ update_available: true, latest_version: '1.1.0' });
    expect((await check(application, '1.0.0', outside.as)).body).toMatchObject({ update_available: false });
    const plan = `/api/v1/updates/plan?application=${application}&base=1.0.0&target=1.1.0`;
    expect((await ask(server, 'GET', plan, { as: inside.as })).status).toBe(200);
    expect(await ask(server, 'GET', plan, { as: outside.as })).toMatchObject({ status: 404 });
    await change(application, '1.1.0', { state: 'published' });
    expect((await check(application, '1.0.0', outside.as)).body).toMatchObject({ latest_version: '1.1.0' });
  });

  it('stop offering a withdrawn release with the very next check, and hand it out no more', async () => {
    const application = newApplication();
    await publish(application, '1.0.0');
    await publish(application, '1.1.0');
    expect((await check(application, '1.0.0')).body).toMatchObject({ latest_version: '1.1.0' });
    await change(application, '1.1.0', { state: 'withdrawn' });
    expect((await check(application, '1.0.0')).body).toMatchObject({ update_available: false });
    const plan = `/api/v1/updates/plan?application=${application}&base=1.0.0&target=1.1.0`;
    expect(await ask(server, 'GET', plan, { as: nobody })).toMatchObject({ status: 410, body: { code: 'RELEASE_NOT_OFFERED' } });
    const download = `/api/v1/updates/download/1.1.0?application=${application}`;
    expect((await ask(server, 'GET', download, { as: nobody })).status).toBe(410);
    // Who has it installed can still put damaged files in order.
    const manifest = (await ask(server, 'GET', `/api/v1/releases/1.1.0?application=${application}`)).body.manifest_digest;
    expect(manifest).toMatch(/^[0-9a-f]{64}$/);
  });

  it('refuse a way that there is not, and name those that there are', async () => {
    const application = newApplication();
    await publish(application, '1.0.0');
    const refused = await change(application, '1.0.0', { state: 'testing' });
    expect(refused).toMatchObject({ status: 409, body: { code: 'RELEASE_STATE' } });
    expect(refused.body.detail).toMatch(/deprecated.*withdrawn/);
    await change(application, '1.0.0', { state: 'withdrawn' });
    expect((await change(application, '1.0.0', { state: 'published' })).status).toBe(409);
  });

  it('are audited: who, when, why, and what was before', async () => {
    const application = newApplication();
    await publish(application, '1.0.0');
    await change(application, '1.0.0', { state: 'deprecated', reason: 'replaced by 1.1' });
    const { body } = await ask(
      server,
      'GET',
      `/api/v1/audit?subject_kind=release&subject=${encodeURIComponent(`${application} 1.0.0`)}`,
    );
    expect(body.events).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ action: 'release_published', actor: 'publisher' }),
        expect.objectContaining({
          action: 'release_deprecated',
          actor: 'publisher',
          reason: 'replaced by 1.1',
          detail: { state: 'deprecated', was: 'published' },
        }),
      ]),
    );
  });

  it('are changed by publishers, not by viewers, customers or anybody', async () => {
    const application = newApplication();
    await publish(application, '1.0.0');
    const viewer = await newOperator(server, `viewer-${application}`, 'viewer');
    const path = `/api/v1/releases/1.0.0?application=${application}`;
    const body = { state: 'withdrawn', reason: 'mischief' };
    expect(await ask(server, 'PATCH', path, { as: viewer, body })).toMatchObject({ status: 403, body: { code: 'AUTH_FORBIDDEN' } });
    expect(await ask(server, 'PATCH', path, { as: customer.as, body })).toMatchObject({ status: 403 });
    expect(await ask(server, 'PATCH', path, { as: nobody, body })).toMatchObject({ status: 401 });
    expect((await check(application, '0.9.0')).body).toMatchObject({ latest_version: '1.0.0' });
  });
});

describe('channels', () => {
  it('take hotfixes as stable, development releases only as development, and move by promotion', async () => {
    const application = newApplication();
    await publish(application, '1.0.0');
    await publish(application, '1.0.1', { type: 'hotfix' });
    await publish(application, '1.1.0', { type: 'development' });
    const development = { 'x-release-channel': 'development' };
    expect((await check(application, '0.9.0')).body).toMatchObject({ latest_version: '1.0.1', type: 'hotfix' });
    expect((await check(application, '0.9.0', nobody, development)).body).toMatchObject({ latest_version: '1.1.0' });
    const to = (channel: string, version: string) =>
      ask(server, 'PUT', `/api/v1/channels/${channel}?application=${application}`, { body: { version, reason: 'a test' } });
    expect(await to('stable', '1.1.0')).toMatchObject({ status: 409, body: { code: 'RELEASE_STATE' } });
    expect((await to('stable', '1.0.0')).status).toBe(200);
    expect((await check(application, '0.9.0')).body).toMatchObject({ latest_version: '1.0.0' });
    expect((await check(application, '1.0.1')).body).toMatchObject({ update_available: false, reason: 'newer_installed' });
  });

  it('leave a withdrawn release for the newest published one that is left', async () => {
    const application = newApplication();
    for (const version of ['1.0.0', '1.1.0', '1.2.0']) await publish(application, version);
    await change(application, '1.2.0', { state: 'withdrawn' });
    await change(application, '1.0.0', { state: 'deprecated' });
    const { body } = await ask(server, 'GET', '/api/v1/channels');
    expect(body.channels).toEqual(expect.arrayContaining([{ application, channel: 'stable', version: '1.1.0' }]));
  });
});

describe('publishing', () => {
  it.each(['manifest.json', '1.0.zip', 'v1.0.0.zip'])(
    'refuses an application that is called like a file of releases: %s',
    async (name) => {
      const form = new FormData();
      form.set('application', name);
      form.set('version', '1.0.0');
      form.set('file', new Blob([zipOf([{ path: 'app.txt', bytes: 'x' }])]), 'release.zip');
      const answer = await fetch(`${server.url}/api/v1/releases`, { method: 'POST', headers: admin, body: form });
      expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([400, 'REQUEST_INVALID']);
      expect((await ask(server, 'GET', '/api/v1/applications')).body.applications).not.toContainEqual(
        expect.objectContaining({ slug: name }),
      );
    },
  );

  it('takes requirements, floors and rollouts with the zip, and checks tell of them', async () => {
    const application = newApplication();
    const fields = {
      requirements: '{"php":">=8.2","disk_bytes":">=100"}',
      floor: 'true',
      rollout_share: '10000',
      rollout_rings: 'lab,pilot',
    };
    await publish(application, '1.0.0', fields);
    expect((await check(application, '0.9.0')).body).toMatchObject({
      requirements: { php: '>=8.2', disk_bytes: '>=100' },
      rollout: { share: 10_000, state: 'running' },
      rollback_compatible: true,
    });
    expect((await ask(server, 'GET', `/api/v1/rollouts?application=${application}`)).body.rollouts[0]).toMatchObject({
      version: '1.0.0',
      rings: ['lab', 'pilot'],
      state: 'running',
    });
  });

  it.each([
    ['state', 'withdrawn'],
    ['rollout_share', '10001'],
    ['rollout_share', '-1'],
    ['rollout_groups', 'a\u0000b'],
    ['requirements', '[1]'],
    ['requirements', '{"php":8}'],
    ['floor', 'yes'],
  ])('refuses the field %s with %j, and records nothing', async (field, value) => {
    const application = newApplication();
    const form = new FormData();
    form.set('application', application);
    form.set('version', '1.0.0');
    form.set(field, value);
    form.set('file', new Blob(['no zip at all']), 'release.zip');
    const answer = await fetch(`${server.url}/api/v1/releases`, { method: 'POST', headers: admin, body: form });
    expect(answer.status).toBe(400);
    expect(((await answer.json()) as { code: string }).code).toBe('REQUEST_INVALID');
    const { body } = await ask(server, 'GET', '/api/v1/applications');
    expect(body.applications).not.toContainEqual(expect.objectContaining({ slug: application }));
  });
});
