/**
 * Builds the delta of one release pair. Each new content is patched from the contents it is most like, small ones
 * several by one patch, or goes whole, whichever is smaller; everything else (copies, moves, removals) costs nothing but
 * its line in the index. What is stored already is used where it lies. New blobs lie in one pack, those of a kind beside
 * each other, so that a terminal fetches neighbours by one range.
 */
import { join } from 'node:path';
import { bytesOfContents, type Delta, type DeltaObject, derivationTargets } from '../delta/delta.js';
import { contentsOf } from '../delta/resolve-delta.js';
import type { FileSystem } from '../file-system/file-system.js';
import { type BuiltBlob, buildGroup } from './build-group.js';
import { chooseKnown, type KnownDerivation } from './choose-known.js';
import { mapLimited } from './map-limited.js';
import { matchContents } from './match-contents.js';
import { type DeltaPack, packBlobs } from './pack-blobs.js';
import { pairContents } from './pair-contents.js';
import type { PatchCapacity, PatchMaker } from './patch-maker.js';
import { type PatchGroup, planGroups } from './plan-groups.js';
import { pathOfEither, provedPaths, type ReleaseOnDisk } from './release-on-disk.js';
import { type DeltaFileReport, reportFiles } from './report-files.js';

/** A group of contents has its stored form. */
export type BuildDeltaEvent = {
  readonly kind: 'content-built';
  /** Of the first of them. */
  readonly path: string;
  readonly how: 'patch' | 'whole';
  /** Of all of them. */
  readonly bytes: number;
  readonly storedBytes: number;
  readonly contentsDone: number;
  readonly contentsTotal: number;
};

export interface BuildDeltaInput {
  readonly fileSystem: FileSystem;
  readonly base: ReleaseOnDisk;
  readonly target: ReleaseOnDisk;
  /**
   * In the order of preference: contents are grouped as the first that this machine has takes them; what it can not make
   * the next ones make, of each content by itself. None: every new content goes whole.
   */
  readonly makers: readonly PatchMaker[];
  /** An empty folder of the caller's: intermediate files go there, and the pack stays there. */
  readonly workFolder: string;
  /**
   * Patches and whole contents that are stored already. What one of them makes from contents at hand is not built again:
   * the delta names the blob where it lies, so that one patch serves every pair of releases that needs it (default: none).
   */
  readonly known?: readonly KnownDerivation[];
  /** Patches made at the same time (default 2); each bsdiff40 patch takes about 17 times its base in memory. */
  readonly concurrency?: number;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: BuildDeltaEvent) => void;
}

export interface BuiltDelta {
  readonly delta: Delta;
  /** The object with all blobs that are new; null when there is none. */
  readonly pack: DeltaPack | null;
  /** Files that change, in the order of their paths, removals last. */
  readonly files: readonly DeltaFileReport[];
  /** What a person should know: a maker that is missing, files too large for a codec. */
  readonly notices: readonly string[];
}

/**
 * @returns the delta, its pack on disk, and a report per changed file. Same input, same bytes on the same Node major.
 * @throws UpdaterError STORAGE_…, or the reason of `signal`; nothing is written to the work folder any more then. A
 * patch that can not be made is no failure: its contents go whole.
 */
export async function buildDelta(input: BuildDeltaInput): Promise<BuiltDelta> {
  const { fileSystem, base, target, workFolder, signal } = input;
  const notices = new Set<string>();
  const onNotice = (notice: string): void => void notices.add(notice);
  const makers = await availableMakers(input.makers, onNotice);
  const known = chooseKnown(base.manifest, target.manifest, input.known ?? []);
  const groups = await groupContents(input, known, makers[0]?.capacity);
  const built = await buildGroups(input, groups, { makers, onNotice });
  const { pack, derivations } = await packBlobs(fileSystem, built, { folder: workFolder, signal });
  const delta: Delta = {
    base: base.manifest,
    target: target.manifest,
    objects: objectsOf(known, pack),
    derivations: [...known.map(({ derivation }) => derivation), ...derivations],
  };
  return { delta, pack, files: reportFiles(delta), notices: [...notices].sort() };
}

/** All new contents that no known derivation makes. */
async function groupContents(
  { fileSystem, base, target, signal }: BuildDeltaInput,
  known: readonly KnownDerivation[],
  capacity: PatchCapacity = noPatches,
): Promise<readonly PatchGroup[]> {
  const made = known.flatMap(({ derivation }) => derivationTargets(derivation));
  const isMade = new Set(made.map(({ sha256 }) => sha256));
  const pairs = pairContents(base.manifest, target.manifest).filter((pair) => !isMade.has(pair.target.sha256));
  if (pairs.length === 0) return [];
  const contents = await matchContents({
    fileSystem,
    pathOf: pathOfEither({ base, target }),
    held: [...contentsOf(base.manifest), ...made],
    pairs,
    referencesMax: Math.min(referencesMax, capacity.basesMax),
    signal,
  });
  return planGroups(contents, capacity);
}

/** Each brings less than the one before, and all of them are read and searched. */
const referencesMax = 3;
const noPatches: PatchCapacity = { basesMax: 0, targetsMax: 1, bytesMax: Number.POSITIVE_INFINITY };

async function buildGroups(
  input: BuildDeltaInput,
  groups: readonly PatchGroup[],
  shared: { readonly makers: readonly PatchMaker[]; readonly onNotice: (notice: string) => void },
): Promise<readonly BuiltBlob[]> {
  const { fileSystem, base, target, workFolder, signal } = input;
  const pathOf = provedPaths(fileSystem, { base, target }, signal);
  const contentsTotal = groups.reduce((sum, { targets }) => sum + targets.length, 0);
  let contentsDone = 0;
  const built = await mapLimited(groups, input.concurrency ?? 2, async (group, index) => {
    signal?.throwIfAborted();
    const blobs = await buildGroup({ fileSystem, pathOf, group, workPath: join(workFolder, `${index}`), signal, ...shared });
    contentsDone += group.targets.length;
    input.onEvent?.({ ...eventOf(group, blobs), contentsDone, contentsTotal });
    return blobs;
  });
  return built.flat();
}

const eventOf = ({ targets }: PatchGroup, blobs: readonly BuiltBlob[]) => ({
  kind: 'content-built' as const,
  path: targets[0]?.path ?? '',
  how: blobs[0]?.stored.kind ?? 'whole',
  bytes: bytesOfContents(targets.map(({ content }) => content)),
  storedBytes: blobs.reduce((sum, { bytes }) => sum + bytes, 0),
});

function objectsOf(known: readonly KnownDerivation[], pack: DeltaPack | null): readonly DeltaObject[] {
  const stored = known.map(({ derivation, objectBytes }) => ({ digest: derivation.blob.object, bytes: objectBytes }));
  const all = pack === null ? stored : [{ digest: pack.digest, bytes: pack.bytes }, ...stored];
  return [...new Map(all.map((object) => [object.digest, object])).values()];
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
