/** Metrics as Prometheus and CloudWatch get them, and the names in documents and alarms against those in the code. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { admin, ask, newCustomer, newOperator, newTerminal, nobody } from '../testing/test-accounts.js';
import { deltasSettled, publishOk, startTestServer, type TestServer } from '../testing/test-server.js';
import { embeddedNamespace, embeddedUnits, embeddedValues, writeEmbedded } from './embedded-metrics.js';
import type { FleetCounts } from './fleet-gauges.js';
import { Metrics } from './metrics.js';

const repositoryFile = (path: string): string => readFileSync(new URL(`../../../../${path}`, import.meta.url), 'utf8');
const guide = repositoryFile('docs/operating/monitoring.md');

const emptyFleet: FleetCounts = { terminals: [], silentTerminals: 0, backups: [], rollouts: [], deltas: [], deliveries: [] };
const newMetrics = (): Metrics =>
  new Metrics(
    async () => emptyFleet,
    async () => {},
  );

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The text format, version 0.0.4; throws for a line that is not of it. */
function parse(text: string): readonly Sample[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => {
    const [, name = '', labels = '', value = ''] = /^([a-z_:][a-z0-9_:]*)(?:\{(.*)\})? (\S+)$/i.exec(line) ?? [];
    if (name === '') throw new Error(`no sample: ${line}`);
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label = '', text = '']) => [label, text]);
    return { name, labels: Object.fromEntries(pairs), value: value === 'Nan' ? Number.NaN : Number(value) };
  });
}

describe('a server that is watched by Prometheus', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await startTestServer();
  });

  afterAll(() => server?.stop());

  const read = async (): Promise<readonly Sample[]> => {
    const answer = await server.get('/metrics', { ...admin });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
    return parse(await answer.text());
  };
  const sampleOf = (samples: readonly Sample[], name: string, labels: Record<string, string> = {}): number | undefined =>
    samples.find((sample) => sample.name === name && Object.entries(labels).every(([label, text]) => sample.labels[label] === text))
      ?.value;

  it('counts what terminals ask, are sent and tell', async () => {
    await publishOk(server.url, { version: '1.0.0', parts: [{ path: 'app.txt', bytes: 'one' }] });
    const { release } = await publishOk(server.url, {
      version: '1.1.0',
      parts: [{ path: 'app.txt', bytes: 'two '.repeat(50_000), stored: true }],
    });
    await deltasSettled(server.url, '1.1.0');
    // Counted when its folder is gone, which is after all have it.
    const isBuilt = async (): Promise<boolean> => /^remendo_delta_build_seconds_count/m.test(await server.ports.metrics.text());
    await expect.poll(isBuilt, { timeout: 60_000 }).toBe(true);
    const terminal = await newTerminal(server, await newCustomer(server));
    for (const version of ['1.0.0', '1.1.0'])
      await ask(server, 'GET', `/api/v1/updates/check?version=${version}`, { as: terminal.as });
    expect((await server.get('/api/v1/updates/plan?base=1.0.0')).status).toBe(200);
    await (await server.get(`/api/v1/objects/${release.zip.digest}`)).arrayBuffer();
    const at = new Date().toISOString();
    const events = ['started', 'completed'].map((state) => ({
      event_id: state,
      application: 'erp',
      version_to: '1.1.0',
      state,
      at,
    }));
    await ask(server, 'POST', '/api/v1/updates/events', { as: terminal.as, body: { events } });
    await server.get('/api/v1/nowhere/a%20secret');
    const samples = await read();
    expect(sampleOf(samples, 'remendo_checks_total', { outcome: 'offered' })).toBe(1);
    expect(sampleOf(samples, 'remendo_checks_total', { outcome: 'up_to_date' })).toBe(1);
    expect(sampleOf(samples, 'remendo_http_request_seconds_count', { route: '/api/v1/updates/check', status: '200' })).toBe(2);
    expect(sampleOf(samples, 'remendo_http_request_seconds_count', { route: '/api/v1/objects/:digest' })).toBe(1);
    expect(sampleOf(samples, 'remendo_http_request_seconds_count', { route: 'unknown', status: '404' })).toBe(1);
    expect(sampleOf(samples, 'remendo_object_bytes_total')).toBeGreaterThan(release.zip.bytes);
    expect(sampleOf(samples, 'remendo_object_bytes_total')).toBeLessThan(release.zip.bytes + 2_000);
    expect(sampleOf(samples, 'remendo_update_events_total', { state: 'completed' })).toBe(1);
    expect(sampleOf(samples, 'remendo_plans_composed_total')).toBeGreaterThan(0);
    expect(sampleOf(samples, 'remendo_delta_build_seconds_count', { result: 'ready' })).toBe(1);
    expect(sampleOf(samples, 'remendo_deltas', { state: 'ready' })).toBe(1);
    expect(sampleOf(samples, 'remendo_rollouts', { state: 'running' })).toBe(2);
    expect(sampleOf(samples, 'remendo_ready', { part: 'database' })).toBe(1);
    expect(sampleOf(samples, 'remendo_ready', { part: 'storage' })).toBe(1);
    expect(sampleOf(samples, 'nodejs_eventloop_lag_p99_seconds')).toBeDefined();
    expect(samples.flatMap(({ labels }) => Object.values(labels)).filter((text) => text.includes('secret'))).toEqual([]);
  });

  it('shows them to whoever may see them', async () => {
    const viewer = await newOperator(server, 'vera', 'viewer');
    expect((await server.get('/metrics', { ...viewer })).status).toBe(200);
    expect((await server.get('/metrics')).status).toBe(401);
    const customer = await newCustomer(server);
    expect((await server.get('/metrics', { ...customer.as })).status).toBe(403);
  });

  it.each([
    ['open', 200],
    ['off', 404],
  ])('answers strangers as it is told: %s', async (access, status) => {
    const other = await startTestServer(['--metrics-access', access]);
    try {
      expect((await other.get('/metrics', { ...nobody })).status).toBe(status);
    } finally {
      await other.stop();
    }
  });
});

describe('metrics', () => {
  it('are told without the fleet while the database is away', async () => {
    const metrics = new Metrics(
      () => Promise.reject(new Error('away')),
      () => Promise.reject(new Error('away')),
    );
    const samples = parse(await metrics.text());
    expect(samples.filter(({ name }) => name === 'remendo_ready').map(({ value }) => value)).toEqual([0, 0]);
    expect(samples.filter(({ name }) => name === 'remendo_silent_terminals')).toEqual([]);
  });

  it('forget what is not in the fleet any more', async () => {
    let fleet: FleetCounts = { ...emptyFleet, silentTerminals: 3, backups: [{ state: 'failing', count: 2 }] };
    const metrics = new Metrics(
      async () => fleet,
      async () => {},
    );
    expect(await metrics.text()).toContain('remendo_backups{state="failing"} 2');
    fleet = emptyFleet;
    const text = await metrics.text();
    expect(text).not.toContain('remendo_backups{');
    expect(text).toContain('remendo_silent_terminals 0');
  });

  it('cost a request next to nothing', () => {
    const metrics = newMetrics();
    const request = { method: 'GET', route: '/api/v1/updates/check', status: 200, seconds: 0.001 };
    const count = 100_000;
    for (let warm = 0; warm < 1_000; warm++) metrics.requestAnswered(request);
    const before = process.cpuUsage();
    for (let index = 0; index < count; index++) {
      metrics.requestAnswered(request);
      metrics.checkAnswered('up_to_date');
    }
    // Of this process alone, whatever else the machine does: some 2 µs each.
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / count).toBeLessThan(50);
  });
});

describe('what is written for CloudWatch', () => {
  it('is a record of the Embedded Metric Format with what happened since the last one', async () => {
    const metrics = newMetrics();
    for (const state of ['completed', 'completed', 'failed', 'rolled_back', 'started'] as const) metrics.eventStored(state);
    for (let index = 1; index <= 100; index++) {
      metrics.requestAnswered({ method: 'GET', route: '/api/v1/updates/check', status: 200, seconds: index / 1_000 });
    }
    metrics.requestAnswered({ method: 'GET', route: '/api/v1/updates/plan', status: 503, seconds: 1 });
    const fleet: FleetCounts = {
      ...emptyFleet,
      silentTerminals: 4,
      backups: [
        { state: 'ok', count: 9 },
        { state: 'failing', count: 2 },
        { state: 'silent', count: 1 },
      ],
      deltas: [
        { state: 'wanted', count: 7 },
        { state: 'ready', count: 70 },
      ],
      rollouts: [{ state: 'halted', count: 1 }],
    };
    const lines: string[] = [];
    const printed = vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
    try {
      const ports = { metrics, readFleet: async () => fleet, log: {} as never };
      await writeEmbedded(ports);
      await writeEmbedded(ports);
    } finally {
      printed.mockRestore();
    }
    const [first, second] = lines.map((line) => JSON.parse(line));
    expect(lines).toHaveLength(2);
    expect(first).toMatchObject({
      Service: 'remendo-server',
      UpdatesCompleted: 2,
      UpdatesFailed: 1,
      UpdatesRolledBack: 1,
      UpdateFailureRate: 50,
      SilentTerminals: 4,
      FailingBackups: 3,
      DeltasWanted: 7,
      HaltedRollouts: 1,
      Checks: 100,
      FailedRequests: 1,
    });
    expect(first.CheckP99).toBeCloseTo(99, 0);
    expect(second).toMatchObject({ UpdatesCompleted: 0, FailedRequests: 0, Checks: 0 });
    expect(second).not.toHaveProperty('CheckP99');
    const [{ Namespace, Dimensions, Metrics: defined }] = first._aws.CloudWatchMetrics;
    expect([Namespace, Dimensions]).toEqual([embeddedNamespace, [['Service']]]);
    const units = Object.fromEntries(defined.map(({ Name, Unit }: { Name: string; Unit: string }) => [Name, Unit]));
    expect(units).toEqual(embeddedUnits);
  });
});

describe('names in documents and alarms', () => {
  const plain = (name: string): string => name.replace(/_(?:bucket|count|sum)$/, '');
  const ownNames = (text: string): ReadonlySet<string> =>
    new Set([...text.matchAll(/\bremendo_[a-z_]+/g)].map(([name]) => plain(name)));
  const fullFleet: FleetCounts = { ...emptyFleet, terminals: [{ application: 'erp', version: '1', count: 1 }] };
  const known = async (): Promise<ReadonlySet<string>> =>
    ownNames(
      await new Metrics(
        async () => fullFleet,
        async () => {},
      ).text(),
    );

  it('the guide has every metric of Prometheus, and no other', async () => {
    expect([...ownNames(guide)].toSorted()).toEqual([...(await known())].toSorted());
  });

  it('the rules of Prometheus ask for metrics that there are, and each alarm is in the guide', async () => {
    const rules = repositoryFile('deploy/prometheus-rules.yml');
    const names = await known();
    expect([...ownNames(rules)].filter((name) => !names.has(name))).toEqual([]);
    const alarms = [...rules.matchAll(/- alert: (\w+)/g)].map(([, alarm]) => `\`${alarm}\``);
    expect(alarms.length).toBeGreaterThan(5);
    expect(alarms.filter((alarm) => !guide.includes(alarm))).toEqual([]);
  });

  it('the alarms of CloudWatch ask for metrics that there are, and both are in the guide', () => {
    const text = repositoryFile('deploy/cloudwatch-alarms.json');
    const { Resources } = JSON.parse(text) as { Resources: Record<string, unknown> };
    const asked = new Set([...text.matchAll(/"MetricName": "(\w+)"/g)].map(([, name = '']) => name));
    expect([...asked].filter((name) => !(name in embeddedUnits))).toEqual([]);
    expect([...new Set([...text.matchAll(/"Namespace": "(\w+)"/g)].map(([, name]) => name))]).toEqual([embeddedNamespace]);
    for (const name of [...Object.keys(Resources), ...Object.keys(embeddedUnits)]) expect(guide, name).toContain(`\`${name}\``);
    expect(Object.keys(embeddedValues(newMetrics().takeInterval(), emptyFleet)).every((name) => name in embeddedUnits)).toBe(true);
  });
});
