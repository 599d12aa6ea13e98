import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type DeriveJob, type Digest, derivationBases, derivationTargets, releasePathToFilePath } from '@remendo/core';
import { inChild } from './measured-child.js';
import type { OpenedDelta } from './open-delta.js';
import { areSameFiles } from './same-files.js';
import type { ScannedRelease } from './scanned-release.js';
import type { Usage } from './usage.js';

interface ApplyInput {
  readonly base: ScannedRelease;
  /** What must come out. */
  readonly target: ScannedRelease;
  readonly opened: OpenedDelta;
  /** Empty. */
  readonly folder: string;
}

/**
 * Builds the target of a delta file in the folder, by one worker of a terminal, and compares every file with the target's,
 * byte for byte.
 */
export async function applyDelta(input: ApplyInput): Promise<{ readonly exact: boolean; readonly usage: Usage }> {
  const { base, target, opened, folder } = input;
  const { delta } = opened;
  const targetFolder = join(folder, 'target');
  const builtPath = (path: (typeof delta.target.files)[number]['path']): string => releasePathToFilePath(targetFolder, path);
  for (const { path } of delta.target.files) await mkdir(dirname(builtPath(path)), { recursive: true });
  const places = new Map<Digest, string>([...delta.target.files].reverse().map(({ sha256, path }) => [sha256, builtPath(path)]));
  for (const [sha256, path] of base.paths) places.set(sha256, path);
  const placeOf = (sha256: Digest): string => places.get(sha256) ?? join(folder, `step-${sha256}`);

  const jobsPath = join(folder, 'jobs.json');
  await writeFile(jobsPath, JSON.stringify(deriveJobs(opened, placeOf)));
  const { answer, usage } = await inChild<{ answer: { ok: boolean }; usage: Usage }>('derive-alone.js', jobsPath);
  if (!answer.ok) throw new Error(`the delta could not be applied: ${JSON.stringify(answer)}`);

  for (const { sha256, path } of delta.target.files)
    if (placeOf(sha256) !== builtPath(path)) await copyFile(placeOf(sha256), builtPath(path));
  const wanted = new Map(target.paths);
  const pairs = target.manifest.files.map(({ path, sha256 }) => [builtPath(path), wanted.get(sha256) ?? ''] as const);
  return { exact: delta.target.files.length === pairs.length && (await areSameFiles(pairs)), usage };
}

/** One for each derivation, in an order in which every base is there when it is needed. */
const deriveJobs = ({ delta, path, bodyOffset }: OpenedDelta, placeOf: (sha256: Digest) => string): readonly DeriveJob[] =>
  delta.derivations.map((derivation) => {
    const { offset, bytes, sha256 } = derivation.blob;
    return {
      how:
        derivation.kind === 'patch'
          ? { kind: derivation.kind, codec: derivation.codec }
          : { kind: derivation.kind, encoding: derivation.encoding },
      blob: { path, offset: bodyOffset + offset, bytes, sha256 },
      bases: derivationBases(derivation).map((content) => ({ ...content, path: placeOf(content.sha256) })),
      targets: derivationTargets(derivation).map((content) => ({ ...content, path: placeOf(content.sha256) })),
    };
  });
