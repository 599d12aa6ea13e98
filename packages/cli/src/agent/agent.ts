/**
 * The loop: each job at its time, beside the others (a download over a thin line takes days, and backups are looked at
 * meanwhile), with what came of it on the disk before it runs again.
 *
 * The clock on the wall may stand still (sleep), jump forward or be set back. Every job looks at it at least twice a minute,
 * and is planned anew when it moved otherwise than the time that passed. A run that was missed is made up for once.
 */
import type { Host } from '@remendo/core';
import { type AgentState, type JobName, type JobState, newAgentState, newJobState } from './agent-state.js';
import { againInMs, endOfFailure, type JobEnd, wordOf } from './job.js';

export interface Job {
  readonly name: JobName;
  /** Its next time after a run, in milliseconds since 1970; not before `nowMs`. */
  nextMs(lastRunMs: number | null, nowMs: number): number;
  /** Whether an agent that never ran begins with it. */
  readonly isFirst: boolean;
  run(signal: AbortSignal): Promise<JobEnd>;
}

export interface AgentPorts {
  readonly clock: Host['clock'];
  /** In [0, 1). */
  readonly fraction: () => number;
  readonly jobs: readonly Job[];
  readonly state: { read(): AgentState | null; write(state: AgentState): void };
  /** What was overdue when the agent came up, or the machine woke up, begins within this time. */
  readonly spreadMs: number;
  /** Tells the server what is queued; asked every few minutes and after every run. */
  deliver(signal: AbortSignal): Promise<void>;
  /** @param isNews the run before ended otherwise. */
  readonly onEnd: (name: JobName, end: JobEnd, next: { readonly atMs: number; readonly isNews: boolean }) => void;
}

const sliceMsMax = 30_000;
/** Timers are late on a machine that is busy. */
const driftMsMax = 60_000;
const deliverMs = 300_000;
/** A job that is to come again later than this has its time from a clock that was set back. */
const againMsMax = 8 * 86_400_000;

export class Agent {
  #state: AgentState;
  readonly #due = new Map<JobName, number>();

  constructor(private readonly ports: AgentPorts) {
    this.#state = ports.state.read() ?? newAgentState;
    for (const job of ports.jobs) {
      // Its time is counted from when it was first heard of: a machine that is off at night comes to its Sundays too.
      const known = this.#jobState(job.name);
      if (known.lastRunMs === null && !job.isFirst) this.#remember(job.name, { ...known, lastRunMs: ports.clock.now() });
      this.#plan(job);
    }
  }

  /** When anything runs next. */
  nextMs(): number {
    return Math.min(...this.#due.values());
  }

  /** Until the signal is aborted, and every job that was under way has ended; all is then as a restart needs it. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.ports.jobs.map((job) => this.#repeat(job, signal)), this.#deliver(signal)]);
  }

  /** What somebody else's schedule asked for: the update in any case, and whatever else is due. */
  async runOnce(signal: AbortSignal): Promise<readonly JobEnd[]> {
    const ends: JobEnd[] = [];
    for (const job of this.ports.jobs)
      if (!signal.aborted && (job.name === 'update' || this.#isDue(job))) ends.push(await this.#run(job, signal));
    await this.ports.deliver(signal).catch(() => undefined);
    return ends;
  }

  /** Without the jitter, which somebody else's schedule has of its own. */
  #isDue(job: Job): boolean {
    const { lastRunMs, againAtMs } = this.#jobState(job.name);
    if (lastRunMs === null) return true;
    const nowMs = this.ports.clock.now();
    return (againAtMs ?? job.nextMs(lastRunMs, Math.min(lastRunMs, nowMs))) <= nowMs;
  }

  async #repeat(job: Job, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.#dueMs(job) > this.ports.clock.now()) await this.#sleep(job, signal);
      else {
        await this.#run(job, signal);
        if (!signal.aborted) await this.ports.deliver(signal).catch(() => undefined);
      }
    }
  }

  async #deliver(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.ports.deliver(signal).catch(() => undefined);
      await this.ports.clock.sleep(deliverMs, signal).catch(() => undefined);
    }
  }

  #plan(job: Job): void {
    const { clock, fraction, spreadMs } = this.ports;
    const nowMs = clock.now();
    const { lastRunMs, againAtMs, outcome, attempts } = this.#jobState(job.name);
    const soonMs = nowMs + Math.round(spreadMs * fraction());
    if (outcome === 'running') {
      // It was cut off: a job that ends the machine must not do so every minute.
      const end = { kind: 'retry', code: null, detail: '', afterMs: null } as const;
      const delayMs = againInMs(end, { attempt: attempts, fraction: fraction(), nowMs });
      this.#due.set(job.name, delayMs === null ? job.nextMs(lastRunMs, nowMs) : nowMs + delayMs);
    } else if (againAtMs !== null && againAtMs - nowMs <= againMsMax)
      this.#due.set(job.name, againAtMs > nowMs ? againAtMs : soonMs);
    else if (lastRunMs === null) this.#due.set(job.name, nowMs);
    else this.#due.set(job.name, job.nextMs(lastRunMs, nowMs));
  }

  async #run(job: Job, signal: AbortSignal): Promise<JobEnd> {
    const { clock, fraction, onEnd } = this.ports;
    const { name } = job;
    const before = this.#jobState(name);
    const attempt = before.attempts + 1;
    const lastRunMs = clock.now();
    this.#remember(name, { ...before, lastRunMs, attempts: attempt, outcome: 'running' });
    const end = await job.run(signal).catch(endOfFailure);
    const nowMs = clock.now();
    if (signal.aborted) {
      // It goes on where it was when the agent is started again.
      this.#remember(name, { ...before, lastRunMs, againAtMs: nowMs, outcome: 'stopped', detail: null });
      return end;
    }
    const againMs = againInMs(end, { attempt, fraction: fraction(), nowMs });
    const againAtMs = againMs === null ? null : nowMs + againMs;
    const atMs = againAtMs ?? job.nextMs(nowMs, nowMs);
    this.#due.set(name, atMs);
    const outcome = wordOf(end);
    const detail = end.detail?.slice(0, 2_000) ?? null;
    this.#remember(name, { lastRunMs, againAtMs, attempts: againMs === null ? 0 : attempt, outcome, detail });
    onEnd(name, end, { atMs, isNews: outcome !== before.outcome });
    return end;
  }

  /** A while at most. */
  async #sleep(job: Job, signal: AbortSignal): Promise<void> {
    const { clock } = this.ports;
    const beganMs = clock.now();
    const sliceMs = Math.min(this.#dueMs(job) - beganMs, sliceMsMax);
    await clock.sleep(sliceMs, signal).catch(() => undefined);
    const driftMs = clock.now() - beganMs - sliceMs;
    if (signal.aborted || Math.abs(driftMs) <= driftMsMax) return;
    const state = this.#jobState(job.name);
    // The clock was set back: what was to come again in an hour still comes in an hour.
    if (driftMs < 0 && state.againAtMs !== null) this.#remember(job.name, { ...state, againAtMs: state.againAtMs + driftMs });
    this.#plan(job);
  }

  #dueMs({ name }: Job): number {
    return this.#due.get(name) ?? Number.POSITIVE_INFINITY;
  }

  #jobState(name: JobName): JobState {
    return this.#state.jobs[name] ?? newJobState;
  }

  /** What a job remembered of its own meanwhile stays. */
  #remember(name: JobName, job: JobState): void {
    const { state } = this.ports;
    this.#state = { ...(state.read() ?? this.#state), jobs: { ...this.#state.jobs, [name]: job } };
    try {
      state.write(this.#state);
    } catch {
      // A full disk: it goes by what it has in memory.
    }
  }
}
