/** What must not keep the application from starting, and how an update that waits behaves then. In one process but for the application. */
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { createUpdater, type FileSystem, installLayout, nodeHost, type Steps, type Updater } from '@remendo/core';
import { createSimulatedServer, type SimulatedServer } from '@remendo/core/testing';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { CommandContext } from '../command-context.js';
import { createOutput } from '../output/output.js';
import { temporaryFolders } from '../testing/run-remendo.js';
import { checkCached } from './check-cache.js';
import { runLaunch } from './launch-command.js';

const makeFolder = temporaryFolders();
let template: string;
let root: string;
let server: SimulatedServer;
/** Takes connections, and never answers unless it is told to. */
let silent: Server;
let answers: boolean;
let url: string;
const sockets = new Set<Socket>();
const updaters: Updater[] = [];
const notFound = 'HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n';

beforeAll(async () => {
  template = join(await makeFolder(), 'erp');
  root = template;
  await mkdir(root);
  server = createSimulatedServer();
  await server.publish('1.0.0', { 'one.txt': '1.0.0', 'two.txt': '1.0.0' });
  await updater().update();
  await server.publish('1.0.1', { 'one.txt': '1.0.1', 'two.txt': '1.0.1' });
});
beforeEach(async () => {
  root = join(await makeFolder(), 'erp');
  await cp(template, root, { recursive: true });
  answers = false;
  silent = createServer((socket) => {
    sockets.add(socket.on('error', () => {}).on('data', () => answers && socket.end(notFound)));
  }).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  silent.close();
  for (const one of updaters.splice(0)) await one.close();
});

function updater(fileSystem?: FileSystem, steps: Steps = {}): Updater {
  const { programs: _, ...host } = nodeHost({ workers: 1 });
  const made = createUpdater({
    root,
    server: server.url,
    trust: { kind: 'announced' },
    steps,
    host: { ...host, fetch: server.fetch, ...(fileSystem === undefined ? {} : { fileSystem }) },
  });
  updaters.push(made);
  return made;
}

/** What the application sees when it starts, once for each start. */
const seen = (): string => (existsSync(`${root}/../seen`) ? readFileSync(`${root}/../seen`, 'utf8') : '');
const application = `require('fs').appendFileSync('../seen', [1, 2].map((n) => require('fs').readFileSync(['one', 'two'][n - 1] + '.txt')).join() + ';')`;

async function launch({ checkWaitMs = '300', program = application } = {}) {
  let stderr = '';
  const streams = { stdout: new PassThrough().resume(), stderr: new PassThrough() };
  streams.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const context: CommandContext = {
    output: createOutput(streams as unknown as Parameters<typeof createOutput>[0], { json: false }),
    language: 'en',
    environment: {},
    signal: new AbortController().signal,
    isInteractive: false,
    takeSignals: () => () => {},
  };
  const flags = { root, server: url, checkWaitMs, healthyAfterMs: '30000' } as Parameters<typeof runLaunch>[1]['flags'];
  const code = await runLaunch(context, { flags, force: false, command: [process.execPath, '-e', program] });
  return { code, stderr };
}

it('a server that does not answer any more is waited for as long as for a check, whatever it offered before', async () => {
  const question = { server: url, application: null, platform: null, channel: 'stable', installed: '1.0.0', blocked: [] };
  const answer = { update_available: true, application: 'erp', platform: 'any', current_version: '1.0.0', latest_version: '1.0.1' };
  const { home } = installLayout(root);
  const asking = { retry: false, allowDowngrade: false };
  await checkCached({ home, now: Date.now }, { ...question, ...asking }, async () => ({
    kind: 'available',
    installed: '1.0.0',
    version: '1.0.1',
    answer,
  }));
  expect(await launch()).toMatchObject({ code: 0, stderr: expect.stringMatching(/without an update: .* within 300 ms/) });
  expect(seen()).toBe('1.0.0,1.0.0;');
});

it('an update that another program swaps in during the check is waited for: never a mixture is started', async () => {
  let letGo = (): void => {};
  const released = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const { fileSystem } = nodeHost({ workers: 1 });
  const rename = async (from: string, to: string): Promise<void> => {
    await fileSystem.rename(from, to);
    if (to !== join(root, 'one.txt')) return;
    // The server answers, and then the swap goes on.
    answers = true;
    for (const socket of sockets) socket.end(notFound);
    setTimeout(letGo, 300);
    await released;
  };
  const slow = new Proxy(fileSystem, {
    get: (target, name) => (name === 'rename' ? rename : (Reflect.get(target, name).bind?.(target) ?? Reflect.get(target, name))),
  });
  const asked = once(silent, 'connection');
  const launching = launch({ checkWaitMs: '60000' });
  await asked;
  const updating = updater(slow).update({ awaitsLaunch: true });
  expect((await launching).code).toBe(0);
  await updating;
  expect(seen()).toBe('1.0.1,1.0.1;');
});

it('an update whose steps another program still runs is waited for: nothing is started on half of them', async () => {
  const migrate = `const fs = require('fs'); fs.writeFileSync('../begun', ''); setTimeout(() => fs.writeFileSync('../migrated', ''), 700)`;
  const steps = { after: [{ name: 'Migrate', command: process.execPath, args: ['-e', migrate] }] };
  answers = true;
  const updating = updater(undefined, steps).update({ awaitsLaunch: true });
  while (!existsSync(`${root}/../begun`)) await new Promise((resolve) => setImmediate(resolve));
  const program = `require('fs').appendFileSync('../seen', String(require('fs').existsSync('../migrated')))`;
  expect((await launch({ program })).code).toBe(0);
  await updating;
  expect(seen()).toBe('true');
});

it('an update that can neither prove itself nor go back is started as it is', async () => {
  answers = true;
  await updater().update({ awaitsLaunch: true });
  await rm(installLayout(root).previous, { recursive: true });
  const ran = await launch({ program: `${application}; process.exit(9)` });
  expect(ran).toMatchObject({ code: 9, stderr: expect.stringContaining('without proof that it is healthy') });
  expect(seen()).toBe('1.0.1,1.0.1;1.0.1,1.0.1;');
});
