/** The report for people. Sizes are in bytes, memory and contents in MB of 1,000,000 bytes, seconds are CPU seconds. */
import type { DeltaCauses } from '@remendo/core';
import type { PairReport, ToolReport } from './measure-pair.js';
import type { PeerName } from './peers.js';
import type { Usage } from './usage.js';

export interface Report {
  readonly node: string;
  readonly platform: string;
  /** Peak memory of a Node that runs nothing, in the same run. */
  readonly bareNodeBytes: number;
  /** Peers that could not be measured here, and why. */
  readonly missing: Partial<Readonly<Record<PeerName, string>>>;
  readonly pairs: readonly PairReport[];
  /** Of ours to the best peer's; null without pairs that have one. */
  readonly geometricMeanRatio: number | null;
}

/** Ours to the best peer's. */
const ratioOf = ({ ours, best }: PairReport): number | null => (best === null ? null : ours.bytes / best.bytes);

export function geometricMeanRatio(pairs: readonly PairReport[]): number | null {
  const ratios = pairs.map(ratioOf).filter((ratio) => ratio !== null);
  if (ratios.length === 0) return null;
  return Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
}

export function reportLines(report: Report): readonly string[] {
  const { pairs, bareNodeBytes, missing, geometricMeanRatio: mean } = report;
  return [
    `Node ${report.node} on ${report.platform}; a bare Node takes ${megabytes(bareNodeBytes)} MB, memory is what comes on top.`,
    ...Object.entries(missing).map(([name, reason]) => `${name}: ${reason}`),
    '',
    ...tableLines([
      ['pair', 'target MB', 'ours', 'best peer', '', 'ratio', 'make s', 'make MB', 'apply s', 'apply MB'],
      ...pairs.map((pair) => rowOf(pair, bareNodeBytes)),
    ]),
    'Seconds (of CPU) and MB: ours / bsdiff-node.',
    '',
    ...tableLines(sizeRows(pairs)),
    '* as published, not measured here',
    '',
    ...tableLines(causeRows(pairs)),
    '',
    ...tableLines(fileRows(pairs)),
    '',
    ...meanLines(pairs, mean),
    ...pairs.flatMap(complaints),
  ];
}

function rowOf(pair: PairReport, bareNodeBytes: number): readonly string[] {
  const { ours, best } = pair;
  const yardstick = pair.peers.find(({ tool }) => tool === 'bsdiff-node');
  const both = (text: (tool: ToolReport) => string): string => `${text(ours)} / ${yardstick === undefined ? '–' : text(yardstick)}`;
  const seconds = ({ cpuSeconds }: Usage): string => cpuSeconds.toFixed(2);
  const memory = ({ peakBytes }: Usage): string => megabytes(Math.max(0, peakBytes - bareNodeBytes));
  return [
    pair.id,
    megabytes(pair.targetBytes),
    grouped(ours.bytes),
    best === null ? '–' : grouped(best.bytes),
    best?.tool ?? '',
    ratioOf(pair)?.toFixed(3) ?? '–',
    both(({ make }) => seconds(make)),
    both(({ make }) => memory(make)),
    both(({ apply }) => seconds(apply)),
    both(({ apply }) => memory(apply)),
  ];
}

/** What every tool makes, measured here or published. */
function sizeRows(pairs: readonly PairReport[]): readonly (readonly string[])[] {
  const sizesOf = ({ ours, peers, published }: PairReport): ReadonlyMap<string, string> =>
    new Map([
      ...published.map(({ tool, bytes }) => [`${tool}*`, grouped(bytes)] as const),
      ...[ours, ...peers].map(({ tool, bytes, exact }) => [tool, exact ? grouped(bytes) : 'wrong'] as const),
    ]);
  const rows = pairs.map((pair) => ({ id: pair.id, sizes: sizesOf(pair) }));
  const tools = [...new Set(pairs.flatMap(({ ours, peers }) => [ours, ...peers].map(({ tool }) => tool)))];
  const published = new Set(rows.flatMap(({ sizes }) => [...sizes.keys()].filter((tool) => !tools.includes(tool))));
  const columns = [...tools, ...published];
  return [['bytes', ...columns], ...rows.map(({ id, sizes }) => [id, ...columns.map((tool) => sizes.get(tool) ?? '–')])];
}

const causeTitles = {
  bytes: 'wrong and new',
  blocks: 'block lists',
  transforms: 'transforms',
  patchHeaders: 'heads',
  wholes: 'whole',
  index: 'index',
  manifestDifference: 'manifest',
  unread: 'unread',
} as const satisfies Readonly<Record<keyof DeltaCauses, string>>;

/** What the bytes of our deltas are for; causes that take none in any pair are left out. */
function causeRows(pairs: readonly PairReport[]): readonly (readonly string[])[] {
  const all = Object.keys(causeTitles) as (keyof DeltaCauses)[];
  const causes = all.filter((cause) => pairs.some((pair) => pair.causes[cause] > 0));
  const rows = pairs.map((pair) => [pair.id, ...causes.map((cause) => grouped(pair.causes[cause]))]);
  return [['bytes of ours', ...causes.map((cause) => causeTitles[cause])], ...rows];
}

const filesShownMax = 3;

/** The files of each pair that cost the most. */
function fileRows(pairs: readonly PairReport[]): readonly (readonly string[])[] {
  const rowsOf = ({ id, files }: PairReport) =>
    files.slice(0, filesShownMax).map(({ path, how, bytes, storedBytes }) => {
      return [`${id} ${path}`, megabytes(bytes), grouped(storedBytes), how];
    });
  return [['the dearest files', 'target MB', 'bytes of ours', 'how'], ...pairs.flatMap(rowsOf)];
}

/** Of all pairs; and of the fresh ones, where there are others too. */
function meanLines(pairs: readonly PairReport[], mean: number | null): readonly string[] {
  if (mean === null) return ['There is no peer to compare with.'];
  const ofFresh = geometricMeanRatio(pairs.filter(({ fresh }) => fresh));
  const isMixed = ofFresh !== null && pairs.some(({ fresh }) => !fresh);
  return [
    `Geometric mean of the ratios: ${mean.toFixed(3)}`,
    ...(isMixed ? [`of the fresh pairs alone: ${ofFresh.toFixed(3)}`] : []),
  ];
}

const complaints = ({ id, ours, peers, notices }: PairReport): readonly string[] => [
  ...[ours, ...peers].filter(({ exact }) => !exact).map(({ tool }) => `${id}: ${tool} did not make the target`),
  ...notices.map((notice) => `${id}: ${notice}`),
];

const grouped = (value: number): string => value.toLocaleString('en-US');
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

/** The first column to the left, the others to the right. */
export function tableLines(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)));
  return rows.map((row) =>
    row.map((cell, index) => (index === 0 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0))).join('  '),
  );
}
