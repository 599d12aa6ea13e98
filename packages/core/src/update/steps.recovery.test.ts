/**
 * What a start finds of steps that were cut short, of updates that are held, and of `finally` that is still due: cases of
 * two and three failures in a row, which crashes at random do not meet.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import { type ErrorCode, hasCode, UpdaterError } from '../errors.js';
import { removeTree } from '../file-system/remove-tree.js';
import { manualClock } from '../testing/manual-clock.js';
import { MemoryFileSystem } from '../testing/memory-file-system.js';
import { writeText } from '../testing/sample-install.js';
import { SimulatedMachine } from '../testing/simulated-machine.js';
import { createSimulatedServer, type SimulatedServer } from '../testing/simulated-server.js';
import { SimulatedSteps } from '../testing/simulated-steps.js';
import { peekInstall } from '../transaction/install.js';
import { installLayout } from '../transaction/install-layout.js';
import { inlineDeriver } from '../workers/deriver.js';
import type { ExitStatus } from './prove-start.js';
import type { Steps } from './steps.js';
import type { UpdateEvent } from './update-event.js';
import { createUpdater, type Updater } from './updater.js';

const root = '/install';
const layout = installLayout(root);
const start = { command: 'erp', args: [], folder: root };

const maintenance = { name: 'Maintenance on', command: 'maintenance', args: ['on'] };
const service = { name: 'Stop the service', command: 'service', args: ['stop'], undo: { command: 'service', args: ['undo'] } };
const migrate = { name: 'Migrate', command: 'database', args: ['{target}'], changesData: true };
const undoable = { ...migrate, undo: { command: 'database', args: ['{base}'] } };
const caches = { name: 'Refresh caches', command: 'caches' };
const ending = { name: 'Maintenance off', command: 'maintenance', args: ['off'] };
const around = (after: Steps['after'] = []): Steps => ({ before: [maintenance, service], after, finally: [ending] });

let server: SimulatedServer;
let disk: MemoryFileSystem;
let machine: SimulatedMachine;
let world: SimulatedSteps;
let events: UpdateEvent[];
let exit: ExitStatus;
let onStart: () => void;
/** The state from which on nothing can be written any more. */
let isFullFrom: string | null;

function updater(steps: Steps = {}): Updater {
  const ports = machine.boot(disk);
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
      starter: {
        start: () => {
          onStart();
          return { exited: Promise.resolve(exit), stop: () => {} };
        },
      },
    },
    steps,
    http: { retries: { retriesMax: 0 } },
    onEvent: (event) => {
      events.push(event);
      if (event.kind === 'transaction-state-entered' && event.state === isFullFrom)
        disk.fault = (operation) => (operation === 'write' ? full() : undefined);
    },
  });
}

const recover = () => updater().recover();
const last = () => peekInstall(disk, layout);
const installed = async () => (await updater().status()).version?.version;
const failsWith = (code: ErrorCode) => (error: unknown) => hasCode(error, code);
const failing = (...words: readonly string[]) => {
  world.failing.clear();
  for (const one of words) world.failing.add(one);
};

/** Does something, and is killed in the middle of a command: nothing that the program does after it reaches the disk. */
async function killedIn(command: string, work: () => Promise<unknown>): Promise<void> {
  world.onRun = async (words) => {
    if (words !== command) return;
    disk.fault = () => new Error('killed');
    throw new Error('killed');
  };
  await work().catch(() => undefined);
  disk.fault = undefined;
  world.onRun = () => Promise.resolve();
}

beforeEach(async () => {
  server = createSimulatedServer();
  disk = new MemoryFileSystem();
  machine = new SimulatedMachine();
  world = Object.assign(new SimulatedSteps(), { database: '1.0.0' });
  exit = { code: 0, signal: null };
  events = [];
  isFullFrom = null;
  onStart = () => {};
  await disk.makeDirectory(root);
  await server.publish('1.0.0', { 'erp.exe': 'erp 1.0.0' });
  await updater().update();
  await server.publish('1.0.1', { 'erp.exe': 'erp 1.0.1' });
});

describe('an update that is held', () => {
  beforeEach(() => {
    server.rollbackCompatible = false;
  });

  const held = async (steps: Steps): Promise<void> => {
    await expect(updater(steps).update({ start })).rejects.toSatisfy(failsWith('INSTALL_MAINTENANCE'));
  };

  it('keeps what was done before the swap: nothing more is undone once an undo has failed for the data', async () => {
    failing('caches', 'database 1.0.0');
    await held(around([undoable, caches]));
    expect(world.ran.slice(-2)).toEqual(['caches', 'database 1.0.0']);
    expect(world.isInMaintenance).toBe(true);
  });

  it('stays where somebody brought it by going on, however often a program starts after that', async () => {
    failing('caches', 'database 1.0.0');
    await held(around([undoable, caches]));
    failing();
    await expect(updater().update({ retry: true })).resolves.toMatchObject({ kind: 'updated', version: '1.0.1' });
    for (let again = 0; again < 2; again++) await expect(recover()).resolves.toBe('nothing-to-do');
    expect(await installed()).toBe('1.0.1');
    expect(world).toMatchObject({ database: '1.0.1', isInMaintenance: false });
  });

  it('runs again what a rollback that was cut short had taken back, before the rest', async () => {
    await updater(around([undoable])).update();
    failing('database 1.0.0');
    await killedIn('service undo', () => updater().rollback());
    await recover();
    expect(await installed()).toBe('1.0.0');
    // The same, of one that waits for its proof.
    failing();
    await updater(around([undoable])).update({ retry: true, awaitsLaunch: true });
    failing('database 1.0.0');
    await killedIn('maintenance off', () => killedIn('service undo', () => updater().rollback()));
    await recover();
    expect((await last())?.heldBecause).not.toBeNull();
    failing();
    world.ran.length = 0;
    await expect(updater().update({ retry: true })).resolves.toMatchObject({ kind: 'updated' });
    expect(world.ran).toEqual(['service stop', 'database 1.0.1', 'maintenance off']);
    await expect(recover()).resolves.toBe('nothing-to-do');
    expect(await installed()).toBe('1.0.1');
  });

  it('ends what outlived its updater before it waits for somebody', async () => {
    await killedIn('database 1.0.1', () => updater(around([migrate])).update());
    await expect(recover()).resolves.toBe('committed');
    expect((await last())?.heldBecause).not.toBeNull();
    expect(world.ended).toEqual([5_002]);
  });

  it('is held again when going on is cut short, and tells it each time', async () => {
    failing('database 1.0.1');
    await held(around([migrate]));
    failing();
    await killedIn('database 1.0.1', () => updater().update({ retry: true }));
    await expect(recover()).resolves.toBe('committed');
    expect(events.filter(({ kind }) => kind === 'update-held')).toHaveLength(2);
    await expect(updater().update({ retry: true })).resolves.toMatchObject({ kind: 'updated' });
    expect(world).toMatchObject({ database: '1.0.1', isInMaintenance: false });
  });

  it('after starts that led to no verdict is started again when somebody goes on', async () => {
    await updater(around([migrate])).update({ awaitsLaunch: true });
    onStart = () => {
      disk.fault = () => new Error('killed');
    };
    for (let starts = 0; starts < 3; starts++) {
      await expect(updater().start(start)).rejects.toThrow();
      disk.fault = undefined;
    }
    await expect(updater().start(start)).rejects.toSatisfy(failsWith('INSTALL_MAINTENANCE'));
    onStart = () => {};
    await expect(updater().update({ retry: true, start })).resolves.toMatchObject({ kind: 'updated' });
    await expect(recover()).resolves.toBe('nothing-to-do');
  });

  it('can not be confirmed', async () => {
    failing('database 1.0.1');
    await held(around([migrate]));
    await expect(updater().confirm()).rejects.toSatisfy(failsWith('INSTALL_MAINTENANCE'));
    expect((await last())?.state).toBe('committed');
  });

  it('keeps the backup that could bring the data back, whatever its undo would do', async () => {
    const backup = { name: 'Back up', command: 'dump', backupPath: '/dump', undo: { command: 'forget' } };
    await writeText(disk, '/dump', 'everything');
    failing('caches', 'database 1.0.0');
    const steps = { ...around([undoable, caches]), before: [maintenance, backup] };
    await expect(updater(steps).update()).rejects.toSatisfy(failsWith('STEP_FAILED'));
    expect(await installed()).toBe('1.0.0');
    expect(world.ran).not.toContain('forget');
  });
});

describe('a start after steps were cut short', () => {
  it('takes back those before the swap and runs finally, once: no later start runs it again', async () => {
    await killedIn('service stop', () => updater(around()).update());
    await expect(recover()).resolves.toBe('discarded');
    expect(world.ran).toEqual(['maintenance on', 'service stop', 'service undo', 'maintenance off']);
    await recover();
    await recover();
    expect(world.ran).toHaveLength(4);
    expect(await installed()).toBe('1.0.0');
  });

  it('is told apart from a whole version by whoever only looks', async () => {
    const seen: Record<string, boolean | undefined> = {};
    world.onRun = async (words) => {
      seen[words] ??= (await last())?.isBetween;
    };
    failing('caches');
    await updater(around([migrate, caches]))
      .update()
      .catch(() => undefined);
    const before = { 'maintenance on': false, 'service stop': false };
    expect(seen).toEqual({ ...before, 'database 1.0.1': true, caches: true, 'service undo': true, 'maintenance off': false });
  });

  it('ends a program of finally that outlived its updater before it runs it again', async () => {
    await killedIn('maintenance off', () => updater(around()).update({ awaitsLaunch: true }));
    await expect(recover()).resolves.toBe('committed');
    expect(world.ended).toEqual([5_002]);
    expect(world.isInMaintenance).toBe(false);
  });

  it('says of a swap that was cut short with steps around it just that', async () => {
    let renames = 0;
    disk.fault = (operation, path) => {
      if (operation === 'rename' && !path.endsWith('.partial')) renames++;
      return renames > 2 ? new Error('killed') : undefined;
    };
    await updater(around([caches]))
      .update()
      .catch(() => undefined);
    disk.fault = undefined;
    await expect(recover()).resolves.toBe('rolled-back');
    expect(await last()).toMatchObject({ state: 'rolled_back', reason: 'it was cut short' });
    expect(await installed()).toBe('1.0.0');
  });

  it('holds a target whose steps were being taken back when the way back is gone, and lets somebody go on', async () => {
    await updater(around([undoable])).update();
    await killedIn('service undo', () => updater().rollback());
    await removeTree(disk, layout.previous);
    await expect(recover()).resolves.toBe('committed');
    await expect(updater().start(start)).rejects.toSatisfy(failsWith('INSTALL_MAINTENANCE'));
    await expect(updater().update({ retry: true, start })).resolves.toMatchObject({ kind: 'updated' });
    await expect(recover()).resolves.toBe('nothing-to-do');
    expect(world).toMatchObject({ database: '1.0.1', isInMaintenance: false });
  });

  it('holds a target that it had to go on to without its steps, in the same start', async () => {
    await killedIn('caches', () => updater(around([caches])).update());
    // Of the swap nothing is remembered, and the base is lost.
    const text = Buffer.from(await bytesOf(layout.journal)).toString();
    await writeText(disk, layout.journal, text.slice(0, text.lastIndexOf('\n', text.indexOf('"committed"')) + 1));
    await removeTree(disk, layout.previous);
    await expect(recover()).resolves.toBe('committed');
    expect(await last()).toMatchObject({ state: 'committed', heldBecause: expect.stringContaining('NO_WAY_BACK') });
    await expect(updater().confirm()).rejects.toSatisfy(failsWith('INSTALL_MAINTENANCE'));
  });
});

describe('finally', () => {
  it.each([
    ['service stop', 'discarded'],
    ['caches', 'rolled_back'],
  ])('runs on a disk that has no room for a word about it, after %s failed', async (command, state) => {
    failing(command);
    isFullFrom = state;
    await expect(updater(around([caches])).update()).rejects.toSatisfy(failsWith('STEP_FAILED'));
    expect(world.isInMaintenance).toBe(false);
    disk.fault = undefined;
    await expect(recover()).resolves.toBe('nothing-to-do');
    expect(await installed()).toBe('1.0.0');
  });

  it('that has still to end outlives the update it belongs to, when the next one fails before its own steps', async () => {
    failing('caches', 'maintenance off');
    await expect(updater(around([caches])).update()).rejects.toSatisfy(failsWith('STEP_FAILED'));
    await server.publish('1.0.2', { 'erp.exe': 'erp 1.0.2' });
    disk.fault = (operation, path) =>
      operation === 'setMode' && path.includes('staging') ? new UpdaterError('STORAGE_FAILED', 'broken') : undefined;
    await expect(updater(around([caches])).update()).rejects.toSatisfy(failsWith('STORAGE_FAILED'));
    disk.fault = undefined;
    expect(world.isInMaintenance).toBe(true);
    failing();
    await recover();
    expect(world.isInMaintenance).toBe(false);
    const count = world.ran.length;
    await expect(updater().update()).resolves.toMatchObject({ kind: 'updated', version: '1.0.2' });
    expect(world.ran).toHaveLength(count);
  });

  it('that can never end stops no update once it is taken out of the configuration', async () => {
    failing('caches', 'maintenance off');
    await expect(updater(around([caches])).update()).rejects.toSatisfy(failsWith('STEP_FAILED'));
    await expect(updater().update({ retry: true })).resolves.toMatchObject({ kind: 'updated' });
    await expect(recover()).resolves.toBe('nothing-to-do');
    expect((await last())?.steps).toEqual([]);
  });
});

const full = () => new UpdaterError('STORAGE_NO_SPACE', 'the disk is full');

async function bytesOf(path: string): Promise<Uint8Array> {
  const handle = await disk.open(path, 'read');
  const bytes = new Uint8Array(handle.bytes);
  await handle.read(0, bytes);
  return bytes;
}
