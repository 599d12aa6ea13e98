/**
 * Builds the delta of one release pair: for each new content a patch from the content it replaces, or the content
 * whole, whichever is smaller; everything else (copies, moves, removals) costs nothing but its line in the index.
 * The blobs lie in one pack in the order of the target's paths, so that a terminal fetches neighbours by one range.
 */
import { join } from 'node:path';
import { type Delta, type DeltaObject, type Derivation, derivationBases, derivationTargets } from '../delta/delta.js';
import type { FileSystem } from '../file-system/file-system.js';
import type { Digest } from '../hash/digest.js';
import { type BuildContentInput, type BuiltContent, buildContent, type ReleaseOnDisk } from './build-content.js';
import { mapLimited } from './map-limited.js';
import { type DeltaPack, type PackedContents, packContents } from './pack-contents.js';
import { type ContentPair, pairContents } from './pair-contents.js';
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
  /**
   * Patches and whole contents that are stored already. A pair that has one is not built again: the delta names the blob
   * where it lies, so that one patch serves every pair of releases that needs it (default: none).
   */
  readonly known?: readonly KnownDerivation[];
  /** Contents built at the same time (default 2); each bsdiff40 patch takes about 17 times its base in memory. */
  readonly concurrency?: number;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: BuildDeltaEvent) => void;
}

/** A derivation with the size of the object its blob lies in. */
export interface KnownDerivation {
  readonly derivation: Derivation;
  readonly objectBytes: number;
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
 * patch that can not be made is no failure: that content goes whole.
 */
export async function buildDelta(input: BuildDeltaInput): Promise<BuiltDelta> {
  const { fileSystem, base, target, workFolder, signal } = input;
  const notices = new Set<string>();
  const onNotice = (notice: string): void => void notices.add(notice);
  const makers = await availableMakers(input.makers, onNotice);
  const known = knownByPair(input.known ?? []);
  const pairs = pairContents(base.manifest, target.manifest);
  const missing = pairs.filter((pair) => !known.has(pairKey(pair)));
  const built = await buildContents(input, missing, { fileSystem, base, target, makers, signal, onNotice });
  const packed = await packContents(fileSystem, built, { folder: workFolder, signal });
  const { derivations, objects } = gather(pairs, known, packed);
  const delta: Delta = { base: base.manifest, target: target.manifest, objects, derivations };
  const { pack } = packed;
  return { delta, pack, files: reportFiles(delta), notices: [...notices].sort() };
}

const pairKey = ({ base, target }: Pick<ContentPair, 'base' | 'target'>): string => `${base?.sha256 ?? ''} ${target.sha256}`;

/** Whole contents serve only pairs without a base: where there is one, a patch may be smaller. */
function knownByPair(known: readonly KnownDerivation[]): ReadonlyMap<string, KnownDerivation> {
  return new Map(
    known.flatMap((one): [string, KnownDerivation][] => {
      const [target, ...otherTargets] = derivationTargets(one.derivation);
      const [base = null, ...otherBases] = derivationBases(one.derivation);
      return target === undefined || otherTargets.length + otherBases.length > 0 ? [] : [[pairKey({ base, target }), one]];
    }),
  );
}

/** One derivation per pair, in their order, and the objects they lie in. */
function gather(pairs: readonly ContentPair[], known: ReadonlyMap<string, KnownDerivation>, packed: PackedContents) {
  const objects = new Map<Digest, DeltaObject>();
  if (packed.pack !== null) objects.set(packed.pack.digest, { digest: packed.pack.digest, bytes: packed.pack.bytes });
  const fresh = [...packed.derivations].reverse();
  const derivations = pairs.flatMap((pair): Derivation[] => {
    const one = known.get(pairKey(pair));
    if (one === undefined) return fresh.splice(-1);
    const { object } = one.derivation.blob;
    objects.set(object, { digest: object, bytes: one.objectBytes });
    return [one.derivation];
  });
  return { derivations, objects: [...objects.values()] };
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
  pairs: readonly ContentPair[],
  shared: Omit<BuildContentInput, 'pair' | 'workPath'>,
): Promise<readonly BuiltContent[]> {
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
