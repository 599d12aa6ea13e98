/** Whatever happens to a backup, and to those who are to be told: one message for one change of its state. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { checkProperty } from '@remendo/core/testing';
import fc from 'fast-check';
import { expect, it, onTestFinished, vi } from 'vitest';
import { hourMs, jobIn, newWorld, zipOf } from './backups.test.support.js';
import type { BackupState } from './finding.js';
import { runDueBackupJobs } from './run-due-jobs.js';

const happenings = ['good', 'cut', 'empty', 'none', 'days', 'nothing', 'clock set back'] as const;
const ways = ['arrives', 'answer lost', 'away', 'busy'] as const;

const history = fc.array(fc.record({ what: fc.constantFrom(...happenings), how: fc.constantFrom(...ways) }), {
  minLength: 1,
  maxLength: 12,
});

it('tells of every change once and of nothing else, in order', async () => {
  vi.stubEnv('REMENDO_HOOK', 'a-secret');
  onTestFinished(() => void vi.unstubAllEnvs());
  await checkProperty(
    fc.asyncProperty(history, async (steps) => {
      const world = await newWorld();
      const arrived = new Map<string, { readonly state: string; readonly before: string }>();
      let how: (typeof ways)[number] = 'arrives';
      const receive = (body: string): void => {
        const { id, data } = JSON.parse(body) as { id: string; data: Record<string, string> };
        if (!arrived.has(id)) arrived.set(id, { state: data.state ?? '', before: data.state_before ?? '' });
      };
      const fetch = (async (_url: unknown, { body }: { body: string }) => {
        if (how === 'arrives' || how === 'answer lost') receive(body);
        if (how === 'busy') return new Response('', { status: 503 });
        if (how !== 'arrives') throw new TypeError('no answer');
        return new Response();
      }) as unknown as typeof globalThis.fetch;
      const targets = [{ name: 'hook', kind: 'webhook', url: 'http://127.0.0.1:9/', secretVariable: 'REMENDO_HOOK' } as const];
      const settings = { jobs: [jobIn(world, { settleSeconds: 0, checkSeconds: 60, shrinkShareMax: 1 })], targets };
      // Each round is another program: nothing is remembered but on the disk.
      const round = () => runDueBackupJobs(world.options(settings, { fetch }));
      const states: BackupState[] = [];
      for (const { what, how: next } of steps) {
        how = next;
        if (what === 'good') await world.put('db.zip', zipOf(100), 0);
        if (what === 'cut') await world.put('db.zip', zipOf(100).subarray(0, 50), 0);
        if (what === 'empty') await world.put('db.zip', '', 0);
        if (what === 'none') await rm(join(world.folder, 'db.zip'), { force: true });
        world.clock.advance(what === 'days' ? 72 * hourMs : what === 'clock set back' ? -5 * hourMs : 2 * 60_000);
        const { lookedAt } = await round();
        states.push(...lookedAt.map(({ checked }) => checked.result.state));
      }
      how = 'arrives';
      for (let n = 0; n < 3; n += 1) {
        world.clock.advance(2 * hourMs);
        states.push(...(await round()).lookedAt.map(({ checked }) => checked.result.state));
      }
      const changes = states
        .map((state, index) => ({ state, before: states[index - 1] ?? 'ok' }))
        .filter(({ state, before }) => state !== before);
      expect([...arrived.values()]).toEqual(changes);
      expect(states.length).toBe(steps.length + 3);
    }),
    12,
  );
});
