/** The target of a delta file, built from its base into a folder. */
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
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
  type Manifest,
  nodeFileSystem,
  releasePathToFilePath,
  surveyInstall,
  UpdaterError,
} from '@remendo/core';
import { assertNamedFile } from '../named-path.js';
import { countText } from '../output/quantity.js';
import type { OpenedRelease } from './open-release.js';

const fileSystem = nodeFileSystem();

/** @throws UpdaterError DELTA_INVALID, LIMIT_EXCEEDED or STORAGE_FAILED. */
export async function readDeltaFile(path: string): Promise<DeltaFile> {
  await assertNamedFile(path);
  const source = await fileSystem.open(path, 'read');
  try {
    return await decodeDeltaFile(source);
  } finally {
    await source.close();
  }
}

/** Contents of the base that the target keeps or that something is made from. */
function contentsNeeded({ target, derivations }: Delta): ReadonlySet<Digest> {
  const kept = target.files.map((file) => file.sha256);
  return new Set([...kept, ...derivations.flatMap(derivationBases).map((content) => content.sha256)]);
}

export interface Building {
  readonly delta: Delta;
  readonly deltaFile: DeltaFile;
  readonly deltaPath: string;
  readonly base: OpenedRelease;
  /** Empty. */
  readonly targetFolder: string;
  /** For contents that only lead to others. */
  readonly scratchFolder: string;
  readonly deriver: Deriver;
  readonly signal: AbortSignal;
}

/** Every file of the target in its place; contents are derived side by side, each as soon as its bases are there. */
export async function buildTarget(building: Building, onProgress: (done: number, total: number) => void): Promise<void> {
  const { delta, base, targetFolder } = building;
  await base.prepare(contentsNeeded(delta));
  const placeOf = new Map<Digest, string>();
  for (const file of delta.target.files) {
    const path = releasePathToFilePath(targetFolder, file.path);
    await mkdir(dirname(path), { recursive: true });
    if (!placeOf.has(file.sha256)) placeOf.set(file.sha256, path);
  }
  const held = new Set(base.manifest.files.map((file) => file.sha256));
  const made = await deriveContents(building, { placeOf, held });
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
}

interface Deriving {
  readonly placeOf: ReadonlyMap<Digest, string>;
  readonly held: ReadonlySet<Digest>;
}

/** @returns where each derived content lies. */
async function deriveContents(building: Building, { placeOf, held }: Deriving): Promise<ReadonlyMap<Digest, string>> {
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
  { deltaPath, deltaFile, deriver }: Building,
  derivation: Derivation,
  work: { targets: readonly ContentAt[]; bases: Promise<readonly ContentAt[]>; signal: AbortSignal },
): Promise<void> {
  const { offset, bytes, sha256 } = derivation.blob;
  const blob = { path: deltaPath, offset: deltaFile.bodyOffset + offset, bytes, sha256 };
  const how =
    derivation.kind === 'patch'
      ? { kind: derivation.kind, codec: derivation.codec }
      : { kind: derivation.kind, encoding: derivation.encoding };
  await deriver.derive({ how, blob, bases: await work.bases, targets: work.targets }, work.signal);
}

/** @throws UpdaterError PATCH_TARGET_MISMATCH when a file of the folder, read again, is not the target's. */
export async function verifyTarget(folder: string, target: Manifest, signal: AbortSignal): Promise<void> {
  const survey = await surveyInstall(fileSystem, folder, target, { full: true, signal });
  const wrong = survey.filter(({ finding }) => finding !== 'intact').map(({ file }) => file.path);
  if (wrong.length > 0) {
    throw new UpdaterError('PATCH_TARGET_MISMATCH', `${countText(wrong.length, 'file')} did not come out as the target's`, {
      details: { paths: wrong.slice(0, 20) },
    });
  }
}
