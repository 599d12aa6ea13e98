/** Looks in processes of their own, with reads that never come back: threads of theirs wait at a pipe that nobody writes to. */
import { type ChildProcess, execFileSync, spawnSync } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { access, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeClock } from '@remendo/core';
import { describe, expect, it, vi } from 'vitest';
import { emptyRecord } from './advance-record.js';
import { assertProvenBackup } from './assert-proven-backup.js';
import { hourMs, jobIn, never, newWorld, type World, zipOf } from './backups.test.support.js';
import { lookerApart } from './look-apart.js';
import type { Looker } from './looker.js';
import type { BackupJob } from './parse-backups.js';
import { runDueBackupJobs } from './run-due-jobs.js';

const main = process.env.REMENDO_TEST_COMMAND ?? fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** Opening a file of this name takes every thread that Node has for files, and gives none back. `reached` is there then. */
const hangingShare = (pipe: string, reached: string): string => `
  import { syncBuiltinESMExports } from 'node:module';
  import files from 'node:fs';
  const { open } = files.promises;
  files.promises.open = (path, ...rest) => {
    if (!String(path).endsWith('hangs.zip')) return open(path, ...rest);
    files.writeFileSync(${JSON.stringify(reached)}, '');
    return Promise.race([1, 2, 3, 4, 5].map(() => open(${JSON.stringify(pipe)}, 'r')));
  };
  syncBuiltinESMExports();`;

/** What a machine does whose share hangs: its looks, where only what hangs is soon given up. */
async function newMachine(world: World) {
  const [pipe, preload, reached] = [join(world.home, 'pipe'), join(world.home, 'share.mjs'), join(world.home, 'reached')];
  execFileSync('mkfifo', [pipe]);
  await writeFile(preload, hangingShare(pipe, reached));
  for (const name of ['hangs.zip', 'well.zip']) await world.put(name, zipOf(100), world.clock.now() - Date.now() + hourMs);
  const program = { command: process.execPath, args: ['--import', preload, main] };
  const looker = lookerApart({ environment: process.env, program, endMsMax: 60_000 });
  const patience = ({ name }: BackupJob): number => (name === 'hangs' ? 500 : 600_000);
  const impatient: Looker = {
    ...looker,
    check: (job, record, options) => looker.check(job, record, { ...options, silentMsMax: patience(job) }),
  };
  return { looker, impatient, reached };
}

const jobsOf = (world: World, names: readonly string[]) =>
  names.map((name) => jobIn(world, { name, files: `${name}.zip`, intervalSeconds: 10_000_000 }));

/** Of this process, but for those that are on their way out. */
const children = (): readonly string[] =>
  readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8')
    .split(' ')
    .filter((pid) => pid.trim() !== '');

/** For threads that wait, and to see what processes are left. */
const lacksPipes = process.platform !== 'linux' || spawnSync('mkfifo', ['--help']).error !== undefined;

describe.skipIf(lacksPipes)('a share that hangs in the middle of a file', () => {
  it('makes its job unreadable; the others are looked at, and nothing of it stays behind', async () => {
    const world = await newWorld();
    const { impatient: looker } = await newMachine(world);
    const options = world.options({ jobs: jobsOf(world, ['hangs', 'well']) }, { looker, clock: nodeClock() });
    const { lookedAt } = await runDueBackupJobs(options);
    expect(lookedAt.map(({ job, checked }) => [job.name, checked.result.state])).toEqual([
      ['hangs', 'unreadable'],
      ['well', 'ok'],
    ]);
    const proven = {
      home: world.home,
      jobs: options.backups.jobs.slice(1),
      maxAgeHours: 100_000_000,
      clock: options.clock,
      looker,
    };
    await assertProvenBackup(proven);
    await rm(join(world.folder, 'well.zip'));
    await expect(assertProvenBackup(proven)).rejects.toMatchObject({ code: 'BACKUP_MISSING' });
    expect(children()).toEqual([]);
  });

  it('keeps no monitor from stopping', async () => {
    const world = await newWorld();
    const { looker, reached } = await newMachine(world);
    const stop = new AbortController();
    const jobs = jobsOf(world, ['hangs']);
    const round = runDueBackupJobs(world.options({ jobs }, { looker, signal: stop.signal }));
    await vi.waitFor(() => access(reached), { timeout: 120_000 });
    stop.abort(new Error('the agent ends'));
    expect(await round).toMatchObject({ lookedAt: [] });
    expect(children()).toEqual([]);
  });
});

it('a process that not even force ends keeps others from being started for its job, until it is gone', async () => {
  const world = await newWorld();
  const started: { exitCode: number | null }[] = [];
  const unending = (): ChildProcess => {
    const of = { pid: 1, exitCode: null, signalCode: null, connected: false };
    const child = Object.assign(new EventEmitter(), of, { send: () => true, kill: () => true, unref: () => undefined });
    started.push(child);
    return child as unknown as ChildProcess;
  };
  const looker = lookerApart({ environment: {}, endMsMax: 1, spawn: unending });
  const [job] = world.options({ jobs: jobsOf(world, ['hangs']) }).backups.jobs;
  if (job === undefined) throw new TypeError('there is a job');
  const look = (signal = never) => looker.check(job, emptyRecord('hangs'), { again: 'when due', silentMsMax: 1_000, signal });
  const stopped = async (): Promise<void> => {
    const stop = new AbortController();
    const looking = look(stop.signal);
    stop.abort(new Error('the agent ends'));
    await expect(looking).rejects.toThrow('the agent ends');
  };
  await stopped();
  expect((await look()).result.findings).toMatchObject([{ kind: 'folder_silent' }]);
  expect(started).toHaveLength(1);
  for (const child of started) child.exitCode = 0;
  await stopped();
  expect(started).toHaveLength(2);
});
