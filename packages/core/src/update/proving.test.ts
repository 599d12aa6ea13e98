/** Proving an application healthy on disks that are full or broken, and with nothing to go back to. */
import { beforeEach, describe, expect, it } from 'vitest';
import { UpdaterError } from '../errors.js';
import { manualClock } from '../testing/manual-clock.js';
import { MemoryFileSystem } from '../testing/memory-file-system.js';
import { SimulatedMachine } from '../testing/simulated-machine.js';
import { createSimulatedServer, type SimulatedServer } from '../testing/simulated-server.js';
import { inlineDeriver } from '../workers/deriver.js';
import type { ExitStatus } from './prove-start.js';
import type { UpdateEvent } from './update-event.js';
import { createUpdater, type Updater, type UpdaterOptions } from './updater.js';

const root = '/install';
const start = { command: 'erp', args: [], folder: root };

let server: SimulatedServer;
let disk: MemoryFileSystem;
let machine: SimulatedMachine;
let events: UpdateEvent[];
let exit: ExitStatus;
let starts: number;
/** Stands between the terminal and the server; null passes the request on. */
let intercept: (url: URL, request: Request) => Promise<Response | null> | null;

function updater(options: Partial<UpdaterOptions> & { clock?: ReturnType<typeof manualClock> } = {}): Updater {
  const ports = machine.boot(disk);
  const { clock = manualClock(60_000), ...rest } = options;
  return createUpdater({
    root,
    server: server.url,
    trust: { kind: 'announced' },
    host: {
      ...ports,
      clock,
      random: { id: ports.random.id, fraction: () => 0.5 },
      deriver: inlineDeriver(disk),
      async fetch(input, init) {
        const request = new Request(input as Request, init);
        return (await intercept(new URL(request.url), request)) ?? server.fetch(request);
      },
      starter: {
        start() {
          starts++;
          return { exited: Promise.resolve(exit), stop: () => {} };
        },
      },
    },
    http: { retries: { retriesMax: 0 } },
    onEvent: (event) => events.push(event),
    ...rest,
  });
}

const installed = async () => (await updater().verify()).version;
/** Nothing can be written to the journal any more once the application has started. */
const unwritable = (): void => {
  disk.fault = (operation, path) =>
    operation === 'write' && path.endsWith('/journal') && starts > 0 ? new UpdaterError('STORAGE_NO_SPACE', 'full') : undefined;
};

beforeEach(async () => {
  server = createSimulatedServer();
  disk = new MemoryFileSystem();
  machine = new SimulatedMachine();
  events = [];
  exit = { code: 0, signal: null };
  starts = 0;
  intercept = () => null;
  await disk.makeDirectory(root);
  await server.publish('1.0.0', { 'erp.exe': 'erp 1.0.0', 'data.bin': 'same' });
  await updater().update();
  await server.publish('1.0.1', { 'erp.exe': 'erp 1.0.1', 'data.bin': 'same' });
});

describe('an application that came up', () => {
  it('counts as such though that can not be written down, and is proved again at the next start', async () => {
    unwritable();
    expect(await updater().update({ start })).toMatchObject({ kind: 'updated', version: '1.0.1' });
    expect(starts).toBe(1);
    expect(events).toContainEqual({ kind: 'confirm-failed', version: '1.0.1', code: 'STORAGE_NO_SPACE', reason: 'full' });
    disk.fault = undefined;
    expect(await updater().recover()).toBe('committed');
    expect(await updater().start(start)).toMatchObject({ kind: 'confirmed' });
  });
});

describe('an application that still has to prove itself', () => {
  it('is started on a disk on which its start can not be counted, and goes back when it does not come up', async () => {
    await updater().update({ awaitsLaunch: true });
    disk.fault = (operation, path) =>
      operation === 'write' && path.endsWith('/journal') && starts === 0 ? new UpdaterError('STORAGE_NO_SPACE', 'full') : undefined;
    exit = { code: 3, signal: null };
    expect(await updater().start(start)).toMatchObject({ kind: 'rolled-back', version: '1.0.1' });
    disk.fault = undefined;
    expect(await installed()).toBe('1.0.0');
  });

  it('is started, however often that has failed, when there is nothing to go back to', async () => {
    await updater().update({ awaitsLaunch: true });
    const previous = `${root}/.remendo/previous`;
    for (const transaction of await disk.list(previous))
      for (const name of await disk.list(`${previous}/${transaction}`)) await disk.removeFile(`${previous}/${transaction}/${name}`);
    exit = { code: 3, signal: null };
    for (let round = 0; round < 3; round++)
      await expect(updater().start(start)).rejects.toMatchObject({ code: 'TRANSACTION_NO_WAY_BACK' });
    exit = { code: 0, signal: null };
    expect(await updater().start(start)).toMatchObject({ kind: 'confirmed' });
    expect(await installed()).toBe('1.0.1');
  });
});

describe('a server that fails in the middle of an update', () => {
  const problem = (code: string) => Response.json({ code, detail: 'later' }, { status: code === 'LIMIT_RATE' ? 429 : 503 });

  it.each(['SERVER_FAILED', 'LIMIT_RATE'])('is not asked for the whole zip instead (%s)', async (code) => {
    const asked: string[] = [];
    intercept = async ({ pathname }) => {
      if (!pathname.includes('/objects/')) return null;
      asked.push(pathname);
      return problem(code);
    };
    await expect(updater().update()).rejects.toMatchObject({ code });
    expect(new Set(asked).size).toBe(1);
  });

  it.each(['SERVER_FAILED', 'LIMIT_RATE'])('does not stop one whose every file is here (%s)', async (code) => {
    intercept = async () => (events.some(({ kind }) => kind === 'staged') ? problem(code) : null);
    events = [];
    expect(await updater().update()).toMatchObject({ kind: 'updated' });
  });

  it('is not waited for when every file is here', async () => {
    events = [];
    const clock = manualClock(60_000);
    intercept = async (_, { signal }) => {
      if (!events.some(({ kind }) => kind === 'staged')) return null;
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
        clock.advance(90_000);
      });
    };
    expect(await updater({ clock }).update({ askAgainWaitMs: 90_000 })).toMatchObject({ kind: 'updated' });
  });
});

describe('a swap that could not be carried out', () => {
  it('is no round of a loop: what somebody held for days is put in place once it is let go', async () => {
    disk.fault = (operation, path) =>
      operation === 'rename' && path === `${root}/erp.exe` ? new UpdaterError('TRANSACTION_FILE_HELD', 'held') : undefined;
    for (let round = 0; round < 7; round++)
      await expect(updater().update()).rejects.toMatchObject({ code: 'TRANSACTION_FILE_HELD' });
    disk.fault = undefined;
    expect(await updater().update()).toMatchObject({ kind: 'updated', version: '1.0.1' });
  });

  it('is none either where a folder of the install is another volume', async () => {
    disk.fault = (operation, path) =>
      operation === 'rename' && path === `${root}/erp.exe` ? new UpdaterError('STORAGE_OTHER_VOLUME', 'mounted') : undefined;
    for (let round = 0; round < 7; round++)
      await expect(updater().update()).rejects.toMatchObject({ code: 'STORAGE_OTHER_VOLUME' });
    expect((await updater().status()).blocked).toEqual([]);
  });
});

describe("an updater's folder on another volume than the install", () => {
  it('is told before anything is fetched, as often as somebody tries, and is no fault of the release', async () => {
    disk.isSameVolume = async () => false;
    const before = server.requests.length;
    for (let round = 0; round < 7; round++)
      await expect(updater().update()).rejects.toMatchObject({
        code: 'STORAGE_OTHER_VOLUME',
        details: { root, home: `${root}/.remendo` },
      });
    await expect(updater().prepare()).rejects.toMatchObject({ code: 'STORAGE_OTHER_VOLUME' });
    expect(server.requests.slice(before).filter((line) => line.includes('/objects/'))).toEqual([]);
    await disk.removeFile(`${root}/erp.exe`);
    await expect(updater().repair()).rejects.toMatchObject({ code: 'STORAGE_OTHER_VOLUME' });
    expect(server.requests.slice(before).filter((line) => line.includes('/objects/'))).toEqual([]);
  });
});

describe('a rollback that is asked for', () => {
  it('changes nothing while the application runs or holds its hold file', async () => {
    await updater().update();
    const programs = { programsRunningFrom: async () => [{ pid: 7, program: `${root}/erp.exe` }] };
    const host = { ...machine.boot(disk), clock: manualClock(60_000), deriver: inlineDeriver(disk), programs };
    const starter = { start: () => ({ exited: Promise.resolve(exit), stop: () => {} }) };
    const random = { id: host.random.id, fraction: () => 0.5 };
    await expect(updater({ host: { ...host, random, starter } }).rollback()).rejects.toMatchObject({ code: 'INSTALL_IN_USE' });
    const asked: unknown[] = [];
    const gate = async (swap: unknown): Promise<void> => {
      asked.push(swap);
      throw new UpdaterError('INSTALL_ON_HOLD', 'mid-sale');
    };
    await expect(updater({ gate }).rollback()).rejects.toMatchObject({ code: 'INSTALL_ON_HOLD' });
    expect(asked).toEqual([{ kind: 'rollback', version: '1.0.1', requiresBackup: false }]);
    expect(await installed()).toBe('1.0.1');
    expect((await updater().status()).blocked).toEqual([]);
    await updater().rollback();
    expect(await installed()).toBe('1.0.0');
    await expect(updater().rollback()).rejects.toMatchObject({ code: 'TRANSACTION_NO_WAY_BACK' });
  });
});
