/** From two releases as somebody has them to one delta file. */
import { join } from 'node:path';
import { type Delta, encodeDeltaFileHead, indexDelta, nodeFileSystem } from '@remendo/core';
import { type BuiltDelta, buildDelta, type PatchMaker } from '@remendo/core/publish';
import type { CommandContext } from '../command-context.js';
import { neutralFileName } from './neutral-file-name.js';
import { type OpenedRelease, openRelease, withFileName } from './open-release.js';

const fileSystem = nodeFileSystem();

export interface PairOptions {
  readonly application: string;
  readonly platform: string;
  readonly baseRelease?: string;
  readonly release?: string;
}

export interface OpenedPair {
  readonly base: OpenedRelease;
  readonly target: OpenedRelease;
}

/**
 * Runs `use` with both releases open and at hand all contents of the base and what the target has beside them. Two single
 * files are versions of one file, whatever they are called; both are opened under the target's name.
 */
export async function withReleasePair<T>(
  { output, signal }: CommandContext,
  paths: { readonly base: string; readonly target: string },
  options: PairOptions & { readonly scratchFolder: string },
  use: (pair: OpenedPair) => Promise<T>,
): Promise<T> {
  const { application, platform, release, baseRelease, scratchFolder } = options;
  const identityOf = (version: string | undefined) => ({ application, platform, ...(version === undefined ? {} : { version }) });
  output.progress.step('Hashing');
  const target = await openRelease(paths.target, { identity: identityOf(release), scratchFolder, signal });
  try {
    const fileName = target.kind === 'file' ? target.manifest.files[0]?.path : undefined;
    const base = await openRelease(paths.base, {
      identity: identityOf(baseRelease),
      scratchFolder,
      signal,
      ...(fileName === undefined ? {} : { fileName }),
    });
    try {
      const held = new Set(base.manifest.files.map((file) => file.sha256));
      await base.prepare(held);
      await target.prepare(target.manifest.files.map((file) => file.sha256).filter((sha256) => !held.has(sha256)));
      return await use({ base, target });
    } finally {
      await base.close();
    }
  } finally {
    await target.close();
  }
}

export interface MadeDelta {
  readonly delta: Delta;
  readonly built: BuiltDelta;
  /** The delta file, in the scratch folder. */
  readonly path: string;
  readonly bytes: number;
}

/** Makes the delta file in the scratch folder. */
export async function makeDelta(
  { output, signal }: CommandContext,
  { base, target }: OpenedPair,
  options: { readonly makers: readonly PatchMaker[]; readonly scratchFolder: string; readonly concurrency?: number },
): Promise<MadeDelta> {
  const { scratchFolder, ...how } = options;
  output.progress.step('Making patches');
  const built = await buildDelta({
    fileSystem,
    base,
    target,
    ...how,
    workFolder: scratchFolder,
    signal,
    onEvent: ({ contentsDone, contentsTotal }) => output.progress.at(contentsDone, contentsTotal, 'files'),
  });
  const delta = withNeutralBase(built.delta, base);
  const path = join(scratchFolder, 'delta');
  return { delta, built, path, bytes: await writeDeltaFile(delta, built, path) };
}

/** The name of a single base file plays no part when the delta is applied. */
const withNeutralBase = (delta: Delta, base: OpenedRelease): Delta =>
  base.kind === 'file' ? { ...delta, base: withFileName(delta.base, neutralFileName) } : delta;

/** @returns its size in bytes. */
async function writeDeltaFile(delta: Delta, { pack }: BuiltDelta, path: string): Promise<number> {
  const head = encodeDeltaFileHead(indexDelta(delta));
  const handle = await fileSystem.open(path, 'exclusive');
  try {
    await handle.write(0, head);
  } finally {
    await handle.close();
  }
  if (pack !== null) await appendFile(pack.path, path, head.length);
  return head.length + (pack?.bytes ?? 0);
}

async function appendFile(path: string, targetPath: string, offset: number): Promise<void> {
  const source = await fileSystem.open(path, 'read');
  const target = await fileSystem.open(targetPath, 'write');
  try {
    const buffer = new Uint8Array(256 * 1024);
    for (let at = 0; at < source.bytes; ) {
      const count = await source.read(at, buffer);
      if (count === 0) return;
      await target.write(offset + at, buffer.subarray(0, count));
      at += count;
    }
  } finally {
    await source.close();
    await target.close();
  }
}
