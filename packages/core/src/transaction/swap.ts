/**
 * Carries out a swap plan: leaving files out, barrier, arriving files in, barrier. Every rename is stepwise undoable, and
 * the barrier between the two renames of one path is what keeps a crash from showing the second without the first.
 */
import { dirname, join } from 'node:path';
import { hasCode, UpdaterError } from '../errors.js';
import { syncNames } from '../file-system/write-durably.js';
import { placePath } from './change.js';
import { directoriesOf } from './survey.js';
import type { Move, SwapPlan } from './swap-plan.js';
import {
  basePathOf,
  livePath,
  previousFolder,
  previousPath,
  stagedPath,
  stagingFolder,
  type TransactionContext,
} from './transaction-context.js';

export interface SwapOptions {
  /** Runs between the leaving files' renames and the barrier. */
  readonly onceLeft?: () => Promise<void>;
}

export async function carryOut(context: TransactionContext, plan: SwapPlan, options: SwapOptions = {}): Promise<void> {
  await context.fileSystem.makeDirectory(stagingFolder(context));
  await context.fileSystem.makeDirectory(previousFolder(context));
  const moved: string[] = [];
  for (const move of plan.leaving) moved.push(await carryOutMove(context, move, plan));
  await options.onceLeft?.();
  await removeEmptied(context, plan);
  for (const move of plan.arriving) await clearDirectory(context, move, plan);
  await barrier(context, moved);
  if (plan.direction === 'backward') await makeBaseDirectories(context);
  const arrived: string[] = [];
  for (const move of plan.arriving) arrived.push(await carryOutMove(context, move, plan));
  await barrier(context, arrived);
  for (const move of plan.arriving) await verifyArrived(context, move, plan);
}

/** What was renamed, made or removed so far stays so. @param files where moved files are now. */
export async function barrier(context: TransactionContext, files: Iterable<string>): Promise<void> {
  const { layout, journal } = context;
  const directories = directoriesOf(layout, journal.contents.slots);
  for (const directory of [layout.staging, stagingFolder(context), layout.previous, previousFolder(context)])
    directories.add(directory);
  directories.add(dirname(layout.home));
  for (const { path } of journal.contents.directories) directories.add(dirname(placePath(layout, 'root', path)));
  await syncNames(context.fileSystem, { files, directories });
}

/** Before going on with what another run began: its renames may still be on their way to the disk. */
export async function barrierForAll(context: TransactionContext): Promise<void> {
  const files = context.journal.contents.slots.flatMap((slot) => [
    livePath(context, slot),
    stagedPath(context, slot.index),
    previousPath(context, slot.index),
  ]);
  await barrier(context, files);
}

async function carryOutMove(context: TransactionContext, move: Move, plan: SwapPlan): Promise<string> {
  const from = await pathOf(context, move, { end: move.from, plan });
  const to = await pathOf(context, move, { end: move.to, plan });
  if (move.to === 'install') await context.fileSystem.makeDirectory(dirname(to));
  if ((await context.fileSystem.stat(to)) !== null) {
    throw new UpdaterError('TRANSACTION_PATH_BLOCKED', `${to} is in the way: it appeared during the swap`, {
      details: { path: to },
    });
  }
  await context.fileSystem.rename(from, to);
  context.notify({ kind: 'file-moved', path: move.slot.path, from: move.from, to: move.to });
  return to;
}

async function pathOf(context: TransactionContext, { slot }: Move, at: { end: Move['to']; plan: SwapPlan }): Promise<string> {
  switch (at.end) {
    case 'staging':
      return stagedPath(context, slot.index);
    case 'previous':
      return previousPath(context, slot.index);
    case 'aside':
      return freeAsidePath(context, slot.index);
    case 'install':
      return at.plan.direction === 'backward' && slot.base !== null ? basePathOf(context, slot) : livePath(context, slot);
  }
}

/** Where somebody's own file goes that stands where a release's has to: `found-<index>` in previous/. */
async function freeAsidePath(context: TransactionContext, index: number): Promise<string> {
  const names = new Set(await context.fileSystem.list(previousFolder(context)));
  let name = `found-${index}`;
  for (let copy = 2; names.has(name); copy++) name = `found-${index}-${copy}`;
  return join(previousFolder(context), name);
}

/**
 * Directories of the side that leaves, children first, as far as nothing of anybody's is left in them. One that Windows does
 * not give up, since a console stands in it, is in nobody's way and stays, empty, unless a file has to take its place.
 */
async function removeEmptied(context: TransactionContext, plan: SwapPlan): Promise<void> {
  const isBackward = plan.direction === 'backward';
  const leaving = context.journal.contents.directories.filter(({ baseMode }) => (baseMode === null) === isBackward);
  const arriving = plan.arriving.map(({ slot }) => (isBackward ? slot.basePath : slot.path));
  for (const { path } of leaving.toReversed()) {
    const directory = placePath(context.layout, 'root', path);
    if ((await context.fileSystem.stat(directory))?.kind !== 'directory') continue;
    await context.fileSystem.removeDirectory(directory).catch((error: unknown) => {
      const isWanted = arriving.some((other) => `${path}/`.startsWith(`${other}/`));
      if (isWanted || !hasCode(error, 'TRANSACTION_FILE_HELD')) throw error;
    });
  }
}

/**
 * A directory that could not be removed stands where a file arrives: it holds somebody's files. Going forward that is a
 * reason to go back. Going backward it is moved aside as a whole: the application may have written into a folder that
 * the target brought, and the base must come back all the same.
 */
async function clearDirectory(context: TransactionContext, move: Move, plan: SwapPlan): Promise<void> {
  const path = await pathOf(context, move, { end: 'install', plan });
  if ((await context.fileSystem.stat(path))?.kind !== 'directory') return;
  if (plan.direction === 'forward') {
    throw new UpdaterError('TRANSACTION_PATH_BLOCKED', `${path} is in the way: its folder is not empty`, { details: { path } });
  }
  await context.fileSystem.rename(path, await freeAsidePath(context, move.slot.index));
}

async function makeBaseDirectories(context: TransactionContext): Promise<void> {
  for (const { path, baseMode } of context.journal.contents.directories) {
    if (baseMode === null) continue;
    const directory = placePath(context.layout, 'root', path);
    await context.fileSystem.makeDirectory(directory);
    if ((await context.fileSystem.stat(directory))?.mode !== baseMode) await context.fileSystem.setMode(directory, baseMode);
  }
}

/** The bytes were verified where they came from; here it is enough that the rename did what it said. */
async function verifyArrived(context: TransactionContext, move: Move, plan: SwapPlan): Promise<void> {
  const path = await pathOf(context, move, { end: 'install', plan });
  const content = plan.direction === 'forward' ? move.slot.target : move.slot.base;
  const stat = await context.fileSystem.stat(path);
  if (stat?.kind === 'file' && stat.bytes === content?.bytes) return;
  throw new UpdaterError('STORAGE_FAILED', `${path} is not there after it was moved in`, { details: { path } });
}
