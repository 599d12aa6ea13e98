/**
 * Detached OpenPGP signatures of full zips: publishers bring them, terminals that ask for one verify them. The server keeps
 * them, and where it has keys of its own it takes no upload without.
 */
import { readFile } from 'node:fs/promises';
import { armorOpenPgpSignature, describeOpenPgpKeys, UpdaterError, verifyOpenPgpSignature } from '@remendo/core';
import { type Actor, recordAudit } from '../audit/record-audit.js';
import type { ServerConfig } from '../config.js';
import type { Db, Tx } from '../database/open-database.js';
import type { BuildRecord } from './release-records.js';

/** Read anew for every upload: a key that was revoked counts at once. Null: none is asked for. @throws UpdaterError CONFIG_INVALID. */
export async function readOpenPgpKeys({ openpgpKeys: path }: Pick<ServerConfig, 'openpgpKeys'>): Promise<Uint8Array | null> {
  if (path === null) return null;
  try {
    const file = await readFile(path);
    await describeOpenPgpKeys(file);
    return file;
  } catch (cause) {
    throw new UpdaterError('CONFIG_INVALID', '--openpgp-keys can not be used', { cause });
  }
}

type Zip = Parameters<typeof verifyOpenPgpSignature>[0]['zip'];

/**
 * @param given what came with the upload: armored, or binary in base64.
 * @param keys null: any signature is kept as it is, without a look at who made it.
 * @returns the signature in its armored form; null when there is none.
 * @throws UpdaterError TRUST_SIGNATURE_INVALID.
 */
export async function takeZipSignature(zip: Zip, given: string | undefined, keys: Uint8Array | null): Promise<string | null> {
  if (given === undefined) {
    if (keys === null) return null;
    throw new UpdaterError(
      'TRUST_SIGNATURE_INVALID',
      'this server takes only zips that one of its OpenPGP keys signed: zip_signature is missing',
    );
  }
  const signature = given.includes('-----BEGIN') ? given : Buffer.from(given, 'base64');
  if (keys !== null) await verifyOpenPgpSignature({ zip, signature, keys, now: Date.now() });
  return armorOpenPgpSignature(signature);
}

/** @throws UpdaterError RECORD_NOT_FOUND when the build has none. */
export async function readZipSignature(db: Db, build: BuildRecord): Promise<string> {
  const row = await db.selectFrom('build').where('id', '=', build.buildId).select('zip_signature').executeTakeFirst();
  if (row?.zip_signature != null) return row.zip_signature;
  const { application, version, platform } = build;
  throw new UpdaterError('RECORD_NOT_FOUND', `${application} ${version} has no OpenPGP signature`, {
    details: { application, version, platform },
  });
}

interface Replacing {
  readonly build: { readonly buildId: number };
  /** `zip`: the digest of what was signed. */
  readonly signature: { readonly zip: string; readonly armored: string | null };
}

/**
 * Gives a recorded build another signature, such as one by a newer key.
 * @throws UpdaterError RELEASE_EXISTS when it is recorded with another zip of the same files, which this one does not cover.
 */
export async function replaceZipSignature(tx: Tx, actor: Actor, { build, signature }: Replacing): Promise<void> {
  const { zip, armored } = signature;
  if (armored === null) return;
  const recorded = await tx
    .selectFrom('build')
    .innerJoin('release', 'release.id', 'build.release_id')
    .innerJoin('application', 'application.id', 'release.application_id')
    .where('build.id', '=', build.buildId)
    .select(['application.slug', 'release.version', 'build.platform', 'build.zip_object', 'build.zip_signature'])
    .executeTakeFirstOrThrow();
  const name = `${recorded.slug} ${recorded.version}`;
  if (recorded.zip_object !== zip)
    throw new UpdaterError('RELEASE_EXISTS', `${name} is published as another zip of the same files, which was not signed`);
  if (recorded.zip_signature === armored) return;
  await tx.updateTable('build').set({ zip_signature: armored }).where('id', '=', build.buildId).execute();
  const detail = { platform: recorded.platform, zip };
  await recordAudit(tx, actor, { action: 'zip_signature_replaced', subjectKind: 'release', subject: name, detail });
}
