import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, type Identity, newCustomer, newTerminal, nobody, type TestCustomer } from '../testing/test-accounts.js';
import { deltasSettled, publishOk, startTestServer, type TestServer } from '../testing/test-server.js';

let server: TestServer;

function programOf(version: string): Buffer {
  const bytes = Buffer.alloc(200_000, `a licensed program ${version.slice(0, 1)} `);
  bytes.write(version, 1_000);
  return bytes;
}

beforeAll(async () => {
  server = await startTestServer([
    ...['--new-application-access', 'licensed', '--license-grace-days', '5'],
    ...['--checks-per-minute', '1000', '--requests-per-minute', '100000'],
  ]);
  for (const version of ['1.0.0', '1.1.0']) {
    await publishOk(server.url, { application: 'erp', version, parts: [{ path: 'app.bin', bytes: programOf(version) }] });
  }
  await deltasSettled(server.url, '1.1.0', 'erp');
});

afterAll(() => server.stop());

const get = (path: string, as: Identity) => ask(server, 'GET', path, { as });
const check = (as: Identity, version = '1.0.0') =>
  ask(server, 'GET', '/api/v1/updates/check', { as, headers: { 'x-client-version': version } });
const planPath = '/api/v1/updates/plan?base=1.0.0&target=1.1.0';
const status = async (path: string, as: Identity): Promise<number> => (await fetch(server.url + path, { headers: as })).status;

const day = (fromToday: number): string => new Date(Date.now() + fromToday * 86_400_000).toISOString().slice(0, 10);
const setCustomer = (customer: TestCustomer, body: object) => ask(server, 'PATCH', `/api/v1/customers/${customer.code}`, { body });

/** A content of the release, as a terminal that repairs its install asks for it. */
async function contentObject(as: Identity, version: string) {
  const { body } = await get(`/api/v1/releases/${version}`, as);
  const { body: plan } = await get(`/api/v1/updates/plan?target=${version}`, {
    authorization: 'Bearer a-token-for-tests-only-0123456789',
  });
  return { manifest: plan.target.manifest.digest as string, zip: body.zip.digest as string };
}

describe('a licensed application', () => {
  it('answers nobody who has not signed in', async () => {
    const customer = await newCustomer(server);
    const { zip } = await contentObject(customer.as, '1.0.0');
    const paths = [
      '/api/v1/updates/check',
      planPath,
      '/api/v1/updates/download/1.1.0',
      '/api/v1/updates/checksum/1.1.0',
      '/api/v1/releases',
    ];
    for (const path of [...paths, `/api/v1/objects/${zip}`]) {
      expect(await get(path, nobody)).toMatchObject({ status: 401, body: { code: 'AUTH_REQUIRED' } });
    }
  });

  it('is served at the old addresses only when whoever runs the server says so', async () => {
    for (const path of ['/check_update?version=1.0.0', '/download/v1.1.0.zip']) expect(await status(path, nobody)).toBe(401);
  });

  it('is served to customers and to their terminals: check, plan, every object of the plan, zip', async () => {
    const customer = await newCustomer(server);
    const terminal = await newTerminal(server, customer);
    for (const as of [customer.as, terminal.as]) {
      expect((await check(as)).body).toMatchObject({ update_available: true, latest_version: '1.1.0' });
      const { body: plan } = await get(planPath, as);
      expect(plan.plans[0].kind).toBe('delta');
      for (const { digest } of plan.plans[0].fetches) {
        expect(await status(`/api/v1/objects/${digest}`, as)).toBe(200);
        expect(await status(`/api/v1/objects/${digest}`, nobody)).toBe(401);
      }
      expect(await status('/api/v1/updates/download/1.1.0', as)).toBe(200);
    }
  });

  it('keeps its answers out of shared caches', async () => {
    const customer = await newCustomer(server);
    const { zip } = await contentObject(customer.as, '1.0.0');
    for (const path of ['/api/v1/updates/check', planPath, '/api/v1/updates/download/1.1.0', `/api/v1/objects/${zip}`]) {
      const answer = await fetch(server.url + path, { headers: customer.as });
      expect(answer.headers.get('cache-control')).toMatch(/^private/);
    }
  });
});

describe('when a licence has ended', () => {
  it('the check offers nothing and says why, in grace what was begun can be fetched, after it no more', async () => {
    const customer = await newCustomer(server);
    await setCustomer(customer, { expires_on: day(-2) });
    expect(await check(customer.as)).toMatchObject({ status: 200, body: { update_available: false, reason: 'license_expired' } });
    expect((await get(planPath, customer.as)).status).toBe(200);
    await setCustomer(customer, { expires_on: day(-30) });
    expect(await get(planPath, customer.as)).toMatchObject({ status: 403, body: { code: 'LICENSE_EXPIRED' } });
    expect(await status('/api/v1/updates/download/1.1.0', customer.as)).toBe(403);
    await setCustomer(customer, { expires_on: day(30) });
    expect((await check(customer.as)).body).toMatchObject({ update_available: true });
  });

  it('suspension holds from the next request on', async () => {
    const customer = await newCustomer(server);
    expect((await check(customer.as)).body).toMatchObject({ update_available: true });
    await setCustomer(customer, { status: 'suspended' });
    expect((await check(customer.as)).body).toMatchObject({ update_available: false, reason: 'license_suspended' });
    expect(await get(planPath, customer.as)).toMatchObject({ status: 403, body: { code: 'LICENSE_SUSPENDED' } });
  });

  it('what was released while it ran can be repaired for ever, and nothing that came later', async () => {
    const customer = await newCustomer(server);
    await setCustomer(customer, { status: 'suspended' });
    await publishOk(server.url, {
      application: 'erp',
      version: '1.2.0',
      parts: [{ path: 'app.bin', bytes: 'released after the end' }],
    });
    const admin = { authorization: 'Bearer a-token-for-tests-only-0123456789' };
    const [before, after] = [await contentObject(admin, '1.1.0'), await contentObject(admin, '1.2.0')];
    expect(await status(`/api/v1/objects/${before.zip}`, customer.as)).toBe(200);
    expect(await status(`/api/v1/objects/${before.manifest}`, customer.as)).toBe(200);
    expect(await status(`/api/v1/objects/${after.zip}`, customer.as)).toBe(403);
    const blocks = async (version: string, bytes: Uint8Array): Promise<number> => {
      const contents = [{ sha256: createHash('sha256').update(bytes).digest('hex'), block_bytes: 4_096, digests: '' }];
      const body = JSON.stringify({ version, contents });
      const headers = { ...customer.as, 'content-type': 'application/json' };
      const answer = await fetch(`${server.url}/api/v1/updates/blocks`, { method: 'POST', headers, body });
      await answer.arrayBuffer();
      return answer.status;
    };
    expect(await blocks('1.1.0', programOf('1.1.0'))).toBe(200);
    expect(await blocks('1.2.0', Buffer.from('released after the end'))).toBe(403);
    await ask(server, 'PATCH', '/api/v1/releases/1.2.0?application=erp', {
      body: { state: 'withdrawn', reason: 'the test is over' },
    });
  });
});

describe('credentials', () => {
  it('that are wrong are refused also where none are needed', async () => {
    const wrong = { authorization: 'Bearer rk_abcdefghijkl_0123456789012345678901234567890123', 'x-api-secret': 'x' };
    expect(await check(wrong)).toMatchObject({ status: 401, body: { code: 'AUTH_REQUIRED' } });
  });
});
