import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agentConfigOf } from './agent-config.js';
import type { MaintenanceWindow } from './agent-settings.js';
import { closesAtMs, isOpen, opensAtMs } from './maintenance-windows.js';
import { jitterShare, planRun } from './plan-run.js';

const hourMs = 3_600_000;
const zone = process.env.TZ;

// Rome: the clock goes from 02:00 to 03:00 on 2026-03-29, and from 03:00 to 02:00 on 2026-10-25.
beforeAll(() => {
  process.env.TZ = 'Europe/Rome';
});
afterAll(() => {
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
});

const local = (text: string): number => new Date(text).getTime();
const shown = (ms: number | null): string => (ms === null ? 'never' : new Date(ms).toString().slice(0, 21));
const daily = (nowMs: number): number => planRun({ cron: '0 2 * * *', lastRunMs: nowMs, nowMs, jitterMsMax: 0, share: 0 });

describe('a job at a time of day', () => {
  it('runs once a day, also on the day without that hour and on the one with two of it', () => {
    const runsOf = (from: string): readonly string[] => {
      const runs: number[] = [];
      for (let ms = local(from); runs.length < 3; ms = runs.at(-1) ?? ms) runs.push(daily(ms));
      return runs.map((ms) => shown(ms).slice(0, 10));
    };
    expect(runsOf('2026-03-27T12:00')).toEqual(['Sat Mar 28', 'Sun Mar 29', 'Mon Mar 30']);
    expect(runsOf('2026-10-23T12:00')).toEqual(['Sat Oct 24', 'Sun Oct 25', 'Mon Oct 26']);
  });

  it('is never put off by the jitter beyond half the way to its next time', () => {
    const nowMs = local('2026-11-22T09:59');
    const at = planRun({ cron: '*/10 * * * *', lastRunMs: nowMs, nowMs, jitterMsMax: 24 * hourMs, share: 0.999 });
    expect(at - local('2026-11-22T10:00')).toBeLessThanOrEqual(5 * 60_000);
  });

  it('a fleet spreads over the jitter, and each terminal keeps its place in it', () => {
    const places = Array.from({ length: 1_000 }, (_, index) => jitterShare(`terminal ${index}`, 0));
    const tenths = Array.from(
      { length: 10 },
      (_, tenth) => places.filter((place) => Math.floor((place / 0.75) * 10) === tenth).length,
    );
    expect(Math.min(...tenths)).toBeGreaterThan(60);
    expect(jitterShare('terminal 7', 0.5) - jitterShare('terminal 7', 0)).toBeCloseTo(0.125);
  });
});

describe('maintenance windows', () => {
  const nights: readonly MaintenanceWindow[] = [{ days: ['fri', 'sat'], from: '22:00', to: '06:00' }];

  it('go over midnight, into the morning of a day that is not theirs', () => {
    for (const [time, open] of [
      ['2026-11-20T21:59', false],
      ['2026-11-20T22:00', true],
      ['2026-11-21T05:59', true],
      ['2026-11-21T06:00', false],
      ['2026-11-22T05:00', true],
      ['2026-11-22T23:00', false],
    ] as const)
      expect([time, isOpen(nights, local(time))]).toEqual([time, open]);
    expect(shown(opensAtMs(nights, local('2026-11-22T06:00')))).toBe('Fri Nov 27 2026 22:00');
    expect(shown(closesAtMs(nights, local('2026-11-21T01:00')))).toBe('Sat Nov 21 2026 06:00');
  });

  it('without any, everything may be done at any time; a whole day is from a time to the same', () => {
    expect([isOpen([], 0), closesAtMs([], 0), opensAtMs([], 5)]).toEqual([true, null, 5]);
    const sundays: readonly MaintenanceWindow[] = [{ days: ['sun'], from: '00:00', to: '00:00' }];
    expect(shown(opensAtMs(sundays, local('2026-11-20T12:00')))).toBe('Sun Nov 22 2026 00:00');
    expect(shown(closesAtMs(sundays, local('2026-11-22T12:00')))).toBe('Mon Nov 23 2026 00:00');
  });

  it('that lie in the hour which is left out do not open that day; in the one that comes twice they open twice', () => {
    const twoToThree: readonly MaintenanceWindow[] = [{ from: '02:00', to: '03:00' }];
    expect(shown(opensAtMs(twoToThree, local('2026-03-29T00:30')))).toBe('Mon Mar 30 2026 02:00');
    const first = opensAtMs(twoToThree, local('2026-10-25T00:30')) ?? 0;
    expect((closesAtMs(twoToThree, first) ?? 0) - first).toBe(2 * hourMs);
  });
});

it('a cron expression that is none, or never comes, is told by its name, all at once', () => {
  expect(() => agentConfigOf({ checkCron: 'soon', licenseCron: '0 0 30 2 *' })).toThrow(
    expect.objectContaining({
      details: { problems: [expect.stringContaining('agent.checkCron'), expect.stringContaining('agent.licenseCron')] },
    }),
  );
  // Right until then, and the end of the agent from then on.
  for (const cleanupCron of ['2099-01-01T00:00:00', '0 0 3 1 1 * 2099'])
    expect(() => agentConfigOf({ cleanupCron })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  expect(agentConfigOf({ cleanupCron: '0 30 3 L * *' }).cleanupCron).toBe('0 30 3 L * *');
});
