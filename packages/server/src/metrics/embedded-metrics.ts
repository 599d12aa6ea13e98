/**
 * Once a minute one line on the standard output in CloudWatch's Embedded Metric Format: whatever carries the output into
 * CloudWatch Logs (the agent, the awslogs driver, Fargate) makes metrics of it, without a request to AWS from here.
 */
import { errorChain } from '@remendo/core';
import type { FastifyBaseLogger } from 'fastify';
import type { FleetCounts } from './fleet-gauges.js';
import type { Interval, Metrics } from './metrics.js';

export const embeddedNamespace = 'Remendo';
const everyMs = 60_000;

/** Name to unit. Counts add up over servers; of gauges, which all servers tell, take the maximum. */
export const embeddedUnits = {
  UpdatesCompleted: 'Count',
  UpdatesFailed: 'Count',
  UpdatesRolledBack: 'Count',
  UpdateFailureRate: 'Percent',
  SilentTerminals: 'Count',
  FailingBackups: 'Count',
  DeltasWanted: 'Count',
  HaltedRollouts: 'Count',
  Checks: 'Count',
  CheckP99: 'Milliseconds',
  FailedRequests: 'Count',
} as const;

export type EmbeddedValues = { readonly [Name in keyof typeof embeddedUnits]?: number };

/** A rate or a percentile of nothing is left out. `fleet` null: the database does not answer. */
export function embeddedValues(interval: Interval, fleet: FleetCounts | null): EmbeddedValues {
  const { completed, failed, rolledBack, checkP99Ms } = interval;
  const ended = completed + failed + rolledBack;
  return {
    UpdatesCompleted: completed,
    UpdatesFailed: failed,
    UpdatesRolledBack: rolledBack,
    ...(ended === 0 ? {} : { UpdateFailureRate: ((failed + rolledBack) / ended) * 100 }),
    Checks: interval.checks,
    ...(checkP99Ms === null ? {} : { CheckP99: checkP99Ms }),
    FailedRequests: interval.failedRequests,
    ...(fleet === null ? {} : fleetValues(fleet)),
  };
}

function fleetValues({ silentTerminals, backups, deltas, rollouts }: FleetCounts): EmbeddedValues {
  const sum = (counts: FleetCounts['deltas'], ...states: string[]): number =>
    counts.filter(({ state }) => states.includes(state)).reduce((total, { count }) => total + count, 0);
  return {
    SilentTerminals: silentTerminals,
    FailingBackups: sum(backups, 'failing', 'silent'),
    DeltasWanted: sum(deltas, 'wanted'),
    HaltedRollouts: sum(rollouts, 'halted'),
  };
}

export interface EmbeddedMetricsPorts {
  readonly metrics: Metrics;
  readonly readFleet: () => Promise<FleetCounts>;
  readonly log: FastifyBaseLogger;
}

/** @returns what stops it. */
export function startEmbeddedMetrics(ports: EmbeddedMetricsPorts): () => Promise<void> {
  const timer = setInterval(() => {
    writeEmbedded(ports).catch((error) =>
      ports.log.warn({ event: 'metrics_failed', errors: errorChain(error) }, 'metrics were not written'),
    );
  }, everyMs);
  timer.unref();
  return async () => clearInterval(timer);
}

/** Writes one record of what happened since the last one. */
export async function writeEmbedded({ metrics, readFleet }: EmbeddedMetricsPorts): Promise<void> {
  const fleet = await readFleet().catch(() => null);
  // Loaded by whoever wants it: most servers do not.
  const { LocalSink, MetricsLogger } = await import('aws-embedded-metrics');
  const environment = { ...noEnvironment, getSink: () => new LocalSink() };
  const logger = new MetricsLogger(async () => environment);
  // All servers count into the same metrics.
  logger.setNamespace(embeddedNamespace).setDimensions({ Service: 'remendo-server' });
  const values = embeddedValues(metrics.takeInterval(), fleet);
  for (const [name, value] of Object.entries(values)) logger.putMetric(name, value, embeddedUnits[name as keyof EmbeddedValues]);
  await logger.flush();
}

/** The library would look for the machine it runs on, by requests; the standard output is the same on all of them. */
const noEnvironment = {
  probe: async () => true,
  getName: () => 'remendo-server',
  getType: () => 'remendo-server',
  getLogGroupName: () => '',
  configureContext: () => {},
};
