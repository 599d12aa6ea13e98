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
import type { Changes } from '../database/changes.js';
import type { Database, Tx } from '../database/open-database.js';
import type { Metrics } from '../metrics/metrics.js';
import type { ObjectStore } from '../object-store/object-store.js';
import { loadPatchesFor } from '../plans/known-derivations.js';
import type { ManifestReader } from '../releases/manifest-object.js';
import { recordObjectUse, requireStored } from '../releases/object-use.js';
import type { BuildRecord } from '../releases/release-records.js';
import { attemptsMax, enqueueDelta } from './build-delta-kind.js';
import type { BuildJob, BuildResult, ContentToExtract, PatchProfile, ReleaseToExtract } from './build-job.js';
import { type ClaimedDelta, claimDelta, leaseRenewMs, renewLease } from './claim-delta.js';
import type { JobQueue } from './job-queue.js';
import { patchesAtOnce } from './patches-at-once.js';
import { recordDelta } from './record-delta.js';
import { keepDeltaBudget } from './release-pack.js';
import { runBuildProcess } from './run-build-process.js';

export interface BuildDeltaPorts {
  readonly database: Database;
  readonly objects: ObjectStore;
  readonly manifests: ManifestReader;
  /** Emptied at every start of the server. */
  readonly workFolder: string;
  readonly buildMsMax: number;
  readonly profile: PatchProfile;
  /** Large deltas are built with the fast profile first. */
  readonly isQuickFirst: boolean;
  /** Of all deltas in the store together. */
  readonly budgetBytes: number;
  readonly changes: Changes;
  readonly queue: JobQueue;
  readonly metrics: Metrics;
  /** This process: see `workerName`. */
  readonly worker: string;
  readonly log: FastifyBaseLogger;
  /** Stops the build; the delta is wanted again then. */
  readonly signal: AbortSignal;
}

/** Pairs with fewer new bytes are built once, with the profile that is asked for: they do not take long. */
const quickBytesMin = 4 * 1024 ** 2;

/**
 * Returns when a delta was built or rejected, or there was none to build. Throws when it is to be tried again later; its
 * row says why.
 * @returns the delta that is ready now, if one is.
 */
export async function buildDeltaJob(ports: BuildDeltaPorts): Promise<number | null> {
  const { db } = ports.database;
  const delta = await claimDelta(db, ports.worker);
  if (delta === null) return null;
  const names = { delta: delta.id, application: delta.target.application, base: delta.base.version, target: delta.target.version };
  const held = holdLease(ports, delta.id);
  const started = performance.now();
  try {
    const result = await buildInFolder({ ...ports, signal: held.signal }, delta, started);
    ports.log.info({ event: 'delta_built', ...names, ...result, ms: Math.round(performance.now() - started) }, 'delta built');
    ports.metrics.deltaBuilt('ready', secondsSince(started));
    return delta.id;
  } catch (error) {
    const outcome = await giveBack(ports, delta, error);
    ports.log.warn({ event: `delta_${outcome}`, ...names, errors: errorChain(error) }, 'delta not built');
    ports.metrics.deltaBuilt(outcome, secondsSince(started));
    if (outcome === 'postponed') throw error;
    return null;
  } finally {
    held.release();
  }
}

const secondsSince = (started: number): number => (performance.now() - started) / 1_000;

/** Renews the lease until released; the signal ends the build when the server stops or the lease was lost. */
function holdLease({ database, worker, signal }: BuildDeltaPorts, deltaId: number) {
  const lost = new AbortController();
  const timer = setInterval(() => {
    renewLease(database.db, deltaId, worker).then(
      (isHeld) => {
        if (!isHeld) lost.abort(new UpdaterError('SERVER_FAILED', 'the delta was given to another server'));
      },
      // The database is away for a moment: the lease lasts longer than that, or somebody else has it.
      () => {},
    );
  }, leaseRenewMs);
  return { signal: AbortSignal.any([signal, lost.signal]), release: () => clearInterval(timer) };
}

async function buildInFolder(ports: BuildDeltaPorts, delta: ClaimedDelta, started: number) {
  await mkdir(ports.workFolder, { recursive: true });
  const folder = await mkdtemp(join(ports.workFolder, 'delta-'));
  try {
    const laidOut = await layOut(ports, delta, folder);
    await runBuildProcess(folder, { msMax: ports.buildMsMax, signal: ports.signal });
    return await storeResult(ports, { delta, folder, started, ...laidOut });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @returns the profile of this build, and whether a smaller one comes after it. */
async function layOut(ports: BuildDeltaPorts, delta: ClaimedDelta, folder: string) {
  const base = await ports.manifests.read(delta.base);
  const target = await ports.manifests.read(delta.target);
  const pairs = pairContents(base, target);
  const isQuick = ports.isQuickFirst && !delta.isRefining && ports.profile === 'compact' && newBytes(pairs) >= quickBytesMin;
  const profile = isQuick ? 'fast' : ports.profile;
  const contents = pairs.map((pair) => pair.target.sha256);
  const patches = await loadPatchesFor(ports.database.db, { build: delta.target, contents, profile });
  const known = chooseKnown(base, target, patches);
  const { missing, bases, targets } = contentsToRead(base, target, known);
  const [baseZip, targetZip] = [join(folder, 'base.zip'), join(folder, 'target.zip')];
  const job: BuildJob = {
    base: await releaseToExtract(ports, { build: delta.base, manifest: base, needed: bases, zipPath: baseZip }),
    target: await releaseToExtract(ports, { build: delta.target, manifest: target, needed: targets, zipPath: targetZip }),
    known,
    concurrency: patchesAtOnce(missing, { cores: availableParallelism(), memoryBytes: process.availableMemory() }),
    profile,
  };
  await writeFile(join(folder, 'job.json'), JSON.stringify(job));
  return { profile, isRefining: isQuick };
}

const newBytes = (pairs: ReturnType<typeof pairContents>): number => pairs.reduce((sum, { target }) => sum + target.bytes, 0);

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

interface BuiltFolder {
  readonly delta: ClaimedDelta;
  readonly folder: string;
  readonly started: number;
  readonly profile: PatchProfile;
  readonly isRefining: boolean;
}

async function storeResult(ports: BuildDeltaPorts, { delta, folder, started, profile, isRefining }: BuiltFolder) {
  const result = JSON.parse(await readFile(join(folder, 'result.json'), 'utf8')) as BuildResult;
  const encodedIndex = await readFile(join(folder, 'index'));
  const index = { digest: digestOf(encodedIndex), bytes: encodedIndex.length };
  await ports.objects.put(index.digest, { kind: 'buffer', buffer: encodedIndex });
  if (result.pack !== null) await ports.objects.put(result.pack.digest, { kind: 'file', path: result.pack.path });
  const { derivations, notices, pack } = result;
  const buildMs = performance.now() - started;
  const evicted = await ports.changes.change(['catalogue'], async (tx) => {
    const row = await requireLease(tx, delta.id, ports.worker);
    // Rarely the quick one is the smaller one, as it is where hardly anything changed.
    if (delta.isRefining && (await storedBytes(tx, row)) <= index.bytes + (pack?.bytes ?? 0)) return keepAsIs(tx, delta.id);
    await recordDelta(tx, { deltaId: delta.id, derivations, index, pack, notices, buildMs, profile, isRefining });
    const own = [index.digest, ...(pack === null ? [] : [pack.digest])];
    await recordObjectUse(tx, delta.target, own);
    // Also those of patches that were known before: they may have been let go since they were looked up.
    await requireStored(ports.objects, [...new Set([...own, ...derivations.map(({ blob }) => blob.object)])]);
    if (isRefining) await enqueueDelta(ports.queue, tx, delta.id);
    return keepDeltaBudget(tx, ports.budgetBytes);
  });
  return { profile, index_bytes: index.bytes, pack_bytes: pack?.bytes ?? 0, evicted: evicted.length };
}

interface StoredObjects {
  readonly index_object: string | null;
  readonly pack_object: string | null;
}

async function requireLease(tx: Tx, deltaId: number, worker: string): Promise<StoredObjects> {
  const row = await tx
    .selectFrom('delta')
    .where('id', '=', deltaId)
    .select(['worker', 'index_object', 'pack_object'])
    .forUpdate()
    .executeTakeFirst();
  if (row?.worker !== worker) throw new UpdaterError('SERVER_FAILED', 'the delta was given to another server');
  return row;
}

async function storedBytes(tx: Tx, { index_object, pack_object }: StoredObjects): Promise<number> {
  const objects = [index_object, pack_object].filter((object) => object !== null);
  const rows = await tx.selectFrom('object').where('digest', 'in', objects).select('bytes').execute();
  return rows.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** @returns no delta that went for it. */
async function keepAsIs(tx: Tx, deltaId: number): Promise<readonly number[]> {
  const done = { is_refining: false, worker: null, lease_until: null, updated_at: new Date() };
  await tx.updateTable('delta').set(done).where('id', '=', deltaId).execute();
  return [];
}

/** @returns rejected when it will not be tried again; released when the server is being stopped or it is somebody else's. */
async function giveBack(
  ports: BuildDeltaPorts,
  delta: ClaimedDelta,
  error: unknown,
): Promise<'rejected' | 'released' | 'postponed'> {
  const isStopped = ports.signal.aborted;
  const hopeless = isUpdaterError(error) && error.retry === 'never';
  const ends = hopeless ? sql<boolean>`true` : sql<boolean>`attempts >= ${attemptsMax - 1}`;
  const { rows } = await ports.changes.change(['catalogue'], (tx) =>
    isStopped
      ? sql<{ state: string }>`
          update delta set state = case when state = 'ready' then 'ready' else 'wanted' end, worker = null, lease_until = null
          where id = ${delta.id} and worker = ${ports.worker} returning 'released' as state`.execute(tx)
      : sql<{ state: string }>`
          update delta set attempts = attempts + 1, worker = null, updated_at = now(),
            lease_until = now() + make_interval(secs => power(2, attempts)),
            state = case when state = 'ready' then 'ready' when ${ends} then 'rejected' else 'wanted' end,
            is_refining = is_refining and not ${ends},
            detail = ${errorChain(error).join(': ').slice(0, 2_000)}
          where id = ${delta.id} and worker = ${ports.worker}
          returning case when state = 'rejected' or (state = 'ready' and not is_refining) then 'rejected' else 'postponed' end as state`.execute(
          tx,
        ),
  );
  return (rows[0]?.state ?? 'released') as 'rejected' | 'released' | 'postponed';
}
