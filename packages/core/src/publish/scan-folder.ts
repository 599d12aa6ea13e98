import { UpdaterError } from '../errors.js';
import type { FileSystem } from '../file-system/file-system.js';
import { hashFile } from '../file-system/hash-file.js';
import { walkFolder } from '../file-system/walk-folder.js';
import { limits } from '../limits.js';
import { sortFiles } from '../manifest/encode-manifest.js';
import type { Manifest, ManifestFile } from '../manifest/manifest.js';
import { validateManifest } from '../manifest/parse-manifest.js';
import { assertPathsDistinct, filePathToReleasePath, isOwnPath, type ReleasePath, unsafePath } from '../manifest/release-path.js';
import type { ReleaseVersion } from '../manifest/version.js';
import { mapLimited } from './map-limited.js';

export interface BuildIdentity extends ReleaseVersion {
  readonly application: string;
  readonly platform: string;
}

export interface ScannedFolder {
  readonly manifest: Manifest;
  /** Where each file of the manifest lies; on some systems its name there is spelled in another Unicode form. */
  readonly filePaths: ReadonlyMap<ReleasePath, string>;
}

export interface ScanOptions {
  /** Files hashed at the same time (default 4). */
  readonly concurrency?: number;
  readonly signal?: AbortSignal;
  readonly onFile?: (file: ManifestFile) => void;
}

/**
 * The manifest of a folder as it is on disk. The updater's own names at its root (`.remendo`, `version.txt`) are passed
 * over; empty folders leave no trace. Where the system has no executable bit every file is 0o644.
 * @throws UpdaterError MANIFEST_PATH_UNSAFE for links and for names that are not safe everywhere, LIMIT_EXCEEDED.
 */
export async function scanFolder(
  fileSystem: FileSystem,
  root: string,
  identity: BuildIdentity,
  options: ScanOptions = {},
): Promise<ScannedFolder> {
  // The root itself may be reached by a link; nothing below it may.
  const { kind } = (await fileSystem.stat(root)) ?? { kind: null };
  if (kind !== 'directory' && kind !== 'symlink') throw new UpdaterError('STORAGE_FAILED', `${root} is not a folder`);
  const found = await listFiles(fileSystem, root);
  const files = await mapLimited(found, options.concurrency ?? 4, async ({ path, filePath, mode }): Promise<ManifestFile> => {
    options.signal?.throwIfAborted();
    const { bytes, sha256, xxh64 } = await hashFile(fileSystem, filePath, options.signal);
    const file = { path, bytes, mode: (mode & 0o111) === 0 ? 0o644 : 0o755, sha256, xxh64 };
    options.onFile?.(file);
    return file;
  });
  return { manifest: assembleManifest(identity, files), filePaths: new Map(found.map(({ path, filePath }) => [path, filePath])) };
}

/** A manifest from its parts, sorted and checked by the rules that readers apply. */
export function assembleManifest(identity: BuildIdentity, files: readonly ManifestFile[]): Manifest {
  return validateManifest({
    format: 'remendo-manifest-1',
    application: identity.application,
    version: identity.version,
    ...(identity.displayVersion === undefined ? {} : { displayVersion: identity.displayVersion }),
    platform: identity.platform,
    files: sortFiles(files),
  });
}

interface FoundFile {
  readonly path: ReleasePath;
  readonly filePath: string;
  readonly mode: number;
}

/** Every file below a folder, its name proved safe. */
async function listFiles(fileSystem: FileSystem, root: string): Promise<readonly FoundFile[]> {
  const found: FoundFile[] = [];
  // Names are checked before they are looked up: one that is not Unicode is listed in another spelling and not found.
  const enter = (name: string): boolean => !isOwnPath(name) && filePathToReleasePath(name) !== '';
  for await (const { relative, filePath, stat } of walkFolder(fileSystem, root, enter)) {
    const path = filePathToReleasePath(relative);
    if (stat.kind !== 'file') {
      throw unsafePath(path, `it is a ${stat.kind === 'symlink' ? 'link' : 'special file'}; a release carries plain files only`);
    }
    found.push({ path, filePath, mode: stat.mode });
    if (found.length > limits.manifestFilesMax) {
      throw new UpdaterError('LIMIT_EXCEEDED', `a release has at most ${limits.manifestFilesMax} files`);
    }
  }
  // Before anything is hashed, which may take long.
  assertPathsDistinct(found.map(({ path }) => path));
  return found;
}
