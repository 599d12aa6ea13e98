/** Who fills the disk with events or with reports of backups is stopped for the day; others are not. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ask, type Identity, newCustomer, newTerminal, nobody } from '../testing/test-accounts.js';
import { publishOk, startTestServer, type TestServer } from '../testing/test-server.js';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer(['--event-bytes-per-day', '30000', '--backup-bytes-per-day', '25000']);
  await publishOk(server.url, { version: '1.0.0', parts: [{ path: 'app.txt', bytes: 'one' }] });
});
afterAll(() => server?.stop());

let ids = 0;
const batch = () =>
  Array.from({ length: 10 }, () => ({
    event_id: `event-${++ids}`,
    application: 'erp',
    version_to: '1.0.0',
    state: 'started',
    at: '2026-11-22T10:00:00Z',
    backup_path: 'x'.repeat(900),
  }));

const tell = (as: Identity, events: readonly object[], name?: string) =>
  ask(server, 'POST', '/api/v1/updates/events', {
    as,
    body: { events },
    headers: name === undefined ? {} : { 'x-terminal-id': name },
  });

/** The statuses of so many batches, each under another name. */
async function statuses(as: Identity, count: number): Promise<readonly number[]> {
  const found: number[] = [];
  for (let n = 0; n < count; n++) found.push((await tell(as, batch(), `name-${n}`)).status);
  return found;
}

it('strangers of one address have one quota, whatever they call themselves', async () => {
  expect(await statuses(nobody, 5)).toEqual([200, 200, 200, 429, 429]);
  const { rows } = await server.ports.database.db
    .selectFrom('update_log')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .execute()
    .then((list) => ({ rows: list[0]?.count }));
  expect(rows).toBe(30);
  const refused = await tell(nobody, batch());
  expect(refused.body.code).toBe('LIMIT_RATE');
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(60);
});

it("a customer's key has one, and each terminal its own", async () => {
  const customer = await newCustomer(server);
  const [first, second] = [await newTerminal(server, customer), await newTerminal(server, customer)];
  expect(await statuses(customer.as, 4)).toEqual([200, 200, 200, 429]);
  expect(await statuses(first.as, 4)).toEqual([200, 200, 200, 429]);
  expect((await tell(second.as, batch())).status).toBe(200);
});

it('what is told again is not counted again', async () => {
  const { as } = await newTerminal(server, await newCustomer(server));
  const events = batch();
  for (let n = 0; n < 6; n++) expect((await tell(as, events)).status).toBe(200);
});

/** 10 kB, of jobs that nobody knew before. */
const reports = () =>
  Array.from({ length: 10 }, () => ({
    report_id: `report-${++ids}`,
    job: `job-${ids}`,
    state: 'ok',
    interval_seconds: 3_600,
    grace_seconds: 600,
    detail: 'x'.repeat(900),
    at: '2026-11-22T10:00:00Z',
  }));

const report = (as: Identity, told: readonly object[], name: string) =>
  ask(server, 'POST', '/api/v1/backups/reports', { as, body: { reports: told }, headers: { 'x-terminal-id': name } });

async function reportStatuses(as: Identity, count: number): Promise<readonly number[]> {
  const found: number[] = [];
  for (let n = 0; n < count; n++) found.push((await report(as, reports(), `name-${n}`)).status);
  return found;
}

it('reports of backups have a quota of their own: of each terminal, and of all machines that share a key', async () => {
  const customer = await newCustomer(server);
  const [first, second] = [await newTerminal(server, customer), await newTerminal(server, customer)];
  expect(await reportStatuses(customer.as, 4)).toEqual([200, 200, 200, 429]);
  expect(await reportStatuses(first.as, 4)).toEqual([200, 200, 200, 429]);
  expect((await tell(first.as, batch())).status).toBe(200);
  const known = reports();
  for (let n = 0; n < 5; n++) expect((await report(second.as, known, 'again')).status).toBe(200);
  const refused = await report(first.as, reports(), 'late');
  expect(refused.body.code).toBe('LIMIT_RATE');
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(60);
});
