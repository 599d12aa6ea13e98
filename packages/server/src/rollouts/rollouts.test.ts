import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, newCustomer, newTerminal, nobody, type TestCustomer, type TestTerminal } from '../testing/test-accounts.js';
import { publishOk, startTestServer, type TestServer } from '../testing/test-server.js';

let server: TestServer;
let customer: TestCustomer;
let terminals: TestTerminal[];

beforeAll(async () => {
  server = await startTestServer(['--checks-per-minute', '1000', '--requests-per-minute', '100000']);
  customer = await newCustomer(server, { service_level: 'enterprise' });
  terminals = [];
  for (let count = 0; count < 24; count++) terminals.push(await newTerminal(server, customer, { name: `Till ${count}` }));
});

afterAll(() => server.stop());

let applications = 0;
const newApplication = (): string => `rollouts-${++applications}`;

const publish = (application: string, version: string, fields: Readonly<Record<string, string>> = {}) =>
  publishOk(server.url, { application, version, fields, parts: [{ path: 'app.txt', bytes: `${application} ${version}` }] });

const check = async (application: string, version: string, as: Readonly<Record<string, string>> = nobody) =>
  (await ask(server, 'GET', `/api/v1/updates/check?application=${application}`, { as, headers: { 'x-client-version': version } }))
    .body;

const roll = (application: string, version: string, body: object) =>
  ask(server, 'PATCH', `/api/v1/rollouts/${version}?application=${application}`, { body: { reason: 'a test', ...body } });

const policy = (terminal: TestTerminal, application: string, body: object) =>
  ask(server, 'PUT', `/api/v1/terminals/${terminal.id}/policies/${application}`, {
    body: { pinned_version: null, allow_downgrade: false, ...body },
  });

const offered = async (application: string): Promise<readonly string[]> => {
  const found = await Promise.all(
    terminals.map(async ({ id, as }) => ((await check(application, '1.0.0', as)).update_available ? [id] : [])),
  );
  return found.flat();
};

describe('a rollout', () => {
  it('grows by share without ever taking the offer from a terminal', async () => {
    const application = newApplication();
    await publish(application, '1.0.0');
    await publish(application, '1.1.0', { rollout_share: '0' });
    let before: readonly string[] = [];
    expect(await offered(application)).toEqual([]);
    for (const share of [1_500, 4_000, 7_000, 10_000]) {
      await roll(application, '1.1.0', { share });
      const now = await offered(application);
      expect(now).toEqual(expect.arrayContaining([...before]));
      before = now;
    }
    expect(before).toHaveLength(terminals.length);
  });

  it('goes to named groups only, and to rings whatever the share', async () => {
    const application = newApplication();
    await publish(application, '1.0.0');
    await publish(application, '1.1.0', { rollout_groups: 'south' });
    const [south, pilot] = terminals as [TestTerminal, TestTerminal];
    await ask(server, 'PATCH', `/api/v1/terminals/${south.id}`, { body: { group: 'south' } });
    await ask(server, 'PATCH', `/api/v1/terminals/${pilot.id}`, { body: { ring: 'pilot' } });
    expect(await offered(application)).toEqual([south.id]);
    await roll(application, '1.1.0', { rings: ['pilot'] });
    expect([...(await offered(application))].sort()).toEqual([south.id, pilot.id].sort());
  });

  it('that is paused or whose release is halted offers nothing, says so, and goes on when it is resumed', async () => {
    const application = newApplication();
    await publish(application, '1.0.0');
    await publish(application, '1.1.0');
    await roll(application, '1.1.0', { state: 'paused' });
    expect(await check(application, '1.0.0')).toMatchObject({ update_available: false, reason: 'paused', latest_version: '1.1.0' });
    await roll(application, '1.1.0', { state: 'running' });
    expect(await check(application, '1.0.0')).toMatchObject({ update_available: true });
  });

  it('says in every answer why there is nothing', async () => {
    const application = newApplication();
    await publish(application, '1.0.0');
    await publish(application, '1.1.0', { rollout_share: '0' });
    expect(await check(application, '1.0.0')).toMatchObject({ update_available: false, reason: 'not_in_rollout' });
    expect(await check(application, '1.1.0')).toMatchObject({ update_available: false, reason: 'up_to_date' });
    expect(await check(application, '2.0.0')).toMatchObject({ update_available: false, reason: 'newer_installed' });
  });

  it('refuses a share, a name or a state that is none', async () => {
    const application = newApplication();
    await publish(application, '1.0.0');
    for (const body of [{ share: 10_001 }, { share: 0.5 }, { groups: [''] }, { state: 'halted' }, { wrong: 1 }, { reason: '' }]) {
      expect(await roll(application, '1.0.0', body)).toMatchObject({ status: 400, body: { code: 'REQUEST_INVALID' } });
    }
    expect(await roll(application, '9.9.9', { share: 1 })).toMatchObject({ status: 404, body: { code: 'RELEASE_NOT_FOUND' } });
  });
});

describe('the way to a release', () => {
  it('stops at every floor, the lowest first, and says where it leads', async () => {
    const application = newApplication();
    await publish(application, '1.0.0');
    await publish(application, '1.1.0', { floor: 'true' });
    await publish(application, '1.2.0');
    await publish(application, '2.0.0', { floor: 'true', mandatory: 'true' });
    await publish(application, '2.1.0');
    const steps: string[] = [];
    for (let version = '1.0.0'; ; ) {
      const answer = await check(application, version);
      if (!answer.update_available) break;
      expect(answer).toMatchObject({ final_version: '2.1.0', floor_step: answer.latest_version !== '2.1.0' });
      expect(answer.mandatory).toBe(version < '2.0.0');
      version = answer.latest_version;
      steps.push(version);
    }
    expect(steps).toEqual(['1.1.0', '2.0.0', '2.1.0']);
  });

  it('leads to the pinned version, and to an older one only when the pin allows it', async () => {
    const application = newApplication();
    for (const version of ['1.0.0', '1.1.0', '1.2.0']) await publish(application, version);
    const [terminal] = terminals as [TestTerminal];
    await policy(terminal, application, { pinned_version: '1.1.0' });
    expect(await check(application, '1.0.0', terminal.as)).toMatchObject({ latest_version: '1.1.0', downgrade: false });
    expect(await check(application, '1.1.0', terminal.as)).toMatchObject({ update_available: false, reason: 'pinned' });
    expect(await check(application, '1.2.0', terminal.as)).toMatchObject({ update_available: false, reason: 'pinned' });
    await policy(terminal, application, { pinned_version: '1.1.0', allow_downgrade: true });
    expect(await check(application, '1.2.0', terminal.as)).toMatchObject({ latest_version: '1.1.0', downgrade: true });
    await policy(terminal, application, {});
    expect(await check(application, '1.1.0', terminal.as)).toMatchObject({ latest_version: '1.2.0', downgrade: false });
  });
});

describe('failures in the field', () => {
  const report = (terminal: TestTerminal, application: string, state: 'completed' | 'failed' | 'rolled_back') =>
    ask(server, 'POST', '/api/v1/updates/events', {
      as: terminal.as,
      body: {
        events: [
          {
            event_id: `${application}-${state}`,
            application,
            version_from: '1.0.0',
            version_to: '1.1.0',
            state,
            percent: 100,
            at: new Date().toISOString(),
          },
        ],
      },
    });

  it('halt a rollout by the lower bound of their rate, once there are enough attempts; nobody gets the release then', async () => {
    const application = newApplication();
    await publish(application, '1.0.0');
    await publish(application, '1.1.0');
    const reports = [
      'failed',
      'completed',
      'failed',
      'completed',
      'completed',
      'failed',
      'completed',
      'completed',
      'completed',
    ] as const;
    for (const [index, state] of reports.entries()) await report(terminals[index] as TestTerminal, application, state);
    expect(await check(application, '1.0.0')).toMatchObject({ update_available: true });
    await report(terminals[9] as TestTerminal, application, 'failed');
    expect(await check(application, '1.0.0')).toMatchObject({ update_available: false, reason: 'halted' });
    const { body } = await ask(server, 'GET', `/api/v1/rollouts?application=${application}`);
    expect(body.rollouts[0]).toMatchObject({
      version: '1.1.0',
      state: 'halted',
      halt_reason: expect.stringContaining('failed on 4 of 10'),
      outcomes: { attempts: 10, completed: 6, failed: 4 },
    });
    const audit = await ask(
      server,
      'GET',
      `/api/v1/audit?subject_kind=rollout&subject=${encodeURIComponent(`${application} 1.1.0`)}`,
    );
    expect(audit.body.events).toContainEqual(expect.objectContaining({ action: 'rollout_halted', actor_kind: 'server' }));
    // Resumed by an operator who knows better: one more failure does not stop it at once.
    await roll(application, '1.1.0', { state: 'running' });
    await report(terminals[10] as TestTerminal, application, 'failed');
    expect(await check(application, '1.0.0')).toMatchObject({ update_available: true });
  });

  it('block a version on the terminal that rolled it back, and there alone', async () => {
    const application = newApplication();
    await publish(application, '1.0.0');
    await publish(application, '1.1.0');
    const [broken, other] = terminals as [TestTerminal, TestTerminal];
    await report(broken, application, 'rolled_back');
    expect(await check(application, '1.0.0', broken.as)).toMatchObject({ update_available: false, reason: 'blocked' });
    expect(await check(application, '1.0.0', other.as)).toMatchObject({ update_available: true });
  });

  it('of machines that are not enrolled count for nothing', async () => {
    const application = newApplication();
    await publish(application, '1.0.0');
    await publish(application, '1.1.0');
    for (let count = 0; count < 20; count++) {
      await ask(server, 'POST', '/api/v1/updates/events', {
        as: nobody,
        headers: { 'x-terminal-id': `pretender-${count}` },
        body: {
          events: [
            {
              event_id: `e${count}`,
              application,
              version_from: '1.0.0',
              version_to: '1.1.0',
              state: 'failed',
              percent: 1,
              at: new Date().toISOString(),
            },
          ],
        },
      });
    }
    expect(await check(application, '1.0.0')).toMatchObject({ update_available: true });
  });
});
