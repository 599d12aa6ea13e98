/**
 * Builds every changed file of the target in staging. Contents come, in this order, from files the install root holds
 * already, from derivations (patches and whole contents) side by side in the workers, from the whole content at the
 * server when a derivation fails or its base is damaged, or, for the zip, from its entries.
 */
import { dirname, join } from 'node:path';
import pLimit from 'p-limit';
import type { Content, Derivation } from '../delta/delta.js';
import { derivationBases, derivationTargets } from '../delta/delta.js';
import { assertAnnounced } from '../download/verify-arrived.js';
import { type ErrorCode, hasCode, isUpdaterError, UpdaterError } from '../errors.js';
import { copyFile, fileSink } from '../file-system/file-source.js';
import { writeDurably } from '../file-system/write-durably.js';
import type { Digest } from '../hash/digest.js';
import type { Transaction } from '../transaction/transaction.js';
import { writeProved } from '../workers/derive-contents.js';
import { openZip, type Zip } from '../zip/read-zip.js';
import type { InstallChanges } from './changes.js';
import type { DownloadedUpdate } from './download-update.js';
import { encodingSpareBytes, fetchAll } from './fetch-objects.js';
import { assertZipIsTarget, verifyZipSignature } from './signed-zip.js';
import type { UpdateContext } from './update-context.js';

type DownloadedZip = Extract<DownloadedUpdate, { kind: 'zip' }>;

/** A content that has to be made, and where. */
interface WantedContent extends Content {
  /** Its first place in the release, for messages. */
  readonly path: string;
  /** Staged files that want it; the first is where it is made. */
  readonly stagedPaths: readonly string[];
}

interface Staging {
  readonly context: UpdateContext;
  readonly downloaded: DownloadedUpdate;
  readonly changes: InstallChanges;
  readonly wanted: ReadonlyMap<Digest, WantedContent>;
  /** Files with contents that are on disk or being made; a promise each, so that work can wait for work. */
  readonly made: Map<Digest, Promise<string>>;
  /** A folder for contents that only lead to others. */
  readonly folder: string;
  readonly signal?: AbortSignal;
  contentsDone: number;
}

/**
 * Afterwards every change that has a target lies at `transaction.stagedPath(position)`, synced and proved by digest.
 * @throws UpdaterError DOWNLOAD_…, PATCH_…, STORAGE_…, ARTIFACT_…, TRUST_…: the transaction is then to be discarded.
 */
export async function buildStagedFiles(
  context: UpdateContext,
  downloaded: DownloadedUpdate,
  options: { readonly changes: InstallChanges; readonly transaction: Transaction; readonly signal?: AbortSignal },
): Promise<void> {
  const { changes, transaction, signal } = options;
  const staging: Staging = {
    context,
    downloaded,
    changes,
    wanted: wantedContents(changes, transaction),
    made: new Map(),
    folder: dirname(transaction.stagedPath(0)),
    ...(signal === undefined ? {} : { signal }),
    contentsDone: 0,
  };
  for (const [index, bytes] of changes.ownContents)
    await writeDurably(context.host.fileSystem, transaction.stagedPath(index), bytes);
  if (downloaded.kind === 'zip') await makeFromZip(staging, downloaded);
  else if (context.openPgpKeys !== null) throw new UpdaterError('TRUST_SIGNATURE_INVALID', 'a delta carries no OpenPGP signature');
  else await makeFromDerivations(staging, downloaded.derivations);
  await copyToOtherPlaces(staging);
}

function wantedContents(changes: InstallChanges, transaction: Transaction): ReadonlyMap<Digest, WantedContent> {
  const wanted = new Map<Digest, WantedContent>();
  changes.changes.forEach(({ path, target }, index) => {
    if (target === null || changes.ownContents.has(index)) return;
    const before = wanted.get(target.sha256);
    const stagedPaths = [...(before?.stagedPaths ?? []), transaction.stagedPath(index)];
    wanted.set(target.sha256, { sha256: target.sha256, bytes: target.bytes, path: before?.path ?? path, stagedPaths });
  });
  return wanted;
}

const placeOf = (staging: Staging, content: Content): string =>
  staging.wanted.get(content.sha256)?.stagedPaths[0] ?? join(staging.folder, `step-${content.sha256}`);

const nameOf = (staging: Staging, content: Content): string => staging.wanted.get(content.sha256)?.path ?? content.sha256;

function report(staging: Staging, content: Content, how: 'patch' | 'whole' | 'zip' | 'copy'): void {
  if (!staging.wanted.has(content.sha256)) return;
  staging.contentsDone += 1;
  const contentsTotal = staging.wanted.size;
  staging.context.emit({
    kind: 'content-made',
    path: nameOf(staging, content),
    how,
    contentsDone: staging.contentsDone,
    contentsTotal,
  });
}

async function makeFromDerivations(staging: Staging, derivations: readonly Derivation[]): Promise<void> {
  const abort = new AbortController();
  const signal = staging.signal === undefined ? abort.signal : AbortSignal.any([staging.signal, abort.signal]);
  const within = { ...staging, signal };
  try {
    for (const derivation of derivations) {
      const job = derive(within, derivation);
      for (const target of derivationTargets(derivation)) {
        const path = job.then(() => placeOf(staging, target));
        path.catch(() => {});
        staging.made.set(target.sha256, path);
      }
    }
    for (const content of staging.wanted.values()) {
      if (!staging.made.has(content.sha256))
        staging.made.set(
          content.sha256,
          makeOther(within, content).then(() => placeOf(staging, content)),
        );
    }
    await Promise.all([...staging.wanted.keys()].map((sha256) => staging.made.get(sha256)));
  } catch (error) {
    abort.abort(error);
    // Nobody writes into staging any more once the transaction is discarded.
    await Promise.allSettled(staging.made.values());
    throw error;
  }
}

/** What no derivation makes: empty files, contents that lie elsewhere in the install, and last the whole content. */
async function makeOther(staging: Staging, content: WantedContent): Promise<void> {
  const { fileSystem } = staging.context.host;
  const place = placeOf(staging, content);
  if (content.bytes === 0) {
    const handle = await fileSystem.open(place, 'create');
    await handle.sync();
    await handle.close();
    return report(staging, content, 'copy');
  }
  const held = staging.changes.held.get(content.sha256);
  if (held === undefined) return heal(staging, content, null, 'nothing in the plan makes it');
  await copyFile(fileSystem, held, place, staging.signal);
  report(staging, content, 'copy');
}

/** Makes a derivation's targets, healing each that can not be made this way. */
async function derive(staging: Staging, derivation: Derivation): Promise<void> {
  if (derivationTargets(derivation).every((target) => target.bytes === 0)) {
    for (const target of derivationTargets(derivation))
      await makeOther(staging, { ...target, path: nameOf(staging, target), stagedPaths: [] });
    return;
  }
  try {
    await runDerivation(staging, derivation);
    for (const target of derivationTargets(derivation)) report(staging, target, derivation.kind);
  } catch (error) {
    staging.signal?.throwIfAborted();
    if (hasCode(error, 'STORAGE_NO_SPACE') || !isUpdaterError(error)) throw error;
    for (const target of derivationTargets(derivation)) await heal(staging, target, error.code, error.message);
  }
}

async function runDerivation(staging: Staging, derivation: Derivation): Promise<void> {
  const { downloaded, context } = staging;
  if (downloaded.kind !== 'delta') return;
  // All are looked up before anything is awaited: only what was made before counts, so that nothing waits in a circle.
  const found = derivationBases(derivation).map(({ sha256 }) => staging.made.get(sha256) ?? staging.changes.held.get(sha256));
  const bases = [];
  for (const [index, base] of derivationBases(derivation).entries()) {
    const path = await found[index];
    if (path === undefined)
      throw new UpdaterError('PATCH_BASE_MISMATCH', `the installed file with content ${base.sha256} is damaged or gone`);
    bases.push({ ...base, path });
  }
  const { path, offset } = downloaded.downloads.locate(derivation.blob);
  const { bytes, sha256 } = derivation.blob;
  const targets = derivationTargets(derivation).map((target) => ({ ...target, path: placeOf(staging, target) }));
  const how =
    derivation.kind === 'patch'
      ? { kind: derivation.kind, codec: derivation.codec }
      : { kind: derivation.kind, encoding: derivation.encoding };
  await context.host.deriver.derive({ how, blob: { path, offset, bytes, sha256 }, bases, targets }, staging.signal);
}

/** Fetches one content whole, because it can not be made from what is here, and says why. */
async function heal(staging: Staging, content: Content, code: ErrorCode | null, reason: string): Promise<void> {
  const { context, downloaded, signal } = staging;
  const [whole] = await context.api.contents(downloaded.plan.release.version, [content.sha256], signal);
  if (whole === undefined || whole.target.sha256 !== content.sha256) {
    throw new UpdaterError(
      'PATCH_TARGET_MISMATCH',
      `${nameOf(staging, content)} could not be made (${reason}) and the server does not have it whole`,
    );
  }
  const { blob, encoding, objectBytes } = whole;
  if (blob.bytes > content.bytes + encodingSpareBytes(content.bytes)) {
    throw new UpdaterError('DELTA_INVALID', `the server has ${blob.bytes} bytes for a content of ${content.bytes}`);
  }
  const fetch = { digest: blob.object, objectBytes, ranges: [{ offset: blob.offset, bytes: blob.bytes }] };
  const downloads = await fetchAll(context, [fetch], { blobs: [blob], ...(signal === undefined ? {} : { signal }) });
  const { path, offset } = downloads.locate(blob);
  const target = { ...content, path: placeOf(staging, content) };
  const job = {
    how: { kind: 'whole' as const, encoding },
    blob: { path, offset, bytes: blob.bytes, sha256: blob.sha256 },
    bases: [],
    targets: [target],
  };
  await context.host.deriver.derive(job, signal);
  context.emit({ kind: 'content-healed', path: nameOf(staging, content), code, reason, fetchedBytes: blob.bytes });
  report(staging, content, 'whole');
}

/**
 * Extracts the wanted contents from the full zip, whose digest has been proved; each is proved again by its own. Where a
 * signature is asked for, it is verified by the same open file that is then read.
 */
async function makeFromZip(staging: Staging, { zipPath, signature }: DownloadedZip): Promise<void> {
  const { context, downloaded } = staging;
  const { fileSystem } = context.host;
  const contentAt = new Map(downloaded.target.files.map((file) => [file.path, file.sha256]));
  const source = await fileSystem.open(zipPath, 'read');
  let zip: Zip | null = null;
  try {
    // By the very handle that is read from now on: on its way here the file could have been replaced.
    await assertAnnounced(source, { ...downloaded.plan.release.zip, sha256: downloaded.plan.release.zip.digest }, staging.signal);
    await verifyZipSignature(context, { zip: source, signature }, staging.signal);
    zip = await openZip(source);
    if (context.openPgpKeys !== null) await assertZipIsTarget(zip, downloaded.target, staging.signal);
    const limit = pLimit(2);
    const failure = new AbortController();
    const signal = staging.signal === undefined ? failure.signal : AbortSignal.any([staging.signal, failure.signal]);
    const extracted = new Set<Digest>();
    const work = zip.entries.map((entry) =>
      limit(async () => {
        const content = staging.wanted.get(contentAt.get(entry.path) ?? ('' as Digest));
        if (content === undefined || extracted.has(content.sha256)) return;
        extracted.add(content.sha256);
        signal.throwIfAborted();
        await extract(staging, content, entry.read(signal));
      }).catch((error: unknown) => failure.abort(error)),
    );
    // All, also after a failure: nobody reads the zip or writes into staging any more then.
    await Promise.all(work);
    signal.throwIfAborted();
    const missing = [...staging.wanted.values()].find((content) => !extracted.has(content.sha256));
    if (missing !== undefined) throw new UpdaterError('ARTIFACT_INVALID', `the zip does not have ${missing.path}`);
  } finally {
    zip?.close();
    await source.close();
  }
}

async function extract(staging: Staging, content: WantedContent, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const handle = await staging.context.host.fileSystem.open(placeOf(staging, content), 'create');
  try {
    await writeProved(chunks, { content, sink: fileSink(handle) });
    await handle.sync();
  } finally {
    await handle.close();
  }
  report(staging, content, 'zip');
}

async function copyToOtherPlaces(staging: Staging): Promise<void> {
  for (const { stagedPaths } of staging.wanted.values()) {
    const [first, ...others] = stagedPaths;
    if (first === undefined) continue;
    for (const other of others) await copyFile(staging.context.host.fileSystem, first, other, staging.signal);
  }
}
