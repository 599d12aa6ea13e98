/** The server's side is a double that counts by id; agent.e2e.test.ts has the real one. */
import { type HttpClient, UpdaterError } from '@remendo/core';
import type { UpdateEvents } from '@remendo/core/protocol';
import { expect, it } from 'vitest';
import { temporaryFolders } from '../testing/run-remendo.js';
import { deliverEvents } from './deliver-events.js';
import { type NewUpdateEvent, openEventQueue } from './event-queue.js';

const makeFolder = temporaryFolders();

type Client = Pick<HttpClient, 'json'>;

/** Takes what it does not know yet, of the application that it has. */
function countingServer() {
  const stored = new Map<string, UpdateEvents['events'][number]>();
  const client: Client = {
    async json(_path, { body, validate }) {
      const { events } = body as UpdateEvents;
      const known = events.filter(({ application }) => application === 'erp');
      const isNew = known.filter(({ event_id }) => !stored.has(event_id));
      for (const event of isNew) stored.set(event.event_id, event);
      return validate({ accepted: isNew.length, duplicates: known.length - isNew.length, unknown: events.length - known.length });
    },
  };
  return { client, stored };
}

async function terminal() {
  const home = await makeFolder();
  const clock = { nowMs: Date.now() };
  const refused: string[] = [];
  const now = () => clock.nowMs;
  const queue = openEventQueue({ home, now });
  const deliver = (through: Client) =>
    deliverEvents({
      queue,
      http: through,
      home,
      now,
      fraction: () => 0.5,
      headers: { 'x-terminal-id': home },
      onRefused: (_event, reason) => refused.push(reason),
    });
  return { clock, queue, deliver, refused };
}

const event = (fields: Partial<NewUpdateEvent> = {}): NewUpdateEvent => ({
  application: 'erp',
  state: 'downloading',
  version_to: '1.0.0',
  ...fields,
});

const refusal = new UpdaterError('REQUEST_INVALID', 'body/events/17 is wrong', {
  details: { status: 400, serverCode: 'REQUEST_INVALID' },
});

it('tells everything once, in order, whatever the way back loses', async () => {
  const { queue, deliver } = await terminal();
  const { client, stored } = countingServer();
  for (let percent = 0; percent < 90; percent++) queue.put(event({ percent }));
  const losing: Client = {
    async json(path, request) {
      await client.json(path, request);
      throw new UpdaterError('DOWNLOAD_FAILED', 'the answer was lost');
    },
  };
  expect(await deliver(losing)).toMatchObject({ delivered: 0, waiting: 90, failure: 'the answer was lost' });
  for (let percent = 90; percent < 130; percent++) queue.put(event({ percent: percent - 90 }));
  expect(await deliver(client)).toEqual({ delivered: 130, unknown: 0, refused: 0, waiting: 0, failure: null });
  const ids = [...stored.keys()];
  expect(ids).toHaveLength(130);
  expect(ids).toEqual([...ids].sort());
});

it('events of applications that this server does not have are told, and let go', async () => {
  const { queue, deliver } = await terminal();
  queue.put(event({ application: 'elsewhere' }));
  expect(await deliver(countingServer().client)).toEqual({ delivered: 1, unknown: 1, refused: 0, waiting: 0, failure: null });
});

it('an event that the server never takes is set aside, and all others arrive', async () => {
  const { queue, deliver, refused } = await terminal();
  for (let percent = 0; percent < 30; percent++) queue.put(event({ percent }));
  const bodies: number[] = [];
  const picky: Client = {
    async json(_path, { body, validate }) {
      const { events } = body as { events: readonly { percent: number }[] };
      bodies.push(events.length);
      if (events.some(({ percent }) => percent === 17)) throw refusal;
      return validate({ accepted: events.length, duplicates: 0, unknown: 0 });
    },
  };
  expect(await deliver(picky)).toEqual({ delivered: 29, unknown: 0, refused: 1, waiting: 0, failure: null });
  expect(refused).toEqual(['body/events/17 is wrong']);
  expect(bodies.length).toBeLessThan(12);
});

it('one that is alone is set aside where the server says why by its code', async () => {
  const { queue, deliver } = await terminal();
  queue.put(event());
  expect(await deliver({ json: () => Promise.reject(refusal) })).toMatchObject({ refused: 1, waiting: 0, failure: null });
});

it('what answers in the place of the server takes no event away from it, and is left alone for an hour', async () => {
  const { clock, queue, deliver, refused } = await terminal();
  for (let percent = 0; percent < 30; percent++) queue.put(event({ percent }));
  let asked = 0;
  const portal = (error: UpdaterError): Client => ({
    json() {
      asked += 1;
      return Promise.reject(error);
    },
  });
  const details = { status: 400 };
  expect(await deliver(portal(new UpdaterError('DOWNLOAD_REFUSED', 'sign in first', { details })))).toMatchObject({
    ...{ waiting: 30, refused: 0, failure: 'sign in first' },
  });
  const askedOnce = asked;
  clock.nowMs += 1_800_000;
  await deliver(portal(new UpdaterError('DOWNLOAD_REFUSED', 'sign in first', { details })));
  expect(asked).toBe(askedOnce);
  clock.nowMs += 3 * 3_600_000;
  // A page that is longer than any answer of the server's.
  expect(await deliver(portal(new UpdaterError('LIMIT_EXCEEDED', 'too long')))).toMatchObject({ waiting: 30, refused: 0 });
  expect(refused).toEqual([]);
  expect(await deliver(countingServer().client)).toMatchObject({ delivered: 30, waiting: 0 });
});

it('a month of failures with their logs goes in requests that a thin line takes', async () => {
  const { queue, deliver } = await terminal();
  for (let day = 0; day < 30; day++) queue.put(event({ state: 'failed', log_output: '"'.repeat(15_000) }));
  const bytes: number[] = [];
  const { client, stored } = countingServer();
  const counting: Client = {
    json(path, request) {
      bytes.push(JSON.stringify(request.body).length);
      return client.json(path, request);
    },
  };
  expect(await deliver(counting)).toMatchObject({ delivered: 30, waiting: 0 });
  expect(stored.size).toBe(30);
  expect(Math.max(...bytes)).toBeLessThan(70_000);
});

it('waits as long as the server asks, whichever program comes next, and not for ever when the clock is set', async () => {
  const { clock, queue, deliver } = await terminal();
  queue.put(event());
  let asked = 0;
  const busy: Client = {
    json() {
      asked += 1;
      return Promise.reject(new UpdaterError('LIMIT_RATE', 'too many', { details: { status: 429, retryAfterMs: 600_000 } }));
    },
  };
  expect((await deliver(busy)).failure).toBe('too many');
  clock.nowMs += 629_000;
  expect((await deliver(busy)).failure).toBe('the server asked to wait');
  expect(asked).toBe(1);
  clock.nowMs += 2_000;
  await deliver(busy);
  expect(asked).toBe(2);
  clock.nowMs -= 30 * 86_400_000;
  await deliver(busy);
  expect(asked).toBe(3);
});

it('credentials that are refused, and a server that is away, leave everything where it is', async () => {
  const { queue, deliver } = await terminal();
  queue.put(event());
  for (const code of ['AUTH_REQUIRED', 'DOWNLOAD_FAILED', 'SERVER_FAILED'] as const)
    expect(await deliver({ json: () => Promise.reject(new UpdaterError(code, code)) })).toMatchObject({ waiting: 1, refused: 0 });
});
