import type { Stats } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { nodeFileSystem, readSmallFile, UpdaterError } from '@remendo/core';

/**
 * What a path from the command line leads to; links are followed.
 * @throws UpdaterError CONFIG_INVALID when nothing is there, STORAGE_FAILED when it can not be told.
 */
export async function statNamedPath(path: string): Promise<Stats> {
  try {
    return await stat(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new UpdaterError('CONFIG_INVALID', `${path} does not exist`, { details: { path } });
    throw new UpdaterError('STORAGE_FAILED', `${path} can not be read`, { details: { path }, cause });
  }
}

/** @throws UpdaterError CONFIG_INVALID when there is no file, STORAGE_FAILED when it can not be told. */
export async function assertNamedFile(path: string): Promise<void> {
  if (!(await statNamedPath(path)).isFile()) throw new UpdaterError('CONFIG_INVALID', `${path} is no file`, { details: { path } });
}

/** The whole of a small file. @throws UpdaterError CONFIG_INVALID when there is none, LIMIT_EXCEEDED, STORAGE_FAILED. */
export async function readNamedFile(path: string, bytesMax: number): Promise<Uint8Array> {
  await assertNamedFile(path);
  // A link, such as a configuration that is mounted, leads to one.
  return (await readSmallFile(nodeFileSystem(), await realpath(path), bytesMax)) ?? new Uint8Array();
}
