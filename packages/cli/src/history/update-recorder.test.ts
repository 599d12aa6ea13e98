import type { UpdateEvent as CoreEvent } from '@remendo/core';
import { expect, it } from 'vitest';
import { openProgressFile, readProgress } from '../agent/progress-file.js';
import { temporaryFolders } from '../testing/run-remendo.js';
import { openEventQueue } from './event-queue.js';
import { openUpdateRecorder } from './update-recorder.js';

const makeFolder = temporaryFolders();

const cost = { fetchBytes: 1_000, requests: 2, costBytes: 2_000 } as never;
const plan = (version = '1.0.1'): CoreEvent => ({
  kind: 'plan-chosen',
  application: 'erp',
  platform: 'any',
  base: '1.0.0',
  version,
  zipBytes: 10_000,
  label: 'chain',
  cost,
  losers: [],
});

async function terminal() {
  const home = await makeFolder();
  const time = { nowMs: 1_800_000_000_000 };
  const now = () => time.nowMs;
  const queue = openEventQueue({ home, now });
  /** A program of its own, with what it fetched. */
  const program = (command: string, fetched = 1_234) => {
    const progress = openProgressFile(home, command, now);
    const recorder = openUpdateRecorder({ home, queue, progress, now, fetchedBytes: () => fetched });
    const log = (event: string, fields: object = {}) =>
      recorder.onEntry({ time: new Date(now()).toISOString(), command, pid: 1, event, ...fields });
    return { tell: (...events: readonly CoreEvent[]) => events.forEach(recorder.onEvent), log };
  };
  const told = () => queue.peek(1_000).map(({ event }) => event);
  return { home, time, program, told, states: () => told().map(({ state }) => state) };
}

const staged: CoreEvent = { kind: 'staged', files: 3, bytes: 100 };

it('tells an update from its plan to its proof, by whichever programs, under one id', async () => {
  const { home, program, told } = await terminal();
  const agent = program('agent');
  agent.log('checked', { outcome: 'available', version: '1.0.1' });
  agent.tell(plan(), staged);
  agent.log('step_ended', { backup_path: '/backups/1.zip' });
  agent.tell({ kind: 'committed', version: '1.0.1' });
  program('launch', 5).tell({ kind: 'confirmed', version: '1.0.1' });
  const events = told();
  expect(events.map(({ state }) => state)).toEqual(['started', 'downloading', 'installing', 'completed']);
  expect(new Set(events.map(({ update_id }) => update_id)).size).toBe(1);
  expect(events.at(-1)).toMatchObject({
    application: 'erp',
    version_from: '1.0.0',
    version_to: '1.0.1',
    percent: 100,
    downloaded_bytes: 1_234,
    saved_bytes: 8_766,
    backup_path: '/backups/1.zip',
    finished_at: expect.any(String),
  });
  expect(readProgress(home)).toMatchObject({ phase: 'completed', version: '1.0.1', command: 'launch' });
});

it('an update that was cut off goes on under its id, with the bytes of both programs', async () => {
  const { time, program, told } = await terminal();
  program('agent').tell(plan(), { kind: 'download-progressed', bytesDone: 400, bytesTotal: 1_000 });
  time.nowMs += 60_000;
  const second = program('install', 600);
  second.tell(plan(), staged, { kind: 'committed', version: '1.0.1' }, { kind: 'confirmed', version: '1.0.1' });
  expect(new Set(told().map(({ update_id }) => update_id)).size).toBe(1);
  expect(told().filter(({ state }) => state === 'started')).toHaveLength(1);
  expect(told().at(-1)?.downloaded_bytes).toBe(1_234 + 600);
});

it('a link that is down, a program that runs, a hold end no attempt; what is wrong with the release does', async () => {
  const { program, states, told } = await terminal();
  const agent = program('agent');
  agent.tell(plan());
  for (const code of ['DOWNLOAD_FAILED', 'LIMIT_RATE', 'INSTALL_IN_USE', 'INSTALL_ON_HOLD', 'TRANSACTION_LOCKED'])
    agent.log('update_failed', { state: 'failed', code, message: 'later' });
  expect(states()).toEqual(['started', 'downloading']);
  agent.log('update_failed', { state: 'failed', code: 'DELTA_INVALID', message: 'broken' });
  expect(told().at(-1)).toMatchObject({ state: 'failed', error_code: 'DELTA_INVALID', error_detail: 'broken' });
  expect(told().at(-1)?.log_output).toContain('update_failed');
  agent.log('command_failed', { state: 'failed', code: 'DELTA_INVALID', message: 'broken' });
  expect(states()).toHaveLength(3);
});

it('an update that is broken off or put off is not shown as if it went on', async () => {
  const { home, program, states } = await terminal();
  const launch = program('launch');
  launch.tell(plan(), { kind: 'download-progressed', bytesDone: 400, bytesTotal: 1_000 });
  launch.log('update_failed', { state: 'failed', code: 'DOWNLOAD_FAILED', message: 'the link is down' });
  expect(readProgress(home)).toMatchObject({ phase: 'waiting', version: '1.0.1', detail: 'DOWNLOAD_FAILED' });
  launch.tell({ kind: 'download-progressed', bytesDone: 500, bytesTotal: 1_000 });
  expect(readProgress(home)).toMatchObject({ phase: 'downloading', bytes_done: 500 });
  // As the log has it of Ctrl-C, and of a machine that is shut down.
  launch.log('command_failed', { code: null, message: 'interrupted by SIGTERM' });
  expect(states()).not.toContain('failed');
});

it('what was offered and refused before there was a plan is told too; a command that only looked tells nothing', async () => {
  const { program, states } = await terminal();
  program('status').log('command_failed', { state: 'failed', code: 'INSTALL_NOT_FOUND', message: 'nothing' });
  expect(states()).toEqual([]);
  const agent = program('agent');
  agent.log('checked', { outcome: 'available', version: '1.0.1' });
  agent.log('update_failed', { state: 'failed', code: 'BACKUP_MISSING', message: 'no backup' });
  expect(states()).toEqual(['failed']);
});

it('a version that waits for its proof ends as it proves, while the next is on its way', async () => {
  const { program, told } = await terminal();
  const agent = program('agent');
  agent.tell(plan('1.0.1'), staged, { kind: 'committed', version: '1.0.1' });
  const install = program('install');
  install.tell(plan('1.0.2'), { kind: 'confirmed', version: '1.0.1' }, staged, { kind: 'committed', version: '1.0.2' });
  install.tell({ kind: 'rolled-back', version: '1.0.2', reason: 'exit code 1' });
  const ends = told().filter(({ state }) => state === 'completed' || state === 'rolled_back');
  expect(ends.map(({ state, version_to }) => [state, version_to])).toEqual([
    ['completed', '1.0.1'],
    ['rolled_back', '1.0.2'],
  ]);
  expect(ends[0]?.update_id).not.toBe(ends[1]?.update_id);
  expect(ends[1]).toMatchObject({ error_detail: 'exit code 1' });
});

it('progress is told in steps and shown at a modest rate', async () => {
  const { home, time, program, told } = await terminal();
  const agent = program('agent');
  agent.tell(plan());
  for (let percent = 1; percent <= 100; percent++) {
    time.nowMs += 1_000;
    agent.tell({ kind: 'download-progressed', bytesDone: percent * 10, bytesTotal: 1_000 });
  }
  const percents = told().flatMap(({ state, percent }) => (state === 'downloading' ? [percent] : []));
  expect(percents).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
  expect(readProgress(home)).toMatchObject({ phase: 'downloading', percent: 100, bytes_done: 1_000, bytes_total: 1_000 });
});
