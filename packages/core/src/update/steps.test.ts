import { beforeEach, describe, expect, it } from 'vitest';
import { type ErrorCode, hasCode } from '../errors.js';
import { manualClock } from '../testing/manual-clock.js';
import { MemoryFileSystem } from '../testing/memory-file-system.js';
import { writeText } from '../testing/sample-install.js';
import { SimulatedMachine } from '../testing/simulated-machine.js';
import { createSimulatedServer, type SimulatedServer } from '../testing/simulated-server.js';
import { SimulatedSteps } from '../testing/simulated-steps.js';
import type { RunningProgram } from '../transaction/running-programs.js';
import { inlineDeriver } from '../workers/deriver.js';
import type { ExitStatus } from './prove-start.js';
import type { Steps } from './steps.js';
import type { UpdateEvent } from './update-event.js';
import { createUpdater, type Updater, type UpdaterOptions } from './updater.js';

const root = '/install';
const start = { command: 'erp', args: [], folder: root };

const steps: Steps = {
  before: [
    { name: 'Maintenance on', command: 'maintenance', args: ['on'] },
    { name: 'Stop the service', command: 'service', args: ['stop'], undo: { command: 'service', args: ['is-needed'] } },
  ],
  after: [
    { name: 'Dependencies', command: 'install', args: ['{root}'], undo: { command: 'uninstall' } },
    {
      name: 'Migrate',
      command: 'database',
      args: ['{target}'],
      changesData: true,
      undo: { command: 'database', args: ['{base}'] },
    },
  ],
  finally: [
    { name: 'Start the service', command: 'service', args: ['start'] },
    { name: 'Maintenance off', command: 'maintenance', args: ['off'] },
  ],
};
const wayThere = ['maintenance on', 'service stop', 'install /install', 'database 1.0.1', 'service start', 'maintenance off'];

let server: SimulatedServer;
let disk: MemoryFileSystem;
let machine: SimulatedMachine;
let world: SimulatedSteps;
let events: UpdateEvent[];
let running: readonly RunningProgram[];
let exit: ExitStatus;
let starts: number;

function updater(options: Partial<UpdaterOptions> = {}): Updater {
  const ports = machine.boot(disk);
  const starter = {
    start: () => {
      starts++;
      return { exited: Promise.resolve(exit), stop: () => {} };
    },
  };
  return createUpdater({
    root,
    server: server.url,
    trust: { kind: 'announced' },
    host: {
      ...ports,
      clock: manualClock(60_000),
      random: { id: ports.random.id, fraction: () => 0.5 },
      deriver: inlineDeriver(disk),
      fetch: server.fetch,
      steps: world,
      programs: { programsRunningFrom: async () => running },
      operatingSystem: { name: 'windows', version: '10.0.17763' },
      starter,
    },
    steps,
    http: { retries: { retriesMax: 0 } },
    onEvent: (event) => events.push(event),
    ...options,
  });
}

const installed = async () => (await updater({ steps: {} }).verify()).version;
const failsWith = (code: ErrorCode) => (error: unknown) => hasCode(error, code);
const names = (kind: 'step-began' | 'step-undone') => events.flatMap((event) => (event.kind === kind ? [event.name] : []));

beforeEach(async () => {
  server = createSimulatedServer();
  disk = new MemoryFileSystem();
  machine = new SimulatedMachine();
  world = new SimulatedSteps();
  running = [];
  exit = { code: 0, signal: null };
  starts = 0;
  events = [];
  await disk.makeDirectory(root);
  await server.publish('1.0.0', { 'erp.exe': 'erp 1.0.0', 'data.bin': 'same' });
  await updater({ steps: {} }).update();
  await server.publish('1.0.1', { 'erp.exe': 'erp 1.0.1', 'data.bin': 'same' });
  world.ran.length = 0;
  events = [];
});

describe('steps around the swap', () => {
  it('run in their order, with the versions filled in, and leave the way as it was', async () => {
    await expect(updater().update({ start })).resolves.toMatchObject({ kind: 'updated', version: '1.0.1' });
    expect(world.ran).toEqual(wayThere);
    expect(world).toMatchObject({ isInMaintenance: false, database: '1.0.1' });
    expect(names('step-began')).toEqual([
      'Maintenance on',
      'Stop the service',
      'Dependencies',
      'Migrate',
      'Start the service',
      'Maintenance off',
    ]);
    const order = events
      .map(({ kind }) => kind)
      .filter((kind) => ['staged', 'step-began', 'committed', 'confirmed'].includes(kind));
    expect(order).toEqual([
      'staged',
      'step-began',
      'step-began',
      'committed',
      'step-began',
      'step-began',
      'step-began',
      'step-began',
      'confirmed',
    ]);
  });

  it('swap nothing when one before fails: those that began are undone, the last first, and finally runs', async () => {
    world.failing.add('service stop');
    await expect(updater().update({ start })).rejects.toSatisfy(failsWith('STEP_FAILED'));
    expect(world.ran).toEqual(['maintenance on', 'service stop', 'service is-needed', 'service start', 'maintenance off']);
    expect(world.isInMaintenance).toBe(false);
    expect(await installed()).toBe('1.0.0');
    expect(starts).toBe(0);
    expect(events).toContainEqual(
      expect.objectContaining({
        kind: 'step-ended',
        name: 'Stop the service',
        failure: 'it ended with exit code 1',
        output: 'disk on fire',
      }),
    );
  });

  it('go back to the files before when one after fails, and that version is not tried again by itself', async () => {
    world.failing.add('database 1.0.1');
    await expect(updater().update({ start })).rejects.toSatisfy(failsWith('STEP_FAILED'));
    expect(world.ran.slice(4)).toEqual(['database 1.0.0', 'uninstall', 'service is-needed', 'service start', 'maintenance off']);
    expect(names('step-undone')).toEqual(['Migrate', 'Dependencies', 'Stop the service']);
    expect(await installed()).toBe('1.0.0');
    await expect(updater().update()).resolves.toMatchObject({ kind: 'blocked', version: '1.0.1' });
    world.failing.clear();
    await expect(updater().update({ retry: true })).resolves.toMatchObject({ kind: 'updated' });
  });

  it('are undone before files go back, when the application does not come up; finally runs again after them', async () => {
    exit = { code: 3, signal: null };
    const version: (string | undefined)[] = [];
    world.onRun = async () => {
      const bytes = await disk.open('/install/erp.exe', 'read');
      const into = new Uint8Array(9);
      await bytes.read(0, into);
      version.push(Buffer.from(into).toString());
      await bytes.close();
    };
    await expect(updater().update({ start })).resolves.toMatchObject({ kind: 'rolled-back' });
    expect(world.ran.slice(6)).toEqual(['database 1.0.0', 'uninstall', 'service is-needed', 'service start', 'maintenance off']);
    expect(version.slice(6)).toEqual(['erp 1.0.1', 'erp 1.0.1', 'erp 1.0.1', 'erp 1.0.0', 'erp 1.0.0']);
  });

  it('that fail in the end roll back too, and finally is tried again by the next command until it succeeds', async () => {
    world.failing.add('maintenance off');
    await expect(updater().update({ start })).rejects.toSatisfy(failsWith('STEP_FAILED'));
    expect(await installed()).toBe('1.0.0');
    expect(world.isInMaintenance).toBe(true);
    world.failing.clear();
    await updater().recover();
    expect(world.isInMaintenance).toBe(false);
    const count = world.ran.length;
    await updater().recover();
    expect(world.ran).toHaveLength(count);
  });

  it('whose undo fails stop no other, and the files go back all the same', async () => {
    world.failing.add('database 1.0.1').add('database 1.0.0');
    await expect(updater().update({ start })).rejects.toSatisfy(failsWith('STEP_FAILED'));
    expect(world.ran.slice(4)).toEqual(['database 1.0.0', 'uninstall', 'service is-needed', 'service start', 'maintenance off']);
    expect(await installed()).toBe('1.0.0');
  });

  it('are stopped by the caller, and everything is undone', async () => {
    const abort = new AbortController();
    world.onRun = async (words) => {
      if (words === 'database 1.0.1') abort.abort(new Error('Ctrl-C'));
    };
    await expect(updater().update({ signal: abort.signal })).rejects.toThrow('Ctrl-C');
    expect(await installed()).toBe('1.0.0');
    expect(world).toMatchObject({ isInMaintenance: false, database: '1.0.0' });
    await expect(updater().check()).resolves.toMatchObject({ kind: 'available' });
  });

  it('belong to a rollback that is asked for later, too', async () => {
    await updater().update({ start });
    await updater({ steps: {} }).rollback();
    expect(world.ran.slice(6)).toEqual(['database 1.0.0', 'uninstall', 'service is-needed', 'service start', 'maintenance off']);
  });

  it('are told to be wrong before anything is touched', async () => {
    const before = server.requests.filter((one) => one.includes('/objects/'));
    const twice = { before: [{ name: 'Once', command: 'a' }], after: [{ name: 'Once', command: 'b' }] };
    await expect(updater({ steps: twice }).update()).rejects.toSatisfy(failsWith('CONFIG_INVALID'));
    const undone = { finally: [{ name: 'Off', command: 'a', undo: { command: 'b' } }] };
    await expect(updater({ steps: undone }).update()).rejects.toSatisfy(failsWith('CONFIG_INVALID'));
    expect(server.requests.filter((one) => one.includes('/objects/'))).toEqual(before);
    const tooEarly = { before: [{ name: 'Migrate', command: 'a', changesData: true }] };
    await expect(updater({ steps: tooEarly }).update()).rejects.toSatisfy(failsWith('CONFIG_INVALID'));
    expect(await installed()).toBe('1.0.0');
  });
});

describe('a step that changes data', () => {
  const migrate = { name: 'Migrate', command: 'database', args: ['{target}'], changesData: true };
  const backup = { name: 'Back up', command: 'dump', backupPath: '/backups/{base}.sql' };
  const around = (before: Steps['before'] = []): Steps => ({
    ...steps,
    before: [...(steps.before ?? []), ...before],
    after: [migrate],
  });
  const publishIncompatible = () => {
    server.rollbackCompatible = false;
  };

  it('without undo or backup keeps the target in maintenance mode, when the base would not understand the data', async () => {
    publishIncompatible();
    world.failing.add('database 1.0.1');
    await expect(updater({ steps: around() }).update({ start })).rejects.toSatisfy(failsWith('INSTALL_MAINTENANCE'));
    expect(world.isInMaintenance).toBe(true);
    expect(await installed()).toBe('1.0.1');
    expect(events.filter(({ kind }) => kind === 'update-held')).toHaveLength(1);
    await updater().recover();
    await expect(updater().start(start)).rejects.toSatisfy(failsWith('INSTALL_MAINTENANCE'));
    await expect(updater().update()).rejects.toSatisfy(failsWith('INSTALL_MAINTENANCE'));
    expect(starts).toBe(0);
    world.failing.clear();
    await expect(updater().update({ retry: true, start })).resolves.toMatchObject({ kind: 'updated', version: '1.0.1' });
    expect(world).toMatchObject({ isInMaintenance: false, database: '1.0.1' });
  });

  it('can be gone back from by somebody who asks for it', async () => {
    publishIncompatible();
    world.failing.add('database 1.0.1');
    await updater({ steps: around() })
      .update({ start })
      .catch(() => undefined);
    await updater().rollback('the database was restored by hand');
    expect(await installed()).toBe('1.0.0');
    expect(world.isInMaintenance).toBe(false);
  });

  it('with a backup goes back, and the log has its path', async () => {
    publishIncompatible();
    world.failing.add('database 1.0.1');
    world.onRun = async (words) => {
      if (words === 'dump') await writeText(disk, '/backups/1.0.0.sql', 'everything');
    };
    await disk.makeDirectory('/backups');
    await expect(updater({ steps: around([backup]) }).update()).rejects.toSatisfy(failsWith('STEP_FAILED'));
    expect(await installed()).toBe('1.0.0');
    expect(events).toContainEqual(
      expect.objectContaining({ kind: 'step-ended', name: 'Back up', backupPath: '/backups/1.0.0.sql' }),
    );
  });

  it('whose backup leaves nothing is never begun', async () => {
    await expect(updater({ steps: around([backup]) }).update()).rejects.toThrow('it left no backup at /backups/1.0.0.sql');
    expect(world.ran).not.toContain('database 1.0.1');
    expect(await installed()).toBe('1.0.0');
  });

  it('goes on without the backup when that is skipped', async () => {
    await expect(updater({ steps: around([backup]) }).update({ skipBackup: true })).resolves.toMatchObject({ kind: 'updated' });
    expect(world.ran).not.toContain('dump');
  });
});

describe('what has to be so before an update', () => {
  it('is asked before anything is downloaded: components, system and space', async () => {
    server.requirements = { php: '>=8.2', mysql: '>=8', os: 'linux', disk_bytes: '>=99999999999999' };
    disk.capacityBytes = 1_000_000_000;
    const componentVersion = async (name: string) => (name === 'php' ? 'PHP 8.1.27 (cli)' : null);
    const requests = server.requests.length;
    const failed = await updater({ componentVersion })
      .update()
      .then(
        () => null,
        (error) => error,
      );
    expect(hasCode(failed, 'REQUIREMENT_UNMET')).toBe(true);
    expect(failed.details.unmet).toHaveLength(4);
    expect(failed.message).toContain('php >=8.2 is required, and 8.1.27 was found');
    expect(server.requests.length - requests).toBeLessThanOrEqual(2);
    server.requirements = { php: '>=8', os: 'windows >=10.0.14393 || linux', disk_bytes: '1000' };
    await expect(updater({ componentVersion }).update()).resolves.toMatchObject({ kind: 'updated' });
  });

  it('is that nothing runs from the install root, unless a step stops it', async () => {
    running = [{ pid: 7, program: '/install/erp.exe' }];
    const requests = server.requests.length;
    await expect(updater({ steps: {} }).update()).rejects.toSatisfy(failsWith('INSTALL_IN_USE'));
    expect(server.requests.length - requests).toBeLessThanOrEqual(2);
    world.onRun = async (words) => {
      if (words === 'service stop') running = [];
    };
    await expect(updater().update()).resolves.toMatchObject({ kind: 'updated' });
  });

  it('is asked again when the steps before have run: what still runs keeps its version', async () => {
    running = [{ pid: 7, program: '/install/erp.exe' }];
    await expect(updater().update()).rejects.toSatisfy(failsWith('INSTALL_IN_USE'));
    expect(world.ran).toEqual(['maintenance on', 'service stop', 'service is-needed', 'service start', 'maintenance off']);
    expect(await installed()).toBe('1.0.0');
  });

  it('is what the gate says, before the download and before the swap', async () => {
    const asked: string[] = [];
    const gate = async ({ version }: { version: string }) => void asked.push(version);
    await updater({ gate }).update();
    expect(asked).toEqual(['1.0.1', '1.0.1']);
  });

  it('is that it is no loop: the same version wanted over and over is given up until somebody asks for it', async () => {
    for (let round = 0; round < 5; round++) {
      await expect(updater({ steps: {} }).update()).resolves.toMatchObject({ kind: 'updated' });
      await writeText(disk, '/install/version.txt', '1.0.0');
    }
    await expect(updater({ steps: {} }).update()).rejects.toSatisfy(failsWith('RELEASE_BLOCKED'));
    await expect(updater({ steps: {} }).check()).resolves.toMatchObject({ kind: 'blocked' });
    await expect(updater({ steps: {} }).update({ retry: true })).resolves.toMatchObject({ kind: 'updated' });
  });
});

describe('an update in parts', () => {
  it('is prepared without a change, and then installed with a few questions', async () => {
    await expect(updater().prepare()).resolves.toMatchObject({ kind: 'prepared', installed: '1.0.0', version: '1.0.1' });
    expect(world.ran).toEqual([]);
    expect(await installed()).toBe('1.0.0');
    events = [];
    await updater().update();
    const chosen = events.find((event) => event.kind === 'plan-chosen');
    expect(chosen).toMatchObject({ cost: { fetchBytes: 0 }, application: 'erp', base: '1.0.0', version: '1.0.1' });
  });

  it('waits for the next start when that is to prove it, across restarts', async () => {
    await updater().update({ awaitsLaunch: true });
    expect(world.ran).toEqual(wayThere);
    expect(await updater().recover()).toBe('committed');
    exit = { code: 9, signal: null };
    await expect(updater().start(start)).resolves.toMatchObject({ kind: 'rolled-back', version: '1.0.1' });
    expect(world.database).toBe('1.0.0');
    expect(await installed()).toBe('1.0.0');
  });
});
