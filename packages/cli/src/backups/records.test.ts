/** What is remembered between checks, and what becomes of it when something goes wrong. */
import { spawn } from 'node:child_process';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { nodeClock } from '@remendo/core';
import { describe, expect, it } from 'vitest';
import { emptyRecord, recordOf, usualBytes, withRecord } from './advance-record.js';
import { createBackupMonitor } from './backup-monitor.js';
import { hourMs, jobIn, newWorld, type World, zipOf } from './backups.test.support.js';
import { changeRecords, readRecords, recordsPath } from './records.js';
import { runDueBackupJobs } from './run-due-jobs.js';

const look = async (world: World, name = 'database') => {
  const options = world.options({ jobs: [jobIn(world, { name, checkSeconds: 60 })] });
  const [job] = options.backups.jobs;
  if (job === undefined) throw new TypeError('there is a job');
  return { monitor: createBackupMonitor(options), job, options };
};

const stateOf = async (world: World): Promise<string | undefined> =>
  recordOf(await readRecords(world.home), 'database').results[0]?.state;

describe('what is remembered of backups', () => {
  it.each([
    ['cut', '{"version":1,"jobs":['],
    ['of another form', '{"version":1,"jobs":[{"job":7}],"queues":[]}'],
    ['of a later version', '{"version":2,"jobs":[],"queues":[]}'],
    ['nothing', ''],
  ])('is begun anew when it is %s, put aside, and that is said', async (_what, text) => {
    const world = await newWorld();
    await world.put('db.zip', zipOf(10));
    await writeFile(recordsPath(world.home), text);
    const { monitor, job } = await look(world);
    expect((await monitor.look(job)).checked.result.state).toBe('ok');
    expect(await stateOf(world)).toBe('ok');
    expect(await readFile(`${recordsPath(world.home)}.damaged`, 'utf8')).toBe(text);
    expect(world.logged.map(([event]) => event)).toContain('backups_records_damaged');
  });

  it.skipIf(process.platform === 'win32')('is for its owner alone', async () => {
    const world = await newWorld();
    const { monitor, job } = await look(world);
    await monitor.look(job);
    expect((await stat(recordsPath(world.home))).mode & 0o077).toBe(0);
  });

  it('stays bounded however often a job is looked at', async () => {
    const world = await newWorld();
    let records = await readRecords(world.home);
    const { monitor, job } = await look(world);
    const { record } = await monitor.look(job);
    for (let n = 0; n < 300; n += 1) records = withRecord(records, { ...record, job: `job ${n}` });
    expect(records.jobs.length).toBe(200);
  });

  it('loses nothing when several change it at once', async () => {
    const world = await newWorld();
    const ports = { ...world.options({ jobs: [] }), clock: nodeClock() };
    const add = (job: string) =>
      changeRecords({ ...ports, onDamaged: () => {} }, (records) => ({
        records: withRecord(records, emptyRecord(job)),
        value: null,
      }));
    await Promise.all(Array.from({ length: 10 }, (_, n) => add(`job ${n}`)));
    expect((await readRecords(world.home)).jobs.length).toBe(10);
  });

  it('has one message for a change that several see at once', async () => {
    const world = await newWorld();
    const server = { url: 'http://127.0.0.1:9', credentials: {}, allowInsecure: false };
    const options = { ...world.options({ jobs: [jobIn(world)] }, { server }), clock: nodeClock() };
    const [job] = options.backups.jobs;
    if (job === undefined) throw new TypeError('there is a job');
    const looks = await Promise.all([1, 2, 3].map(() => createBackupMonitor(options).look(job)));
    expect(looks.map(({ isChange }) => isChange).toSorted()).toEqual([false, false, true]);
    const [queue] = (await readRecords(world.home)).queues;
    expect(queue?.messages.slice(0, 1).map(({ stateBefore }) => stateBefore)).toEqual(['ok']);
    expect(queue?.messages.slice(1).filter(({ stateBefore }) => stateBefore !== 'empty')).toEqual([]);
  });

  it('is not turned back by a look that began before it and took longer', async () => {
    const world = await newWorld();
    await world.put('1.zip', zipOf(10), 2 * hourMs);
    const { monitor, job, options } = await look(world);
    const slow = createBackupMonitor({
      ...options,
      async freeBytes() {
        world.clock.advance(hourMs);
        await world.put('2.zip', 'damaged');
        await monitor.look(job);
        return null;
      },
    });
    const { record, checked, isChange } = await slow.look(job);
    expect([checked.result.state, isChange, record.results[0]?.state, record.proven]).toEqual(['ok', false, 'corrupt', null]);
    expect(await stateOf(world)).toBe('corrupt');
  });

  it('is whole after a program was killed at it, and its lock is taken over', async () => {
    const world = await newWorld();
    await world.put('db.zip', zipOf(10));
    const { monitor, job } = await look(world);
    await monitor.look(job);
    const module = fileURLToPath(new URL('../../dist/backups/records.js', import.meta.url));
    const program = `const { changeRecords } = await import(${JSON.stringify(module)});
      const { nodeClock, nodeRandom } = await import('@remendo/core');
      await changeRecords({ home: ${JSON.stringify(world.home)}, clock: nodeClock(), random: nodeRandom(), onDamaged() {} },
        () => process.kill(process.pid, 'SIGKILL'));`;
    const cwd = fileURLToPath(new URL('../..', import.meta.url));
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { cwd, stdio: 'inherit' });
    await new Promise((resolve) => child.once('exit', resolve));
    expect(child.signalCode).toBe('SIGKILL');
    expect((await monitor.look(job)).isChange).toBe(false);
    expect(await stateOf(world)).toBe('ok');
  });
});

describe('the usual size', () => {
  it('is that of good backups only, and of each backup once', async () => {
    const world = await newWorld();
    const { monitor, job } = await look(world);
    const at = async (bytes: number | null) => {
      await world.put('db.zip', bytes === null ? 'damaged' : zipOf(bytes));
      const { record, checked } = await monitor.look(job);
      world.clock.advance(hourMs);
      return [checked.result.state, usualBytes(record)];
    };
    const [small, large] = [zipOf(1_000).length, zipOf(3_000).length];
    expect(await at(1_000)).toEqual(['ok', small]);
    expect(await at(null)).toEqual(['corrupt', small]);
    expect(await at(10)).toEqual(['shrunk', small]);
    for (let n = 0; n < 3; n += 1) expect((await at(3_000))[0]).toBe('ok');
    expect((await at(3_000))[1]).toBe(large);
    expect((await at(1_000))[0]).toBe('shrunk');
  });

  it('is another when an operator accepts it, and only when nothing else is wrong', async () => {
    const world = await newWorld();
    await world.put('db.zip', zipOf(3_000));
    const { monitor, job } = await look(world);
    await monitor.look(job);
    await world.put('db.zip', zipOf(100), 0.5 * hourMs);
    expect((await monitor.look(job)).record.results[0]?.state).toBe('shrunk');
    const accepted = await monitor.accept(job);
    expect([accepted.checked.result.state, accepted.isChange, usualBytes(accepted.record)]).toEqual([
      'ok',
      true,
      zipOf(100).length,
    ]);
    expect((await monitor.look(job)).checked.result.state).toBe('ok');
    await world.put('db.zip', 'damaged', 0.25 * hourMs);
    const refused = await monitor.accept(job);
    expect([refused.checked.result.state, usualBytes(refused.record)]).toEqual(['corrupt', zipOf(100).length]);
  });
});

describe('a round', () => {
  it('looks at what is due and says when something is due again', async () => {
    const world = await newWorld();
    await world.put('db.zip', zipOf(10));
    const jobs = [jobIn(world, { name: 'often', checkSeconds: 600 }), jobIn(world, { name: 'seldom', checkSeconds: 3_000 })];
    const round = async () => {
      const { lookedAt, nextMs } = await runDueBackupJobs(world.options({ jobs }));
      return [lookedAt.map(({ job }) => job.name), (nextMs - world.clock.now()) / 1_000];
    };
    expect(await round()).toEqual([['often', 'seldom'], 600]);
    expect(await round()).toEqual([[], 600]);
    world.clock.advance(600_000);
    expect(await round()).toEqual([['often'], 600]);
    world.clock.advance(-100 * hourMs);
    expect(await round()).toEqual([['often', 'seldom'], 600]);
  });

  it('never fails: a folder that can not be written is logged, and stopping it is no failure', async () => {
    const world = await newWorld();
    const options = world.options({ jobs: [jobIn(world)] });
    await writeFile(`${world.home}/file`, '');
    const { lookedAt, nextMs } = await runDueBackupJobs({ ...options, home: `${world.home}/file/home` });
    // It takes its time, too: what can not be stored is not to be read again every second.
    expect([lookedAt, nextMs - world.clock.now()]).toEqual([[], 300_000]);
    expect(world.logged.map(([event, { what }]) => [event, what])).toEqual([['backup_monitor_failed', 'database']]);
    const stopped = AbortSignal.abort(new Error('the agent ends'));
    expect((await runDueBackupJobs({ ...options, signal: stopped })).lookedAt).toEqual([]);
    expect(world.logged.length).toBe(1);
  });
});
