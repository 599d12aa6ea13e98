/** `remendo apply BASE FILE --out DIR`: the target of a delta file, built and verified before it appears at DIR. */
import { mkdir, readdir, rename, rmdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import {
  assertFreeBytes,
  type Content,
  copyFile,
  type Delta,
  type DeltaFile,
  type Derivation,
  type Deriver,
  type Digest,
  decodeDeltaFile,
  derivationBases,
  derivationTargets,
  hasCode,
  type Manifest,
  manifestBytes,
  manifestDigest,
  nodeFileSystem,
  nodeHost,
  releasePathToFilePath,
  resolveDelta,
  shownVersion,
  surveyInstall,
  UpdaterError,
} from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import { exitCodes } from '../exit-codes.js';
import { assertNamedFile } from '../named-path.js';
import { printable } from '../output/printable.js';
import { bytesText, countText } from '../output/quantity.js';
import { neutralFileName } from './neutral-file-name.js';
import { type OpenedRelease, openRelease } from './open-release.js';
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
      await base.prepare(contentsNeeded(delta));
      output.progress.step('Building files');
      await buildTarget({ delta, deltaFile, deltaPath: paths.delta, base, targetFolder, scratchFolder, signal }, (done, total) =>
        output.progress.at(done, total, 'files'),
      );
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

async function readDeltaFile(path: string): Promise<DeltaFile> {
  await assertNamedFile(path);
  const source = await fileSystem.open(path, 'read');
  try {
    return await decodeDeltaFile(source);
  } finally {
    await source.close();
  }
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

/** Contents of the base that the target keeps or that something is made from. */
function contentsNeeded({ target, derivations }: Delta): ReadonlySet<Digest> {
  const kept = target.files.map((file) => file.sha256);
  return new Set([...kept, ...derivations.flatMap(derivationBases).map((content) => content.sha256)]);
}

interface Building {
  readonly delta: Delta;
  readonly deltaFile: DeltaFile;
  readonly deltaPath: string;
  readonly base: OpenedRelease;
  readonly targetFolder: string;
  /** For contents that only lead to others. */
  readonly scratchFolder: string;
  readonly signal: AbortSignal;
}

/** Every file of the target in its place; contents are derived side by side, each as soon as its bases are there. */
async function buildTarget(building: Building, onProgress: (done: number, total: number) => void): Promise<void> {
  const { delta, base, targetFolder } = building;
  const placeOf = new Map<Digest, string>();
  for (const file of delta.target.files) {
    const path = releasePathToFilePath(targetFolder, file.path);
    await mkdir(dirname(path), { recursive: true });
    if (!placeOf.has(file.sha256)) placeOf.set(file.sha256, path);
  }
  const { deriver } = nodeHost();
  try {
    const held = new Set(base.manifest.files.map((file) => file.sha256));
    const made = await deriveContents(building, { deriver, placeOf, held });
    let done = 0;
    for (const file of delta.target.files) {
      building.signal.throwIfAborted();
      const path = releasePathToFilePath(targetFolder, file.path);
      const from = made.get(file.sha256) ?? base.pathOf(file.sha256);
      if (from !== path) await copyFile(fileSystem, from, path, building.signal);
      await fileSystem.setMode(path, file.mode);
      done += 1;
      onProgress(done, delta.target.files.length);
    }
  } finally {
    await deriver.close();
  }
}

interface Deriving {
  readonly deriver: Deriver;
  readonly placeOf: ReadonlyMap<Digest, string>;
  readonly held: ReadonlySet<Digest>;
}

/** @returns where each derived content lies. */
async function deriveContents(building: Building, { deriver, placeOf, held }: Deriving): Promise<ReadonlyMap<Digest, string>> {
  const { delta, base, scratchFolder } = building;
  const abort = new AbortController();
  const signal = AbortSignal.any([building.signal, abort.signal]);
  const jobs = new Map<Digest, Promise<string>>();
  const pathOf = async (content: Content) => ({
    ...content,
    path: await (jobs.get(content.sha256) ?? base.pathOf(content.sha256)),
  });
  for (const derivation of delta.derivations) {
    // A content that is there already needs no making, and its file may be the base of something else.
    const targets = derivationTargets(derivation).map((target) => {
      const isWanted = !held.has(target.sha256) && !jobs.has(target.sha256);
      const place = isWanted ? placeOf.get(target.sha256) : undefined;
      return { ...target, path: place ?? join(scratchFolder, `step-${jobs.size}-${target.sha256}`) };
    });
    const job = runDerivation(building, derivation, {
      deriver,
      targets,
      bases: Promise.all(derivationBases(derivation).map(pathOf)),
      signal,
    });
    job.catch((error) => abort.abort(error));
    for (const target of targets) {
      const path = job.then(() => target.path);
      path.catch(() => {});
      if (!held.has(target.sha256) && !jobs.has(target.sha256)) jobs.set(target.sha256, path);
    }
  }
  await Promise.allSettled(jobs.values());
  const made = new Map<Digest, string>();
  for (const [sha256, path] of jobs) made.set(sha256, await path);
  return made;
}

type ContentAt = Content & { readonly path: string };

async function runDerivation(
  { deltaPath, deltaFile }: Building,
  derivation: Derivation,
  work: { deriver: Deriver; targets: readonly ContentAt[]; bases: Promise<readonly ContentAt[]>; signal: AbortSignal },
): Promise<void> {
  const { offset, bytes, sha256 } = derivation.blob;
  const blob = { path: deltaPath, offset: deltaFile.bodyOffset + offset, bytes, sha256 };
  const how =
    derivation.kind === 'patch'
      ? { kind: derivation.kind, codec: derivation.codec }
      : { kind: derivation.kind, encoding: derivation.encoding };
  await work.deriver.derive({ how, blob, bases: await work.bases, targets: work.targets }, work.signal);
}

async function verifyTarget(folder: string, target: Manifest, signal: AbortSignal): Promise<void> {
  const survey = await surveyInstall(fileSystem, folder, target, { full: true, signal });
  const wrong = survey.filter(({ finding }) => finding !== 'intact').map(({ file }) => file.path);
  if (wrong.length > 0) {
    throw new UpdaterError('PATCH_TARGET_MISMATCH', `${countText(wrong.length, 'file')} did not come out as the target's`, {
      details: { paths: wrong.slice(0, 20) },
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
