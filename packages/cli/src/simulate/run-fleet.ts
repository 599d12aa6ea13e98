/** A fleet from its first check to its last event. */
import { setMaxListeners } from 'node:events';
import { Agent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { createFleet, enrolFleet, type Fleet } from './create-fleet.js';
import type { Simulation } from './parse-simulation.js';
import { Traffic } from './traffic.js';

export interface FleetOptions {
  readonly server: URL;
  /** Null: the server's default. */
  readonly application: string | null;
  readonly platform: string | null;
  readonly channel: string;
  /** A customer's, for all terminals and for enrolling them; empty: they are nobody's. */
  readonly credentials: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Told once a second. */
  readonly onProgress: (progress: FleetProgress) => void;
}

export interface FleetProgress {
  readonly step: 'enrolling' | 'simulating' | 'finishing';
  readonly elapsedMs: number;
  readonly traffic: Traffic;
}

export interface FleetRun {
  readonly traffic: Traffic;
  /** What every event id of this run begins with. */
  readonly name: string;
  readonly startedAt: Date;
  /** From the first check until the last answer. */
  readonly elapsedMs: number;
  /** Ids of the events that the server said it has. */
  readonly delivered: readonly string[];
  /** Events that terminals could not deliver. */
  readonly undelivered: number;
  /** Updates that had no time to finish. */
  readonly unfinished: number;
}

const progressMs = 1_000;

/** @throws the signal's reason, or an UpdaterError when a terminal can not be enrolled. */
export async function runFleet(simulation: Simulation, options: FleetOptions): Promise<FleetRun> {
  const { server, signal, onProgress } = options;
  const [closing, ending] = [new AbortController(), new AbortController()];
  const stopped = AbortSignal.any([signal, ending.signal]);
  setMaxListeners(0, closing.signal, stopped);
  const agent = new (server.protocol === 'https:' ? HttpsAgent : Agent)({ keepAlive: true });
  const traffic = new Traffic();
  const { dropShare, killShare } = simulation;
  const network = { server, agent, traffic, dropShare, killShare, signal: stopped };
  const rules = { ...options, checkIntervalMs: simulation.checkIntervalMs, counts: traffic.counts, closing: closing.signal };
  const takeUpdate = takerOf(simulation.updating);
  const fleet = createFleet(simulation, { network, rules: { ...rules, takeUpdate }, credentials: options.credentials });
  const watch = new Stopwatch((step, elapsedMs) => onProgress({ step, elapsedMs, traffic }));
  try {
    if (simulation.enrols) await enrolFleet(fleet);
    const startedAt = new Date();
    watch.begin('simulating');
    watch.after(simulation.durationMs, () => closing.abort(), 'finishing');
    watch.after(simulation.durationMs + simulation.finishMs, () => ending.abort(new Error('the simulation is over')));
    const ends = await Promise.allSettled(fleet.members.map(({ terminal }) => terminal.run()));
    signal.throwIfAborted();
    const broken = ends.find((end) => end.status === 'rejected' && end.reason !== ending.signal.reason);
    if (broken?.status === 'rejected') throw broken.reason;
    return { traffic, startedAt, elapsedMs: watch.elapsedMs, ...outcomeOf(fleet, traffic) };
  } finally {
    watch.stop();
    agent.destroy();
  }
}

function takerOf(updates: number): () => boolean {
  let left = updates;
  return () => {
    left -= 1;
    return left >= 0;
  };
}

function outcomeOf(
  { name, members }: Fleet,
  { counts }: Traffic,
): Pick<FleetRun, 'name' | 'delivered' | 'undelivered' | 'unfinished'> {
  const outboxes = members.map(({ terminal }) => terminal.outbox);
  return {
    name,
    delivered: outboxes.flatMap(({ delivered }) => delivered),
    undelivered: outboxes.reduce((sum, outbox) => sum + outbox.undelivered, 0),
    unfinished: counts.updatesStarted - counts.updatesCompleted - counts.updatesFailed,
  };
}

type Step = FleetProgress['step'];

/** Tells about once a second how far the simulation is, and what is to happen when. */
class Stopwatch {
  #step: Step = 'enrolling';
  #beganAt = performance.now();
  readonly #timers: NodeJS.Timeout[] = [];

  constructor(tell: (step: Step, elapsedMs: number) => void) {
    this.#timers.push(setInterval(() => tell(this.#step, this.elapsedMs), progressMs));
  }

  get elapsedMs(): number {
    return performance.now() - this.#beganAt;
  }

  begin(step: Step): void {
    this.#step = step;
    this.#beganAt = performance.now();
  }

  after(ms: number, act: () => void, step: Step = this.#step): void {
    const due = (): void => {
      this.#step = step;
      act();
    };
    this.#timers.push(setTimeout(due, ms));
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }
}
