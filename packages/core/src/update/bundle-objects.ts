/** What of a bundle's objects is read before anything is fetched: manifests, to recognise an install by, and the zip's directory. */
import { brotliDecompressSync } from 'node:zlib';
import { type ByteSource, readWhole, sliceSource } from '../bytes/byte-source.js';
import type { DeltaObject } from '../delta/delta.js';
import { type FolderObjectSourceOptions, openFolderObject } from '../download/folder-object-source.js';
import { hasCode, UpdaterError } from '../errors.js';
import { type Digest, digestOfSource } from '../hash/digest.js';
import { limits } from '../limits.js';
import type { Manifest, ManifestFile } from '../manifest/manifest.js';
import { parseManifestOfDigest } from '../manifest/parse-manifest.js';
import { compareVersions } from '../manifest/version.js';
import type { BundledRelease, IdentifyAnswer } from '../protocol/index.js';
import { openZip } from '../zip/read-zip.js';
import type { BundledBuilds } from './bundled-builds.js';
import { encodingSpareBytes } from './fetch-objects.js';
import type { WholeContent } from './server-api.js';

interface StoredManifest {
  readonly manifest: { readonly digest: string; readonly bytes: number };
  readonly manifest_digest: string;
}

/** Null: it is damaged, or not there. */
async function readManifest(
  options: FolderObjectSourceOptions,
  { manifest, manifest_digest: digest }: StoredManifest,
): Promise<Manifest | null> {
  const { bytes } = manifest;
  if (bytes > encodingSpareBytes(limits.manifestBytesMax)) throw new UpdaterError('LIMIT_EXCEEDED', 'a manifest is too large');
  return orNull(async () => {
    const stored = await withObject(options, { digest: manifest.digest as Digest, bytes }, readWhole);
    return parseManifestOfDigest(decompressed(stored), digest as Digest);
  });
}

function decompressed(stored: Uint8Array): Uint8Array {
  try {
    return brotliDecompressSync(stored, { maxOutputLength: limits.manifestBytesMax });
  } catch (cause) {
    throw new UpdaterError('MANIFEST_INVALID', 'the manifest does not decompress', { cause });
  }
}

/** What is damaged on a stick, or not there, is as good as nothing. */
async function orNull<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (hasCode(error, 'DOWNLOAD_NOT_FOUND', 'DOWNLOAD_FAILED', 'MANIFEST_INVALID', 'MANIFEST_DIGEST_MISMATCH', 'ARTIFACT_INVALID'))
      return null;
    throw error;
  }
}

async function withObject<T>(
  options: FolderObjectSourceOptions,
  object: DeltaObject,
  use: (source: ByteSource) => Promise<T>,
): Promise<T> {
  const source = await openFolderObject(options, object);
  try {
    return await use(source);
  } finally {
    await source.close();
  }
}

/**
 * Out of the full zip, whose entries are where they say: each is proved by its digest when it has arrived.
 * @returns those that the bundle has.
 */
export async function locateContents(
  options: FolderObjectSourceOptions,
  { plans }: BundledRelease,
  digests: readonly Digest[],
): Promise<readonly WholeContent[]> {
  const target = plans[0]?.target;
  const manifest = target === undefined ? null : await readManifest(options, target);
  if (target === undefined || manifest === null) return [];
  const wanted = manifest.files.filter(({ sha256 }) => digests.includes(sha256));
  const zip = { digest: target.zip.digest as Digest, bytes: target.zip.bytes };
  const located = await orNull(() => withObject(options, zip, (source) => locateFiles(source, zip, wanted)));
  return digests.flatMap((digest) => located?.get(digest) ?? []);
}

async function locateFiles(
  source: ByteSource,
  zip: DeltaObject,
  files: readonly ManifestFile[],
): Promise<ReadonlyMap<Digest, WholeContent>> {
  const opened = await openZip(source);
  try {
    const entries = new Map(opened.entries.map((entry) => [entry.path, entry]));
    const located = new Map<Digest, WholeContent>();
    for (const { path, sha256, bytes } of files) {
      const entry = entries.get(path);
      if (entry === undefined || located.has(sha256)) continue;
      const range = { offset: await entry.encodedOffset(), bytes: entry.encodedBytes };
      const blob = { object: zip.digest, ...range, sha256: await digestOfSource(sliceSource(source, range.offset, range.bytes)) };
      located.set(sha256, { target: { sha256, bytes }, encoding: entry.encoding, blob, objectBytes: zip.bytes });
    }
    return located;
  } finally {
    opened.close();
  }
}

export interface IdentifyQuery {
  readonly files: readonly { readonly path: string; readonly sha256: Digest }[];
  readonly signal: AbortSignal | undefined;
}

/** By the manifests of the bundle: its releases, and the bases it has plans from. */
export async function identifyByManifests(
  options: FolderObjectSourceOptions,
  { application, platform, releases, bases }: BundledBuilds,
  { files, signal }: IdentifyQuery,
): Promise<IdentifyAnswer> {
  const known = [
    ...releases.flatMap(({ version, plans }) => (plans[0] === undefined ? [] : [{ ...plans[0].target, version }])),
    ...bases,
  ].sort((a, b) => compareVersions(b.version, a.version));
  const candidates: IdentifyAnswer['candidates'] = [];
  for (const { version, manifest_digest, manifest } of known) {
    signal?.throwIfAborted();
    if (candidates.some((candidate) => candidate.manifest_digest === manifest_digest)) continue;
    const read = await readManifest(options, { manifest, manifest_digest });
    if (read === null) continue;
    const held = new Map<string, string>(read.files.map(({ path, sha256 }) => [path, sha256]));
    const matched = files.filter(({ path, sha256 }) => held.get(path) === sha256).length;
    if (matched > 0) candidates.push({ version, manifest_digest, manifest, matched, files: read.files.length });
  }
  return { application, platform, candidates: candidates.sort((a, b) => b.matched - a.matched).slice(0, 16) };
}
