import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type FileSystem, installLayout, nodeHost, UpdaterError } from '@remendo/core';
import { expect, it } from 'vitest';
import { temporaryFolders } from '../testing/run-remendo.js';
import { newAgentState, readAgentState, writeAgentState } from './agent-state.js';
import { type CleanUpOptions, cleanUp } from './clean-up.js';
import { cleanInstall } from './cleanup-command.js';

const makeFolder = temporaryFolders();
const dayMs = 86_400_000;
const nowMs = Date.now();
const digest = (digit: string): string => digit.repeat(64);

/** Every kind of file, of ages in days. */
const files: readonly (readonly [path: string, ageDays: number])[] = [
  [`downloads/${digest('a')}`, 20],
  [`downloads/${digest('b')}.0-100.part`, 20],
  [`downloads/${digest('c')}`, 1],
  ['downloads/somebody.txt', 400],
  ['staging/now/0', 1],
  ['staging/before/0', 1],
  ['previous/now/0', 90],
  ['previous/before/0', 90],
  ['update.log', 500],
  ['update.log.1', 500],
  ['update.log.2', 500],
  ['update.log.3', 500],
  ['check.json.12-ab.tmp', 2],
  ['agent.json.12-ab.tmp', 0],
  ['events/1.json.12-ab.tmp', 2],
  ['events/000001800000000-keep-id.json', 90],
  ['events/refused/old.json', 31],
  ['events/refused/new.json', 1],
  ['trust/root.json', 900],
  ['trust/refresh-1/root.json', 2],
  ['journal', 900],
  ['state.json', 900],
];

async function install() {
  const layout = installLayout(await makeFolder());
  for (const [path, ageDays] of files) {
    const full = join(layout.home, ...path.split('/'));
    await mkdir(dirname(full), { recursive: true });
    await writeFile(full, 'x'.repeat(10));
    const at = new Date(nowMs - ageDays * dayMs);
    await utimes(full, at, at);
    if (path.startsWith('trust/refresh-')) await utimes(dirname(full), at, at);
  }
  const options: CleanUpOptions = { layout, transaction: 'now', nowMs, downloadDaysMax: 14, oldFilesMax: 2, isDryRun: false };
  const left = async () => {
    const entries = await readdir(layout.home, { recursive: true, withFileTypes: true });
    const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
    return paths.map((path) => path.slice(layout.home.length + 1).replaceAll('\\', '/'));
  };
  return { options, left };
}

const waste = [
  `downloads/${digest('a')}`,
  `downloads/${digest('b')}.0-100.part`,
  'staging/before/0',
  'previous/before/0',
  'update.log.3',
  'check.json.12-ab.tmp',
  'events/1.json.12-ab.tmp',
  'events/refused/old.json',
  'trust/refresh-1/root.json',
];

it('removes what nobody needs, tells how much that was, and leaves everything else', async () => {
  const { options, left } = await install();
  const removed = await cleanUp(options);
  const kept = files.map(([path]) => path).filter((path) => !waste.includes(path));
  expect((await left()).sort()).toEqual([...kept].sort());
  expect(removed.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(10 * waste.length);
  expect(await cleanUp(options)).toEqual([]);
});

it('a dry run tells the same and removes nothing', async () => {
  const { options, left } = await install();
  const shown = await cleanUp({ ...options, isDryRun: true });
  expect(await left()).toHaveLength(files.length);
  expect(await cleanUp(options)).toEqual(shown);
});

it('where nobody knows which transaction it was, staging and every way back stay', async () => {
  for (const transaction of [null, 'unreadable'] as const) {
    const { options, left } = await install();
    await cleanUp({ ...options, transaction });
    expect(await left()).toEqual(
      expect.arrayContaining(['staging/before/0', 'previous/before/0', 'previous/now/0', 'staging/now/0']),
    );
  }
});

it('what was ready and loses a download is not ready any more: it is fetched in its window, not while it is installed', async () => {
  const { options: asked } = await install();
  const { layout } = asked;
  const state = { ...newAgentState, preparedVersion: '1.0.1' };
  writeAgentState(layout.home, state);
  const options = { layout, downloadDaysMax: 14, oldFilesMax: 2 };
  await cleanInstall({ ...options, isDryRun: true });
  expect(readAgentState(layout.home)).toEqual(state);
  await cleanInstall({ ...options, isDryRun: false });
  expect(readAgentState(layout.home)?.preparedVersion).toBeNull();
  writeAgentState(layout.home, state);
  await cleanInstall({ ...options, isDryRun: false });
  expect(readAgentState(layout.home)).toEqual(state);
});

it('gives room back on a disk that has none left for the lock', async () => {
  const { options: asked, left } = await install();
  const { layout } = asked;
  const host = nodeHost({ workers: 1 });
  const open: FileSystem['open'] = async (path, mode) => {
    if (path === layout.lock && mode === 'exclusive' && (await left()).includes(`downloads/${digest('a')}`))
      throw new UpdaterError('STORAGE_NO_SPACE', 'the disk is full');
    return host.fileSystem.open(path, mode);
  };
  const fileSystem = new Proxy(host.fileSystem, {
    get: (target, name) => (name === 'open' ? open : (Reflect.get(target, name).bind?.(target) ?? Reflect.get(target, name))),
  });
  const removed = await cleanInstall({ layout, downloadDaysMax: 14, oldFilesMax: 2, isDryRun: false }, { ...host, fileSystem });
  expect(removed.map(({ path }) => path)).toContain(join(layout.downloads, digest('a')));
  expect(await left()).toEqual(expect.arrayContaining(['staging/now/0', 'previous/now/0', `downloads/${digest('c')}`]));
});
