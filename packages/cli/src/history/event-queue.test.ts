import { mkdir, readdir, readFile, rename, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolders } from '../testing/run-remendo.js';
import { type EventQueueOptions, eventsFolderName, type NewUpdateEvent, openEventQueue } from './event-queue.js';

const makeFolder = temporaryFolders();

async function queueOf(options: Partial<EventQueueOptions> = {}) {
  const home = await makeFolder();
  const clock = { nowMs: 1_800_000_000_000 };
  const open = () => openEventQueue({ home, now: () => clock.nowMs, ...options });
  return { home, clock, open, folder: join(home, eventsFolderName) };
}

const step = (percent: number): NewUpdateEvent => ({ state: 'downloading', percent, update_id: 'u' });
const percents = (queue: ReturnType<typeof openEventQueue>) => queue.peek(1_000).map(({ event }) => event.percent);

it('gives back in order what several programs put in, with an id for each, until it is removed', async () => {
  const { clock, open } = await queueOf();
  const programs = [open(), open()];
  for (let percent = 0; percent < 20; percent++) {
    programs[percent % 2]?.put(step(percent));
    clock.nowMs += percent % 3;
  }
  const [queue] = programs;
  if (queue === undefined) throw new TypeError();
  expect(percents(queue)).toEqual(Array.from({ length: 20 }, (_, percent) => percent));
  expect(new Set(queue.peek(20).map(({ event }) => event.event_id)).size).toBe(20);
  queue.remove(queue.peek(5));
  queue.remove(queue.peek(1));
  expect(percents(open())[0]).toBe(6);
  expect(queue.count()).toBe(14);
});

it('keeps the order when the clock is set back between two events', async () => {
  const { clock, open } = await queueOf();
  open().put(step(1));
  clock.nowMs -= 86_400_000;
  open().put(step(2));
  open().put(step(3));
  expect(percents(open())).toEqual([1, 2, 3]);
});

it('above its bound drops the oldest steps of the way, and only without any the oldest of how updates began and ended', async () => {
  const { open } = await queueOf({ eventsMax: 6 });
  const queue = open();
  queue.put({ state: 'started' });
  for (let percent = 0; percent < 10; percent++) queue.put(step(percent));
  queue.put({ state: 'failed', error_code: 'DELTA_INVALID' });
  expect(queue.peek(100).map(({ event }) => event.percent ?? event.state)).toEqual(['started', 6, 7, 8, 9, 'failed']);
  for (const state of ['completed', 'rolled_back', 'failed', 'started', 'completed', 'completed'] as const) queue.put({ state });
  expect(queue.peek(100).map(({ event }) => event.state)).toEqual([
    ...['completed', 'rolled_back', 'failed', 'started', 'completed', 'completed'],
  ]);
});

it('a file that can not be read now is no damaged one: it waits', async () => {
  const damaged: string[] = [];
  const { open, folder } = await queueOf({ onDamaged: (name) => damaged.push(name) });
  open().put(step(1));
  open().put(step(2));
  const [first = ''] = await readdir(folder);
  // Read as a file, a folder is refused as one that another program has for itself.
  await rename(join(folder, first), join(folder, 'kept'));
  await mkdir(join(folder, first));
  expect(percents(open())).toEqual([2]);
  expect(damaged).toEqual([]);
  await rmdir(join(folder, first));
  await rename(join(folder, 'kept'), join(folder, first));
  expect(percents(open())).toEqual([1, 2]);
});

it('what a killed program or a power cut left half written is no event, and is in no way of the others', async () => {
  const damaged: string[] = [];
  const { open, folder } = await queueOf({ onDamaged: (name) => damaged.push(name) });
  const queue = open();
  queue.put(step(1));
  const [whole = ''] = await readdir(folder);
  const text = await readFile(join(folder, whole), 'utf8');
  const id = (digit: number) => `${'0'.repeat(8)}-0000-0000-0000-00000000000${digit}`;
  // Every length at which writing may have ended, as names sort before the whole one.
  await mkdir(folder, { recursive: true });
  for (const [index, length] of [0, 1, text.length >> 1, text.length - 1].entries())
    await writeFile(join(folder, `00000000000000${index}-step-${id(index)}.json`), text.slice(0, length));
  await writeFile(join(folder, '900000000000000.json.123-abcd.tmp'), '{"torn');
  expect(percents(queue)).toEqual([1]);
  expect(damaged).toHaveLength(4);
  expect(await readdir(join(folder, 'refused'))).toHaveLength(4);
  expect(queue.count()).toBe(1);
});
