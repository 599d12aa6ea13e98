import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CheckResult } from '@remendo/core';
import { expect, it } from 'vitest';
import { temporaryFolders } from '../testing/run-remendo.js';
import { type CheckQuestion, checkCached, checkCacheName, lastCheck } from './check-cache.js';

const makeFolder = temporaryFolders();
const question: CheckQuestion = {
  server: 'https://updates.example.com',
  application: 'erp',
  platform: 'win-x64',
  channel: 'stable',
  installed: '1.0.0',
  blocked: [],
};
const upToDate: CheckResult = { kind: 'up-to-date', installed: '1.0.0' };
const available: CheckResult = {
  kind: 'available',
  installed: '1.0.0',
  version: '1.0.1',
  answer: { update_available: true, application: 'erp', platform: 'any', current_version: '1.0.0', latest_version: '1.0.1' },
};

/** A terminal with a clock, and how often it asked. */
async function terminal() {
  const home = await makeFolder();
  const state = { nowMs: 1_000_000_000_000, asked: 0, answer: upToDate as CheckResult };
  const ask = async () => {
    state.asked += 1;
    return state.answer;
  };
  const check = (about: CheckQuestion = question, force = false) =>
    checkCached({ home, now: () => state.nowMs, force }, about, ask);
  return { home, state, check };
}

it('within an hour the same question is asked once, also by another program', async () => {
  const { state, check } = await terminal();
  state.answer = available;
  expect(await check()).toEqual(available);
  state.nowMs += 3_599_999;
  expect(await check()).toEqual(available);
  expect(state.asked).toBe(1);
  state.nowMs += 1;
  await check();
  expect(state.asked).toBe(2);
});

it('whoever forces it asks, and what is answered is what the others hear then', async () => {
  const { state, check } = await terminal();
  await check();
  state.answer = available;
  expect(await check(question, true)).toEqual(available);
  expect(await check()).toEqual(available);
  expect(state.asked).toBe(2);
});

it('another version, server, channel, application or platform, or a version blocked meanwhile, is another question', async () => {
  const { state, check } = await terminal();
  await check();
  const others: readonly Partial<CheckQuestion>[] = [
    { installed: '1.0.1' },
    { server: 'https://other.example.com' },
    { channel: 'development' },
    { application: 'pos' },
    { platform: null },
    { blocked: ['1.0.1'] },
    { allowDowngrade: true },
  ];
  for (const other of others) await check({ ...question, ...other });
  expect(state.asked).toBe(1 + others.length);
});

it('a clock that was set back, and a damaged file, mean that it is asked', async () => {
  const { home, state, check } = await terminal();
  await check();
  state.nowMs -= 60_000;
  await check();
  expect(state.asked).toBe(2);
  const noMoment = { format: 'remendo-check-1', askedAtMs: 1e300, question: '', found: upToDate };
  for (const text of ['', '{', '[]', '{"format":"remendo-check-1"}', JSON.stringify(noMoment), 'x'.repeat(2_000_000)]) {
    await writeFile(join(home, checkCacheName), text);
    expect(lastCheck(home)).toBeNull();
    await check();
  }
  expect(state.asked).toBe(8);
});

it('what fails is not remembered, and where nothing was installed nothing is left behind', async () => {
  const { home, check } = await terminal();
  const options = { home, now: () => 0 };
  await expect(checkCached(options, question, () => Promise.reject(new Error('no network')))).rejects.toThrow('no network');
  expect(existsSync(join(home, checkCacheName))).toBe(false);
  await checkCached({ ...options, home: join(home, 'nowhere') }, question, async () => upToDate);
  expect(existsSync(join(home, 'nowhere'))).toBe(false);
  expect(await check()).toEqual(upToDate);
});
