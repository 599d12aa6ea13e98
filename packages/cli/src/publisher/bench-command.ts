/**
 * `remendo bench BASE TARGET`: how large the delta of a release is, file by file, and how long it takes to make and to
 * apply. Patches are made and applied one at a time, so that the seconds of each are its own; what was built is read
 * again and held against the target.
 */
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type DeltaCauses,
  decodeDeltaFile,
  describeDelta,
  nodeFileSystem,
  nodeHost,
  resolveDelta,
  UpdaterError,
} from '@remendo/core';
import type { PatchMaker } from '@remendo/core/publish';
import type { CommandContext } from '../command-context.js';
import { exitCodes } from '../exit-codes.js';
import { countText, numberText } from '../output/quantity.js';
import { benchedFiles } from './benched-files.js';
import { buildTarget, readDeltaFile, verifyTarget } from './build-target.js';
import { type CodingOptions, makersOf } from './diff-command.js';
import { type MadeDelta, makeDelta, type OpenedPair, type PairOptions, withReleasePair } from './make-delta.js';
import { type Benched, reportBench } from './report-bench.js';
import { withScratchFolder } from './scratch-folder.js';
import { type MadePatch, secondsSince, timedDeriver, timedMaker } from './timed-patches.js';

export interface BenchOptions extends PairOptions, CodingOptions {
  /** In bytes. */
  readonly budget?: string;
  readonly all?: boolean;
}

/** @throws UpdaterError BUDGET_EXCEEDED after everything is printed. */
export async function runBench(
  context: CommandContext,
  paths: { base: string; target: string },
  options: BenchOptions,
): Promise<number> {
  const budgetBytes = options.budget === undefined ? null : parseBudget(options.budget);
  const makers = makersOf(options);
  await withScratchFolder(join(tmpdir(), 'remendo-bench'), async (scratchFolder) => {
    const benched = await withReleasePair(context, paths, { ...options, scratchFolder }, (pair) =>
      benchPair(context, pair, { makers, scratchFolder }),
    );
    context.output.progress.end();
    reportBench(context.output, benched, { budgetBytes, showAll: options.all === true });
    assertWithinBudget(benched.made.bytes, budgetBytes);
  });
  return exitCodes.done;
}

function parseBudget(text: string): number {
  const bytes = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (bytes > 0) return bytes;
  throw new UpdaterError('CONFIG_INVALID', '--budget must be a whole number of bytes from 1', { details: { budget: text } });
}

function assertWithinBudget(bytes: number, budgetBytes: number | null): void {
  if (budgetBytes === null || bytes <= budgetBytes) return;
  const excess = countText(bytes - budgetBytes, 'byte');
  throw new UpdaterError('BUDGET_EXCEEDED', `the delta has ${excess} more than its budget of ${numberText(budgetBytes)}`, {
    details: { bytes, budgetBytes },
  });
}

async function benchPair(
  context: CommandContext,
  pair: OpenedPair,
  options: { readonly makers: readonly PatchMaker[]; readonly scratchFolder: string },
): Promise<Benched> {
  const [patches, secondsOfApplying] = [new Map<string, MadePatch>(), new Map<string, number>()];
  const makers = options.makers.map((maker) => timedMaker(maker, patches));
  const makeStart = performance.now();
  const made = await makeDelta(context, pair, { ...options, makers, concurrency: 1 });
  const makeSeconds = secondsSince(makeStart);
  const applySeconds = await apply(context, pair, { made, ...options, secondsOfApplying });
  const files = benchedFiles(made, {
    made: ({ sha256 }) => patches.get(pair.target.pathOf(sha256)) ?? null,
    applySeconds: ({ sha256 }) => secondsOfApplying.get(sha256) ?? null,
  });
  return { made, files, causes: await causesOf(made), makeSeconds, applySeconds };
}

async function causesOf({ path }: MadeDelta): Promise<DeltaCauses> {
  const source = await nodeFileSystem().open(path, 'read');
  try {
    return (await describeDelta(source, await decodeDeltaFile(source))).causes;
  } finally {
    await source.close();
  }
}

/** Builds the target from what the delta file says, on one worker. @returns the seconds that took. */
async function apply(
  { output, signal }: CommandContext,
  { base }: OpenedPair,
  options: { readonly made: MadeDelta; readonly scratchFolder: string; readonly secondsOfApplying: Map<string, number> },
): Promise<number> {
  const { made, scratchFolder, secondsOfApplying } = options;
  output.progress.step('Building files');
  const targetFolder = join(scratchFolder, 'target');
  await mkdir(targetFolder);
  const workers = nodeHost({ workers: 1 }).deriver;
  try {
    const deriver = timedDeriver(workers, secondsOfApplying);
    const start = performance.now();
    const deltaFile = await readDeltaFile(made.path);
    const delta = resolveDelta(deltaFile.index, made.delta.base);
    await buildTarget(
      { delta, deltaFile, deltaPath: made.path, base, targetFolder, scratchFolder, deriver, signal },
      (done, total) => output.progress.at(done, total, 'files'),
    );
    const seconds = secondsSince(start);
    output.progress.step('Verifying');
    await verifyTarget(targetFolder, delta.target, signal);
    return seconds;
  } finally {
    await workers.close();
  }
}
