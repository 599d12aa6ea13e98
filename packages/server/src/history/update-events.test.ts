import type { CheckAnswer, MetricsSummary, UpdateEvent, UpdateLog } from '@remendo/core/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admin, ask, type Identity, newCustomer, newTerminal, nobody, type TestCustomer } from '../testing/test-accounts.js';
import { publishOk, startTestServer, type TestServer } from '../testing/test-server.js';

let server: TestServer;
let customer: TestCustomer;

beforeAll(async () => {
  server = await startTestServer();
  await publishOk(server.url, { version: '1.0.0', parts: [{ path: 'app.txt', bytes: 'one' }] });
  customer = await newCustomer(server, { service_level: 'enterprise' });
});

afterAll(() => server?.stop());

const path = '/api/v1/updates/events';
let ids = 0;

const event = (fields: Partial<UpdateEvent> = {}): UpdateEvent => ({
  event_id: `event-${++ids}`,
  application: 'erp',
  version_from: '1.0.0',
  version_to: '1.1.0',
  state: 'started',
  at: '2026-11-22T10:00:00Z',
  ...fields,
});

const tell = (as: Identity, events: readonly unknown[], headers: Record<string, string> = {}) =>
  ask(server, 'POST', path, { as, headers, body: { events } });

async function logOf(query: string, as: Identity = admin): Promise<UpdateLog> {
  const { status, body, text } = await ask(server, 'GET', `/api/v1/updates/log?${query}`, { as });
  expect(status, text).toBe(200);
  return body;
}

const check = async (as: Identity): Promise<CheckAnswer> =>
  (await ask(server, 'GET', '/api/v1/updates/check', { as, headers: { 'x-client-version': '1.0.0' } })).body;

describe('telling what became of updates', () => {
  it('counts an event once, however often and at whatever time it comes', async () => {
    const terminal = await newTerminal(server, customer);
    const events = Array.from({ length: 200 }, (_, index) => event({ update_id: 'once', percent: index % 100 }));
    const answers = await Promise.all(Array.from({ length: 4 }, () => tell(terminal.as, events)));
    for (const { status, body, text } of answers) {
      expect(status, text).toBe(200);
      expect(body.accepted + body.duplicates).toBe(200);
    }
    expect(answers.reduce((sum, { body }) => sum + body.accepted, 0)).toBe(200);
    expect((await tell(terminal.as, [...events, event()])).body).toEqual({ accepted: 1, duplicates: 200, unknown: 0 });
    expect((await logOf('update_id=once&limit=500')).events).toHaveLength(200);
  });

  it('counts an event once within one request, and takes no id of one terminal for that of another', async () => {
    const [first, second] = [await newTerminal(server, customer), await newTerminal(server, customer)];
    const twice = event();
    expect((await tell(first.as, [twice, twice])).body).toEqual({ accepted: 1, duplicates: 1, unknown: 0 });
    expect((await tell(second.as, [twice])).body).toEqual({ accepted: 1, duplicates: 0, unknown: 0 });
  });

  it('keeps what was told, with who told it', async () => {
    const terminal = await newTerminal(server, customer, { branch: 'Torino' });
    const told = {
      ...event({ update_id: 'whole', state: 'failed', percent: 40, downloaded_bytes: 1_000, saved_bytes: 9_000 }),
      log_output: 'swap: access denied',
      error_code: 'TRANSACTION_FILE_HELD',
      error_detail: 'erp.exe',
      backup_path: 'D:\\backup\\1.0.0',
      started_at: '2026-11-22T09:58:00.000Z',
      finished_at: '2026-11-22T10:00:00.000Z',
    };
    await tell(terminal.as, [told], { 'x-platform': 'any', 'user-agent': 'remendo/1.2.3' });
    const [kept] = (await logOf('update_id=whole')).events;
    const { event_id, at, ...same } = told;
    expect(kept).toMatchObject({ ...same, event_id, at: '2026-11-22T10:00:00.000Z', is_enrolled: true, terminal: terminal.id });
    expect(kept).toMatchObject({ customer: customer.code, branch: 'Torino', platform: 'any', user_agent: 'remendo/1.2.3' });
  });

  it("takes the old names, and the request's application where an event names none", async () => {
    const { application: _left, version_from: _from, version_to: _to, ...old } = event({ update_id: 'old' });
    const answer = await tell(customer.as, [{ ...old, versione_da: 'v1.0.0', versione_a: '1.1.0' }], { 'x-terminal-id': 'Kasse' });
    expect(answer.body).toEqual({ accepted: 1, duplicates: 0, unknown: 0 });
    const [kept] = (await logOf('update_id=old')).events;
    expect(kept).toMatchObject({ application: 'erp', version_from: '1.0.0', version_to: '1.1.0', is_enrolled: false });
    expect(kept?.terminal).toBe(`${customer.code}/Kasse`);
  });

  it('ignores applications that are not known here', async () => {
    const answer = await tell(customer.as, [event({ application: 'nothing' }), event()]);
    expect(answer.body).toEqual({ accepted: 1, duplicates: 0, unknown: 1 });
  });

  it('hears strangers about public applications only', async () => {
    expect((await tell(nobody, [event()])).status).toBe(200);
    const { status } = await ask(server, 'PATCH', '/api/v1/applications/erp', { body: { access: 'licensed', reason: 'a test' } });
    expect(status).toBe(200);
    const refused = await tell(nobody, [event({ update_id: 'stranger' })]);
    expect([refused.status, refused.body.code]).toEqual([401, 'AUTH_REQUIRED']);
    expect((await logOf('update_id=stranger')).events).toEqual([]);
    await ask(server, 'PATCH', '/api/v1/applications/erp', { body: { access: 'public', reason: 'a test' } });
  });

  it('keeps one short line of what strangers print and explain, all of what others do', async () => {
    const long = event({ update_id: 'long', log_output: `${'x'.repeat(900)}\nmore`, error_detail: 'first\nsecond' });
    await tell(nobody, [long], { 'x-terminal-id': 'stranger' });
    await tell(customer.as, [long], { 'x-terminal-id': 'known' });
    const [known, stranger] = (await logOf('update_id=long')).events;
    expect(stranger).toMatchObject({ log_output: 'x'.repeat(200), error_detail: 'first' });
    expect(known).toMatchObject({ log_output: long.log_output, error_detail: long.error_detail });
  });

  it.each([
    ['no events', []],
    ['too many', Array.from({ length: 501 }, () => event())],
    ['a state that is none', [event({ state: 'done' as never })]],
    ['an id with spaces', [event({ event_id: 'a b' })]],
    ['a field that is none', [{ ...event(), password: 'x' }]],
    ['a day that is none', [event({ at: '2026-11-22T23:59:60Z' })]],
    ['a year that no database knows', [event({ at: '0000-01-01T00:00:00Z' })]],
    ['a moment behind all years', [event({ at: '9999-12-31T23:59:59-12:00' })]],
    ['bytes that are no number', [event({ downloaded_bytes: '1' as never })]],
    ['a version that is too long', [event({ version_to: '1'.repeat(65) })]],
    ['text that can not be stored', [event({ log_output: 'a\0b' })]],
  ])('refuses %s, and stores nothing', async (_what, events) => {
    const before = await logOf('limit=1');
    const { status, body } = await tell(customer.as, events);
    expect([status, body.code]).toEqual([400, 'REQUEST_INVALID']);
    expect(await logOf('limit=1')).toEqual(before);
  });
});

describe('reading the history', () => {
  it('shows it page by page, to everybody what is theirs', async () => {
    const own = await newCustomer(server);
    const [first, second] = [await newTerminal(server, own), await newTerminal(server, own)];
    await tell(
      first.as,
      [1, 2, 3].map((minute) => event({ update_id: 'paged', at: `2026-11-22T10:0${minute}:00Z` })),
    );
    await tell(second.as, [event({ update_id: 'paged', at: '2026-11-22T10:00:00Z' })]);
    const seen: string[] = [];
    let after = '';
    do {
      const { events, next } = await logOf(`update_id=paged&limit=2${after}`, own.as);
      seen.push(...events.map(({ at }) => at.slice(14, 16)));
      after = next === null ? '' : `&after=${next}`;
    } while (after !== '');
    expect(seen).toEqual(['00', '03', '02', '01']);
    expect((await logOf('update_id=paged', first.as)).events).toHaveLength(3);
    expect((await logOf('update_id=paged', customer.as)).events).toEqual([]);
    expect((await logOf(`update_id=paged&customer=${own.code}&terminal=${second.id}`)).events).toHaveLength(1);
    expect((await ask(server, 'GET', '/api/v1/updates/log', { as: nobody })).status).toBe(401);
  });

  it('refuses a cursor that it did not make', async () => {
    const { status, body } = await ask(server, 'GET', '/api/v1/updates/log?after=bm90aGluZw');
    expect([status, body.code]).toEqual([400, 'REQUEST_INVALID']);
  });

  it('tells it in numbers', async () => {
    const own = await newCustomer(server);
    const terminal = await newTerminal(server, own, { branch: 'Bari' });
    const hourAgo = Date.now() - 3_600_000;
    const at = (minute: number) => new Date(hourAgo + minute * 60_000).toISOString();
    const good = { update_id: 'good', version_to: '1.1.0', downloaded_bytes: 100, saved_bytes: 900 };
    await check(terminal.as);
    await server.ports.sightings.write();
    await tell(terminal.as, [
      event({ ...good, at: at(0) }),
      event({ ...good, state: 'completed', at: at(2) }),
      event({ update_id: 'bad', version_to: '1.2.0', state: 'failed', error_code: 'DOWNLOAD_FAILED', at: at(3) }),
      event({ update_id: 'open', version_to: '1.2.0', state: 'downloading', at: at(4) }),
    ]);
    const { body: summary } = await ask(server, 'GET', '/api/v1/metrics/summary?application=erp', { as: own.as });
    expect(summary).toEqual({
      updates: 3,
      completed: 1,
      failed: 1,
      rolled_back: 0,
      success_rate: 0.5,
      failure_rate: 0.5,
      mean_seconds: 120,
      p50_seconds: 120,
      p95_seconds: 120,
      downloaded_bytes: 100,
      saved_bytes: 900,
      versions: [{ version: '1.0.0', terminals: 1 }],
      errors: [{ error_code: 'DOWNLOAD_FAILED', count: 1 }],
      by_version: [
        { version: '1.2.0', updates: 2, completed: 0, failed: 1, rolled_back: 0 },
        { version: '1.1.0', updates: 1, completed: 1, failed: 0, rolled_back: 0 },
      ],
      by_branch: [{ branch: 'Bari', updates: 3, completed: 1, failed: 1, rolled_back: 0 }],
    } satisfies MetricsSummary);
  });
});

describe('what terminals tell about a release', () => {
  const outcomes = async (version: string) => {
    const { body } = await ask(server, 'GET', '/api/v1/rollouts?application=erp');
    return body.rollouts.find((rollout: { version: string }) => rollout.version === version);
  };

  it('does not offer a release again where it was rolled back', async () => {
    await publishOk(server.url, { version: '2.0.0', parts: [{ path: 'app.txt', bytes: 'two' }] });
    const [unlucky, other] = [await newTerminal(server, customer), await newTerminal(server, customer)];
    expect(await check(unlucky.as)).toMatchObject({ update_available: true, latest_version: '2.0.0' });
    const rolledBack = event({ version_to: '2.0.0', state: 'rolled_back' });
    await tell(unlucky.as, [rolledBack]);
    expect(await check(unlucky.as)).toMatchObject({ update_available: false, reason: 'blocked' });
    expect(await check(other.as)).toMatchObject({ update_available: true, latest_version: '2.0.0' });
    // An operator lets it try again; the event that is told again changes nothing.
    await ask(server, 'PUT', `/api/v1/terminals/${unlucky.id}/policies/erp`, {
      body: { pinned_version: null, allow_downgrade: false, blocked: [] },
    });
    await tell(unlucky.as, [rolledBack]);
    expect(await check(unlucky.as)).toMatchObject({ update_available: true });
  });

  it('counts only enrolled terminals, each once, by the gravest that it told', async () => {
    await publishOk(server.url, { version: '3.0.0', parts: [{ path: 'app.txt', bytes: 'three' }] });
    const about = (state: UpdateEvent['state']) => event({ version_to: '3.0.0', state });
    const [first, second, third] = [
      await newTerminal(server, customer),
      await newTerminal(server, customer),
      await newTerminal(server, customer),
    ];
    await tell(first.as, [about('failed'), about('completed')]);
    await tell(second.as, [about('rolled_back')]);
    await tell(second.as, [about('completed'), about('failed')]);
    await tell(third.as, [about('completed')]);
    await tell(third.as, [about('failed')]);
    await tell(customer.as, [about('failed')], { 'x-terminal-id': 'not enrolled' });
    await tell(nobody, [about('failed')]);
    expect((await outcomes('3.0.0')).outcomes).toMatchObject({ attempts: 3, completed: 2, failed: 0, rolled_back: 1 });
  });

  it('halts a rollout that fails too often, once, and tells it', async () => {
    await publishOk(server.url, { version: '4.0.0', parts: [{ path: 'app.txt', bytes: 'four' }] });
    const terminals = await Promise.all(Array.from({ length: 12 }, () => newTerminal(server, customer)));
    const [spare, ...failing] = terminals;
    if (spare === undefined) throw new Error('there are twelve');
    expect(await check(spare.as)).toMatchObject({ update_available: true, latest_version: '4.0.0' });
    const answers = await Promise.all(
      failing.map(({ as }) => tell(as, [event({ version_to: '4.0.0', state: 'failed', error_code: 'START_FAILED' })])),
    );
    expect(answers.map(({ status }) => status)).toEqual(failing.map(() => 200));
    // The process that halted it offers it to nobody from then on.
    const after = await check(spare.as);
    expect(after.update_available && after.latest_version === '4.0.0').toBe(false);
    const rollout = await outcomes('4.0.0');
    expect(rollout).toMatchObject({ state: 'halted', outcomes: { attempts: 11, failed: 11 } });
    expect(rollout.halt_reason).toMatch(/failed on 1[01] of 1[01] terminals/);
    const { body: audit } = await ask(server, 'GET', '/api/v1/audit?action=rollout_halted');
    expect(audit.events).toMatchObject([{ actor_kind: 'server', subject: 'erp 4.0.0' }]);
    const { body: inbox } = await ask(server, 'GET', '/api/v1/notifications?kind=rollout_halted');
    expect(inbox.notifications).toMatchObject([{ kind: 'rollout_halted', data: { application: 'erp', version: '4.0.0' } }]);
  });
});
