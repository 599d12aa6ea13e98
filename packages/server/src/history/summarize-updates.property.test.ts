/** The summary against a model of a few lines, with events of any kind in any order. */
import type { MetricsSummary } from '@remendo/core/protocol';
import { seededRandom } from '@remendo/core/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Db } from '../database/open-database.js';
import { openTestDatabase, type TestDatabase, testDatabases } from '../testing/test-database.js';
import { summarizeUpdates } from './summarize-updates.js';

const runSeed = Number(process.env.REMENDO_TEST_SEED ?? Date.now() % 1_000_000);
const states = ['started', 'downloading', 'completed', 'failed', 'rolled_back'] as const;
const dayStart = Date.parse('2026-11-20T00:00:00Z');

interface Told {
  readonly terminal_key: string;
  readonly update_id: string | null;
  readonly version_from: string | null;
  readonly version_to: string;
  readonly branch: string | null;
  readonly state: (typeof states)[number];
  readonly at: number;
  readonly started_at: number | null;
  readonly finished_at: number | null;
  readonly downloaded_bytes: number | null;
  readonly error_code: string | null;
}

function randomEvents(random: () => number): readonly Told[] {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  const minute = (max: number) => dayStart + Math.floor(random() * max) * 60_000;
  return Array.from({ length: 1 + Math.floor(random() * 60) }, () => ({
    terminal_key: pick(['a', 'b', 'c']),
    update_id: pick(['1', '2', '3', null]),
    version_from: pick(['1.0.0', null]),
    version_to: pick(['1.1.0', '1.2.0']),
    branch: pick(['Roma', 'Bari', null]),
    state: pick(states),
    at: minute(1_000),
    started_at: pick([null, dayStart + 60_000, dayStart + 120_000]),
    finished_at: pick([null, minute(1_000)]),
    downloaded_bytes: pick([null, Math.floor(random() * 1_000)]),
    error_code: pick([null, 'A', 'B']),
  }));
}

/** Each update as its events in the order in which they happened; of one moment, as they were stored. */
function updatesOf(events: readonly Told[]): readonly (readonly Told[])[] {
  const nameOf = ({ terminal_key, update_id, version_from, version_to, started_at }: Told) =>
    JSON.stringify([terminal_key, update_id ?? [version_from, version_to, started_at]]);
  const groups = new Map<string, Told[]>();
  for (const event of events) groups.set(nameOf(event), [...(groups.get(nameOf(event)) ?? []), event]);
  return [...groups.values()].map((group) => group.toSorted((x, y) => x.at - y.at));
}

/** Linear between neighbours, as the database's percentile_cont. */
function percentile(sorted: readonly number[], share: number): number {
  const place = (sorted.length - 1) * share;
  const [low = 0, high = 0] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  return low + (high - low) * (place - Math.floor(place));
}

function model(events: readonly Told[], until: number | null) {
  const updates = updatesOf(events).filter((update) => until === null || (update.at(-1)?.at ?? 0) < until);
  const last = updates.map((update) => update.at(-1) as Told);
  const count = (state: string) => last.filter((event) => event.state === state).length;
  const seconds = updates
    .filter((update) => update.at(-1)?.state === 'completed')
    .map((update) => {
      const begin = Math.min(...update.map(({ started_at, at }) => started_at ?? at));
      const end = update.at(-1)?.finished_at ?? update.at(-1)?.at ?? 0;
      return Math.max(0, end - begin) / 1_000;
    })
    .sort((x, y) => x - y);
  const ended = count('completed') + count('failed') + count('rolled_back');
  const about = (value: number) => expect.closeTo(value, 2);
  return {
    updates: updates.length,
    completed: count('completed'),
    failed: count('failed'),
    rolled_back: count('rolled_back'),
    success_rate: ended === 0 ? null : about(count('completed') / ended),
    failure_rate: ended === 0 ? null : about(1 - count('completed') / ended),
    mean_seconds: seconds.length === 0 ? null : about(seconds.reduce((sum, value) => sum + value, 0) / seconds.length),
    p50_seconds: seconds.length === 0 ? null : about(percentile(seconds, 0.5)),
    p95_seconds: seconds.length === 0 ? null : about(percentile(seconds, 0.95)),
    downloaded_bytes: updates.reduce((sum, update) => sum + Math.max(0, ...update.map((event) => event.downloaded_bytes ?? 0)), 0),
    errors: errorsOf(last),
  };
}

function errorsOf(last: readonly Told[]): MetricsSummary['errors'] {
  const failed = last.filter(({ state, error_code }) => (state === 'failed' || state === 'rolled_back') && error_code !== null);
  const codes = [...new Set(failed.map(({ error_code }) => error_code as string))];
  return codes
    .map((error_code) => ({ error_code, count: failed.filter((event) => event.error_code === error_code).length }))
    .sort((x, y) => y.count - x.count || (x.error_code < y.error_code ? -1 : 1));
}

describe.each(testDatabases)('the summary on a database that is %s', (kind) => {
  let test: TestDatabase;
  let db: Db;
  let applicationId: number;

  beforeAll(async () => {
    test = await openTestDatabase(kind);
    db = test.database.db;
    const application = db
      .insertInto('application')
      .values({ slug: 'erp', name: 'ERP', version_form: 'semver', created_at: new Date() });
    applicationId = (await application.returning('id').executeTakeFirstOrThrow()).id;
  });

  afterAll(() => test?.remove());

  it('is what a model of it says', async () => {
    for (let run = 0; run < 40; run++) {
      const random = seededRandom(runSeed + run);
      const events = randomEvents(random);
      await db.deleteFrom('update_log').execute();
      const date = (ms: number | null) => (ms === null ? null : new Date(ms));
      const rows = events.map((event, index) => ({
        ...event,
        event_id: `${index}`,
        application_id: applicationId,
        platform: 'any',
        percent: 0,
        log_output: '',
        at: new Date(event.at),
        started_at: date(event.started_at),
        finished_at: date(event.finished_at),
      }));
      await db.insertInto('update_log').values(rows).execute();
      const until = random() < 0.5 ? null : dayStart + Math.floor(random() * 1_000) * 60_000;
      const filter = { applicationId, since: new Date(dayStart), activeSince: new Date(dayStart) };
      const scope = { customerId: null, terminalKey: null };
      const summary = await summarizeUpdates(db, scope, {
        ...filter,
        ...(until === null ? {} : { until: new Date(until) }),
      });
      expect(summary, `REMENDO_TEST_SEED=${runSeed + run}`).toMatchObject(model(events, until));
      for (const groups of [summary.by_version, summary.by_branch]) {
        expect(groups.reduce((sum, { updates }) => sum + updates, 0)).toBe(summary.updates);
      }
    }
  });
});
