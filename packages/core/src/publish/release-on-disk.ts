import type { Content } from '../delta/delta.js';
import { UpdaterError } from '../errors.js';
import { digestOfFile } from '../file-system/file-source.js';
import type { FileSystem } from '../file-system/file-system.js';
import type { Digest } from '../hash/digest.js';
import type { Manifest } from '../manifest/manifest.js';

/** A release whose contents are files on this machine. */
export interface ReleaseOnDisk {
  readonly manifest: Manifest;
  /**
   * A file that holds the content. Asked for new contents of a target and for what a base has at their paths; for any
   * content of a base when `readsAllHeld`.
   */
  readonly pathOf: (sha256: Digest) => string;
}

/**
 * Looks up files for contents of two releases. Each is read before it is used for the first time.
 * @throws UpdaterError STORAGE_… also when a file does not hold the content it should.
 */
export function provedPaths(
  fileSystem: FileSystem,
  releases: { readonly base: ReleaseOnDisk; readonly target: ReleaseOnDisk },
  signal?: AbortSignal,
): (content: Content) => Promise<string> {
  const pathOf = pathOfEither(releases);
  const proved = new Map<Digest, Promise<string>>();
  const prove = async ({ sha256 }: Content): Promise<string> => {
    const path = pathOf(sha256);
    const found = await digestOfFile(fileSystem, path, signal);
    if (found === sha256) return path;
    throw new UpdaterError('STORAGE_FAILED', `${path} does not hold the content it should`, {
      details: { path, expected: sha256, actual: found },
    });
  };
  return (content) => {
    const path = proved.get(content.sha256) ?? prove(content);
    proved.set(content.sha256, path);
    return path;
  };
}

/** A content that the base has is looked up there. */
export function pathOfEither({ base, target }: { readonly base: ReleaseOnDisk; readonly target: ReleaseOnDisk }) {
  const held = new Set(base.manifest.files.map(({ sha256 }) => sha256));
  return (sha256: Digest): string => (held.has(sha256) ? base : target).pathOf(sha256);
}
