import { UpdaterError } from '../errors.js';
import type { FileSystem } from './file-system.js';

/** @throws UpdaterError STORAGE_NO_SPACE when fewer than `wantedBytes` are free on the volume of `path`. */
export async function assertFreeBytes(fileSystem: FileSystem, path: string, wantedBytes: number): Promise<void> {
  const freeBytes = await fileSystem.freeBytes(path);
  if (freeBytes >= wantedBytes) return;
  throw new UpdaterError('STORAGE_NO_SPACE', `${wantedBytes} bytes are needed at ${path}, ${freeBytes} are free`, {
    details: { path, wantedBytes, freeBytes },
  });
}
