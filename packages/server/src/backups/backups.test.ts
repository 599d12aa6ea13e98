import type { BackupMonitorList, BackupReport } from '@remendo/core/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Db } from '../database/open-database.js';
import { addTestCustomer, configWith, type NotifyingServer, notifyingServer } from '../notifications/notifications.test.support.js';
import {
  admin,
  ask,
  type Identity,
  newCustomer,
  newOperator,
  newTerminal,
  nobody,
  type TestCustomer,
  type TestTerminal,
} from '../testing/test-accounts.js';
import { openTestDatabase, type TestDatabase, testDatabases } from '../testing/test-database.js';
import { startTestServer, type TestServer } from '../testing/test-server.js';
import { recordReports } from './record-reports.js';
import { watchBackups } from './watch-backups.js';

const noon = Date.parse('2026-01-22T12:00:00Z');
const at = (minutes: number): Date => new Date(noon + minutes * 60_000);

let ids = 0;
const report = (fields: Partial<BackupReport> = {}): BackupReport => ({
  report_id: `report-${++ids}`,
  job: 'database',
  state: 'ok',
  interval_seconds: 3_600,
  grace_seconds: 600,
  at: at(0).toISOString(),
  ...fields,
});

describe.each(testDatabases)('backups on a database that is %s', (kind) => {
  let test: TestDatabase;
  let server: NotifyingServer;
  let ports: { readonly db: Db; readonly notifier: NotifyingServer['notifier'] };
  let customerId: number;

  beforeAll(async () => {
    test = await openTestDatabase(kind);
    server = await notifyingServer(test.database, configWith({}));
    ports = { db: test.database.db, notifier: server.notifier };
    customerId = await addTestCustomer(ports.db);
  });

  afterAll(async () => {
    await server?.stop();
    await test?.remove();
  });

  const source = (terminalKey: string) => ({ customerId, terminalKey, branch: null });
  const tell = (terminal: string, reports: readonly BackupReport[], now: Date) =>
    recordReports(ports, source(terminal), { reports, now });

  /** Kinds of what was told about a terminal's backups, in order. */
  async function told(terminal: string): Promise<readonly string[]> {
    const rows = await ports.db.selectFrom('notification').select(['kind', 'data']).orderBy('created_at').orderBy('id').execute();
    return rows.filter(({ data }) => data.terminal === terminal).map(({ kind, data }) => `${kind} ${data.state}`);
  }

  const monitorOf = (terminal: string) =>
    ports.db.selectFrom('backup_monitor').where('terminal_key', '=', terminal).selectAll().executeTakeFirstOrThrow();

  /** As somebody who looks all the time. */
  async function watchUntil(minutes: number): Promise<void> {
    for (let minute = minutes - 99; minute <= minutes; minute += 9) await watchBackups(ports, at(minute));
  }

  it('tells at once when a backup fails, again when it fails in another way, and when it is well again', async () => {
    const states = ['ok', 'ok', 'missing', 'missing', 'missing', 'stale', 'ok', 'ok'] as const;
    for (const [minute, state] of states.entries())
      await tell('change', [report({ state, at: at(minute).toISOString() })], at(minute));
    expect(await told('change')).toEqual(['backup_failed missing', 'backup_failed stale', 'backup_recovered ok']);
  });

  it('tells of a job that fails from the start, and not of one that is well', async () => {
    await tell('start', [report({ job: 'good' }), report({ job: 'bad', state: 'corrupt', detail: 'bad checksum' })], at(0));
    expect(await told('start')).toEqual(['backup_failed corrupt']);
  });

  it('counts a report once, however often and at whatever time it comes', async () => {
    const reports = [report({ state: 'empty' }), report({ job: 'files', state: 'shrunk' })];
    const answers = await Promise.all([1, 2, 3].map(() => tell('once', reports, at(0))));
    expect(answers.reduce((sum, { accepted }) => sum + accepted, 0)).toBe(2);
    expect(answers.reduce((sum, { duplicates }) => sum + duplicates, 0)).toBe(4);
    expect((await told('once')).toSorted()).toEqual(['backup_failed empty', 'backup_failed shrunk']);
  });

  it('is not turned back by a report that was overtaken', async () => {
    await tell('late', [report({ state: 'ok', at: at(10).toISOString() })], at(10));
    await tell('late', [report({ state: 'missing', at: at(5).toISOString() })], at(11));
    expect(await monitorOf('late')).toMatchObject({ state: 'ok', checked_at: at(10), reported_at: at(11) });
    expect(await told('late')).toEqual([]);
  });

  it('does not take checks for old because a clock was ahead', async () => {
    await tell('clock', [report({ state: 'missing', at: '2040-01-01T00:00:00Z' })], at(0));
    await tell('clock', [report({ state: 'ok', at: at(1).toISOString() })], at(1));
    expect(await monitorOf('clock')).toMatchObject({ state: 'ok', checked_at: at(1) });
  });

  it('believes a terminal whose clock was set back, and again when that is put right', async () => {
    await tell('year', [report({ at: at(0).toISOString() })], at(0));
    await tell('year', [report({ state: 'corrupt', at: '2015-01-01T00:00:00Z' })], at(60));
    await tell('year', [report({ state: 'corrupt', at: '2015-01-01T01:00:00Z' })], at(120));
    expect(await told('year')).toEqual(['backup_failed corrupt']);
    const both = [report({ state: 'missing', at: '2015-01-01T02:00:00Z' }), report({ at: at(180).toISOString() })];
    await tell('year', both, at(180));
    expect(await told('year')).toEqual(['backup_failed corrupt', 'backup_recovered ok']);
    const back = [report({ at: at(240).toISOString() }), report({ state: 'missing', at: '2015-01-01T02:00:00Z' })];
    await tell('year', back, at(240));
    expect((await monitorOf('year')).state).toBe('missing');
  });

  it('tells once when nobody reports any more, and when somebody does again', async () => {
    await tell('silent', [report({ job: 'files' })], at(0));
    const watch = (minutes: number) => watchBackups(ports, at(minutes));
    // 60 minutes and 10 of grace.
    await watch(70);
    expect(await told('silent')).toEqual([]);
    await Promise.all([watch(71), watch(71)]);
    await watch(500);
    expect(await told('silent')).toEqual(['backup_silent silent']);
    expect((await monitorOf('silent')).is_silent).toBe(true);
    await tell('silent', [report({ job: 'files', at: at(600).toISOString() })], at(600));
    expect(await told('silent')).toEqual(['backup_silent silent', 'backup_recovered ok']);
    await watchUntil(680);
    expect(await told('silent')).toHaveLength(3);
  });

  it('tells of a failing backup again when it failed before it was silent', async () => {
    await tell('both', [report({ state: 'missing', at: at(0).toISOString() })], at(0));
    await watchUntil(1_000);
    await tell('both', [report({ state: 'missing', at: at(1_001).toISOString() })], at(1_001));
    expect(await told('both')).toEqual(['backup_failed missing', 'backup_silent silent', 'backup_failed missing']);
  });

  it('tells nothing of a terminal that was revoked', async () => {
    const machine = { operating_system: 'linux', architecture: 'x64', agent_version: '1.0.0' };
    const terminal = { ...machine, name: 'till', branch: 'Roma', customer_id: customerId, secret_sha256: 'a'.repeat(64) };
    await ports.db
      .insertInto('terminal')
      .values({ ...terminal, id: 'trm_revoked', is_enabled: false })
      .execute();
    await tell('trm_revoked', [report()], at(2_000));
    await tell('trm_other', [report()], at(2_000));
    await watchUntil(2_200);
    expect([await told('trm_revoked'), await told('trm_other')]).toEqual([[], ['backup_silent silent']]);
  });

  it('takes nobody for silent whom a server that was away could not hear, until they had time to come again', async () => {
    for (const terminal of ['back', 'gone']) await tell(terminal, [report({ at: at(3_000).toISOString() })], at(3_000));
    await watchBackups(ports, at(9_000));
    await watchBackups(ports, at(9_009));
    expect([await told('back'), await told('gone')]).toEqual([[], []]);
    await tell('back', [report({ at: at(9_050).toISOString() })], at(9_050));
    await watchUntil(9_100);
    expect([await told('back'), await told('gone')]).toEqual([[], ['backup_silent silent']]);
  });
});

describe('backups over HTTP', () => {
  let server: TestServer;
  let customer: TestCustomer;
  let terminal: TestTerminal;

  beforeAll(async () => {
    server = await startTestServer();
    customer = await newCustomer(server);
    terminal = await newTerminal(server, customer, { branch: 'Roma' });
  });

  afterAll(() => server?.stop());

  const send = (as: Identity, reports: readonly unknown[], headers: Record<string, string> = {}) =>
    ask(server, 'POST', '/api/v1/backups/reports', { as, headers, body: { reports } });
  const list = async (query = '', as = admin): Promise<BackupMonitorList['backups']> =>
    (await ask(server, 'GET', `/api/v1/backups?${query}`, { as })).body.backups;

  it('shows each backup with its checks, to everybody what is theirs', async () => {
    const other = await newCustomer(server);
    const whole = report({
      state: 'too_small',
      branch: 'Milano',
      files: 3,
      total_bytes: 5_000_000_000,
      newest_at: at(-60).toISOString(),
      detail: 'half of it',
    });
    expect((await send(terminal.as, [whole])).body).toEqual({ accepted: 1, duplicates: 0 });
    await send(customer.as, [report({ branch: 'Lecce' })], { 'x-terminal-id': 'Kasse' });
    await send(other.as, [report()]);
    const [monitor] = await list('', terminal.as);
    expect(monitor).toMatchObject({
      terminal: terminal.id,
      branch: 'Roma',
      customer: customer.code,
      job: 'database',
      state: 'too_small',
      is_silent: false,
    });
    expect((await list('', customer.as)).map(({ branch }) => branch)).toEqual(['Roma', 'Lecce']);
    expect(await list('state=failing')).toHaveLength(1);
    expect(await list(`customer=${other.code}`)).toHaveLength(1);
    const checks = await ask(server, 'GET', `/api/v1/backups/${monitor?.id}/checks`, { as: customer.as });
    const { branch: _branch, job: _job, interval_seconds: _interval, grace_seconds: _grace, ...check } = whole;
    expect(checks.body.checks).toMatchObject([{ ...check, at: at(0).toISOString() }]);
    const hidden = await ask(server, 'GET', `/api/v1/backups/${monitor?.id}/checks`, { as: other.as });
    expect([hidden.status, hidden.body.code]).toEqual([404, 'RECORD_NOT_FOUND']);
  });

  it('puts what is wrong into the inbox of the customer', async () => {
    await send(terminal.as, [report({ job: 'told', state: 'unreadable' })]);
    const { body } = await ask(server, 'GET', '/api/v1/notifications?kind=backup_failed', { as: customer.as });
    expect(body.notifications[0]).toMatchObject({ data: { job: 'told', state: 'unreadable', branch: 'Roma' } });
  });

  it.each([
    ['nothing', []],
    ['a state that is none', [report({ state: 'fine' as never })]],
    ['a job without a name', [report({ job: '' })]],
    ['an interval of no time', [report({ interval_seconds: 0 })]],
    ['more files than there are', [report({ files: 2 ** 31 })]],
    ['a moment that is none', [report({ newest_at: '2026-01-22T23:59:60Z' })]],
  ])('refuses %s, and stores nothing', async (_what, reports) => {
    const before = await list();
    const { status, body } = await send(terminal.as, reports);
    expect([status, body.code]).toEqual([400, 'REQUEST_INVALID']);
    expect(await list()).toEqual(before);
  });

  it('is for customers and their terminals to report to', async () => {
    expect((await send(nobody, [report()])).status).toBe(401);
    expect((await send(admin, [report()])).status).toBe(403);
  });

  it('forgets a backup when a publisher says so, until it is reported again', async () => {
    const [publisher, viewer] = [await newOperator(server, 'paul', 'publisher'), await newOperator(server, 'vera', 'viewer')];
    await send(terminal.as, [report({ job: 'given up' })]);
    const [monitor] = await list('job=given%20up');
    const remove = (as: Identity) => ask(server, 'DELETE', `/api/v1/backups/${monitor?.id}`, { as });
    expect((await remove(viewer)).status).toBe(403);
    expect((await remove(customer.as)).status).toBe(403);
    expect((await remove(publisher)).status).toBe(204);
    expect((await remove(publisher)).status).toBe(404);
    expect(await list('job=given%20up')).toEqual([]);
    const { body } = await ask(server, 'GET', '/api/v1/audit?action=backup_removed');
    expect(body.events).toMatchObject([{ actor: 'paul', subject: terminal.id, detail: { job: 'given up' } }]);
    await send(terminal.as, [report({ job: 'given up' })]);
    expect(await list('job=given%20up')).toHaveLength(1);
  });
});
