/**
 * An update with steps around it, stopped at every file operation and in the middle of every command. The world that steps
 * change outlives the program. After the next start, files and database are of the same version, and nothing is left in
 * maintenance mode.
 */
import { expect, it } from 'vitest';
import { readSmallFile } from '../file-system/file-source.js';
import { CrashFileSystem, type CrashKind } from '../testing/crash-file-system.js';
import { manualClock } from '../testing/manual-clock.js';
import { SimulatedMachine } from '../testing/simulated-machine.js';
import { createSimulatedServer, type SimulatedServer } from '../testing/simulated-server.js';
import { SimulatedSteps } from '../testing/simulated-steps.js';
import { inlineDeriver } from '../workers/deriver.js';
import type { Steps } from './steps.js';
import { createUpdater, type Updater } from './updater.js';

const root = '/install';
const seed = Number(process.env.REMENDO_TEST_SEED ?? 20_261_122);
const kinds: readonly CrashKind[] = ['kept', 'dropped', 'killed', 'reordered', 'torn'];
const machine = new SimulatedMachine();

const allSteps: Steps = {
  before: [{ name: 'Maintenance on', command: 'maintenance', args: ['on'] }],
  after: [
    {
      name: 'Migrate',
      command: 'database',
      args: ['{target}'],
      changesData: true,
      undo: { command: 'database', args: ['{base}'] },
    },
    { name: 'Refresh caches', command: 'caches' },
  ],
  finally: [{ name: 'Maintenance off', command: 'maintenance', args: ['off'] }],
};

/** Without anything before the swap, a crash right after it leaves no step that began. */
const stepsAfter: Steps = { after: allSteps.after ?? [], finally: allSteps.finally ?? [] };

/** What is stopped: an update that goes well, one whose application does not come up, a rollback that is asked for. */
const works = {
  'an update': (one: Updater) => one.update(),
  'an update that goes back by itself': (one: Updater) => one.update({ start: { command: 'erp', args: [], folder: root } }),
  'a rollback': (one: Updater) => one.rollback(),
} as const;
type Work = keyof typeof works;

interface Ground {
  readonly steps: Steps;
  readonly disk: CrashFileSystem;
  readonly server: SimulatedServer;
  readonly world: SimulatedSteps;
}

function updater({ disk, server, world, steps }: Ground): Updater {
  const ports = machine.boot(disk);
  const host = {
    ...ports,
    clock: manualClock(60_000),
    random: { id: ports.random.id, fraction: () => 0.5 },
    deriver: inlineDeriver(disk),
    fetch: server.fetch,
    steps: world,
    starter: { start: () => ({ exited: Promise.resolve({ code: 1, signal: null }), stop: () => {} }) },
  };
  return createUpdater({
    root,
    server: server.url,
    trust: { kind: 'announced' },
    host,
    steps,
    http: { retries: { retriesMax: 0 } },
  });
}

const worldAt = (database: string): SimulatedSteps => Object.assign(new SimulatedSteps(), { database });

async function prepare(work: Work, steps: Steps) {
  const server = createSimulatedServer();
  const disk = new CrashFileSystem({ canSyncDirectories: false, now: () => machine.nowMs++ });
  await disk.makeDirectory(root);
  await server.publish('1.0.0', { 'erp.exe': '1.0.0', 'lib/a.dll': 'a' });
  await updater({ disk, server, world: worldAt('1.0.0'), steps }).update();
  await server.publish('1.0.1', { 'erp.exe': '1.0.1', 'lib/b.dll': 'b' });
  const startsAt = work === 'a rollback' ? '1.0.1' : '1.0.0';
  if (work === 'a rollback') await updater({ disk, server, world: worldAt('1.0.0'), steps }).update();
  disk.settle();
  const whole = disk.afterCrash('kept', 0);
  whole.settle();
  const operationsBefore = whole.operationCount;
  const world = worldAt(startsAt);
  await works[work](updater({ disk: whole, server, world, steps }));
  return { server, steps, base: disk, startsAt, operations: whole.operationCount, operationsBefore, commands: world.ran.length };
}

type Prepared = Awaited<ReturnType<typeof prepare>>;

interface Stopped {
  readonly work: Work;
  readonly kind: CrashKind;
  readonly arm: (ground: Ground) => void;
}

/** @returns the version that the next start found, which everything agrees on. */
async function recoverAfter({ server, steps, base, startsAt }: Prepared, { work, kind, arm }: Stopped): Promise<string> {
  const disk = base.afterCrash('kept', 0);
  disk.settle();
  const ground = { disk, server, steps, world: worldAt(startsAt) };
  arm(ground);
  await works[work](updater(ground)).catch(() => undefined);
  const found = disk.afterCrash(kind, seed);
  found.crashAt = Number.POSITIVE_INFINITY;
  ground.world.onRun = () => Promise.resolve();
  const after = { ...ground, disk: found };
  await updater(after).recover();
  const version = Buffer.from((await readSmallFile(found, `${root}/erp.exe`, 100)) ?? []).toString();
  const what = `${kind}, after ${ground.world.ran.join(', ')}; ${disk.trace.at(-1)}`;
  expect({ database: ground.world.database, isInMaintenance: ground.world.isInMaintenance }, what).toEqual({
    database: version,
    isInMaintenance: false,
  });
  await updater(after).update({ retry: true });
  expect(ground.world, what).toMatchObject({ database: '1.0.1', isInMaintenance: false });
  return version;
}

it.each(
  (Object.keys(works) as Work[]).flatMap((work) => [
    { work, which: 'steps on both sides', steps: allSteps },
    { work, which: 'steps after the swap', steps: stepsAfter },
  ]),
)(
  'leaves files, database and maintenance mode in agreement, wherever $work with $which is stopped',
  async ({ work, which, steps }) => {
    const prepared = await prepare(work, steps);
    const found: Record<string, number> = {};
    const count = (version: string): void => {
      found[version] = (found[version] ?? 0) + 1;
    };
    for (let crashAt = prepared.operationsBefore + 1; crashAt <= prepared.operations; crashAt++) {
      const kind = kinds[(crashAt + seed) % kinds.length] ?? 'torn';
      const arm = ({ disk }: Ground): void => {
        disk.crashAt = crashAt;
      };
      count(await recoverAfter(prepared, { work, kind, arm }));
    }
    for (let command = 1; command <= prepared.commands; command++) {
      for (const kind of kinds) {
        const arm = ({ disk, world }: Ground): void => {
          world.onRun = async () => {
            if (world.ran.length !== command) return;
            disk.crashAt = disk.operationCount + 1;
            throw new Error('killed');
          };
        };
        count(await recoverAfter(prepared, { work, kind, arm }));
      }
    }
    expect(found['1.0.0']).toBeGreaterThan(0);
    expect(found['1.0.1']).toBeGreaterThan(0);
    const operations = prepared.operations - prepared.operationsBefore;
    console.log(
      `${work} with ${which}: ${operations} operations, ${prepared.commands} commands × ${kinds.length} kinds, seed ${seed}: ${JSON.stringify(found)}`,
    );
  },
  120_000,
);
