/** Whole updates, from the question to the server to the confirmed swap, where Windows' rules hold. */
import { beforeEach, describe, expect, it } from 'vitest';
import { manualClock } from '../testing/manual-clock.js';
import {
  baseRelease,
  nextRelease,
  releasedFiles,
  snapshotOf,
  targetRelease,
  userFiles,
  writeSample,
  writeText,
} from '../testing/sample-install.js';
import { SimulatedMachine } from '../testing/simulated-machine.js';
import { createSimulatedServer, type SimulatedServer } from '../testing/simulated-server.js';
import { WindowsMachine } from '../testing/windows-file-system.js';
import { sharesReading } from '../testing/windows-holds.js';
import { inlineDeriver } from '../workers/deriver.js';
import { createUpdater, type Updater } from './updater.js';

const root = 'C:/sistema/bin';
const at = (path: string) => `${root}/${path}`;

let server: SimulatedServer;
let machine: SimulatedMachine;
let windows: WindowsMachine;

/** A new process on the terminal. */
function updater(home?: string): Updater {
  const ports = machine.boot(windows.fileSystem);
  const host = {
    ...ports,
    clock: manualClock(60_000),
    random: { id: ports.random.id, fraction: () => 0.5 },
    deriver: inlineDeriver(windows.fileSystem),
    fetch: server.fetch,
    starter: { start: () => ({ exited: Promise.resolve({ code: 0, signal: null }), stop: () => {} }) },
  };
  const place = { root, ...(home === undefined ? {} : { home }) };
  return createUpdater({ ...place, server: server.url, trust: { kind: 'announced' }, host, http: { retries: { retriesMax: 0 } } });
}

const installed = () => snapshotOf(windows.fileSystem, root);
const file = async (path: string) => (await installed())[path];

beforeEach(async () => {
  server = createSimulatedServer();
  machine = new SimulatedMachine();
  windows = new WindowsMachine({ scannerHoldsMs: 100, holders: async () => [{ pid: 7, program: 'C:\\erp\\erp.exe' }] });
  await server.publish('1.0.0', releasedFiles(baseRelease));
  await updater().update();
  await writeSample(windows.fileSystem, root, userFiles);
});

describe('an update on Windows', () => {
  it("is refused before anything is fetched where the updater's folder is on another drive", async () => {
    await server.publish('1.0.1', releasedFiles(targetRelease));
    const before = server.requests.length;
    await expect(updater('D:/remendo').update()).rejects.toMatchObject({ code: 'STORAGE_OTHER_VOLUME' });
    expect(server.requests.slice(before).filter((line) => line.includes('/objects/'))).toEqual([]);
  });

  it('installs, updates and goes back under a virus scanner, with the application running and user files in between', async () => {
    const base = await installed();
    windows.run(at('app.exe'));
    windows.run(at('lib/core.dll'));
    await server.publish('1.0.1', releasedFiles(targetRelease));
    expect(await updater().update()).toMatchObject({ kind: 'updated', version: '1.0.1' });
    expect(Object.keys(await installed())).toEqual(expect.arrayContaining(['README.md', 'plugin/main.js', 'theme', '.env']));
    expect(await file('app.exe')).toContain('application two');
    await server.publish('1.0.2', releasedFiles(nextRelease));
    expect(await updater().update()).toMatchObject({ kind: 'updated', version: '1.0.2' });
    await updater().rollback();
    expect(await file('app.exe')).toContain('application two');
    expect(base['lib/user.ini']).toBe(await file('lib/user.ini'));
  });

  it('goes back when a file stays held, says by whom, and succeeds when asked again afterwards', async () => {
    const base = await installed();
    await server.publish('1.0.1', releasedFiles(targetRelease));
    const letGo = windows.hold(at('lib/core.dll'), { shares: sharesReading });
    await expect(updater().update()).rejects.toMatchObject({ code: 'TRANSACTION_FILE_HELD', details: { heldBy: ['erp.exe (7)'] } });
    expect(await installed()).toEqual(base);
    letGo();
    expect(await updater().update()).toMatchObject({ kind: 'updated', version: '1.0.1' });
  });

  it('refuses every command while a rollback is kept from finishing, and any of them finishes it later', async () => {
    const base = await installed();
    await server.publish('1.0.1', releasedFiles(targetRelease));
    await updater().update();
    const letGo = windows.hold(at('big.bin'), { shares: sharesReading });
    await expect(updater().rollback()).rejects.toMatchObject({ code: 'TRANSACTION_ROLLBACK_PENDING' });
    for (const command of [() => updater().recover(), () => updater().verify(), () => updater().update()])
      await expect(command()).rejects.toMatchObject({ code: 'TRANSACTION_ROLLBACK_PENDING' });
    letGo();
    expect(await updater().recover()).toBe('rolled-back');
    expect((await updater().status()).version).toMatchObject({ version: '1.0.0' });
    expect((await updater().verify()).intact).toBe(true);
    expect(await installed()).toEqual(base);
  });

  it('takes a damaged file whose name is spelled otherwise for the damage it is, and heals it', async () => {
    await windows.fileSystem.rename(at('lib/core.dll'), at('lib/CORE.DLL'));
    await writeText(windows.fileSystem, at('lib/CORE.DLL'), 'of a virus');
    await server.publish('1.0.1', releasedFiles(targetRelease));
    expect(await updater().update()).toMatchObject({ kind: 'updated' });
    expect(await file('lib/core.dll')).toContain('library two');
  });
});
