/** The command as a process against a real server, and against one that somebody tampers with. */
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Ran, runRemendo, temporaryFolders } from '../testing/run-remendo.js';
import { type RunningServer, startServer } from '../testing/run-server.js';
import { baseFiles, targetFiles, writeFiles } from '../testing/sample-releases.js';
import { startTamperingProxy, type Tampering, type TamperingProxy } from '../testing/tampering-proxy.js';

const makeFolder = temporaryFolders();
let server: RunningServer;
let proxy: TamperingProxy | null = null;

beforeAll(async () => {
  const folder = await makeFolder();
  server = await startServer(folder);
  for (const [release, files] of [
    ['1.0.0', baseFiles],
    ['1.1.0', targetFiles],
  ] as const) {
    const path = await writeFiles(join(folder, release), files);
    const args = ['publish', path, '--server', server.url, '--application', 'erp', '--release', release, '--wait'];
    const published = await runRemendo(args, { environment: { REMENDO_TOKEN: server.token } });
    if (published.code !== 0) throw new Error(published.stderr);
  }
});
afterAll(() => server?.stop());
afterEach(async () => {
  await proxy?.close();
  proxy = null;
});

interface Report {
  readonly terminals: number;
  readonly elapsed_ms: number;
  readonly latencies: readonly { readonly kind: string; readonly answers: number }[];
  readonly counts: Readonly<Record<string, number>>;
  readonly failures: readonly { readonly kind: string; readonly status: number | null; readonly code: string }[];
  readonly events: { readonly delivered: number; readonly undelivered: number; readonly logged: Record<string, number> | null };
  readonly lost: number;
}

/** As short as it can be: every terminal checks within the first second. What began then is waited for however long it takes. */
const briefly = [
  '--application',
  'erp',
  '--duration',
  '1s',
  '--check-interval',
  '1s',
  '--versions',
  '1.0.0',
  '--finish-within',
  '10m',
  '--seed',
  '1',
  '--json',
];

/** Nothing listens on the discard port. */
const nowhere = 'http://127.0.0.1:9';

async function simulate(args: readonly string[], url = server.url): Promise<{ readonly ran: Ran; readonly report: Report }> {
  const ran = await runRemendo(['simulate', '--server', url, ...briefly, ...args], {
    // Where nothing answers, there is no log either.
    environment: url === nowhere ? {} : { REMENDO_TOKEN: server.token },
  });
  if (ran.stdout === '') throw new Error(ran.stderr);
  return { ran, report: ran.json() as unknown as Report };
}

async function simulateThrough(tampering: Tampering, args: readonly string[]) {
  proxy = await startTamperingProxy(server.url, tampering);
  return simulate(args, proxy.url);
}

describe('remendo simulate', () => {
  it('loses nothing of a fleet whose downloads are cut and whose connections are destroyed', async () => {
    const rough = ['--drops', '0.4', '--kills', '0.2', '--addresses', 'loopback', '--links', '4m=1,unlimited=1'];
    const { ran, report } = await simulate(['--terminals', '40', ...rough]);
    expect(ran.code, ran.stderr).toBe(0);
    const { counts, events } = report;
    expect(counts).toMatchObject({ updates_completed: 40, updates_failed: 0, updates_unfinished: 0, wrong_objects: 0 });
    for (const caused of ['cut', 'resumed', 'killed'] as const) expect(counts[caused], caused).toBeGreaterThan(0);
    expect(report).toMatchObject({ lost: 0, failures: [] });
    // Two events about what each had, four about its update.
    expect(events).toEqual({ delivered: 240, undelivered: 0, logged: { found: 240, missing: 0, repeated: 0 } });
  });

  it('has only as many fetch the update as it is told, and checks that find nothing new cost no body', async () => {
    const often = ['--duration', '3s', '--check-interval', '100ms'];
    const { ran, report } = await simulate(['--terminals', '10', '--updating', '2', ...often]);
    expect(ran.code, ran.stderr).toBe(0);
    expect(report.counts.updates_completed).toBe(2);
    expect(report.counts.not_modified).toBeGreaterThan(8);
    expect(report.latencies.map(({ kind }) => kind)).toEqual(['check', 'plan', 'object', 'events']);
  });

  it('reads no faster than the link', async () => {
    const { report } = await simulate(['--terminals', '1', '--versions', 'unknown', '--links', '1m']);
    // The zip has 200 kB of noise: 1.6 seconds and a little.
    expect(report.counts.updates_completed).toBe(1);
    expect(report.elapsed_ms).toBeGreaterThan(1_600);
  });

  it('tells of objects that are not what their names say', async () => {
    const spoil: Tampering['spoil'] = ({ path }, body) => {
      const spoilt = Buffer.from(body);
      if (path.startsWith('/api/v1/objects/')) spoilt[0] = (spoilt[0] ?? 0) ^ 1;
      return spoilt;
    };
    const { ran, report } = await simulateThrough({ spoil }, ['--terminals', '3']);
    expect(ran.code).toBe(1);
    expect(report.counts).toMatchObject({ updates_failed: 3, updates_completed: 0, wrong_objects: 3 });
    expect(report.lost).toBe(3);
  });

  it('tells of events that the server said it has and does not', async () => {
    let swallowed = 0;
    const answer: Tampering['answer'] = ({ path, body }) => {
      if (!path.startsWith('/api/v1/updates/events') || swallowed > 0) return null;
      swallowed = (JSON.parse(body.toString()) as { events: unknown[] }).events.length;
      return { status: 200, body: { accepted: swallowed, duplicates: 0, unknown: 0 } };
    };
    const { ran, report } = await simulateThrough({ answer }, ['--terminals', '3']);
    expect(ran.code).toBe(1);
    expect(report.events.logged).toMatchObject({ missing: swallowed, repeated: 0 });
    expect(report.lost).toBe(swallowed);
  });

  it('waits as long as the server asks for, and counts that as no error', async () => {
    const refusedAt: number[] = [];
    const askedAgainAt: number[] = [];
    const answer: Tampering['answer'] = ({ path }) => {
      if (!path.startsWith('/api/v1/updates/check')) return null;
      (refusedAt.length === 0 ? refusedAt : askedAgainAt).push(performance.now());
      if (askedAgainAt.length > 0) return null;
      return { status: 429, headers: { 'retry-after': '2' }, body: { code: 'LIMIT_RATE' } };
    };
    const { ran, report } = await simulateThrough({ answer }, ['--terminals', '1']);
    expect(ran.code, ran.stderr).toBe(0);
    expect(report.counts.limited).toBe(1);
    expect((askedAgainAt[0] ?? 0) - (refusedAt[0] ?? 0)).toBeGreaterThanOrEqual(2_000);
  });

  it('ends with 1 when the server fails, and names the code', async () => {
    let failed = false;
    const answer: Tampering['answer'] = ({ path }) => {
      if (failed || !path.startsWith('/api/v1/updates/plan')) return null;
      failed = true;
      return { status: 500, body: { code: 'SERVER_FAILED' } };
    };
    const { ran, report } = await simulateThrough({ answer }, ['--terminals', '2']);
    expect(ran.code).toBe(1);
    expect(report.failures).toMatchObject([{ kind: 'plan', status: 500, code: 'SERVER_FAILED' }]);
    expect(report).toMatchObject({ lost: 0, counts: { updates_completed: 2 } });
  });

  it('ends in time when nothing answers, and says so', async () => {
    const { ran, report } = await simulate(['--terminals', '3', '--finish-within', '1s'], nowhere);
    expect(ran.code).toBe(1);
    expect(report.failures).toMatchObject([{ kind: 'check', status: null, code: 'ECONNREFUSED' }]);
    expect(report.counts.updates_completed).toBe(0);
  });

  it('ends at once on Ctrl-C', async () => {
    const args = ['simulate', '--server', server.url, ...briefly, '--duration', '60s'];
    const ran = await runRemendo(args, { onOutput: (text, kill) => text.includes(' answers') && kill('SIGINT') });
    expect(ran.code).toBe(130);
  });

  it('prints tables for people', async () => {
    const args = ['simulate', '--server', server.url, ...briefly.filter((arg) => arg !== '--json'), '--terminals', '2'];
    const { stdout, code } = await runRemendo(args);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^2 terminals, \d+ seconds?: \d+ answers, [\d.]+ a second \(seed 1\)$/m);
    expect(stdout).toMatch(/^check +2 /m);
    expect(stdout).toMatch(/^updates +2: 2 completed, 0 failed, 0 unfinished$/m);
    expect(stdout).toMatch(/^nothing was lost$/m);
  });

  it('refuses addresses of this machine for a server elsewhere', async () => {
    const ran = await runRemendo(['simulate', '--server', 'https://updates.example.com', '--addresses', 'loopback']);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain('--addresses loopback needs a server on this machine');
  });
});
