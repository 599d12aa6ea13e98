/**
 * Builds the delta of one release pair: for each new content a patch from the content it replaces, or the content
 * whole, whichever is smaller; everything else (copies, moves, removals) costs nothing but its line in the index.
 * The blobs lie in one pack in the order of the target's paths, so that a terminal fetches neighbours by one range.
 */
import { join } from 'node:path';
import type { Delta } from '../delta/delta.js';
import type { FileSystem } from '../file-system/file-system.js';
import { type BuildContentInput, type BuiltContent, buildContent, type ReleaseOnDisk } from './build-content.js';
import { mapLimited } from './map-limited.js';
import { type DeltaPack, packContents } from './pack-contents.js';
import { pairContents } from './pair-contents.js';
import type { PatchMaker } from './patch-maker.js';
import { type DeltaFileReport, reportFiles } from './report-files.js';

export type BuildDeltaEvent = {
  readonly kind: 'content-built';
  readonly path: string;
  readonly how: 'patch' | 'whole';
  readonly bytes: number;
  readonly storedBytes: number;
  readonly contentsDone: number;
  readonly contentsTotal: number;
};

export interface BuildDeltaInput {
  readonly fileSystem: FileSystem;
  readonly base: ReleaseOnDisk;
  readonly target: ReleaseOnDisk;
  /** The first that can make a patch for a pair makes it. None: every new content goes whole. */
  readonly makers: readonly PatchMaker[];
  /** An empty folder of the caller's: intermediate files go there, and the pack stays there. */
  readonly workFolder: string;
  /** Contents built at the same time (default 2); each bsdiff40 patch takes about 17 times its base in memory. */
  readonly concurrency?: number;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: BuildDeltaEvent) => void;
}

export interface BuiltDelta {
  readonly delta: Delta;
  /** The one object with all blobs; null when nothing has to be fetched. */
  readonly pack: DeltaPack | null;
  /** Files that change, in the order of their paths, removals last. */
  readonly files: readonly DeltaFileReport[];
  /** What a person should know: a maker that is missing, files too large for a codec. */
  readonly notices: readonly string[];
}

/**
 * @returns the delta, its pack on disk, and a report per changed file. Same input, same bytes on the same Node major.
 * @throws UpdaterError STORAGE_…, or the reason of `signal`; nothing is written to the work folder any more then. A
 * patch that can not be made is no failure: that content goes whole.
 */
export async function buildDelta(input: BuildDeltaInput): Promise<BuiltDelta> {
  const { fileSystem, base, target, workFolder, signal } = input;
  const notices = new Set<string>();
  const onNotice = (notice: string): void => void notices.add(notice);
  const makers = await availableMakers(input.makers, onNotice);
  const built = await buildContents(input, { fileSystem, base, target, makers, signal, onNotice });
  const { pack, derivations } = await packContents(fileSystem, built, { folder: workFolder, signal });
  const objects = pack === null ? [] : [{ digest: pack.digest, bytes: pack.bytes }];
  const delta: Delta = { base: base.manifest, target: target.manifest, objects, derivations };
  return { delta, pack, files: reportFiles(delta), notices: [...notices].sort() };
}

async function availableMakers(makers: readonly PatchMaker[], onNotice: (notice: string) => void): Promise<readonly PatchMaker[]> {
  const usable: PatchMaker[] = [];
  for (const maker of makers) {
    const answer = await maker.available();
    if (answer.ok) usable.push(maker);
    else onNotice(answer.reason);
  }
  return usable;
}

function buildContents(
  input: BuildDeltaInput,
  shared: Omit<BuildContentInput, 'pair' | 'workPath'>,
): Promise<readonly BuiltContent[]> {
  const pairs = pairContents(input.base.manifest, input.target.manifest);
  let contentsDone = 0;
  return mapLimited(pairs, input.concurrency ?? 2, async (pair, index) => {
    input.signal?.throwIfAborted();
    const content = await buildContent({ ...shared, pair, workPath: join(input.workFolder, `${index}`) });
    contentsDone += 1;
    input.onEvent?.({
      kind: 'content-built',
      path: pair.path,
      how: content.stored.kind,
      bytes: pair.target.bytes,
      storedBytes: content.bytes,
      contentsDone,
      contentsTotal: pairs.length,
    });
    return content;
  });
}
