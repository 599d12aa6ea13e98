/** Who may register may enrol some terminals, and tell anything of any release: it takes more to stop one for everybody. */
import type { UpdateEvent } from '@remendo/core/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ask,
  type Identity,
  newCustomer,
  newTerminal,
  person,
  signedIn,
  type TestCustomer,
  type TestTerminal,
} from '../testing/test-accounts.js';
import { publishOk, startTestServer, type TestServer } from '../testing/test-server.js';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
  await publish('1.0.0');
  // An honest fleet.
  await newTerminal(server, await newCustomer(server));
});

afterAll(() => server?.stop());

const publish = (version: string, fields: Readonly<Record<string, string>> = {}) =>
  publishOk(server.url, { version, fields, parts: [{ path: 'app.txt', bytes: version }] });

async function register(): Promise<TestCustomer> {
  const { body } = await ask(server, 'POST', '/api/v1/register', { as: {}, body: person() });
  return { code: body.data.code, email: '', as: signedIn(body.data.api_key, body.data.api_secret) };
}

const terminalsOf = (customer: TestCustomer, count: number): Promise<TestTerminal[]> =>
  Promise.all(Array.from({ length: count }, () => newTerminal(server, customer)));

let ids = 0;
const tell = (as: Identity, version: string, state: UpdateEvent['state']) =>
  ask(server, 'POST', '/api/v1/updates/events', {
    as,
    body: { events: [{ event_id: `event-${++ids}`, application: 'erp', version_to: version, state, at: '2026-11-22T10:00:00Z' }] },
  });

const tellAll = async (terminals: readonly TestTerminal[], version: string, state: UpdateEvent['state']): Promise<void> => {
  for (const { as } of terminals) await tell(as, version, state);
};

async function rollout(version: string) {
  const { body } = await ask(server, 'GET', '/api/v1/rollouts?application=erp');
  return body.rollouts.find((found: { version: string }) => found.version === version);
}

describe('outcomes', () => {
  it('of a release count only from terminals that it is let out to', async () => {
    const customer = await newCustomer(server);
    const [inRing, other, pinned] = (await terminalsOf(customer, 3)) as [TestTerminal, TestTerminal, TestTerminal];
    await ask(server, 'PATCH', `/api/v1/terminals/${inRing.id}`, { body: { ring: 'pilot' } });
    await publish('2.0.0', { rollout_share: '0', rollout_rings: 'pilot' });
    const policy = { pinned_version: '2.0.0', allow_downgrade: false, blocked: [] };
    await ask(server, 'PUT', `/api/v1/terminals/${pinned.id}/policies/erp`, { body: policy });
    await tellAll([inRing, other, pinned], '2.0.0', 'failed');
    expect((await rollout('2.0.0')).outcomes).toMatchObject({ attempts: 2, failed: 2 });
  });

  it('of a draft, or of a release that is tested elsewhere, count from nobody', async () => {
    const terminals = await terminalsOf(await newCustomer(server), 2);
    await publish('2.1.0', { state: 'draft' });
    await publish('2.2.0', { state: 'testing', rollout_rings: 'lab' });
    for (const version of ['2.1.0', '2.2.0']) {
      await tellAll(terminals, version, 'rolled_back');
      expect((await rollout(version)).outcomes).toMatchObject({ attempts: 0 });
    }
  });
});

describe('a rollout', () => {
  it('is not halted by one customer who registered, with however many terminals, and is by two', async () => {
    await publish('3.0.0');
    await tellAll(await terminalsOf(await register(), 10), '3.0.0', 'rolled_back');
    expect(await rollout('3.0.0')).toMatchObject({ state: 'running', outcomes: { rolled_back: 10 } });
    await tellAll(await terminalsOf(await register(), 6), '3.0.0', 'rolled_back');
    expect((await rollout('3.0.0')).state).toBe('halted');
  });

  it('is not halted by one among the first attempts of others, which went well', async () => {
    await publish('3.1.0');
    await tellAll(await terminalsOf(await newCustomer(server), 9), '3.1.0', 'completed');
    await tellAll(await terminalsOf(await register(), 5), '3.1.0', 'failed');
    expect((await rollout('3.1.0')).state).toBe('running');
  });

  it('is halted by one customer whom an operator knows', async () => {
    await publish('3.2.0');
    const registered = await register();
    await ask(server, 'PATCH', `/api/v1/customers/${registered.code}`, { body: { service_level: 'professional' } });
    await tellAll(await terminalsOf(registered, 6), '3.2.0', 'rolled_back');
    expect((await rollout('3.2.0')).state).toBe('halted');
  });
});

it('a rollout is halted by a customer who registered where nobody else has terminals', async () => {
  const own = await startTestServer();
  try {
    await publishOk(own.url, { version: '1.0.0', parts: [{ path: 'app.txt', bytes: 'one' }] });
    const { body } = await ask(own, 'POST', '/api/v1/register', { as: {}, body: person() });
    const customer = { code: '', email: '', as: signedIn(body.data.api_key, body.data.api_secret) };
    for (let count = 0; count < 6; count++) {
      const { as } = await newTerminal(own, customer);
      const event = { event_id: 'once', application: 'erp', version_to: '1.0.0', state: 'rolled_back', at: '2026-11-22T10:00:00Z' };
      await ask(own, 'POST', '/api/v1/updates/events', { as, body: { events: [event] } });
    }
    const { body: list } = await ask(own, 'GET', '/api/v1/rollouts?application=erp');
    expect(list.rollouts[0].state).toBe('halted');
  } finally {
    await own.stop();
  }
});
