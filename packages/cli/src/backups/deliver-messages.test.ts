/** The way of messages from the disk to those who are to be told. */
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { BackupMonitorOptions } from './backup-monitor.js';
import { hourMs, jobIn, minuteMs, newWorld, type World, zipOf } from './backups.test.support.js';
import { readRecords, recordsPath } from './records.js';
import { runDueBackupJobs } from './run-due-jobs.js';
import { startGoogle, startHttpDouble, startMailServer } from './senders/senders.test.support.js';

const waiting = async ({ home }: World): Promise<Record<string, number>> =>
  Object.fromEntries((await readRecords(home)).queues.map(({ target, messages }) => [target, messages.length]));

interface Report {
  readonly report_id: string;
  readonly job: string;
  readonly state: string;
}

/** A server for reports that does what it is told. */
async function startReports() {
  const reports = new Map<string, Report>();
  const batches: number[] = [];
  const so = { status: 200, refuses: '', losesAnswer: false, takes: 100 };
  const { url } = await startHttpDouble(({ body }, response) => {
    const given = (JSON.parse(body) as { reports: Report[] }).reports;
    batches.push(given.length);
    if (given.length > so.takes) return void response.writeHead(413).end('too large');
    const isRefused = given.some(({ job }) => job === so.refuses);
    if (so.status === 200 && !isRefused) for (const one of given) reports.set(one.report_id, one);
    if (so.losesAnswer) return void response.destroy();
    const status = isRefused ? 400 : so.status;
    const code = status === 400 ? 'REQUEST_INVALID' : 'SERVER_FAILED';
    const problem = { type: 'about:blank', title: 'no', status, code, request_id: 'x' };
    const answer = status === 200 ? { accepted: given.length, duplicates: 0 } : problem;
    response
      .writeHead(status, { 'content-type': status === 200 ? 'application/json' : 'application/problem+json' })
      .end(JSON.stringify(answer));
  });
  const server: BackupMonitorOptions['server'] = { url, credentials: { authorization: 'Bearer x' }, allowInsecure: false };
  return { reports, batches, so, server };
}

describe('messages', () => {
  it('go to each target by itself: one that is broken holds up no other, and gets its own later', async () => {
    const world = await newWorld();
    const [google, hook] = [await startGoogle(), await startHttpDouble((_, response) => response.end())];
    const mail = await startMailServer('');
    mail.isAway = true;
    await writeFile(join(world.home, 'key'), google.key, { mode: 0o600 });
    await writeFile(join(world.home, 'hook'), 'secret', { mode: 0o600 });
    const targets = [
      {
        name: 'owner',
        kind: 'mail' as const,
        url: `smtp://127.0.0.1:${mail.port}`,
        from: 'erp@example.org',
        to: ['ana@example.com'],
      },
      { name: 'hook', kind: 'webhook' as const, url: hook.url, secretFile: 'hook' },
      {
        name: 'sheet',
        kind: 'sheet' as const,
        secretFile: 'key',
        spreadsheetId: 'x',
        rootUrl: `${google.url}/`,
        tokenUrl: `${google.url}/token`,
      },
    ];
    const options = world.options({ jobs: [jobIn(world)], targets });
    const { undelivered } = await runDueBackupJobs(options);
    expect(undelivered).toMatchObject([{ target: 'owner', count: 1, error: { code: 'NOTIFICATION_FAILED' } }]);
    expect([hook.received.length, google.rows.length]).toEqual([1, 2]);
    // Another program, when the mail server is there again.
    const { mails } = mail;
    mail.isAway = false;
    world.clock.advance(minuteMs);
    expect((await runDueBackupJobs(options)).undelivered).toEqual([]);
    expect(mails.map(({ subject }) => subject)).toEqual(['Backup database (till-1): there is no backup']);
    expect(hook.received.length).toBe(1);
    // Well again, which is told once.
    await world.put('db.zip', zipOf(10));
    for (let n = 0; n < 3; n += 1) {
      world.clock.advance(2 * hourMs);
      await runDueBackupJobs(options);
    }
    expect(mails.slice(1).map(({ subject }) => subject)).toEqual(['Backup database (till-1): all is well again']);
    expect([hook.received.length, google.rows.map((row) => row[4])]).toEqual([2, ['state', 'empty', 'ok', 'ok', 'ok']]);
  });

  it('wait for the server while it is away, and arrive in order, once, when it is back', async () => {
    const world = await newWorld();
    const { reports, batches, so, server } = await startReports();
    const options = world.options({ jobs: [jobIn(world, { checkSeconds: 60 })] }, { server });
    so.losesAnswer = true;
    await runDueBackupJobs(options);
    await world.put('db.zip', zipOf(10));
    for (let n = 0; n < 10; n += 1) {
      world.clock.advance(hourMs);
      await runDueBackupJobs(options);
    }
    expect(await waiting(world)).toEqual({ server: 11 });
    so.losesAnswer = false;
    world.clock.advance(2 * hourMs);
    await runDueBackupJobs(options);
    expect(await waiting(world)).toEqual({ server: 0 });
    expect([...reports.values()].map(({ state }) => state)).toEqual(['empty', ...Array(11).fill('ok')]);
    expect(batches.at(-1)).toBe(12);
  });

  it('are tried again later each time, and at once when the clock was set back', async () => {
    const world = await newWorld();
    const { batches, so, server } = await startReports();
    so.status = 503;
    const options = world.options({ jobs: [jobIn(world, { checkSeconds: 86_400 })] }, { server });
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 8; attempt += 1) {
      const { undelivered } = await runDueBackupJobs(options);
      const waitMs = (undelivered[0]?.nextMs ?? 0) - world.clock.now();
      waits.push(Math.round(waitMs / 1_000));
      world.clock.advance(waitMs);
    }
    expect(waits).toEqual([10, 40, 160, 640, 2_560, 3_600, 3_600, 3_600]);
    world.clock.advance(-1_000 * hourMs);
    const before = batches.length;
    await runDueBackupJobs(options);
    expect(batches.length).toBeGreaterThan(before);
  });

  it('of which one is refused arrive all the same: that one is dropped, and the log says so', async () => {
    const world = await newWorld();
    const { reports, so, server } = await startReports();
    so.refuses = 'b';
    const jobs = ['a', 'b', 'c'].map((name) => jobIn(world, { name }));
    so.status = 503;
    await runDueBackupJobs(world.options({ jobs }, { server }));
    so.status = 200;
    world.clock.advance(10 * minuteMs);
    await runDueBackupJobs(world.options({ jobs }, { server }));
    expect([...reports.values()].map(({ job }) => job)).toEqual(['a', 'c']);
    expect(await waiting(world)).toEqual({ server: 0 });
    expect(world.logged.filter(([event]) => event === 'backup_message_dropped')).toMatchObject([[expect.anything(), { job: 'b' }]]);
  });

  it('that a program was killed at are looked for in the sheet before they are appended again', async () => {
    const world = await newWorld();
    const google = await startGoogle();
    await writeFile(join(world.home, 'key'), google.key, { mode: 0o600 });
    const addresses = { rootUrl: `${google.url}/`, tokenUrl: `${google.url}/token` };
    const targets = [{ name: 'sheet', kind: 'sheet' as const, secretFile: 'key', spreadsheetId: 'x', ...addresses }];
    const options = world.options({ jobs: [jobIn(world)], targets });
    // What is on the disk while the row is being appended is all that is left after a power cut.
    google.onAppended = () => copyFile(recordsPath(world.home), `${world.home}/cut`);
    await runDueBackupJobs(options);
    await copyFile(`${world.home}/cut`, recordsPath(world.home));
    expect(await waiting(world)).toEqual({ sheet: 1 });
    await runDueBackupJobs(options);
    expect([await waiting(world), google.rows.length]).toEqual([{ sheet: 0 }, 2]);
  });

  it('for a target that is not configured any more wait for it without keeping anybody awake, for 30 days', async () => {
    const world = await newWorld();
    const targets = [{ name: 'gone', kind: 'mail' as const, url: 'smtp://127.0.0.1:1', from: 'a@b.example', to: ['c@d.example'] }];
    const jobs = [jobIn(world)];
    await runDueBackupJobs(world.options({ jobs, targets }));
    const { nextMs } = await runDueBackupJobs(world.options({ jobs }));
    expect([await waiting(world), nextMs - world.clock.now()]).toEqual([{ gone: 1 }, hourMs]);
    world.clock.advance(31 * 24 * hourMs);
    await runDueBackupJobs(world.options({ jobs }));
    expect(await waiting(world)).toEqual({ gone: 0 });
  });

  it('from a clock that was years behind are not dropped for old when it is put right', async () => {
    const world = await newWorld();
    const { reports, so, server } = await startReports();
    const options = world.options({ jobs: [jobIn(world)] }, { server });
    const years = 11 * 365 * 24 * hourMs;
    so.status = 503;
    world.clock.advance(-years);
    await runDueBackupJobs(options);
    so.status = 200;
    world.clock.advance(years);
    await runDueBackupJobs(options);
    expect([...reports.values()].map(({ state }) => state)).toEqual(['empty', 'empty']);
  });

  it('that nobody takes are dropped after 30 days of attempts, and the log says so', async () => {
    const world = await newWorld();
    const { so, server } = await startReports();
    const options = world.options({ jobs: [jobIn(world, { checkSeconds: 31_536_000 })] }, { server });
    so.status = 503;
    await runDueBackupJobs(options);
    const { queues, ...rest } = await readRecords(world.home);
    const tried = queues.map((queue) => ({ ...queue, failures: 100 }));
    await writeFile(recordsPath(world.home), JSON.stringify({ ...rest, queues: tried }));
    await runDueBackupJobs(options);
    expect(await waiting(world)).toEqual({ server: 1 });
    world.clock.advance(hourMs);
    world.clock.advance(30 * 24 * hourMs);
    await runDueBackupJobs(options);
    expect([await waiting(world), world.logged.at(-1)?.[0]]).toEqual([{ server: 0 }, 'backup_message_dropped']);
  });

  it('that are too large together are sent one by one', async () => {
    const world = await newWorld();
    const { reports, batches, so, server } = await startReports();
    const options = world.options({ jobs: [jobIn(world, { checkSeconds: 60 })] }, { server });
    so.status = 503;
    for (let n = 0; n < 3; n += 1) {
      await runDueBackupJobs(options);
      world.clock.advance(2 * minuteMs);
    }
    Object.assign(so, { status: 200, takes: 1 });
    world.clock.advance(hourMs);
    await runDueBackupJobs(options);
    expect([reports.size, await waiting(world), batches.slice(-5)]).toEqual([4, { server: 0 }, [4, 1, 1, 1, 1]]);
  });

  it('go to each of several recipients once, whoever of them can take none now or never', async () => {
    const world = await newWorld();
    const mail = await startMailServer('');
    const to = ['ana@example.com', 'bob@example.com', 'nobody@example.com'];
    const owner = { name: 'owner', kind: 'mail' as const, url: `smtp://127.0.0.1:${mail.port}`, from: 'ERP <erp@example.org>', to };
    const options = world.options({ jobs: [jobIn(world, { tell: ['owner'] })], targets: [owner] });
    mail.full = 'bob@example.com';
    const { undelivered } = await runDueBackupJobs(options);
    expect(undelivered).toMatchObject([{ target: 'owner (bob@example.com)', count: 1, error: { code: 'NOTIFICATION_FAILED' } }]);
    await world.put('db.zip', zipOf(10));
    world.clock.advance(hourMs);
    mail.full = '';
    expect((await runDueBackupJobs(options)).undelivered).toEqual([]);
    const counted = to.map((address) => mail.recipients.filter((one) => one === address).length);
    expect(counted).toEqual([2, 2, 0]);
    const told = world.logged
      .filter(([event]) => event.startsWith('backup_message'))
      .map(([event, { target, message }]) => `${event} ${target} ${message}`);
    // Each target by itself, so in any order.
    expect(told.sort()).toEqual([
      expect.stringMatching(/^backup_message_delayed owner \(bob@example\.com\) .*452 mailbox is full/),
      expect.stringMatching(/^backup_message_dropped owner \(nobody@example\.com\) .*550 no such mailbox/),
      expect.stringMatching(/^backup_message_dropped owner \(nobody@example\.com\) .*550 no such mailbox/),
    ]);
  });

  it('go where the job says', async () => {
    const world = await newWorld();
    const { reports, server } = await startReports();
    const jobs = [
      jobIn(world, { name: 'a', tell: [] }),
      jobIn(world, { name: 'b', tell: ['server'] }),
      jobIn(world, { name: 'c' }),
    ];
    await runDueBackupJobs(world.options({ jobs }, { server }));
    expect([...reports.values()].map(({ job }) => job)).toEqual(['b', 'c']);
  });

  it('do not fill the disk: of too many, changes stay and what changed nothing goes', async () => {
    const { withMessage, isChange } = await import('./advance-record.js');
    const { messageOf } = await import('./senders/senders.test.support.js');
    let records: Awaited<ReturnType<typeof readRecords>> = { version: 1, jobs: [], queues: [] };
    for (let n = 0; n < 2_100; n += 1) {
      const message = messageOf({ id: String(n), state: n % 100 === 0 ? 'missing' : 'ok' }, { stateBefore: 'ok' });
      records = withMessage(records, 'server', { message, wants: 'results' });
    }
    const messages = records.queues[0]?.messages ?? [];
    expect([messages.length, messages.filter(isChange).length]).toEqual([2_000, 21]);
  });
});
