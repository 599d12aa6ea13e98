/** A bundle's folder, and the folders in it that are written to. */
import { join } from 'node:path';
import { type FileSystem, UpdaterError } from '@remendo/core';

export interface ObjectFolder {
  readonly fileSystem: FileSystem;
  readonly folder: string;
  /** See `folderPieces`. */
  readonly pieceBytes?: number;
}

/**
 * A folder within the bundle's, made when it is missing. Whoever had the stick may have put a link in its place, which would
 * lead what is written and removed to files of this machine. @throws UpdaterError BUNDLE_INVALID
 */
export async function makeOwnFolder({ fileSystem, folder }: ObjectFolder, ...names: readonly string[]): Promise<string> {
  let path = folder;
  for (const name of names) {
    path = join(path, name);
    if (!(await isFolder(fileSystem, path))) await fileSystem.makeDirectory(path);
  }
  return path;
}

/** False when there is nothing. @throws UpdaterError BUNDLE_INVALID for a link or a file. */
async function isFolder(fileSystem: FileSystem, path: string): Promise<boolean> {
  const found = await fileSystem.stat(path);
  if (found === null || found.kind === 'directory') return found !== null;
  throw new UpdaterError('BUNDLE_INVALID', `${path} is no folder: take it away`, { details: { path } });
}
