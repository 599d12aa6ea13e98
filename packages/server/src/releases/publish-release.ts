/** Publishing: an uploaded zip becomes a release, whole or not at all. */
import {
  type Digest,
  digestOf,
  manifestDigest,
  nodeFileSystem,
  parseVersion,
  type ReleaseVersion,
  UpdaterError,
} from '@remendo/core';
import { type BuildIdentity, type ScannedZip, scanZip } from '@remendo/core/publish';
import { type Actor, recordAudit } from '../audit/record-audit.js';
import type { Changes } from '../database/changes.js';
import type { Database, Tx } from '../database/open-database.js';
import { buildDeltaKind, enqueueDelta } from '../jobs/build-delta-kind.js';
import type { JobQueue } from '../jobs/job-queue.js';
import type { ObjectStore } from '../object-store/object-store.js';
import { completeRelease } from '../signing/complete-signing.js';
import type { Signer } from '../signing/signer.js';
import { encodeManifestObject } from './manifest-object.js';
import { requireStored } from './object-use.js';
import { findRecorded, type RecordedBuild, type ReleaseFields, recordRelease, type StoredBuild } from './record-release.js';
import { listBuilds } from './release-records.js';
import { requireFolderName } from './versions-folder.js';
import { wantedDeltas } from './wanted-deltas.js';
import { replaceZipSignature, takeZipSignature } from './zip-signature.js';

/** A zip on its way in: a file of ours in the uploads folder. */
export interface UploadedZip {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: Digest;
  /** What the publisher calls it. */
  readonly fileName: string;
}

export interface PublishInput {
  readonly zip: UploadedZip;
  readonly application: string;
  readonly platform: string;
  /** As people write it; undefined: it is in the file's name (`v1.0.1.zip`). */
  readonly version: string | undefined;
  /** Detached OpenPGP signature of the zip: armored, or binary in base64. */
  readonly zipSignature: string | undefined;
  readonly fields: ReleaseFields;
}

export interface PublishPorts {
  readonly database: Database;
  readonly changes: Changes;
  readonly objects: ObjectStore;
  readonly queue: JobQueue;
  readonly signer: Signer;
  readonly deltaBases: number;
  /** One of them has to have signed the zip; null: nobody has to. */
  readonly openPgpKeys: Uint8Array | null;
}

/**
 * Checks the zip, stores it and its manifest, and records the release with the deltas it calls for; they are built
 * afterwards. Where the server signs for the application, it is signed at once; else it stays a draft until it is. Publishing the same files as the same version again changes nothing, but for an OpenPGP signature of the same zip, which takes
 * the place of the one before.
 * @throws UpdaterError RELEASE_…, TRUST_SIGNATURE_INVALID, ARTIFACT_INVALID, MANIFEST_PATH_UNSAFE, LIMIT_EXCEEDED, STORAGE_….
 */
export async function publishRelease(ports: PublishPorts, input: PublishInput, actor: Actor): Promise<RecordedBuild> {
  requireFolderName(input.application);
  const identity = { application: input.application, platform: input.platform, ...versionOf(input) };
  const { scanned, zipSignature } = await scanUpload(input, identity, ports.openPgpKeys);
  // Looked at before anything is stored: what is refused leaves no objects behind.
  const recordedBefore = await findRecorded(ports.database.db, scanned.manifest, input.fields.type);
  const signature = { zip: input.zip.sha256, armored: zipSignature };
  if (recordedBefore !== null) {
    await ports.changes.change(['catalogue'], (tx) => replaceZipSignature(tx, actor, { build: recordedBefore, signature }));
    return recordedBefore;
  }
  const stored = { ...(await storeBuild(ports.objects, input.zip, scanned)), zipSignature };
  const recorded = await ports.changes.change(['catalogue', 'metadata'], async (tx) => {
    const build = await recordRelease(tx, stored, input.fields);
    if (build.alreadyPublished) {
      await replaceZipSignature(tx, actor, { build, signature });
      return build;
    }
    await requireStored(ports.objects, [stored.zip.digest, stored.manifestObject.digest]);
    await wantDeltas(tx, ports, build.buildId, identity);
    const isSigned = await ports.signer.signBuilds(tx, identity.application, [build.buildId]);
    if (isSigned) await completeRelease(tx, build.releaseId, ports.queue);
    await recordAudit(tx, actor, {
      action: 'release_published',
      subjectKind: 'release',
      subject: `${identity.application} ${identity.version}`,
      detail: {
        platform: identity.platform,
        state: input.fields.state,
        is_signed: isSigned,
        type: input.fields.type,
        zip: stored.zip.digest,
      },
    });
    return build;
  });
  ports.queue.wake(buildDeltaKind);
  return recorded;
}

function versionOf(input: PublishInput): ReleaseVersion {
  if (input.version !== undefined) return parseVersion(input.version);
  const name = /^v?(\d.*)\.zip$/i.exec(input.zip.fileName)?.[1];
  if (name === undefined) {
    throw new UpdaterError(
      'RELEASE_VERSION_INVALID',
      'the release has no version: neither a field says it nor the name of the file',
    );
  }
  return parseVersion(name);
}

/** By one open file: nothing in it is read as a zip before its signature is verified, where one is asked for. */
async function scanUpload({ zip, zipSignature: given }: PublishInput, identity: BuildIdentity, keys: Uint8Array | null) {
  const source = await nodeFileSystem().open(zip.path, 'read');
  try {
    const zipSignature = await takeZipSignature(source, given, keys);
    const scanned = await scanZip(source, identity);
    scanned.zip.close();
    return { scanned, zipSignature };
  } finally {
    await source.close();
  }
}

async function storeBuild(
  objects: ObjectStore,
  zip: UploadedZip,
  { manifest, contents }: Pick<ScannedZip, 'manifest' | 'contents'>,
): Promise<Omit<StoredBuild, 'zipSignature'>> {
  const encoded = await encodeManifestObject(manifest);
  const manifestObject = { digest: digestOf(encoded), bytes: encoded.length };
  await objects.put(manifestObject.digest, { kind: 'buffer', buffer: encoded });
  await objects.put(zip.sha256, { kind: 'file', path: zip.path });
  const zipObject = { digest: zip.sha256, bytes: zip.bytes };
  return { manifest, manifestDigest: manifestDigest(manifest), manifestObject, zip: zipObject, contents };
}

async function wantDeltas(tx: Tx, ports: PublishPorts, buildId: number, identity: BuildIdentity): Promise<void> {
  const { id } = await tx.selectFrom('application').where('slug', '=', identity.application).select('id').executeTakeFirstOrThrow();
  const builds = await listBuilds(tx, id, identity.platform);
  for (const pair of wantedDeltas(builds, buildId, ports.deltaBases)) {
    const { id: deltaId } = await tx
      .insertInto('delta')
      .values({ base_build_id: pair.baseBuildId, target_build_id: pair.targetBuildId })
      .returning('id')
      .executeTakeFirstOrThrow();
    await enqueueDelta(ports.queue, tx, deltaId);
  }
}
