/**
 * Feeds every reader of formats from outside with made-up bytes, for so many seconds each:
 *
 *     node bench/dist/fuzz.js [--seconds 10] [--seed n] [--target name] [--way plain|counted|steered] [--findings folder]
 *     node bench/dist/fuzz.js --seconds 600                             the whole campaign, some hours
 *     node bench/dist/fuzz.js --target name --input file                one input again
 *     node bench/dist/fuzz.js --compare [--seconds 10] [--target name]  whether steering by coverage pays
 *
 * docs/fuzzing.md says what the ways are.
 *
 * Prints a line for each target and exits with 1 when one of them crashed, took more than five seconds of work for one input,
 * or grew memory by more than 512 MiB; then the input is saved, and it is said what repeats it.
 */
import { randomInt } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isUpdaterError } from '@remendo/core';
import { type FuzzReport, fuzzTargets } from '@remendo/core/testing';
import { type FuzzJob, type FuzzOutcome, type FuzzWay, fuzzWays, oneRunMsMax, watchFuzz } from './fuzz-watch.js';

const memoryGrowthBytesMax = 512 * 1024 * 1024;
/** A longer input is only saved. */
const shownBytesMax = 64 * 1024;
const names = fuzzTargets.map(({ name }) => name);

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
const perSecond = ({ runs }: FuzzReport, seconds: number): string => `${(runs / seconds).toFixed(0)}/s`;

function lineOf(
  { name, runs, accepted, refusals, blocks, slowestMs, memoryGrowthBytesMax: growth }: FuzzReport,
  seconds: number,
): string {
  const codes = Object.entries(refusals).map(([code, count]) => `${code} ${count}`);
  const columns = [
    name.padEnd(18),
    `${runs} runs`.padStart(13),
    `${(runs / seconds).toFixed(0)}/s`.padStart(8),
    `${accepted} accepted`.padStart(16),
    blocks === null ? '' : `${blocks} blocks`.padStart(12),
    `slowest ${slowestMs.toFixed(0)} ms`.padStart(16),
    `memory ${mebibytes(growth)}`.padStart(15),
  ];
  return `${columns.join(' ')}  ${codes.join(', ')}\n`;
}

interface Settings {
  readonly seconds: number;
  readonly seed: number;
  readonly way: FuzzWay;
  readonly findings: string;
}

/** @returns whether the target stayed within its bounds. */
async function fuzz(name: string, { seconds, seed, way, findings }: Settings): Promise<boolean> {
  const outcome = await watchFuzz({ target: name, seconds, seed, way });
  if (outcome.kind === 'done') process.stdout.write(lineOf(outcome.report, seconds));
  const finding = findingOf(outcome);
  if (finding === null) return true;
  const path = join(findings, `${name}-${seed}.input`);
  await mkdir(findings, { recursive: true });
  await writeFile(path, finding.input);
  const { length } = finding.input;
  const shown = length <= shownBytesMax ? `, in base64 ${Buffer.from(finding.input).toString('base64')}` : '';
  process.stdout.write(
    `${name.padEnd(18)} FAILED ${finding.reason}\n  input: ${path}, ${length} bytes${shown}\n` +
      `  repeat: node bench/dist/fuzz.js --target ${name} --input ${path}\n`,
  );
  return false;
}

function findingOf(outcome: FuzzOutcome): { readonly reason: string; readonly input: Uint8Array } | null {
  if (outcome.kind === 'failed') return outcome;
  const { slowestMs, slowestInput, memoryGrowthBytesMax: growth } = outcome.report;
  if (slowestMs > oneRunMsMax) return { reason: `one run took ${slowestMs.toFixed(0)} ms`, input: slowestInput };
  if (growth > memoryGrowthBytesMax) return { reason: `memory grew by ${mebibytes(growth)}`, input: slowestInput };
  return null;
}

/**
 * As many seconds of work without steering and with it, each in a thread of its own; what was reached without is then counted by
 * feeding the same inputs again, so that the counting costs nothing in the time that is compared.
 */
async function compare(name: string, { seconds, seed }: Settings): Promise<void> {
  const report = async (job: Omit<FuzzJob, 'target' | 'seed'>): Promise<FuzzReport> => {
    const outcome = await watchFuzz({ target: name, seed, isTimedByWork: true, ...job });
    if (outcome.kind === 'failed') throw new Error(`${name}: ${outcome.reason}`);
    return outcome.report;
  };
  const plain = await report({ seconds, way: 'plain' });
  const steered = await report({ seconds, way: 'steered' });
  const counted = await report({ seconds: seconds * 20, way: 'counted', runsMax: plain.runs });
  const columns = [
    name.padEnd(18),
    `plain ${perSecond(plain, seconds).padStart(8)} ${String(counted.blocks).padStart(6)} blocks`,
    `steered ${perSecond(steered, seconds).padStart(8)} ${String(steered.blocks).padStart(6)} blocks`,
    `${Math.round((100 * steered.runs) / plain.runs)} % of the runs`.padStart(18),
    `${((100 * (steered.blocks ?? 0)) / (counted.blocks ?? 1) - 100).toFixed(1)} % blocks`.padStart(15),
  ];
  process.stdout.write(`${columns.join('  ')}\n`);
}

/** @throws what the target throws, when that is a finding. */
async function runInput(name: string, path: string): Promise<void> {
  const target = fuzzTargets.find((candidate) => candidate.name === name);
  const input = await readFile(path);
  const began = performance.now();
  const refusal: unknown = await target?.run(input).catch((error: unknown) => error);
  if (refusal !== undefined && !isUpdaterError(refusal)) throw refusal;
  const verdict = refusal === undefined ? 'accepted' : `refused with ${refusal.code}: ${refusal.message}`;
  process.stdout.write(`${verdict}, after ${(performance.now() - began).toFixed(0)} ms\n`);
}

async function main(): Promise<void> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: { seconds: text, seed: text, target: text, way: text, findings: text, input: text, compare: { type: 'boolean' } },
  });
  const way = fuzzWays.find((one) => one === (values.way ?? 'plain'));
  const chosen = names.filter((name) => values.target === undefined || name === values.target);
  const [seconds, seed] = [Number(values.seconds ?? 10), Number(values.seed ?? randomInt(2 ** 31))];
  if (chosen.length === 0 || way === undefined || !(seconds > 0) || !Number.isInteger(seed)) {
    process.stderr.write(
      `fuzz.js [--seconds n] [--seed n] [--way ${fuzzWays.join('|')}] [--input file] [--compare] [--target ${names.join('|')}]\n`,
    );
    process.exitCode = 2;
    return;
  }
  if (values.input !== undefined) return runInput(chosen[0] ?? '', values.input);
  const settings = { seconds, seed, way, findings: values.findings ?? join(tmpdir(), 'remendo-fuzz') };
  process.stdout.write(`seed ${seed}, ${seconds} s for each of ${chosen.length} targets\n`);
  for (const name of chosen) {
    if (values.compare) await compare(name, settings);
    else if (!(await fuzz(name, settings))) process.exitCode = 1;
  }
}

await main();
