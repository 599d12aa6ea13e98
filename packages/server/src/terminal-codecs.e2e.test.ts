/** Terminals that know different codecs, and one server, all with real processes, sockets and files. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CodecName, createUpdater, nodeHost, type UpdateEvent, unannouncedCodecs } from '@remendo/core';
import type { PlanAnswer } from '@remendo/core/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { killPrograms, type ServerProgram, startProgram } from './testing/server-program.js';
import { deltasSettled, newDataFolder, publishOk, removeFolder } from './testing/test-server.js';
import { zipOf } from './testing/zip-of.js';

let dataFolder: string;
let terminals: string;
let server: ServerProgram;

/** Text in a zip: one line changed, and the whole of the zip's one stream is another. */
function library(version: string): Buffer {
  const line = (index: number): string =>
    `${(index * 7_919) % 10_007} ${index === 10 ? version : Math.imul(index, 2_654_435_761)}\n`;
  return zipOf([{ path: 'text', bytes: Array.from({ length: 20_000 }, (_, index) => line(index)).join('') }]);
}

async function updated(name: string, options: { readonly codecs?: readonly CodecName[]; readonly fetch?: typeof fetch } = {}) {
  const root = join(terminals, name);
  const events: UpdateEvent[] = [];
  const { codecs, ...ports } = options;
  const updater = createUpdater({
    root,
    server: server.url,
    trust: { kind: 'signed', firstUse: true },
    host: { ...nodeHost({ workers: 1 }), ...ports },
    ...(codecs === undefined ? {} : { codecs }),
    onEvent: (event) => events.push(event),
  });
  try {
    await updater.update({ version: '1.0.0' });
    events.length = 0;
    const result = await updater.update({ version: '1.0.1' });
    const [chosen] = events.filter((event) => event.kind === 'plan-chosen');
    const failed = events.filter((event) => event.kind === 'plan-failed');
    return { result, chosen, failed, made: await readFile(join(root, 'app.jar')) };
  } finally {
    await updater.close();
  }
}

beforeAll(async () => {
  [dataFolder, terminals] = [await newDataFolder(), await newDataFolder()];
  server = await startProgram(dataFolder);
  for (const version of ['1.0.0', '1.0.1'])
    await publishOk(server.url, { version, parts: [{ path: 'app.jar', bytes: library(version), stored: true }] });
  await deltasSettled(server.url, '1.0.1');
});

afterAll(async () => {
  await killPrograms();
  for (const folder of [dataFolder, terminals]) await removeFolder(folder);
});

const reason = 'needs the codec remendo+containers, which the terminal does not know';

describe('a release whose patch sees through a zip', () => {
  it('reaches a terminal that knows its codec by that patch', async () => {
    const { result, chosen, made } = await updated('knows');
    expect(result).toMatchObject({ kind: 'updated', version: '1.0.1' });
    expect(chosen).toMatchObject({ label: 'chain 1.0.0 → 1.0.1' });
    expect(chosen?.cost.fetchBytes).toBeLessThan(8_000);
    expect(made.equals(library('1.0.1'))).toBe(true);
  });

  it('reaches a terminal that does not know it by whole contents, and the plan says why', async () => {
    const { result, chosen, failed, made } = await updated('knows-less', { codecs: unannouncedCodecs });
    expect(result).toMatchObject({ kind: 'updated', version: '1.0.1' });
    expect(failed).toEqual([]);
    expect(chosen?.label).not.toMatch(/chain/);
    expect(chosen?.losers).toContainEqual({ label: 'chain 1.0.0 → 1.0.1', costBytes: null, reason });
    expect(made.equals(library('1.0.1'))).toBe(true);
  });

  it('reaches one of the time before codecs were announced in the same way', async () => {
    const answer = await fetch(`${server.url}/api/v1/updates/plan?base=1.0.0&target=1.0.1`);
    const { plans, losers } = (await answer.json()) as PlanAnswer;
    expect(plans.every(({ label, cost_bytes }) => !label.startsWith('chain') && cost_bytes > 100_000)).toBe(true);
    expect(losers).toContainEqual({ label: 'chain 1.0.0 → 1.0.1', cost_bytes: null, reason });
  });

  it('reaches a terminal whose server does not listen to what it announces: it refuses the patch before fetching it', async () => {
    const announcing: typeof fetch = (input, init) => {
      const url = new URL(new Request(input as Request, init).url);
      if (url.searchParams.has('codecs')) url.searchParams.set('codecs', 'remendo,remendo+containers');
      return fetch(url, init);
    };
    const { result, failed, made } = await updated('not-heard', { codecs: unannouncedCodecs, fetch: announcing });
    expect(result).toMatchObject({ kind: 'updated', version: '1.0.1' });
    expect(failed[0]).toMatchObject({ label: 'chain 1.0.0 → 1.0.1', code: 'PATCH_CODEC_UNKNOWN' });
    expect(made.equals(library('1.0.1'))).toBe(true);
  });
});
