import { type ByteSource, sliceSource } from '../bytes/byte-source.js';
import type { Content, EncodingName } from '../delta/delta.js';
import { UpdaterError } from '../errors.js';
import { type Digest, digestOfSource } from '../hash/digest.js';
import type { Manifest, ManifestFile } from '../manifest/manifest.js';
import { isOwnPath } from '../manifest/release-path.js';
import { assertOwnEntry, describeEntry } from '../zip/describe-entry.js';
import { openZip, type Zip, type ZipEntry } from '../zip/read-zip.js';
import { assembleManifest, type BuildIdentity } from './scan-folder.js';

/** Where a content lies whole inside the zip: any range of a published zip can be fetched by itself. */
export interface ContentInZip extends Content {
  readonly encoding: EncodingName;
  readonly offset: number;
  readonly encodedBytes: number;
  /** SHA-256 of the encoded bytes. */
  readonly encodedSha256: Digest;
}

export interface ScannedZip {
  readonly manifest: Manifest;
  /** One place for each distinct content. */
  readonly contents: readonly ContentInZip[];
  readonly zip: Zip;
  readonly entryOf: ReadonlyMap<Digest, ZipEntry>;
}

/**
 * Reads a release's zip once, whole: its manifest, and where each content lies in it. A `version.txt` at its root has to
 * agree with the version and is left out of the manifest; `.remendo` is refused.
 * @throws UpdaterError RELEASE_VERSION_DISAGREES, ARTIFACT_INVALID, MANIFEST_PATH_UNSAFE, LIMIT_EXCEEDED.
 * Close `zip` when done.
 */
export async function scanZip(source: ByteSource, identity: BuildIdentity, signal?: AbortSignal): Promise<ScannedZip> {
  const zip = await openZip(source);
  try {
    const files: ManifestFile[] = [];
    const contents = new Map<Digest, ContentInZip>();
    const entryOf = new Map<Digest, ZipEntry>();
    for (const entry of zip.entries) {
      signal?.throwIfAborted();
      if (isOwnPath(entry.path)) {
        await assertOwnEntry(entry, identity);
        continue;
      }
      const file = await describeEntry(entry, signal);
      files.push(file);
      if (entryOf.has(file.sha256)) continue;
      entryOf.set(file.sha256, entry);
      contents.set(file.sha256, await locate(source, entry, { file, signal }));
    }
    if (files.length === 0) throw new UpdaterError('ARTIFACT_INVALID', 'the zip has no files');
    return { manifest: assembleManifest(identity, files), contents: [...contents.values()], zip, entryOf };
  } catch (error) {
    zip.close();
    throw error;
  }
}

async function locate(
  source: ByteSource,
  entry: ZipEntry,
  { file, signal }: { readonly file: ManifestFile; readonly signal: AbortSignal | undefined },
): Promise<ContentInZip> {
  const offset = await entry.encodedOffset();
  const encodedSha256 = await digestOfSource(sliceSource(source, offset, entry.encodedBytes), signal);
  return {
    sha256: file.sha256,
    bytes: file.bytes,
    encoding: entry.encoding,
    offset,
    encodedBytes: entry.encodedBytes,
    encodedSha256,
  };
}
