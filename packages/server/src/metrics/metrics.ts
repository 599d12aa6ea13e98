/**
 * What one server counts, for Prometheus and for CloudWatch. Counters are of this process and add up over all; gauges of
 * the fleet are read from the database and are the same from every server. `docs/operating/monitoring.md` lists them.
 */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import type { UpdateState } from '../database/tables.js';
import { type FleetCounts, FleetGauges } from './fleet-gauges.js';

export interface AnsweredRequest {
  readonly method: string;
  /** The route's pattern, never what was asked: there are few of them. */
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
}

/** ready · rejected for good · postponed after a failure · released because the server stops or somebody else has it. */
export type BuildOutcome = 'ready' | 'rejected' | 'postponed' | 'released';

/** What happened between two looks. */
export interface Interval {
  readonly completed: number;
  readonly failed: number;
  readonly rolledBack: number;
  readonly checks: number;
  /** Null: there was no check. */
  readonly checkP99Ms: number | null;
  readonly failedRequests: number;
}

const checkRoutes: ReadonlySet<string> = new Set(['/api/v1/updates/check', '/check_update']);

export class Metrics {
  readonly #registry = new Registry();
  readonly #fleet: FleetGauges;
  readonly #requests: Histogram<'method' | 'route' | 'status'>;
  readonly #checks: Counter<'outcome'>;
  readonly #plans: Counter;
  readonly #objectBytes: Counter;
  readonly #events: Counter<'state'>;
  readonly #builds: Histogram<'result'>;
  #interval = newInterval();

  /** @param readFleet what the gauges of the fleet show; a failure leaves them out and says that the database is away. */
  constructor(readFleet: () => Promise<FleetCounts>, isStorageReady: () => Promise<void>) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#requests = new Histogram({
      name: 'remendo_http_request_seconds',
      help: 'Requests by route, method and status, and how long they took',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.25, 1, 3, 10, 60],
      registers,
    });
    const counter = <Label extends string = never>(name: string, help: string, ...labelNames: Label[]) =>
      new Counter({ name: `remendo_${name}_total`, help, labelNames, registers });
    this.#checks = counter('checks', 'Checks by what was answered: offered, or why nothing was', 'outcome');
    this.#plans = counter('plans_composed', 'Plans that were made anew, not taken from memory');
    this.#objectBytes = counter('object_bytes', 'Bytes sent of objects and zips by this server, redirects aside');
    this.#events = counter('update_events', 'Update events stored, by state', 'state');
    this.#builds = new Histogram({
      name: 'remendo_delta_build_seconds',
      help: 'Builds of deltas by result, and how long they took',
      labelNames: ['result'],
      buckets: [1, 3, 10, 30, 100, 300, 1_000, 3_000],
      registers,
    });
    this.#fleet = new FleetGauges({ registers, readFleet, isStorageReady });
  }

  requestAnswered({ method, route, status, seconds }: AnsweredRequest): void {
    this.#requests.observe({ method, route, status }, seconds);
    if (status >= 500) this.#interval.failedRequests++;
    // Microseconds; the histogram knows no zero.
    if (checkRoutes.has(route)) this.#interval.checks.record(Math.max(1, Math.round(seconds * 1e6)));
  }

  checkAnswered(outcome: string): void {
    this.#checks.inc({ outcome });
  }

  planComposed(): void {
    this.#plans.inc();
  }

  objectBytesSent(bytes: number): void {
    this.#objectBytes.inc(bytes);
  }

  eventStored(state: UpdateState): void {
    this.#events.inc({ state });
    if (state === 'completed' || state === 'failed' || state === 'rolled_back') this.#interval[state]++;
  }

  deltaBuilt(result: BuildOutcome, seconds: number): void {
    this.#builds.observe({ result }, seconds);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Everything as Prometheus reads it; of the fleet as it was at most 15 s ago. */
  async text(): Promise<string> {
    await this.#fleet.refresh();
    return this.#registry.metrics();
  }

  /** What happened since this was called last. */
  takeInterval(): Interval {
    const { completed, failed, rolled_back, checks, failedRequests } = this.#interval;
    this.#interval = newInterval();
    const checkP99Ms = checks.count === 0 ? null : checks.percentile(99) / 1_000;
    return { completed, failed, rolledBack: rolled_back, checks: checks.count, checkP99Ms, failedRequests };
  }
}

const newInterval = () => ({
  completed: 0,
  failed: 0,
  rolled_back: 0,
  failedRequests: 0,
  checks: createHistogram() as RecordableHistogram,
});
