/** What a terminal that never meets its server leaves on one stick after another. */
import { mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { InstallState } from '@remendo/core';
import type { ReceiptBody, UpdateEvent } from '@remendo/core/protocol';
import { beforeEach, expect, it } from 'vitest';
import type { EventQueue } from '../history/event-queue.js';
import { createOutput } from '../output/output.js';
import { temporaryFolders } from '../testing/run-remendo.js';
import { leaveReceipts } from './leave-receipts.js';

const makeFolder = temporaryFolders();
const terminal = { id: `trm_${'a'.repeat(22)}`, secret: 'hush' };
const state = { application: 'erp', platform: 'any' } as InstallState;

let stick: string;
let told: string;
beforeEach(async () => {
  stick = await makeFolder();
  told = '';
});

const eventOf = (update: number, step: number): UpdateEvent =>
  ({
    event_id: `${update}-${step}`,
    update_id: `update-${update}`,
    state: 'started',
    at: '2026-11-22T12:00:00.000Z',
  }) as UpdateEvent;

/** @param counts of events, of one update after another. */
async function leave(counts: readonly number[]): Promise<void> {
  const events = counts.flatMap((count, update) => Array.from({ length: count }, (_, step) => eventOf(update, step)));
  const queue = {
    count: () => events.length,
    peek: (most: number) => events.slice(0, most).map((event) => ({ name: event.event_id, event })),
  } as Partial<EventQueue> as EventQueue;
  const stderr = new PassThrough().setEncoding('utf8');
  stderr.on('data', (text: string) => {
    told += text;
  });
  const streams = { stdout: stderr, stderr } as unknown as Parameters<typeof createOutput>[0];
  const context = { output: createOutput(streams, { json: false, language: 'en' }), language: 'en' } as Parameters<
    typeof leaveReceipts
  >[0];
  await leaveReceipts(context, { folder: stick, queue, terminal, state });
}

async function left(): Promise<Readonly<Record<string, number>>> {
  const files = await readdir(join(stick, 'receipts'));
  const bodies = files.map(async (file) => JSON.parse(await readFile(join(stick, 'receipts', file), 'utf8')).body as string);
  const parsed = (await Promise.all(bodies)).map((body) => JSON.parse(body) as ReceiptBody);
  return Object.fromEntries(parsed.map(({ events }) => [events[0]?.update_id, events.length]));
}

it('tells of its newest updates, each of them whole, however many nobody ever took', async () => {
  await leave([200, 200, 200, 200]);
  expect(await left()).toEqual({ 'update-2': 200, 'update-3': 200 });
});

it('tells of an update that is longer than all receipts may be, as much as one takes', async () => {
  await leave([10, 600]);
  expect(await left()).toEqual({ 'update-1': 500 });
});

it('writes nothing through a link in the place of the folder of receipts, and says so', async () => {
  const elsewhere = await makeFolder();
  await mkdir(join(elsewhere, 'cron.d'));
  await symlink(join(elsewhere, 'cron.d'), join(stick, 'receipts'));
  await leave([3]);
  expect(await readdir(join(elsewhere, 'cron.d'))).toEqual([]);
  expect(told).toContain('no receipt was written');
});
