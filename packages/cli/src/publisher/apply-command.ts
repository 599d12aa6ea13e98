/** `remendo apply BASE FILE --out DIR`: the target of a delta file, built and verified before it appears at DIR. */
import { mkdir, readdir, rename, rmdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  assertFreeBytes,
  type Delta,
  type DeltaFile,
  hasCode,
  type Manifest,
  manifestBytes,
  manifestDigest,
  nodeFileSystem,
  nodeHost,
  resolveDelta,
  shownVersion,
  UpdaterError,
} from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import { exitCodes } from '../exit-codes.js';
import { printable } from '../output/printable.js';
import { bytesText, countText } from '../output/quantity.js';
import { buildTarget, readDeltaFile, verifyTarget } from './build-target.js';
import { neutralFileName } from './neutral-file-name.js';
import { openRelease } from './open-release.js';
import { withScratchFolder } from './scratch-folder.js';

const fileSystem = nodeFileSystem();

export async function runApply(
  { output, signal }: CommandContext,
  paths: { base: string; delta: string },
  options: { out: string },
): Promise<number> {
  const out = resolve(options.out);
  await assertEmpty(out);
  const deltaFile = await readDeltaFile(paths.delta);
  const target = await withScratchFolder(out, async (scratchFolder) => {
    output.progress.step('Hashing');
    // Nothing but paths and contents of the base count; what it calls itself does not.
    const identity = { application: 'base', platform: 'any' };
    const base = await openRelease(paths.base, { identity, scratchFolder, fileName: neutralFileName, signal });
    try {
      const delta = resolveNamed(deltaFile, base.manifest, paths.base);
      await assertFreeBytes(fileSystem, scratchFolder, manifestBytes(delta.target));
      const targetFolder = join(scratchFolder, 'target');
      await mkdir(targetFolder);
      output.progress.step('Building files');
      const { deriver } = nodeHost();
      try {
        const building = { delta, deltaFile, deltaPath: paths.delta, base, targetFolder, scratchFolder, deriver, signal };
        await buildTarget(building, (done, total) => output.progress.at(done, total, 'files'));
      } finally {
        await deriver.close();
      }
      output.progress.step('Verifying');
      await verifyTarget(targetFolder, delta.target, signal);
      await appear(targetFolder, out);
      return delta.target;
    } finally {
      await base.close();
    }
  });
  output.progress.end();
  const [files, bytes] = [target.files.length, manifestBytes(target)];
  output.document({ out: options.out, version: shownVersion(target), manifestDigest: manifestDigest(target), files, bytes });
  output.line(
    `${printable(options.out)}: ${printable(target.application)} ${shownVersion(target)}, ${countText(files, 'file')}, ${bytesText(bytes)}, each verified`,
  );
  return exitCodes.done;
}

async function assertEmpty(out: string): Promise<void> {
  const names = await readdir(out).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return [];
    const message = cause.code === 'ENOTDIR' ? `${out} is a file` : `${out} can not be read`;
    throw new UpdaterError('CONFIG_INVALID', message, { details: { path: out }, cause });
  });
  if (names.length > 0) throw new UpdaterError('CONFIG_INVALID', `${out} is not empty`, { details: { path: out } });
}

/** @throws UpdaterError DELTA_BASE_MISMATCH that names what the caller named: a base may not know its own version. */
function resolveNamed({ index }: DeltaFile, base: Manifest, path: string): Delta {
  try {
    return resolveDelta(index, base);
  } catch (error) {
    if (!hasCode(error, 'DELTA_BASE_MISMATCH')) throw error;
    const expected = `${index.application} ${index.baseVersion} with ${countText(index.baseFiles, 'file')}`;
    throw new UpdaterError('DELTA_BASE_MISMATCH', `${path} is not what the delta starts from: ${expected}`, {
      details: { path, baseVersion: index.baseVersion, baseFiles: index.baseFiles },
    });
  }
}

/** An empty folder in the way goes first: not every system renames over one. */
async function appear(folder: string, out: string): Promise<void> {
  await rmdir(out).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT')
      throw new UpdaterError('STORAGE_FAILED', `${out} can not be replaced`, { details: { path: out }, cause: error });
  });
  await rename(folder, out);
}
