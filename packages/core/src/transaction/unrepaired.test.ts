/** An install that no journal can bring to either version: nobody starts it until a repair has put it in order. */
import { beforeEach, expect, it } from 'vitest';
import { hasCode } from '../errors.js';
import { MemoryFileSystem } from '../testing/memory-file-system.js';
import { createRepairWorld, pathIn, type RepairWorld, repairFiles, repairRoot } from '../testing/repair-world.js';
import { writeText } from '../testing/sample-install.js';

let world: RepairWorld;
let disk: MemoryFileSystem;

const start = () => world.updater(disk).start({ command: 'app', args: [], folder: repairRoot });
const code = (error: unknown) => (hasCode(error, 'TRANSACTION_STUCK') ? 'stuck' : (error as { code: string }).code);

/** Stops an update in the middle of its swap. */
async function cutShort(): Promise<void> {
  let renames = 0;
  disk.fault = (operation, path) => {
    if (operation === 'rename' && !path.endsWith('.partial')) renames++;
    return renames > 6 ? new Error('killed') : undefined;
  };
  await expect(world.updater(disk).update()).rejects.toThrow();
  disk.fault = undefined;
}

async function damageBelow(folder: string): Promise<void> {
  for (const name of await disk.list(folder)) {
    const inside = `${folder}/${name}`;
    if ((await disk.stat(inside))?.kind === 'directory') await damageBelow(inside);
    else await writeText(disk, inside, 'damaged');
  }
}

beforeEach(async () => {
  world = createRepairWorld();
  disk = new MemoryFileSystem();
  await disk.makeDirectory(repairRoot);
  await world.server.publish('1.0.0', repairFiles);
  await world.updater(disk).update();
  await world.server.publish('1.0.1', { ...repairFiles, 'app.exe': ['another', 0o755], 'docs/readme.txt': 'of 1.0.1' });
  await cutShort();
});

it.each([
  [
    'neither version can be put together from',
    'stuck',
    async () => {
      await damageBelow(pathIn('.remendo/staging'));
      await damageBelow(pathIn('.remendo/previous'));
    },
  ],
  ['can not be read', 'TRANSACTION_JOURNAL_INVALID', () => writeText(disk, pathIn('.remendo/journal'), 'nonsense')],
])('a mixture whose journal %s is started only once a repair has ended, however often one fails', async (_, refusal, damage) => {
  await damage();
  await expect(start()).rejects.toSatisfy((error) => code(error) === refusal);
  world.server.isDown = true;
  await expect(world.updater(disk).repair()).rejects.toThrow();
  await expect(start()).rejects.toSatisfy((error) => code(error) === 'TRANSACTION_JOURNAL_INVALID');
  await expect(world.updater(disk).update()).rejects.toSatisfy((error) => code(error) === 'TRANSACTION_JOURNAL_INVALID');
  world.server.isDown = false;
  await expect(world.updater(disk).repair({ approve: () => false })).resolves.toMatchObject({ kind: 'declined' });
  await expect(start()).rejects.toSatisfy((error) => code(error) === 'TRANSACTION_JOURNAL_INVALID');
  await expect(world.updater(disk).repair()).resolves.toMatchObject({ kind: 'repaired' });
  await expect(start()).resolves.toMatchObject({ kind: 'started' });
  expect(await world.updater(disk).verify()).toMatchObject({ intact: true });
});
