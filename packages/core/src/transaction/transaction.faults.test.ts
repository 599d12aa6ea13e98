/** Files that are held, and disks that are full, at every place where that can happen. */
import { describe, expect, it } from 'vitest';
import { hasCode, isUpdaterError, UpdaterError } from '../errors.js';
import type { FileOperation } from '../testing/memory-file-system.js';
import { MemoryFileSystem } from '../testing/memory-file-system.js';
import {
  baseRelease,
  rollBackSample,
  sampleLayout,
  sampleRoot,
  snapshotOf,
  stageSample,
  targetRelease,
  updateSample,
  writeSampleInstall,
} from '../testing/sample-install.js';
import { SimulatedMachine } from '../testing/simulated-machine.js';
import { openInstall } from './install.js';

const options = { canSyncDirectories: false, ignoresCase: true } as const;
const held = () => new UpdaterError('TRANSACTION_FILE_HELD', 'another program holds it');
const full = () => new UpdaterError('STORAGE_NO_SPACE', 'the disk is full');

async function prepare() {
  const machine = new SimulatedMachine();
  const disk = new MemoryFileSystem({ ...options, now: () => machine.nowMs++ });
  await writeSampleInstall(disk, sampleRoot);
  return { machine, disk, baseSnapshot: await snapshotOf(disk, sampleRoot) };
}

/** Fails the n-th of the given operations (from 0), and those after it as long as `isLasting`. */
function failAt(
  disk: MemoryFileSystem,
  operations: readonly FileOperation[],
  fault: { n: number; isLasting: boolean; error: () => Error },
) {
  let count = 0;
  disk.fault = (operation, path) => {
    if (!operations.includes(operation) || (operation === 'rename' && path.endsWith('.partial'))) return undefined;
    const index = count++;
    return index === fault.n || (fault.isLasting && index > fault.n) ? fault.error() : undefined;
  };
  return { wasReached: () => count > fault.n };
}

async function expectUpdateWorks(machine: SimulatedMachine, disk: MemoryFileSystem): Promise<void> {
  await updateSample(machine.boot(disk), sampleLayout, { base: baseRelease, target: targetRelease });
  expect((await snapshotOf(disk, sampleRoot))['version.txt']).toBe('644 1.0.1\n');
}

describe('a held file', () => {
  it('at any rename of the swap sends the install back to the base at once', async () => {
    let renames = 0;
    for (; ; renames++) {
      const { machine, disk, baseSnapshot } = await prepare();
      const install = await openInstall(machine.boot(disk), sampleLayout);
      const transaction = await stageSample(install, baseRelease, targetRelease);
      const fault = failAt(disk, ['rename'], { n: renames, isLasting: false, error: held });
      const outcome = await transaction.commit().catch((error: unknown) => error);
      if (!fault.wasReached()) break;
      expect(outcome).toSatisfy((error) => hasCode(error, 'TRANSACTION_FILE_HELD'));
      expect(transaction.state).toBe('rolled_back');
      expect(await snapshotOf(disk, sampleRoot)).toEqual(baseSnapshot);
      await install.close();
      await expectUpdateWorks(machine, disk);
    }
    console.log(`held at each of ${renames} renames of a commit`);
    expect(renames).toBeGreaterThan(25);
  });

  it('that stays held leaves the rollback pending, and the first start after it is let go finishes it', async () => {
    let pendings = 0;
    for (let n = 0; ; n++) {
      const { machine, disk, baseSnapshot } = await prepare();
      const install = await openInstall(machine.boot(disk), sampleLayout);
      const transaction = await stageSample(install, baseRelease, targetRelease);
      const fault = failAt(disk, ['rename'], { n, isLasting: true, error: held });
      const outcome = await transaction.commit().catch((error: unknown) => error);
      if (!fault.wasReached()) break;
      await install.close();
      if (hasCode(outcome, 'TRANSACTION_ROLLBACK_PENDING')) {
        pendings++;
        await expect(openInstall(machine.boot(disk), sampleLayout)).rejects.toSatisfy((error) =>
          hasCode(error, 'TRANSACTION_ROLLBACK_PENDING'),
        );
      } else expect(outcome).toSatisfy((error) => hasCode(error, 'TRANSACTION_FILE_HELD'));
      disk.fault = undefined;
      const later = await openInstall(machine.boot(disk), sampleLayout);
      expect(later.transaction?.state).toBe('rolled_back');
      expect(await snapshotOf(disk, sampleRoot)).toEqual(baseSnapshot);
      await later.close();
      await expectUpdateWorks(machine, disk);
    }
    expect(pendings).toBeGreaterThan(25);
  });

  it('at any rename of a rollback leaves it pending, and the next start finishes it', async () => {
    for (let n = 0; ; n++) {
      const { machine, disk, baseSnapshot } = await prepare();
      await expectUpdateWorks(machine, disk);
      const install = await openInstall(machine.boot(disk), sampleLayout);
      const fault = failAt(disk, ['rename'], { n, isLasting: false, error: held });
      const outcome = await rollBackSample(install).catch((error: unknown) => error);
      if (!fault.wasReached()) break;
      expect(outcome).toSatisfy((error) => hasCode(error, 'TRANSACTION_ROLLBACK_PENDING'));
      await install.close();
      const later = await openInstall(machine.boot(disk), sampleLayout);
      expect(later.recovery.kind).toBe('rolled-back');
      expect(await snapshotOf(disk, sampleRoot)).toEqual(baseSnapshot);
      await later.close();
    }
  });

  it('that can not be opened for a sync stops nothing', async () => {
    const { machine, disk } = await prepare();
    disk.fault = (operation, path, { mode }) =>
      operation === 'open' && mode === 'write' && !path.includes('staging') && !path.endsWith('journal') ? held() : undefined;
    await expectUpdateWorks(machine, disk);
  });
});

describe('a full disk', () => {
  it.each([true, false])('at any write leaves the base or the target in place, working (for good: %s)', async (isLasting) => {
    let writes = 0;
    for (; ; writes++) {
      const { machine, disk, baseSnapshot } = await prepare();
      const operations: readonly FileOperation[] = isLasting ? ['write'] : ['write', 'makeDirectory'];
      const fault = failAt(disk, operations, { n: writes, isLasting, error: full });
      const outcome = await updateSample(machine.boot(disk), sampleLayout, { base: baseRelease, target: targetRelease }).catch(
        (error: unknown) => error,
      );
      if (!fault.wasReached()) break;
      const isAtTarget = (await snapshotOf(disk, sampleRoot))['version.txt'] === '644 1.0.1\n';
      // A lock that finds no room is tried again with the room that is kept.
      if (outcome !== undefined || !isAtTarget) expect(isUpdaterError(outcome)).toBe(true);
      if (!isAtTarget) expect(await snapshotOf(disk, sampleRoot)).toEqual(baseSnapshot);
      disk.fault = undefined;
      const later = await openInstall(machine.boot(disk), sampleLayout);
      if (later.transaction?.state === 'committed') await later.transaction.confirm();
      await later.close();
      if (!isAtTarget) await expectUpdateWorks(machine, disk);
    }
    console.log(`full at each of ${writes} ${isLasting ? 'writes, for good' : 'writes and new directories, once'}`);
    expect(writes).toBeGreaterThan(20);
  });

  it('at any size leaves the base or the target in place, working', async () => {
    const textBytes = Object.values((await prepare()).baseSnapshot).join('').length;
    for (let spareBytes = 0; spareBytes < 200_000; spareBytes += spareBytes < 8_000 ? 97 : 9_973) {
      const { machine, disk, baseSnapshot } = await prepare();
      disk.capacityBytes = textBytes + spareBytes;
      const outcome = await updateSample(machine.boot(disk), sampleLayout, { base: baseRelease, target: targetRelease }).catch(
        (error: unknown) => error,
      );
      if (outcome === undefined) continue;
      expect(outcome).toSatisfy((error) => hasCode(error, 'STORAGE_NO_SPACE'));
      expect(await snapshotOf(disk, sampleRoot)).toEqual(baseSnapshot);
      disk.capacityBytes = Number.POSITIVE_INFINITY;
      await expectUpdateWorks(machine, disk);
    }
  });
});
