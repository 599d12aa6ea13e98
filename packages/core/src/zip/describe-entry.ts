/** What a release's manifest says of an entry of its zip, from the entry's bytes. */
import { UpdaterError } from '../errors.js';
import { DigestStream } from '../hash/digest.js';
import { createXxh64 } from '../hash/xxh64.js';
import { limits } from '../limits.js';
import type { ManifestFile } from '../manifest/manifest.js';
import { foldPath, unsafePath } from '../manifest/release-path.js';
import { parseVersionText, type ReleaseVersion, shownVersion } from '../manifest/version.js';
import type { ZipEntry } from './read-zip.js';

/** Reads the entry to its end. @throws UpdaterError ARTIFACT_INVALID. */
export async function describeEntry(entry: ZipEntry, signal?: AbortSignal): Promise<ManifestFile> {
  const sha256 = new DigestStream();
  const xxh64 = await createXxh64();
  for await (const chunk of entry.read(signal)) {
    sha256.update(chunk);
    xxh64.update(chunk);
  }
  return {
    path: entry.path,
    bytes: entry.bytes,
    mode: entry.executable ? 0o755 : 0o644,
    sha256: sha256.digest(),
    xxh64: xxh64.digest(),
  };
}

/**
 * For an entry at a path of the updater's own: a `version.txt` has to name the release's version, anything else has no place
 * in a release.
 * @throws UpdaterError RELEASE_VERSION_DISAGREES, MANIFEST_PATH_UNSAFE, LIMIT_EXCEEDED, ARTIFACT_INVALID.
 */
export async function assertOwnEntry(entry: ZipEntry, release: ReleaseVersion): Promise<void> {
  if (foldPath(entry.path) !== 'version.txt') throw unsafePath(entry.path, 'the updater keeps it itself');
  if (entry.bytes > limits.versionTextBytesMax) throw new UpdaterError('LIMIT_EXCEEDED', 'version.txt is larger than 64 KiB');
  const chunks: Uint8Array[] = [];
  for await (const chunk of entry.read()) chunks.push(chunk);
  const found = parseVersionText(Buffer.concat(chunks));
  if (found?.version === release.version) return;
  const [shown, expected] = [found === null ? 'no version' : shownVersion(found), shownVersion(release)];
  throw new UpdaterError('RELEASE_VERSION_DISAGREES', `version.txt in the zip says ${shown}, the release is ${expected}`, {
    details: { found: shown, expected },
  });
}
