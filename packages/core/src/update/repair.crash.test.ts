/**
 * A repair stopped at file operations all along its way, with what was not synced kept, lost, reordered or torn. Every file is
 * then what it was before or what it should be, nothing of the user's is touched, and the next repair finishes.
 */
import { expect, it } from 'vitest';
import { CrashFileSystem, type CrashKind } from '../testing/crash-file-system.js';
import {
  createRepairWorld,
  noise,
  overwrite,
  pathIn,
  type RepairWorld,
  readText,
  repairFiles,
  repairRoot,
  textOf,
} from '../testing/repair-world.js';
import { writeText } from '../testing/sample-install.js';

const seed = Number(process.env.REMENDO_TEST_SEED ?? 20_260_712);
const kinds: readonly CrashKind[] = ['kept', 'dropped', 'killed', 'reordered', 'torn'];
const paths = [...Object.keys(repairFiles), 'version.txt', 'lib/user.ini'];

/** By blocks, whole, by a copy, a folder that is gone, and one of the updater's own. */
async function damage(disk: CrashFileSystem): Promise<void> {
  await writeText(disk, pathIn('lib/user.ini'), 'of the user');
  await overwrite(disk, 'app.exe', 100, '\n');
  await writeText(disk, pathIn('lib/core.dll'), 'short');
  await disk.removeFile(pathIn('lib/deep/small.dll'));
  await disk.removeDirectory(pathIn('lib/deep'));
  await writeText(disk, pathIn('docs/readme.txt'), noise(4, 9));
  await writeText(disk, pathIn('version.txt'), 'no version');
}

async function texts(disk: CrashFileSystem): Promise<ReadonlyMap<string, string | null>> {
  const found = new Map<string, string | null>();
  for (const path of paths) found.set(path, await readText(disk, path));
  return found;
}

async function prepare(world: RepairWorld, canSyncDirectories: boolean) {
  const damaged = new CrashFileSystem({ canSyncDirectories, now: () => world.machine.nowMs++ });
  await damaged.makeDirectory(repairRoot);
  await world.server.publish('1.0.0', repairFiles);
  await world.updater(damaged).update();
  await damage(damaged);
  damaged.settle();
  const whole = damaged.afterCrash('kept', 0);
  await world.updater(whole).repair();
  return { damaged, operations: whole.operationCount, before: await texts(damaged), after: await texts(whole) };
}

it.each([true, false])(
  'ends with each file as it was or as it should be, wherever it is stopped (directories are synced: %s)',
  async (canSyncDirectories) => {
    const world = createRepairWorld();
    const { damaged, operations, before, after } = await prepare(world, canSyncDirectories);
    expect(after.get('app.exe') === textOf('app.exe')).toBe(true);
    const found = { before: 0, after: 0 };
    for (let crashAt = 1 + (seed % 5); crashAt <= operations; crashAt += 5) {
      const kind = kinds[Math.floor(crashAt / 5) % kinds.length] ?? 'torn';
      const running = damaged.afterCrash('kept', 0);
      running.settle();
      running.crashAt = crashAt;
      await world
        .updater(running)
        .repair()
        .catch(() => undefined);
      const disk = running.afterCrash(kind, seed + crashAt);
      disk.crashAt = Number.POSITIVE_INFINITY;
      await world.updater(disk).recover();
      const now = await texts(disk);
      const where = `${kind} at ${crashAt}: ${running.trace.at(-1)}`;
      for (const path of paths) expect([before.get(path), after.get(path)].includes(now.get(path)), `${path}, ${where}`).toBe(true);
      found[now.get('app.exe') === after.get('app.exe') ? 'after' : 'before'] += 1;
      await world.updater(disk).repair();
      expect(await texts(disk), where).toEqual(after);
    }
    expect(Math.min(found.before, found.after)).toBeGreaterThan(0);
    console.log(`repair: every fifth of ${operations} operations, seed ${seed}: ${JSON.stringify(found)}`);
  },
  120_000,
);
