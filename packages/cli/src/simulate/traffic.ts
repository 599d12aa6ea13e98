/** What a fleet saw of its server, counted while it happens; nothing in here grows with the number of requests. */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

export const requestKinds = ['enrol', 'check', 'plan', 'object', 'events'] as const;
export type RequestKind = (typeof requestKinds)[number];

export interface Failure {
  readonly kind: RequestKind;
  /** Null: there was no answer. */
  readonly status: number | null;
  /** The server's code, or the system's (ECONNRESET). */
  readonly code: string;
  /** What was said of the first one. */
  readonly detail: string;
  readonly count: number;
}

export interface Latency {
  readonly kind: RequestKind;
  readonly answers: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const zeroCounts = {
  /** Answers that were no refusal. */
  answers: 0,
  /** 304: nothing new since the last check. */
  notModified: 0,
  /** 429, obeyed. */
  limited: 0,
  /** Connections that the simulator destroyed. */
  killed: 0,
  /** Downloads that the simulator cut, and those that went on where they were broken off. */
  cut: 0,
  resumed: 0,
  /** Kept connections that turned out to be closed when the next request was sent; it was repeated at once. */
  stale: 0,
  /** Bodies only. */
  receivedBytes: 0,
  sentBytes: 0,
  offers: 0,
  updatesStarted: 0,
  updatesCompleted: 0,
  updatesFailed: 0,
  /** Objects that were fetched whole and have the SHA-256 that names them. */
  wholeObjects: 0,
  /** Ranges of objects that arrived with every byte. */
  partRanges: 0,
  /** Objects or ranges that are not what was announced. */
  wrongObjects: 0,
};
export type TrafficCounts = typeof zeroCounts;

export class Traffic {
  readonly counts: TrafficCounts = { ...zeroCounts };
  readonly #latencies = new Map<RequestKind, RecordableHistogram>();
  readonly #failures = new Map<string, Failure>();

  /** @param ms until the first byte: the rest is the link's. */
  answered(kind: RequestKind, ms: number): void {
    this.counts.answers += 1;
    const histogram = this.#latencies.get(kind) ?? createHistogram();
    this.#latencies.set(kind, histogram);
    histogram.record(Math.max(1, Math.round(ms * 1_000)));
  }

  failed(failure: Omit<Failure, 'count'>): void {
    const { kind, status, code } = failure;
    const name = `${kind} ${status} ${code}`;
    const { count, detail } = this.#failures.get(name) ?? { count: 0, detail: failure.detail };
    this.#failures.set(name, { ...failure, detail, count: count + 1 });
  }

  failures(): readonly Failure[] {
    return [...this.#failures.values()].sort((a, b) => b.count - a.count);
  }

  latencies(): readonly Latency[] {
    return requestKinds.flatMap((kind) => {
      const histogram = this.#latencies.get(kind);
      return histogram === undefined ? [] : [latencyOf(kind, histogram)];
    });
  }
}

function latencyOf(kind: RequestKind, histogram: RecordableHistogram): Latency {
  const ms = (micros: number): number => Math.round(micros / 10) / 100;
  return {
    kind,
    answers: histogram.count,
    p50Ms: ms(histogram.percentile(50)),
    p90Ms: ms(histogram.percentile(90)),
    p99Ms: ms(histogram.percentile(99)),
    maxMs: ms(histogram.max),
  };
}
