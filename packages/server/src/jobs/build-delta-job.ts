/** Builds one wanted delta: claim, lay out, build in a process, store, record. Any step may be repeated. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import {
  type Content,
  contentsOf,
  type Digest,
  derivationTargets,
  digestOf,
  errorChain,
  isUpdaterError,
  type Manifest,
  UpdaterError,
} from '@remendo/core';
import { chooseKnown, type KnownDerivation, pairContents, readsAllHeld } from '@remendo/core/publish';
import type { FastifyBaseLogger } from 'fastify';
import { sql } from 'kysely';
import type { Database, Db } from '../database/open-database.js';
import type { ObjectStore } from '../object-store/object-store.js';
import { loadPatchesFor } from '../plans/known-derivations.js';
import type { ManifestReader } from '../releases/manifest-object.js';
import { type BuildRecord, findBuildById } from '../releases/release-records.js';
import type { BuildJob, BuildResult, ContentToExtract, PatchProfile, ReleaseToExtract } from './build-job.js';
import { attemptsMax } from './delta-queue.js';
import { patchesAtOnce } from './patches-at-once.js';
import { recordDelta } from './record-delta.js';
import { runBuildProcess } from './run-build-process.js';

export interface BuildDeltaPorts {
  readonly database: Database;
  readonly objects: ObjectStore;
  readonly manifests: ManifestReader;
  /** Emptied at every start of the server. */
  readonly workFolder: string;
  readonly buildMsMax: number;
  readonly profile: PatchProfile;
  readonly log: FastifyBaseLogger;
  /** Stops the build; the delta is wanted again then. */
  readonly signal: AbortSignal;
}

interface ClaimedDelta {
  readonly id: number;
  readonly base: BuildRecord;
  readonly target: BuildRecord;
}

/**
 * Returns when the delta is ready, rejected, or somebody else's. Throws when it is to be tried again later; its row says
 * why.
 */
export async function buildDeltaJob(ports: BuildDeltaPorts, deltaId: number): Promise<void> {
  const delta = await claim(ports.database.db, deltaId);
  if (delta === null) return;
  const names = { delta: deltaId, application: delta.target.application, base: delta.base.version, target: delta.target.version };
  const started = performance.now();
  try {
    await mkdir(ports.workFolder, { recursive: true });
    const folder = await mkdtemp(join(ports.workFolder, 'delta-'));
    try {
      await layOut(ports, delta, folder);
      await runBuildProcess(folder, { msMax: ports.buildMsMax, signal: ports.signal });
      const bytes = await storeResult(ports, deltaId, folder, started);
      ports.log.info({ event: 'delta_built', ...names, ...bytes, ms: Math.round(performance.now() - started) }, 'delta built');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  } catch (error) {
    const rejected = await giveBack(ports, deltaId, error);
    ports.log.warn(
      { event: rejected ? 'delta_rejected' : 'delta_postponed', ...names, errors: errorChain(error) },
      'delta not built',
    );
    if (!rejected) throw error;
  }
}

/** Of several who look at a wanted delta one gets it. */
async function claim(db: Db, deltaId: number): Promise<ClaimedDelta | null> {
  const claimed = await db
    .updateTable('delta')
    .set({ state: 'building', updated_at: new Date() })
    .where('id', '=', deltaId)
    .where('state', '=', 'wanted')
    .returning(['base_build_id', 'target_build_id'])
    .executeTakeFirst();
  if (claimed === undefined) return null;
  const base = await findBuildById(db, claimed.base_build_id);
  const target = await findBuildById(db, claimed.target_build_id);
  if (base === null || target === null) throw new UpdaterError('RELEASE_NOT_FOUND', `a build of delta ${deltaId} is gone`);
  return { id: deltaId, base, target };
}

async function layOut(ports: BuildDeltaPorts, delta: ClaimedDelta, folder: string): Promise<void> {
  const base = await ports.manifests.read(delta.base);
  const target = await ports.manifests.read(delta.target);
  const newContents = pairContents(base, target).map((pair) => pair.target.sha256);
  const known = chooseKnown(base, target, await loadPatchesFor(ports.database.db, newContents));
  const { missing, bases, targets } = contentsToRead(base, target, known);
  const [baseZip, targetZip] = [join(folder, 'base.zip'), join(folder, 'target.zip')];
  const job: BuildJob = {
    base: await releaseToExtract(ports, { build: delta.base, manifest: base, needed: bases, zipPath: baseZip }),
    target: await releaseToExtract(ports, { build: delta.target, manifest: target, needed: targets, zipPath: targetZip }),
    known,
    concurrency: patchesAtOnce(missing, { cores: availableParallelism(), memoryBytes: process.availableMemory() }),
    profile: ports.profile,
  };
  await writeFile(join(folder, 'job.json'), JSON.stringify(job));
}

/** What no known patch makes, and the contents that may be read to make it: see `ReleaseOnDisk.pathOf`. */
function contentsToRead(base: Manifest, target: Manifest, known: readonly KnownDerivation[]) {
  const made = known.flatMap(({ derivation }) => derivationTargets(derivation));
  const isMade = new Set(made.map(({ sha256 }) => sha256));
  const pairs = pairContents(base, target);
  const missing = pairs.filter((pair) => !isMade.has(pair.target.sha256));
  const held = contentsOf(base);
  const readsAll = missing.length > 0 && readsAllHeld([...held, ...made], missing);
  const bases = readsAll ? held : missing.flatMap((pair) => pair.base ?? []);
  const targets = (readsAll ? pairs : missing).map((pair) => pair.target);
  const digestsOf = (contents: readonly Content[]): readonly Digest[] => contents.map(({ sha256 }) => sha256);
  return { missing, bases: digestsOf(bases), targets: digestsOf(targets) };
}

async function releaseToExtract(
  ports: BuildDeltaPorts,
  of: { readonly build: BuildRecord; readonly manifest: Manifest; readonly needed: readonly Digest[]; readonly zipPath: string },
): Promise<ReleaseToExtract> {
  await ports.objects.materialize(of.build.zip_object as Digest, of.zipPath);
  const rows = await ports.database.db
    .selectFrom('content')
    .where('object', '=', of.build.zip_object)
    .where('sha256', '=', sql<string>`any(${[...new Set(of.needed)]}::text[])`)
    .select(['sha256', 'bytes', 'offset', 'encoded_bytes as encodedBytes', 'encoding'])
    .execute();
  return {
    manifest: of.manifest,
    zipPath: of.zipPath,
    contents: rows.map((row): ContentToExtract => ({ ...row, sha256: row.sha256 as Digest })),
  };
}

async function storeResult(ports: BuildDeltaPorts, deltaId: number, folder: string, started: number) {
  const result = JSON.parse(await readFile(join(folder, 'result.json'), 'utf8')) as BuildResult;
  const encodedIndex = await readFile(join(folder, 'index'));
  const index = { digest: digestOf(encodedIndex), bytes: encodedIndex.length };
  await ports.objects.put(index.digest, { kind: 'buffer', buffer: encodedIndex });
  if (result.pack !== null) await ports.objects.put(result.pack.digest, { kind: 'file', path: result.pack.path });
  const { derivations, notices, pack } = result;
  const buildMs = performance.now() - started;
  await ports.database.db.transaction().execute((tx) => recordDelta(tx, { deltaId, derivations, index, pack, notices, buildMs }));
  return { index_bytes: index.bytes, pack_bytes: pack?.bytes ?? 0 };
}

/** @returns true when it will not be tried again. */
async function giveBack(ports: BuildDeltaPorts, deltaId: number, error: unknown): Promise<boolean> {
  if (ports.signal.aborted) {
    await ports.database.db.updateTable('delta').set({ state: 'wanted' }).where('id', '=', deltaId).execute();
    return false;
  }
  const hopeless = isUpdaterError(error) && error.retry === 'never';
  const { state } = await ports.database.db
    .updateTable('delta')
    .set((eb) => ({
      attempts: eb('attempts', '+', 1),
      state: hopeless
        ? ('rejected' as const)
        : eb
            .case()
            .when('attempts', '>=', attemptsMax - 1)
            .then('rejected' as const)
            .else('wanted' as const)
            .end(),
      detail: errorChain(error).join(': ').slice(0, 2_000),
      updated_at: new Date(),
    }))
    .where('id', '=', deltaId)
    .returning('state')
    .executeTakeFirstOrThrow();
  return state === 'rejected';
}
