/** What `remendo simulate` prints in the end. */
import type { Output } from '../output/output.js';
import { printable } from '../output/printable.js';
import { bytesText, countText, numberText } from '../output/quantity.js';
import { pairLines, tableLines } from '../output/table.js';
import type { LoggedEvents } from './find-lost-events.js';
import type { Simulation } from './parse-simulation.js';
import type { FleetRun } from './run-fleet.js';
import type { Failure, Latency, TrafficCounts } from './traffic.js';

export interface FleetReport {
  readonly server: string;
  readonly terminals: number;
  readonly seed: number;
  readonly elapsedMs: number;
  readonly answersPerSecond: number;
  readonly latencies: readonly Latency[];
  readonly counts: TrafficCounts & { readonly updatesUnfinished: number };
  /** What went wrong without the simulator's doing. */
  readonly failures: readonly Failure[];
  readonly events: {
    readonly delivered: number;
    readonly undelivered: number;
    /** Null: the server's log was not asked. */
    readonly logged: LoggedEvents | null;
  };
  /** Objects that were not what they should be, and events that the server does not have exactly once. */
  readonly lost: number;
}

export function fleetReport(
  run: FleetRun,
  { server, simulation, logged }: { readonly server: URL; readonly simulation: Simulation; readonly logged: LoggedEvents | null },
): FleetReport {
  const { traffic, elapsedMs, delivered, undelivered, unfinished } = run;
  return {
    server: server.href,
    terminals: simulation.terminals,
    seed: simulation.seed,
    elapsedMs: Math.round(elapsedMs),
    answersPerSecond: Math.round((traffic.counts.answers / elapsedMs) * 100_000) / 100,
    latencies: traffic.latencies(),
    counts: { ...traffic.counts, updatesUnfinished: unfinished },
    failures: traffic.failures(),
    events: { delivered: delivered.length, undelivered, logged },
    lost: traffic.counts.wrongObjects + undelivered + (logged === null ? 0 : logged.missing + logged.repeated),
  };
}

export function printFleet(output: Output, report: FleetReport): void {
  output.document(report);
  const { answersPerSecond, counts, elapsedMs } = report;
  const seconds = Math.round(elapsedMs / 1_000);
  output.line(
    `${output.colors.bold(countText(report.terminals, 'terminal'))}, ${countText(seconds, 'second')}: ${countText(counts.answers, 'answer')}, ${numberText(answersPerSecond)} a second (seed ${report.seed})`,
  );
  output.line();
  for (const line of latencyLines(report.latencies)) output.line(line);
  output.line();
  for (const line of pairLines(countPairs(report))) output.line(line);
  output.line();
  for (const line of failureLines(report.failures)) output.line(line);
  output.line(report.lost === 0 ? output.colors.green('nothing was lost') : output.colors.red(`${numberText(report.lost)} lost`));
}

function latencyLines(latencies: readonly Latency[]): readonly string[] {
  const columns = ['request', 'answers', 'p50 ms', 'p90 ms', 'p99 ms', 'max ms'].map((title, index) => ({
    title,
    align: index === 0 ? ('left' as const) : ('right' as const),
  }));
  const rows = latencies.map(({ kind, answers, ...ms }) => [
    kind,
    numberText(answers),
    ...[ms.p50Ms, ms.p90Ms, ms.p99Ms, ms.maxMs].map((value) => value.toFixed(1)),
  ]);
  return tableLines(columns, rows);
}

function countPairs({ counts, events }: FleetReport): readonly (readonly [string, string])[] {
  const { logged } = events;
  const { updatesStarted, updatesCompleted, updatesFailed, updatesUnfinished } = counts;
  return [
    ['checks without news (304)', numberText(counts.notModified)],
    ['offers', numberText(counts.offers)],
    [
      'updates',
      `${numberText(updatesStarted)}: ${numberText(updatesCompleted)} completed, ${numberText(updatesFailed)} failed, ${numberText(updatesUnfinished)} unfinished`,
    ],
    ['downloads cut, resumed', `${numberText(counts.cut)}, ${numberText(counts.resumed)}`],
    ['connections killed, found closed', `${numberText(counts.killed)}, ${numberText(counts.stale)}`],
    ['told to wait (429)', numberText(counts.limited)],
    ['received, sent', `${bytesText(counts.receivedBytes)}, ${bytesText(counts.sentBytes)}`],
    [
      'objects verified',
      `${numberText(counts.wholeObjects)} by SHA-256, ${countText(counts.partRanges, 'range')} by length, ${numberText(counts.wrongObjects)} wrong`,
    ],
    ['events', `${numberText(events.delivered)} delivered, ${numberText(events.undelivered)} not`],
    [
      "in the server's log",
      logged === null
        ? 'not asked (REMENDO_TOKEN)'
        : `${numberText(logged.found)}; ${numberText(logged.missing)} missing, ${numberText(logged.repeated)} repeated`,
    ],
  ];
}

function failureLines(failures: readonly Failure[]): readonly string[] {
  if (failures.length === 0) return ['no errors but those that the simulator caused'];
  const rows = failures.map(({ kind, status, code, count, detail }) => [
    kind,
    status === null ? 'no answer' : String(status),
    printable(code),
    numberText(count),
    printable(detail),
  ]);
  const titles = ['request', 'status', 'code', 'errors', 'the first'];
  return [
    ...tableLines(
      titles.map((title) => ({ title })),
      rows,
    ),
    '',
  ];
}
