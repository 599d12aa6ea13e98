/**
 * Releases whose full zip has to be signed with OpenPGP. The signature covers the zip and nothing else, so such a terminal
 * takes every release whole, and only after the zip itself has said what the release is: a manifest that comes from
 * somewhere else could leave a file out or put one under another's name.
 */
import type { ByteSource } from '../bytes/byte-source.js';
import { hasCode, UpdaterError } from '../errors.js';
import type { Manifest, ManifestFile } from '../manifest/manifest.js';
import { isOwnPath } from '../manifest/release-path.js';
import { assertClaimedSignature, verifyOpenPgpSignature } from '../trust/openpgp-signature.js';
import { assertOwnEntry, describeEntry } from '../zip/describe-entry.js';
import type { Zip } from '../zip/read-zip.js';
import type { UpdateContext } from './update-context.js';

/**
 * The signature of a release, which says to be by a pinned key: what has none is not worth a download.
 * @returns null where no signature is asked for. @throws UpdaterError TRUST_SIGNATURE_INVALID, TRUST_KEY_INVALID, LIMIT_EXCEEDED, DOWNLOAD_….
 */
export async function fetchSignature(context: UpdateContext, version: string, signal?: AbortSignal): Promise<Uint8Array | null> {
  const { openPgpKeys: keys, api } = context;
  if (keys === null) return null;
  const signature = await api.signature(version, signal).catch((cause) => {
    if (!hasCode(cause, 'RECORD_NOT_FOUND', 'DOWNLOAD_NOT_FOUND', 'REQUEST_ROUTE_UNKNOWN')) throw cause;
    throw new UpdaterError('TRUST_SIGNATURE_INVALID', `${version} has no OpenPGP signature`, { cause });
  });
  await assertClaimedSignature({ signature, keys, now: await timeOf(context) });
  return signature;
}

/**
 * Verifies an open zip before anything in it is parsed; nothing happens where no signature is asked for.
 * @throws UpdaterError TRUST_SIGNATURE_INVALID, TRUST_KEY_INVALID, STORAGE_….
 */
export async function verifyZipSignature(
  context: UpdateContext,
  { zip, signature }: { readonly zip: ByteSource; readonly signature: Uint8Array | null },
  signal?: AbortSignal,
): Promise<void> {
  const { openPgpKeys: keys } = context;
  if (keys === null) return;
  if (signature === null) throw new UpdaterError('TRUST_SIGNATURE_INVALID', 'the zip has no OpenPGP signature');
  const signer = await verifyOpenPgpSignature({ zip, signature, keys, now: await timeOf(context), signal });
  context.emit({ kind: 'signature-verified', ...signer });
}

/** A clock that was set back makes no expired key good again: never earlier than the newest signed time that was seen. */
const timeOf = async ({ host, trust }: UpdateContext): Promise<number> =>
  Math.max(host.clock.now(), (await trust.status()).newestSignedAtMs ?? 0);

/**
 * Holds a manifest against the zip whose signature was verified: the same files, and all of them.
 * @throws UpdaterError TRUST_SIGNATURE_INVALID; RELEASE_VERSION_DISAGREES when the zip says that it is another version.
 */
export async function assertZipIsTarget(zip: Zip, target: Manifest, signal?: AbortSignal): Promise<void> {
  const missing = new Map(target.files.map((file) => [file.path, file]));
  for (const entry of zip.entries) {
    signal?.throwIfAborted();
    if (isOwnPath(entry.path)) {
      await assertOwnEntry(entry, target);
      continue;
    }
    const file = missing.get(entry.path);
    if (file === undefined || !isSameFile(file, await describeEntry(entry, signal))) throw notSigned(entry.path);
    missing.delete(entry.path);
  }
  for (const path of missing.keys()) throw notSigned(path);
}

const isSameFile = (a: ManifestFile, b: ManifestFile): boolean =>
  a.bytes === b.bytes && a.sha256 === b.sha256 && a.xxh64 === b.xxh64 && a.mode === b.mode;

const notSigned = (path: string): UpdaterError =>
  new UpdaterError('TRUST_SIGNATURE_INVALID', `the manifest does not say of ${path} what the signed zip holds`, {
    details: { path },
  });
