/**
 * A release as somebody has it on disk: a folder, a zip (a name that ends in `.zip`), or any other file, which counts as
 * a release of that one file. However it comes, afterwards it is a manifest and a file for each content that is asked for.
 */
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import {
  type Digest,
  type FileHandle,
  hashFile,
  limits,
  type Manifest,
  type ManifestFile,
  nodeFileSystem,
  openZip,
  parseReleasePath,
  parseVersion,
  parseVersionText,
  type ReleaseVersion,
  readSmallFile,
  UpdaterError,
  type Zip,
  type ZipEntry,
} from '@remendo/core';
import {
  assembleManifest,
  type BuildIdentity,
  type ReleaseOnDisk,
  type ScannedFolder,
  type ScannedZip,
  scanFolder,
  scanZip,
} from '@remendo/core/publish';
import { statNamedPath } from '../named-path.js';

export interface OpenedRelease extends ReleaseOnDisk {
  readonly kind: 'file' | 'folder' | 'zip';
  /** For folders: where each path of the manifest lies. */
  readonly folder: ScannedFolder | null;
  /** Sees to it that `pathOf` has a file for these contents; only those of a zip have to be extracted. */
  prepare(contents: Iterable<Digest>): Promise<void>;
  close(): Promise<void>;
}

export interface OpenReleaseOptions {
  /** What it is; the version is the one of its `version.txt`, or 0.0.0, when left out. */
  readonly identity: { readonly application: string; readonly platform: string; readonly version?: string };
  /** Where contents of a zip are extracted to; the caller's, who removes it. */
  readonly scratchFolder: string;
  /** The path that a single file has in its manifest (default: its own name). */
  readonly fileName?: string;
  readonly onFile?: (file: ManifestFile) => void;
  readonly signal: AbortSignal;
}

const unknownVersion = '0.0.0';
const fileSystem = nodeFileSystem();

/** @throws UpdaterError STORAGE_FAILED, MANIFEST_…, ARTIFACT_INVALID, RELEASE_…, LIMIT_EXCEEDED. Close it when done. */
export async function openRelease(path: string, options: OpenReleaseOptions): Promise<OpenedRelease> {
  switch (await kindOf(path)) {
    case 'folder':
      return openFolder(path, options);
    case 'zip':
      return openZipRelease(path, options);
    default:
      return openFile(path, options);
  }
}

/** What a path is taken for. Links are followed: the caller named this one. */
export async function kindOf(path: string): Promise<OpenedRelease['kind']> {
  const found = await statNamedPath(path);
  if (found.isDirectory()) return 'folder';
  if (!found.isFile()) throw new UpdaterError('CONFIG_INVALID', `${path} is neither a file nor a folder`, { details: { path } });
  return /\.zip$/i.test(path) ? 'zip' : 'file';
}

async function openFolder(path: string, { identity, signal, onFile }: OpenReleaseOptions): Promise<OpenedRelease> {
  const version = identity.version === undefined ? await versionOfFolder(path) : parseVersion(identity.version);
  const folder = await scanFolder(fileSystem, path, identityOf(identity, version), {
    signal,
    ...(onFile === undefined ? {} : { onFile }),
  });
  const paths = new Map(folder.manifest.files.map((file) => [file.sha256, folder.filePaths.get(file.path) ?? '']));
  return {
    kind: 'folder',
    manifest: folder.manifest,
    folder,
    pathOf: lookUp(paths),
    prepare: async () => {},
    close: async () => {},
  };
}

async function openFile(path: string, { identity, fileName, signal, onFile }: OpenReleaseOptions): Promise<OpenedRelease> {
  const hashes = await hashFile(fileSystem, path, signal);
  const isExecutable = ((await stat(path)).mode & 0o111) !== 0;
  const file: ManifestFile = { path: parseReleasePath(fileName ?? basename(path)), mode: isExecutable ? 0o755 : 0o644, ...hashes };
  onFile?.(file);
  const manifest = assembleManifest(identityOf(identity, parseVersion(identity.version ?? unknownVersion)), [file]);
  return { kind: 'file', manifest, folder: null, pathOf: () => path, prepare: async () => {}, close: async () => {} };
}

async function openZipRelease(
  path: string,
  { identity, scratchFolder, signal, onFile }: OpenReleaseOptions,
): Promise<OpenedRelease> {
  const source = await fileSystem.open(path, 'read');
  try {
    const version = identity.version === undefined ? await versionOfZip(source) : parseVersion(identity.version);
    const scanned = await scanZip(source, identityOf(identity, version), signal);
    for (const file of scanned.manifest.files) onFile?.(file);
    return zipRelease(source, scanned, { scratchFolder, signal });
  } catch (error) {
    await source.close();
    throw error;
  }
}

function zipRelease(
  source: FileHandle,
  { manifest, entryOf, zip }: ScannedZip,
  options: { scratchFolder: string; signal: AbortSignal },
): OpenedRelease {
  const extracted = new Map<Digest, string>();
  return {
    kind: 'zip',
    manifest,
    folder: null,
    pathOf: lookUp(extracted),
    async prepare(contents) {
      for (const sha256 of contents) {
        const entry = entryOf.get(sha256);
        if (entry === undefined || extracted.has(sha256)) continue;
        const path = join(options.scratchFolder, `content-${sha256}`);
        await extractEntry(entry, path, options.signal);
        extracted.set(sha256, path);
      }
    },
    async close() {
      zip.close();
      await source.close();
    },
  };
}

async function extractEntry(entry: ZipEntry, path: string, signal: AbortSignal): Promise<void> {
  const handle = await fileSystem.open(path, 'create');
  try {
    let offset = 0;
    for await (const chunk of entry.read(signal)) {
      await handle.write(offset, chunk);
      offset += chunk.length;
    }
  } finally {
    await handle.close();
  }
}

const lookUp =
  (paths: ReadonlyMap<Digest, string>) =>
  (sha256: Digest): string => {
    const path = paths.get(sha256);
    if (path === undefined) throw new TypeError(`content ${sha256} was not prepared`);
    return path;
  };

const identityOf = ({ application, platform }: OpenReleaseOptions['identity'], version: ReleaseVersion): BuildIdentity => ({
  application,
  platform,
  ...version,
});

/** The version a folder's version.txt names; 0.0.0 without one that can be read. */
async function versionOfFolder(path: string): Promise<ReleaseVersion> {
  return (await readVersionOfFolder(path)) ?? { version: unknownVersion };
}

export async function readVersionOfFolder(path: string): Promise<ReleaseVersion | null> {
  const bytes = await readSmallFile(fileSystem, join(path, 'version.txt'), limits.versionTextBytesMax);
  return bytes === null ? null : parseVersionText(bytes);
}

async function versionOfZip(source: FileHandle): Promise<ReleaseVersion> {
  const zip: Zip = await openZip(source);
  try {
    const entry = zip.entries.find((one) => one.path.toLowerCase() === 'version.txt');
    if (entry === undefined || entry.bytes > limits.versionTextBytesMax) return { version: unknownVersion };
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry.read()) chunks.push(chunk);
    return parseVersionText(Buffer.concat(chunks)) ?? { version: unknownVersion };
  } finally {
    zip.close();
  }
}

/** The same manifest with its one file under another name. */
export const withFileName = (manifest: Manifest, fileName: string): Manifest => ({
  ...manifest,
  files: manifest.files.map((file) => ({ ...file, path: parseReleasePath(fileName) })),
});
