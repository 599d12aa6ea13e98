import { type CheckResult, type ErrorCode, type UpdateResult, UpdaterError } from '@remendo/core';
import { expect, it } from 'vitest';
import { agentConfigOf } from './agent-config.js';
import type { AgentSettings } from './agent-settings.js';
import type { Hold } from './hold-lock.js';
import { type CyclePorts, runUpdateCycle } from './update-cycle.js';
import { virtualClock } from './virtual-clock.test.support.js';

const answer = { update_available: true, application: 'erp', platform: 'any', current_version: '1.0.0', latest_version: '1.0.1' };
const available: CheckResult = { kind: 'available', installed: '1.0.0', version: '1.0.1', answer };
const updated: UpdateResult = {
  kind: 'updated',
  base: '1.0.0',
  version: '1.0.1',
  plan: 'chain',
  changedFiles: 1,
  running: null,
  finalVersion: null,
};
const noon = new Date(2026, 10, 22, 12, 0).getTime();

/** A terminal to which 1.0.1 is offered at noon, and what was done to it. */
function terminal(settings: AgentSettings = {}) {
  const time = virtualClock(noon);
  const did: string[] = [];
  const logged: [string, object][] = [];
  const so = {
    found: available as CheckResult,
    /** By a question that no memory answers. */
    foundNow: null as CheckResult | null,
    hold: { kind: 'none' } as Hold,
    isAwaitingLaunch: false,
    prepared: null as string | null,
    prepare: async (_signal: AbortSignal): Promise<unknown> => undefined,
    update: async (): Promise<UpdateResult> => updated,
  };
  const ports: CyclePorts = {
    config: agentConfigOf(settings),
    clock: time.clock,
    async check(_signal, asksAnyway = false) {
      did.push(asksAnyway ? 'ask' : 'check');
      return asksAnyway ? (so.foundNow ?? so.found) : so.found;
    },
    prepare(signal) {
      did.push('prepare');
      return so.prepare(signal);
    },
    update() {
      did.push('update');
      return so.update();
    },
    hold: () => so.hold,
    isAwaitingLaunch: async () => so.isAwaitingLaunch,
    prepared: {
      get: () => so.prepared,
      set(version) {
        so.prepared = version;
      },
    },
    log: (event, fields) => logged.push([event, fields]),
  };
  return { so, time, did, logged, cycle: (signal = new AbortController().signal) => runUpdateCycle(ports, signal) };
}

const failing =
  (code: ErrorCode, details = {}) =>
  () =>
    Promise.reject(new UpdaterError(code, 'because', { details }));

it('checks, downloads and installs, and tells what came of it', async () => {
  const { did, cycle } = terminal();
  expect(await cycle()).toEqual({ kind: 'done', outcome: 'updated', detail: '1.0.1' });
  expect(did).toEqual(['check', 'prepare', 'update']);
});

it('where nothing is offered nothing is done, and why is told', async () => {
  const { so, did, logged, cycle } = terminal();
  so.found = { kind: 'not-offered', installed: '1.0.0', reason: 'not_in_rollout' };
  expect(await cycle()).toEqual({ kind: 'done', outcome: 'not_offered', detail: 'not_in_rollout' });
  expect(did).toEqual(['check']);
  expect(logged).toEqual([['checked', { outcome: 'not_offered', installed: '1.0.0', reason: 'not_in_rollout' }]]);
});

it('outside of the download window nothing is downloaded; outside of the other one nothing is installed', async () => {
  const night = { from: '22:00', to: '06:00' } as const;
  const download = terminal({ downloadWindows: [night] });
  const tonight = new Date(2026, 10, 22, 22, 0).getTime();
  expect(await download.cycle()).toMatchObject({ kind: 'wait', reason: 'download_window', untilMs: tonight });
  expect(download.did).toEqual(['check']);
  const install = terminal({ installWindows: [night] });
  expect(await install.cycle()).toMatchObject({ kind: 'wait', reason: 'install_window', untilMs: tonight });
  expect(install.did).toEqual(['check', 'prepare']);
  // What is here already is not asked for again.
  await install.cycle();
  expect(install.did).toEqual(['check', 'prepare', 'check']);
});

it('a download that is still running when its window closes stops, and goes on in the next', async () => {
  const { so, time, cycle } = terminal({ downloadWindows: [{ from: '11:00', to: '13:00' }] });
  so.prepare = (signal) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
  const ending = cycle();
  await time.pass(2 * 3_600_000);
  const tomorrow = new Date(2026, 10, 23, 11, 0).getTime();
  expect(await ending).toEqual({ kind: 'wait', reason: 'download_window', untilMs: tomorrow, detail: '1.0.1' });
});

it('a clock that is set back in the middle of a download closes the window by what it shows then', async () => {
  const { so, time, cycle } = terminal({ downloadWindows: [{ from: '11:00', to: '13:00' }] });
  so.prepare = (signal) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(new TypeError('torn')), { once: true }));
  const ending = cycle();
  await time.pass(60_000);
  time.set(-10 * 3_600_000);
  await time.pass(120_000);
  const today = new Date(2026, 10, 22, 11, 0).getTime();
  expect(await ending).toMatchObject({ kind: 'wait', reason: 'download_window', untilMs: today });
});

it('what replaced the prepared release in the meantime is not downloaded in the install window', async () => {
  const night = { from: '22:00', to: '06:00' } as const;
  const { so, did, cycle } = terminal({ downloadWindows: [night] });
  so.prepared = '1.0.1';
  so.foundNow = { ...available, version: '1.0.2' };
  const tonight = new Date(2026, 10, 22, 22, 0).getTime();
  expect(await cycle()).toEqual({ kind: 'wait', reason: 'download_window', untilMs: tonight, detail: '1.0.2' });
  so.foundNow = null;
  expect(await cycle()).toMatchObject({ outcome: 'updated' });
  expect(did).toEqual(['check', 'ask', 'check', 'ask', 'update']);
});

it("the application's hold delays the install, not the download; one that it has forgotten does not", async () => {
  const { so, did, logged, cycle } = terminal();
  so.hold = { kind: 'held', sinceMs: noon };
  expect(await cycle()).toMatchObject({ kind: 'wait', reason: 'on_hold', untilMs: null });
  expect(did).toEqual(['check', 'prepare']);
  so.hold = { kind: 'stale', sinceMs: noon };
  expect(await cycle()).toMatchObject({ outcome: 'updated' });
  expect(logged.map(([event]) => event)).toContain('hold_ignored');
});

it('over an update that no launch has proved yet nothing is installed: its way back is still needed', async () => {
  const { so, did, cycle } = terminal();
  so.isAwaitingLaunch = true;
  expect(await cycle()).toMatchObject({ kind: 'done', outcome: 'awaiting_launch' });
  expect(did).toEqual(['check', 'prepare']);
});

it("somebody else's turn is waited for, and is no failure", async () => {
  for (const [code, reason] of [
    ['INSTALL_IN_USE', 'in_use'],
    ['INSTALL_ON_HOLD', 'on_hold'],
    ['TRANSACTION_LOCKED', 'busy'],
    ['TRANSACTION_FILE_HELD', 'in_use'],
  ] as const) {
    const { so, logged, cycle } = terminal();
    so.update = failing(code);
    const detail = reason === 'on_hold' ? '1.0.1' : 'because';
    expect(await cycle()).toMatchObject({ kind: 'wait', reason, detail });
    expect(logged.map(([event]) => event)).not.toContain('update_failed');
    // Nothing has to be downloaded again for that.
    expect(so.prepared).toBe('1.0.1');
  }
});

it('what fails by itself is tried again, by when the server says; what somebody has to put right is told', async () => {
  const { so, logged, cycle } = terminal();
  so.prepare = failing('DOWNLOAD_FAILED', { status: 503, retryAfterMs: 60_000 });
  expect(await cycle()).toEqual({ kind: 'retry', code: 'DOWNLOAD_FAILED', detail: 'because', afterMs: 60_000 });
  so.prepare = failing('REQUIREMENT_UNMET');
  expect(await cycle()).toEqual({ kind: 'failed', code: 'REQUIREMENT_UNMET', detail: 'because' });
  expect(logged.at(-1)).toEqual(['update_failed', { state: 'failed', code: 'REQUIREMENT_UNMET', message: 'because' }]);
});

it('ends at once when it is asked to, in the middle of a download too', async () => {
  const { so, cycle } = terminal();
  const stop = new AbortController();
  so.prepare = (signal) => {
    stop.abort(new Error('SIGTERM'));
    return Promise.reject(signal.reason);
  };
  await expect(cycle(stop.signal)).rejects.toThrow('SIGTERM');
});
