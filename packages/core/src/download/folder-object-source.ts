/** Objects from a folder on this machine (a stick, a share): `<folder>/objects/<first two hex>/<digest>`. */
import { join } from 'node:path';
import { isUpdaterError, UpdaterError } from '../errors.js';
import type { FileHandle, FileSystem } from '../file-system/file-system.js';
import type { Digest } from '../hash/digest.js';
import type { ObjectRequest, ObjectSource } from './object-source.js';

/** At a time; a stick that is pulled out is noticed after that much. */
const chunkBytes = 256 * 1024;

export const objectFilePath = (folder: string, digest: Digest): string => join(folder, 'objects', digest.slice(0, 2), digest);

export interface FolderObjectSourceOptions {
  readonly fileSystem: FileSystem;
  /** The one that holds `objects`. */
  readonly folder: string;
}

export const folderObjectSource = ({ fileSystem, folder }: FolderObjectSourceOptions): ObjectSource => ({
  name: `folder ${folder}`,
  open: (request) => readObject(fileSystem, objectFilePath(folder, request.digest), request),
});

async function* readObject(fileSystem: FileSystem, path: string, request: ObjectRequest): AsyncGenerator<Uint8Array> {
  const details = { digest: request.digest, path };
  const stat = await io(() => fileSystem.stat(path), details);
  if (stat?.kind !== 'file') throw new UpdaterError('DOWNLOAD_NOT_FOUND', 'The folder does not have the object', { details });
  if (stat.bytes !== request.objectBytes)
    throw new UpdaterError('DOWNLOAD_FAILED', 'The object in the folder has another size', { details });
  const file = await io(() => fileSystem.open(path, 'read'), details);
  try {
    yield* readWindow(file, request, details);
  } finally {
    await file.close().catch(() => undefined);
  }
}

async function* readWindow(
  file: FileHandle,
  { offset, bytes, signal }: ObjectRequest,
  details: Details,
): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(Math.min(chunkBytes, bytes));
  for (let doneBytes = 0; doneBytes < bytes; ) {
    signal?.throwIfAborted();
    const into = buffer.subarray(0, Math.min(buffer.length, bytes - doneBytes));
    const count = await io(() => file.read(offset + doneBytes, into), details);
    if (count === 0) throw new UpdaterError('DOWNLOAD_FAILED', 'The object in the folder ended early', { details });
    doneBytes += count;
    yield into.subarray(0, count);
  }
}

type Details = { readonly digest: Digest; readonly path: string };

/** What goes wrong with the folder's files is the source's failure, not this machine's: another source may help. */
async function io<Value>(action: () => Promise<Value>, details: Details): Promise<Value> {
  try {
    return await action();
  } catch (cause) {
    if (!isUpdaterError(cause)) throw cause;
    throw new UpdaterError('DOWNLOAD_FAILED', 'The object in the folder can not be read', { details, cause });
  }
}
