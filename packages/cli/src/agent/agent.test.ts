import { UpdaterError } from '@remendo/core';
import { describe, expect, it } from 'vitest';
import { Agent, type Job } from './agent.js';
import type { AgentState } from './agent-state.js';
import type { JobEnd } from './job.js';
import { planRun } from './plan-run.js';
import { virtualClock } from './virtual-clock.test.support.js';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const startMs = new Date(2026, 10, 22, 9, 30).getTime();
const done: JobEnd = { kind: 'done', outcome: 'up_to_date', detail: null };

/** A machine with one update job every six hours, whose runs end as they are told. */
function machine(ends: readonly (JobEnd | Error)[] = []) {
  const time = virtualClock(startMs);
  const ran: number[] = [];
  let state: AgentState | null = null;
  const waiting = [...ends];
  const job: Job = {
    name: 'update',
    isFirst: true,
    nextMs: (lastRunMs, nowMs) => planRun({ cron: '0 */6 * * *', lastRunMs, nowMs, jitterMsMax: hourMs, share: 0.5 }),
    async run() {
      ran.push(time.clock.now());
      const end = waiting.shift() ?? done;
      if (end instanceof Error) throw end;
      return end;
    },
  };
  const ports = {
    clock: time.clock,
    fraction: () => 0.5,
    jobs: [job],
    state: {
      read: () => state,
      write: (next: AgentState) => {
        state = next;
      },
    },
    spreadMs: 300_000,
    deliver: () => Promise.resolve(),
    onEnd: () => undefined,
  };
  const boot = () => {
    const stop = new AbortController();
    const ended = new Agent(ports).run(stop.signal);
    return async () => {
      stop.abort(new Error('stopped'));
      await ended;
    };
  };
  const clockTimes = () => ran.map((ms) => new Date(ms).toTimeString().slice(0, 5));
  return { time, ran, boot, clockTimes, ports, state: () => state };
}

describe('the schedule', () => {
  it('begins with a check, and checks every six hours, each by its own share of the jitter later', async () => {
    const { time, boot, clockTimes } = machine();
    const stop = boot();
    await time.pass(dayMs);
    await stop();
    expect(clockTimes()).toEqual(['09:30', '12:30', '18:30', '00:30', '06:30']);
  });

  it('a program on trial comes soon after its start, but not before a server that asked to wait', async () => {
    const { time, boot, clockTimes, ports } = machine([done, { kind: 'retry', code: 'LIMIT_RATE', detail: '', afterMs: hourMs }]);
    await boot()();
    ports.jobs = ports.jobs.map((job) => ({ ...job, isUrgent: true }));
    const second = boot();
    await time.pass(3 * 60_000);
    await second();
    const third = boot();
    await time.pass(2 * hourMs);
    await third();
    expect(clockTimes()).toEqual(['09:30', '09:32', '10:35']);
  });

  it('a restart neither repeats what was done nor forgets what is due', async () => {
    const { time, boot, clockTimes } = machine();
    const first = boot();
    await time.pass(hourMs);
    await first();
    const second = boot();
    await time.pass(hourMs);
    await second();
    expect(clockTimes()).toEqual(['09:30']);
    await time.pass(6 * hourMs);
    const third = boot();
    await time.pass(hourMs);
    await third();
    // It was due at 12:30; the machine came up at 17:30.
    expect(clockTimes()).toEqual(['09:30', '18:00']);
  });

  it('after a week of sleep there is one run, not twenty-eight, and not at the moment of waking up', async () => {
    const { time, boot, ran } = machine();
    const stop = boot();
    await time.pass(hourMs);
    time.set(7 * dayMs);
    await time.pass(60_000);
    expect(ran).toHaveLength(1);
    await time.pass(hourMs);
    await stop();
    expect(ran).toHaveLength(2);
  });

  it('a clock that jumps a year ahead and back again costs one run, and starts no storm', async () => {
    const { time, boot, ran } = machine();
    const stop = boot();
    await time.pass(hourMs);
    time.set(365 * dayMs);
    await time.pass(hourMs);
    expect(ran).toHaveLength(2);
    time.set(-365 * dayMs);
    await time.pass(7 * hourMs);
    await stop();
    expect(ran.length).toBeGreaterThanOrEqual(3);
    expect(ran.length).toBeLessThanOrEqual(4);
  });

  it('a clock that is set back goes on with the schedule, and does not wait until it is where it was', async () => {
    const { time, boot, ran } = machine();
    const stop = boot();
    await time.pass(hourMs);
    time.set(-30 * dayMs);
    await time.pass(7 * hourMs);
    await stop();
    expect(ran.length).toBeGreaterThanOrEqual(2);
  });

  it('a clock that was years ahead for a day keeps no job from coming, on a machine that is off when its time is', async () => {
    const { time, ports } = machine();
    const cleaned: number[] = [];
    const cleanup: Job = {
      name: 'cleanup',
      isFirst: false,
      nextMs: (lastRunMs, nowMs) => planRun({ cron: '0 3 * * 0', lastRunMs, nowMs, jitterMsMax: 0, share: 0 }),
      async run() {
        cleaned.push(time.clock.now());
        return done;
      },
    };
    const day = async (use: (agent: Agent, signal: AbortSignal) => Promise<unknown>) => {
      const stop = new AbortController();
      const ended = use(new Agent({ ...ports, jobs: [cleanup] }), stop.signal);
      await time.pass(hourMs);
      stop.abort(new Error('stopped'));
      await ended;
      time.set(23 * hourMs);
    };
    for (const use of [
      (agent: Agent, signal: AbortSignal) => agent.run(signal),
      (agent: Agent, signal: AbortSignal) => agent.runOnce(signal),
    ]) {
      time.set(3_650 * dayMs);
      await day(use);
      time.set(-3_650 * dayMs);
      cleaned.length = 0;
      for (let days = 0; days < 9; days++) await day(use);
      expect(cleaned.length).toBeGreaterThanOrEqual(1);
    }
  });

  it('a job that killed the program is not tried again at once by whoever starts it again', async () => {
    const { time, ports, clockTimes, state, boot } = machine();
    const job = ports.jobs[0];
    if (job === undefined) throw new TypeError();
    // Never waited for: as if the process had been killed in the middle of it.
    void new Agent({ ...ports, jobs: [{ ...job, run: () => new Promise<never>(() => {}) }] }).run(new AbortController().signal);
    await time.pass(60_000);
    expect(state()?.jobs.update?.outcome).toBe('running');
    const stop = boot();
    await time.pass(10 * 60_000);
    await stop();
    expect(clockTimes()).toEqual(['09:34']);
  });
});

describe('what can not be done now', () => {
  const network = new UpdaterError('DOWNLOAD_FAILED', 'no route');

  it('a link that is down is tried again with growing pauses, six times, and then at the next time', async () => {
    const { time, boot, ran } = machine(Array.from({ length: 20 }, () => network));
    const stop = boot();
    await time.pass(2.9 * hourMs);
    await stop();
    expect(ran).toHaveLength(7);
    const pauses = ran.slice(1).map((ms, index) => Math.round((ms - (ran[index] ?? 0)) / 60_000));
    expect(pauses).toEqual([3, 6, 12, 24, 45, 45]);
  });

  it('a server that asks to wait is not asked before, and a little later than it said', async () => {
    const busy = new UpdaterError('LIMIT_RATE', 'too many', { details: { status: 429, retryAfterMs: 2 * hourMs } });
    const { time, boot, clockTimes } = machine([busy]);
    const stop = boot();
    await time.pass(2.5 * hourMs);
    await stop();
    expect(clockTimes()).toEqual(['09:30', '11:36']);
  });

  it('an hour of waiting for the application takes no repetition from a link that is down afterwards', async () => {
    const hold: JobEnd = { kind: 'wait', reason: 'on_hold', untilMs: null, detail: '1.0.1' };
    const { time, boot, ran } = machine([...Array.from({ length: 12 }, () => hold), network, network]);
    const stop = boot();
    await time.pass(1.5 * hourMs);
    await stop();
    const pauses = ran.slice(12).map((ms, index) => Math.round((ms - (ran[index + 11] ?? 0)) / 60_000));
    expect(pauses).toEqual([5, 3, 6]);
  });

  it('what somebody has to put right first waits for its next time', async () => {
    const { time, boot, clockTimes, state } = machine([new UpdaterError('BACKUP_MISSING', 'no backup')]);
    const stop = boot();
    await time.pass(3.5 * hourMs);
    await stop();
    expect(clockTimes()).toEqual(['09:30', '12:30']);
    expect(state()?.jobs.update).toMatchObject({ outcome: 'up_to_date', againAtMs: null });
  });

  it('what waits for the application is looked at every five minutes, and for a window when it opens', async () => {
    const opensMs = startMs + hourMs;
    const { time, boot, clockTimes } = machine([
      { kind: 'wait', reason: 'on_hold', untilMs: null, detail: '1.0.1' },
      { kind: 'wait', reason: 'on_hold', untilMs: null, detail: '1.0.1' },
      { kind: 'wait', reason: 'install_window', untilMs: opensMs, detail: '1.0.1' },
    ]);
    const stop = boot();
    await time.pass(2 * hourMs);
    await stop();
    expect(clockTimes()).toEqual(['09:30', '09:35', '09:40', '10:30']);
  });

  it('a stop in the middle of a job is remembered, and the job goes on soon after the next start', async () => {
    const { time, ports, ran, state, boot } = machine();
    const job = ports.jobs[0];
    if (job === undefined) throw new TypeError();
    const stop = new AbortController();
    const run = (signal: AbortSignal) =>
      new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const ended = new Agent({ ...ports, jobs: [{ ...job, run }] }).run(stop.signal);
    await time.pass(60_000);
    stop.abort(new Error('SIGTERM'));
    await ended;
    expect(state()?.jobs.update?.outcome).toBe('stopped');
    const again = boot();
    await time.pass(5 * 60_000);
    await again();
    expect(ran).toHaveLength(1);
  });
});

it('one round for a schedule of the system does not ask a server before it said, and nothing else does either', async () => {
  const busy = new UpdaterError('LIMIT_RATE', 'too many', { details: { status: 429, retryAfterMs: 2 * hourMs } });
  const down = new UpdaterError('DOWNLOAD_FAILED', 'no route');
  const { time, ports, ran } = machine([busy, down]);
  const round = () => new Agent(ports).runOnce(new AbortController().signal);
  expect(await round()).toMatchObject([{ kind: 'retry', afterMs: 2 * hourMs }]);
  time.set(hourMs);
  expect(await round()).toMatchObject([{ kind: 'wait', reason: 'server' }]);
  expect(ran).toHaveLength(1);
  time.set(1.2 * hourMs);
  // A link that is down is no wish of the server's.
  await round();
  await round();
  expect(ran).toHaveLength(3);
});

it('tells the server one delivery at a time, whoever else wants to', async () => {
  const { time, ports } = machine();
  let [underWay, most, count] = [0, 0, 0];
  const deliver = async () => {
    count += 1;
    most = Math.max(most, ++underWay);
    await time.clock.sleep(90_000);
    underWay -= 1;
  };
  const stop = new AbortController();
  const ended = new Agent({ ...ports, deliver }).run(stop.signal);
  await time.pass(10 * 60_000);
  stop.abort(new Error('stopped'));
  await Promise.all([ended, time.pass(hourMs)]);
  expect([most, count]).toEqual([1, 2]);
});

it('a round that is over when the agent is ended is remembered for what it was', async () => {
  const { time, ports, state } = machine();
  const job = ports.jobs[0];
  if (job === undefined) throw new TypeError();
  const stop = new AbortController();
  const run = async (): Promise<JobEnd> => {
    stop.abort(new Error('another version of the agent is in place'));
    return { kind: 'done', outcome: 'updated', detail: '1.0.1' };
  };
  await Promise.all([new Agent({ ...ports, jobs: [{ ...job, run }] }).run(stop.signal), time.pass(1_000)]);
  expect(state()?.jobs.update).toMatchObject({ outcome: 'updated', againAtMs: null });
});

it('one round for a schedule of the system: the update in any case, everything else when it is due', async () => {
  const { time, ports, ran } = machine();
  const cleaned: number[] = [];
  const cleanup: Job = {
    name: 'cleanup',
    isFirst: false,
    nextMs: (lastRunMs, nowMs) => planRun({ cron: '0 3 * * 0', lastRunMs, nowMs, jitterMsMax: 0, share: 0 }),
    async run() {
      cleaned.push(time.clock.now());
      return done;
    },
  };
  const round = () => new Agent({ ...ports, jobs: [...ports.jobs, cleanup] }).runOnce(new AbortController().signal);
  await round();
  expect([ran.length, cleaned.length]).toEqual([1, 0]);
  // Always off at night, when its time would be.
  for (let day = 0; day < 7; day++) {
    time.set(dayMs);
    await round();
  }
  expect([ran.length, cleaned.length]).toEqual([8, 1]);
});
