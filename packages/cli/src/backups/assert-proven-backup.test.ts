/** "No backup, no update". */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isUpdaterError } from '@remendo/core';
import { describe, expect, it } from 'vitest';
import { assertProvenBackup, proveBackups } from './assert-proven-backup.js';
import { hourMs, jobIn, newWorld, type World, zipOf } from './backups.test.support.js';
import { runDueBackupJobs } from './run-due-jobs.js';

/** `proven`, or what the error says of each job. */
async function verdict(proving: Promise<void>): Promise<unknown> {
  try {
    await proving;
    return 'proven';
  } catch (error) {
    if (isUpdaterError(error) && error.code === 'BACKUP_MISSING') return error.details.problems;
    throw error;
  }
}

const ask = (world: World, maxAgeHours = 24, names = ['database']) => {
  const jobs = names.map((name) => ({ name, folder: world.folder }));
  return verdict(assertProvenBackup({ home: world.home, jobs, maxAgeHours, clock: world.clock }));
};

describe('an update that waits for a backup', () => {
  it('goes on while every backup is proved and young', async () => {
    const world = await newWorld();
    const jobs = [jobIn(world, { intervalSeconds: 1_000_000 }), jobIn(world, { name: 'nas', folder: join(world.folder, 'nas') })];
    expect(await ask(world)).toEqual(['database was never checked']);
    await world.put('db.zip', zipOf(10));
    await runDueBackupJobs(world.options({ jobs }));
    expect(await ask(world)).toBe('proven');
    expect(await ask(world, 24, ['database', 'nas'])).toEqual(['nas has no proven backup; it is missing']);
    world.clock.advance(23 * hourMs);
    expect(await ask(world)).toBe('proven');
    world.clock.advance(hourMs);
    expect(await ask(world)).toEqual(['database has a proven backup that is 1 day 1 hour old']);
    expect(await ask(world, 48)).toBe('proven');
  });

  it.each<readonly [what: string, change: (world: World) => Promise<void>, said: string]>([
    ['gone', ({ folder }) => rm(join(folder, 'db.zip')), 'database had a proven backup, which is gone or has changed'],
    ['written over', (world) => world.put('db.zip', 'x', 0), 'database had a proven backup, which is gone or has changed'],
  ])('does not go on when the backup is %s since', async (_what, change, said) => {
    const world = await newWorld();
    await world.put('db.zip', zipOf(10));
    await runDueBackupJobs(world.options({ jobs: [jobIn(world)] }));
    await change(world);
    expect(await ask(world)).toEqual([said]);
  });

  it('does not take a damaged or a shrunk backup for one, but one of too few on a full disk is one', async () => {
    const world = await newWorld();
    const round = async (more = {}) => {
      world.clock.advance(2 * hourMs);
      await runDueBackupJobs(world.options({ jobs: [jobIn(world, more)] }, { freeBytes: async () => 0 }));
      return ask(world);
    };
    await world.put('db.zip', zipOf(1_000));
    expect(await round({ copiesMin: 9 })).toBe('proven');
    await world.put('db.zip', zipOf(100));
    expect(await round()).toEqual(['database has no proven backup; it is shrunk']);
    await world.put('db.zip', zipOf(1_000).subarray(1));
    expect(await round()).toEqual(['database has no proven backup; it is corrupt']);
  });

  it('does not believe what a clock in the future proved', async () => {
    const world = await newWorld();
    await world.put('db.zip', zipOf(10));
    await runDueBackupJobs(world.options({ jobs: [jobIn(world)] }));
    world.clock.advance(-100 * hourMs);
    expect(await ask(world)).toEqual(['database was proven by a clock that is 4 days 3 hours ahead']);
    await runDueBackupJobs(world.options({ jobs: [jobIn(world)] }));
    expect(await ask(world)).toBe('proven');
  });

  it('looks for a new backup before it gives up, and asks only for those that guard updates', async () => {
    const world = await newWorld();
    const jobs = [jobIn(world), jobIn(world, { name: 'nas', folder: join(world.folder, 'nas'), guardsUpdates: false })];
    const options = world.options({ jobs, backupMaxAgeHours: 24 });
    expect(await verdict(proveBackups(options))).toEqual(['database has no proven backup; it is empty']);
    await world.put('db.zip', zipOf(10));
    expect(await verdict(proveBackups(options))).toBe('proven');
    expect(await verdict(proveBackups(world.options({ jobs: [jobIn(world, { name: 'never looked at' })] })))).toBe('proven');
  });
});
