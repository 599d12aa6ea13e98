/**
 * The loop: each job at its time, beside the others (a download over a thin line takes days, and backups are looked at
 * meanwhile), with what came of it on the disk before it runs again.
 *
 * The clock on the wall may stand still (sleep), jump forward or be set back. Every job looks at it at least twice a minute,
 * and is planned anew when it moved otherwise than the time that passed. A run that was missed is made up for once.
 */
import type { Host } from '@remendo/core';
import { type AgentState, type JobName, type JobState, newAgentState, newJobState } from './agent-state.js';
import { againInMs, askedToWait, endOfFailure, type JobEnd, wordOf } from './job.js';

export interface Job {
  readonly name: JobName;
  /** Its next time after a run, in milliseconds since 1970; not before `nowMs`. */
  nextMs(lastRunMs: number | null, nowMs: number): number;
  /** Whether an agent that never ran begins with it. */
  readonly isFirst: boolean;
  /** Whether it comes soon after the start whenever it ran last, unless the server asked to wait (default: no). */
  readonly isUrgent?: boolean;
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
  #telling: Promise<void> | null = null;

  constructor(private readonly ports: AgentPorts) {
    this.#state = ports.state.read() ?? newAgentState;
    for (const job of ports.jobs) {
      // Its time is counted from when it was first heard of: a machine that is off at night comes to its Sundays too.
      const known = this.#jobState(job.name);
      if (known.lastRunMs === null && !job.isFirst) this.#remember(job.name, { ...known, lastRunMs: ports.clock.now() });
      this.#disbelieveFuture(job.name);
      this.#plan(job);
      if (job.isUrgent === true) this.#hasten(job);
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

  /** What somebody else's schedule asked for: the update, unless the server asked to wait, and whatever else is due. */
  async runOnce(signal: AbortSignal): Promise<readonly JobEnd[]> {
    const ends: JobEnd[] = [];
    for (const job of this.ports.jobs) {
      if (signal.aborted) break;
      if (job.name === 'update') ends.push(this.#putOff(job) ?? (await this.#run(job, signal)));
      else if (this.#isDue(job)) ends.push(await this.#run(job, signal));
    }
    await this.#tell(signal);
    return ends;
  }

  /** Null: the server did not ask to wait, or the time is over. */
  #putOff({ name }: Job): JobEnd | null {
    const { notBeforeMs = null } = this.#jobState(name);
    if (notBeforeMs === null || notBeforeMs <= this.ports.clock.now()) return null;
    const end = { kind: 'wait', reason: 'server', untilMs: notBeforeMs, detail: null } as const;
    this.ports.onEnd(name, end, { atMs: notBeforeMs, isNews: true });
    return end;
  }

  /** Without the jitter, which somebody else's schedule has of its own. */
  #isDue(job: Job): boolean {
    const { lastRunMs, againAtMs } = this.#jobState(job.name);
    if (lastRunMs === null) return true;
    const nowMs = this.ports.clock.now();
    return (againAtMs ?? job.nextMs(lastRunMs, lastRunMs)) <= nowMs;
  }

  async #repeat(job: Job, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.#dueMs(job) > this.ports.clock.now()) await this.#sleep(job, signal);
      else {
        await this.#run(job, signal);
        if (!signal.aborted) await this.#tell(signal);
      }
    }
  }

  async #deliver(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#tell(signal);
      await this.ports.clock.sleep(deliverMs, signal).catch(() => undefined);
    }
  }

  /** One at a time: a delivery that is under way takes along what is queued meanwhile, and a thin line needs nothing twice. */
  #tell(signal: AbortSignal): Promise<void> {
    this.#telling ??= this.ports
      .deliver(signal)
      .catch(() => undefined)
      .finally(() => {
        this.#telling = null;
      });
    return this.#telling;
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
    } else if (againAtMs !== null) this.#due.set(job.name, againAtMs > nowMs ? againAtMs : soonMs);
    else if (lastRunMs === null) this.#due.set(job.name, nowMs);
    else this.#due.set(job.name, job.nextMs(lastRunMs, nowMs));
  }

  #hasten({ name }: Job): void {
    const { clock, fraction, spreadMs } = this.ports;
    const soonMs = clock.now() + Math.round(spreadMs * fraction());
    const { notBeforeMs = null } = this.#jobState(name);
    this.#due.set(name, Math.max(notBeforeMs ?? 0, Math.min(this.#due.get(name) ?? soonMs, soonMs)));
  }

  async #run(job: Job, signal: AbortSignal): Promise<JobEnd> {
    const { clock, onEnd } = this.ports;
    const { name } = job;
    const before = this.#jobState(name);
    const lastRunMs = clock.now();
    this.#remember(name, { ...before, lastRunMs, attempts: before.attempts + 1, outcome: 'running' });
    const { end, isCutOff } = await job.run(signal).then(
      (ended) => ({ end: ended, isCutOff: false }),
      (error: unknown) => ({ end: endOfFailure(error), isCutOff: signal.aborted }),
    );
    const nowMs = clock.now();
    if (isCutOff) {
      // It goes on where it was when the agent is started again.
      this.#remember(name, { ...before, lastRunMs, againAtMs: nowMs, outcome: 'stopped', detail: null });
      return end;
    }
    const outcome = wordOf(end);
    const again = this.#againAfter(end, before);
    const atMs = again.againAtMs ?? job.nextMs(nowMs, nowMs);
    this.#due.set(name, atMs);
    this.#remember(name, { lastRunMs, ...again, outcome, detail: end.detail?.slice(0, 2_000) ?? null });
    onEnd(name, end, { atMs, isNews: outcome !== before.outcome });
    return end;
  }

  #againAfter(end: JobEnd, before: JobState): Pick<JobState, 'againAtMs' | 'notBeforeMs' | 'attempts'> {
    const { clock, fraction } = this.ports;
    const nowMs = clock.now();
    // A hold of an hour leaves all its repetitions to a link that is down afterwards.
    const isSame = before.outcome === null || [wordOf(end), 'running', 'stopped'].includes(before.outcome);
    const attempt = isSame ? before.attempts + 1 : 1;
    const againMs = againInMs(end, { attempt, fraction: fraction(), nowMs });
    if (againMs === null) return { againAtMs: null, notBeforeMs: null, attempts: 0 };
    const againAtMs = nowMs + againMs;
    return { againAtMs, notBeforeMs: askedToWait(end) ? againAtMs : null, attempts: attempt };
  }

  /** A while at most. */
  async #sleep(job: Job, signal: AbortSignal): Promise<void> {
    const { clock } = this.ports;
    const beganMs = clock.now();
    const sliceMs = Math.min(this.#dueMs(job) - beganMs, sliceMsMax);
    await clock.sleep(sliceMs, signal).catch(() => undefined);
    const driftMs = clock.now() - beganMs - sliceMs;
    if (signal.aborted || Math.abs(driftMs) <= driftMsMax) return;
    if (driftMs < 0) this.#setBack(job.name, driftMs);
    this.#plan(job);
  }

  /** What was to come again in an hour still comes in an hour. */
  #setBack(name: JobName, driftMs: number): void {
    const state = this.#jobState(name);
    const moved = (ms: number | null): number | null => (ms === null ? null : ms + driftMs);
    if (state.againAtMs !== null)
      this.#remember(name, { ...state, againAtMs: moved(state.againAtMs), notBeforeMs: moved(state.notBeforeMs ?? null) });
    this.#disbelieveFuture(name);
  }

  /**
   * Times that can not be come from a clock that was set back since. What ran later than now ran now, and for good: counted
   * from each new start, a nightly job would never come on a machine that is off at night.
   */
  #disbelieveFuture(name: JobName): void {
    const state = this.#jobState(name);
    const nowMs = this.ports.clock.now();
    const believed = (ms: number | null): number | null => (ms !== null && ms - nowMs > againMsMax ? null : ms);
    const lastRunMs = state.lastRunMs === null ? null : Math.min(state.lastRunMs, nowMs);
    const againAtMs = believed(state.againAtMs);
    if (lastRunMs === state.lastRunMs && againAtMs === state.againAtMs) return;
    this.#remember(name, { ...state, lastRunMs, againAtMs, notBeforeMs: believed(state.notBeforeMs ?? null) });
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
