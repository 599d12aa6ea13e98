import { nodeRandom } from '@remendo/core';
import { expect, it } from 'vitest';
import { hourMs, jobIn, newWorld, zipOf } from './backups.test.support.js';
import { failedLook } from './check-job.js';
import { finding } from './finding.js';
import { type Looker, lookerHere } from './looker.js';
import { runDueBackupJobs } from './run-due-jobs.js';

it('jobs of a share that is gone make the others wait for one of them at a time', async () => {
  const world = await newWorld();
  await world.put('db.zip', zipOf(10));
  const { clock } = world;
  const here = lookerHere({ clock, freeBytes: async () => null });
  const looker: Looker = {
    ...here,
    check: async (job, record, options) => {
      if (!job.name.startsWith('gone')) return here.check(job, record, options);
      const beganMs = clock.now();
      clock.advance(10 * 60_000);
      return failedLook(record, { random: nodeRandom() }, beganMs, finding('folder_silent', { folder: job.folder, seconds: 600 }));
    },
  };
  const names = ['gone-1', 'gone-2', 'gone-3', 'well'];
  const jobs = names.map((name) => jobIn(world, { name, intervalSeconds: 1_000_000 }));
  const round = async (): Promise<readonly string[]> => {
    const { lookedAt, nextMs } = await runDueBackupJobs(world.options({ jobs }, { looker }));
    clock.advance(nextMs - clock.now());
    return lookedAt.map(({ job }) => job.name);
  };
  expect(await round()).toEqual(names);
  clock.advance(hourMs);
  expect([await round(), await round(), await round()]).toEqual([['well', 'gone-1'], ['gone-2'], ['gone-3']]);
});
