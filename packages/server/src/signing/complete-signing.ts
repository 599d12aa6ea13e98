/** What becomes of builds and releases when signed metadata names them, or does not name them any more. */
import { UpdaterError } from '@remendo/core';
import { binOf, manifestTarget, type OfflineMetadata, rolesOfTargets, type SigningKey, zipTarget } from '@remendo/core/publish';
import type { Tx } from '../database/open-database.js';
import type { JobQueue } from '../jobs/job-queue.js';
import { enqueueAnnouncement } from '../notifications/announce-release.js';
import { movePointers } from '../releases/record-release.js';
import { canSign } from './signer.js';

/**
 * Brings the records to what is signed: who signs each application, which builds are signed, and releases whose last build
 * now is.
 */
export async function completeSigning(
  tx: Tx,
  offline: OfflineMetadata,
  { own, queue }: { readonly own: readonly SigningKey[]; readonly queue: JobQueue },
): Promise<void> {
  for (const [slug, keys] of Object.entries(rolesOfTargets(offline.targets).applications)) {
    const signing_mode = canSign(keys, own) ? ('server' as const) : ('offline' as const);
    await tx.updateTable('application').set({ signing_mode }).where('slug', '=', slug).execute();
  }
  const builds = await tx
    .selectFrom('build')
    .innerJoin('release', 'release.id', 'build.release_id')
    .innerJoin('application', 'application.id', 'release.application_id')
    .innerJoin('object as zip', 'zip.digest', 'build.zip_object')
    .select(['build.id', 'build.release_id', 'application.slug as application', 'build.platform', 'release.version'])
    .select(['build.manifest_digest', 'build.zip_object', 'zip.bytes as zip_bytes', 'build.signed_at'])
    .execute();
  for (const build of builds) {
    const isSigned = isNamed(offline, build);
    if (isSigned === (build.signed_at !== null)) continue;
    await tx
      .updateTable('build')
      .set({ signed_at: isSigned ? new Date() : null })
      .where('id', '=', build.id)
      .execute();
    if (isSigned) await completeRelease(tx, build.release_id, queue);
  }
}

interface SignableBuild {
  readonly application: string;
  readonly platform: string;
  readonly version: string;
  readonly manifest_digest: string;
  readonly zip_object: string;
  readonly zip_bytes: number;
}

function isNamed({ roles }: OfflineMetadata, build: SignableBuild): boolean {
  const targetOf = (name: string) => roles.get(binOf(build.application, name))?.signed.targets[name];
  const [manifest, zip] = [targetOf(manifestTarget(build)), targetOf(zipTarget(build))];
  return (
    manifest?.hashes.sha256 === build.manifest_digest && zip?.hashes.sha256 === build.zip_object && zip.length === build.zip_bytes
  );
}

/** A draft that only waited for signatures becomes what its publisher wanted. */
export async function completeRelease(tx: Tx, releaseId: number, queue: JobQueue): Promise<void> {
  const release = await tx.selectFrom('release').where('id', '=', releaseId).selectAll().forUpdate().executeTakeFirstOrThrow();
  const { state, state_when_signed: wanted } = release;
  // Another build of it: customers of its platform are told.
  if (state === 'published') await enqueueAnnouncement(queue, tx, releaseId);
  if (state !== 'draft' || wanted === null || (await hasUnsigned(tx, releaseId))) return;
  const released_at = wanted === 'published' ? (release.released_at ?? new Date()) : release.released_at;
  await tx
    .updateTable('release')
    .set({ state: wanted, state_when_signed: null, released_at })
    .where('id', '=', releaseId)
    .execute();
  await movePointers(tx, release.application_id, releaseId);
  if (wanted === 'published') await enqueueAnnouncement(queue, tx, releaseId);
}

export async function hasUnsigned(tx: Tx, releaseId: number): Promise<boolean> {
  const found = await tx
    .selectFrom('build')
    .where('release_id', '=', releaseId)
    .where('signed_at', 'is', null)
    .select('id')
    .limit(1)
    .executeTakeFirst();
  return found !== undefined;
}

/** @throws UpdaterError RELEASE_UNSIGNED when a build of the release is not signed. */
export async function requireSigned(tx: Tx, releaseId: number): Promise<void> {
  if (!(await hasUnsigned(tx, releaseId))) return;
  throw new UpdaterError('RELEASE_UNSIGNED', 'a build of the release is not signed yet: `remendo releases sign` signs it');
}
