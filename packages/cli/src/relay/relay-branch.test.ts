/** Three terminals of a branch that update through its relay: the library's own updater, and real connections to the relay. */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { createUpdater, nodeHost, type RelaySource, relaySource, type UpdateResult } from '@remendo/core';
import { createSimulatedServer, inlineDeriver, type SimulatedServer } from '@remendo/core/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { temporaryFolders } from '../testing/run-remendo.js';
import { readTree, writeFiles } from '../testing/sample-releases.js';
import { startTamperingProxy } from '../testing/tampering-proxy.js';
import { type OpenRelay, openRelay } from './open-relay.js';
import { relayConfigOf } from './relay-settings.js';
import { bytesOf, patientTimeouts } from './relay-world.test.support.js';

const makeFolder = temporaryFolders();
const own = ['.remendo', 'version.txt'];
/** Text that does not compress to nothing. */
const textOf = (count: number, seed: number): string => Buffer.from(bytesOf(count / 2, seed)).toString('hex');
const program = textOf(80_000, 5);
const encoded = (files: Readonly<Record<string, string>>): Record<string, Uint8Array> =>
  Object.fromEntries(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)]));

let folder: string;
let server: SimulatedServer;
let relay: OpenRelay;

beforeAll(async () => {
  folder = await makeFolder();
  server = createSimulatedServer();
  for (const [version, files] of [
    ['1.0.0', { 'app.exe': program, 'readme.txt': 'one\n'.repeat(200) }],
    ['1.1.0', { 'app.exe': `${program.slice(0, 40_000)}new${program.slice(40_000)}`, 'data/new.bin': textOf(30_000, 6) }],
  ] as const) {
    await writeFiles(join(folder, version), encoded(files));
    await server.publish(version, files);
  }
  relay = await openRelay({
    config: relayConfigOf({ host: '127.0.0.1', port: 0, announce: false }),
    folder: join(folder, 'relay'),
    server: server.url,
    allowInsecure: false,
    credentials: {},
    bandwidthBytesPerSecond: null,
    timeouts: patientTimeouts,
    host: { ...nodeHost({ workers: 1 }), fetch: server.fetch },
    onEvent: () => undefined,
  });
  await update('base', { version: '1.0.0' });
});
afterAll(() => relay?.close());

/** All of the branch is in this process, whose machine may be busy. */
const patientTimes = { ...patientTimeouts, helloMs: 60_000, stallMs: 60_000, slowMs: 120_000 };

interface Updated {
  readonly result: UpdateResult;
  /** Objects that came from the server itself. */
  readonly serverObjects: number;
  readonly source: RelaySource;
}

async function update(name: string, options: { readonly version?: string; readonly relayUrl?: string }): Promise<Updated> {
  const { relayUrl, version } = options;
  const machine = nodeHost({ workers: 1 });
  const host = { ...machine, deriver: inlineDeriver(machine.fileSystem) };
  let serverObjects = 0;
  const counting: typeof fetch = (input, init) => {
    if (new URL((input as Request).url).pathname.includes('/objects/')) serverObjects += 1;
    return server.fetch(input, init);
  };
  const find = async () => (relayUrl === undefined ? [] : [relayUrl]);
  const source = relaySource({ ...host, find, times: patientTimes });
  const updater = createUpdater({
    root: join(folder, name),
    server: server.url,
    host: { ...host, fetch: counting },
    sources: [source],
    trust: { kind: 'announced' },
  });
  try {
    return { result: await updater.update(version === undefined ? {} : { version }), serverObjects, source };
  } finally {
    await updater.close();
  }
}

/** Terminals on the base, each with a root of its own. */
async function terminals(prefix: string): Promise<readonly string[]> {
  const names = [1, 2, 3].map((index) => `${prefix}-${index}`);
  for (const name of names) await cp(join(folder, 'base'), join(folder, name), { recursive: true });
  return names;
}

const isTarget = async (name: string): Promise<void> =>
  expect(await readTree(join(folder, name), own)).toEqual(await readTree(join(folder, '1.1.0'), own));

it('updates three terminals at once with one download, and no object from the server to any of them', async () => {
  const names = await terminals('together');
  const [relayUrl = ''] = relay.urls;
  const updated = await Promise.all(names.map((name) => update(name, { relayUrl })));
  for (const [index, { result, serverObjects, source }] of updated.entries()) {
    expect(result).toMatchObject({ kind: 'updated', base: '1.0.0', version: '1.1.0' });
    expect(serverObjects).toBe(0);
    expect(source.given()).toEqual([{ url: relayUrl, bytes: expect.any(Number) }]);
    await isTarget(names[index] ?? '');
  }
  const { bytesServed, cacheBytes, failed, notFound } = relay.traffic();
  expect({ failed, notFound, bytesServed }).toEqual({ failed: 0, notFound: 0, bytesServed: 3 * cacheBytes });
});

it('updates from the server when the relay lies or is away', async () => {
  const liar = await startTamperingProxy(relay.urls[0] ?? '', {
    spoil: ({ path }, body) => (path.includes('/objects/') ? Buffer.from(body.map((byte) => byte ^ 0x55)) : body),
  });
  const [one = '', two = ''] = await terminals('alone');
  const lied = await update(one, { relayUrl: liar.url });
  await liar.close();
  const away = await update(two, { relayUrl: liar.url });
  for (const { result, serverObjects } of [lied, away]) {
    expect(result.kind).toBe('updated');
    expect(serverObjects).toBeGreaterThan(0);
  }
  await isTarget(one);
  await isTarget(two);
});
