/**
 * Objects from a folder on this machine (a stick, a share): `<folder>/objects/<first two hex>/<digest>`. One that is larger
 * than a file of FAT32 can be lies there in pieces, `<digest>.000`, `<digest>.001`, …
 */
import { join } from 'node:path';
import type { ByteSource } from '../bytes/byte-source.js';
import type { DeltaObject } from '../delta/delta.js';
import { isUpdaterError, UpdaterError } from '../errors.js';
import type { FileHandle, FileSystem } from '../file-system/file-system.js';
import type { Digest } from '../hash/digest.js';
import type { ObjectRequest, ObjectSource } from './object-source.js';

/** At a time; a stick that is pulled out is noticed after that much. */
const chunkBytes = 256 * 1024;

/** FAT32 ends a file at 4 GiB − 1; this is a little less, and a multiple of any block. */
export const folderPieceBytes = 4 * 1024 ** 3 - 64 * 1024;

export const objectFilePath = (folder: string, digest: Digest): string => join(folder, 'objects', digest.slice(0, 2), digest);

/** A part of an object in a file of its own. */
export interface FolderPiece {
  readonly path: string;
  /** In the object. */
  readonly offset: number;
  readonly bytes: number;
}

/** The files that an object of this size has in a folder. @param pieceBytes other than the format's in tests only. */
export function folderPieces(
  folder: string,
  { digest, bytes }: DeltaObject,
  pieceBytes = folderPieceBytes,
): readonly FolderPiece[] {
  const path = objectFilePath(folder, digest);
  if (bytes <= pieceBytes) return [{ path, offset: 0, bytes }];
  return Array.from({ length: Math.ceil(bytes / pieceBytes) }, (_, index) => ({
    path: `${path}.${String(index).padStart(3, '0')}`,
    offset: index * pieceBytes,
    bytes: Math.min(pieceBytes, bytes - index * pieceBytes),
  }));
}

export interface FolderObjectSourceOptions {
  readonly fileSystem: FileSystem;
  /** The one that holds `objects`. */
  readonly folder: string;
  /** See `folderPieces`. */
  readonly pieceBytes?: number;
}

export const folderObjectSource = (options: FolderObjectSourceOptions): ObjectSource => ({
  name: `folder ${options.folder}`,
  open: (request) => readObject(options, request),
});

async function* readObject(options: FolderObjectSourceOptions, request: ObjectRequest): AsyncGenerator<Uint8Array> {
  const object = await openFolderObject(options, { digest: request.digest, bytes: request.objectBytes });
  try {
    yield* readWindow(object, request, { digest: request.digest, path: objectFilePath(options.folder, request.digest) });
  } finally {
    await object.close();
  }
}

/** An object of a folder, to be read at any place and closed. @throws UpdaterError DOWNLOAD_NOT_FOUND, DOWNLOAD_FAILED; so does its `read`. */
export async function openFolderObject(
  { fileSystem, folder, pieceBytes }: FolderObjectSourceOptions,
  object: DeltaObject,
): Promise<ByteSource & { close(): Promise<void> }> {
  const pieces: (FolderPiece & { readonly file: FileHandle })[] = [];
  const close = async (): Promise<void> => void (await Promise.allSettled(pieces.map(({ file }) => file.close())));
  try {
    for (const piece of folderPieces(folder, object, pieceBytes)) {
      const details = { digest: object.digest, path: piece.path };
      const stat = await io(() => fileSystem.stat(piece.path), details);
      if (stat?.kind !== 'file') throw new UpdaterError('DOWNLOAD_NOT_FOUND', 'The folder does not have the object', { details });
      if (stat.bytes !== piece.bytes)
        throw new UpdaterError('DOWNLOAD_FAILED', 'The object in the folder has another size', { details });
      pieces.push({ ...piece, file: await io(() => fileSystem.open(piece.path, 'read'), details) });
    }
  } catch (error) {
    await close();
    throw error;
  }
  const details = { digest: object.digest, path: objectFilePath(folder, object.digest) };
  return { bytes: object.bytes, close, read: (offset, into) => io(() => readPieces(pieces, offset, into), details) };
}

async function readPieces(
  pieces: readonly (FolderPiece & { readonly file: FileHandle })[],
  offset: number,
  into: Uint8Array,
): Promise<number> {
  let done = 0;
  for (const piece of pieces) {
    const within = offset + done - piece.offset;
    if (within < 0 || within >= piece.bytes || done === into.length) continue;
    const part = into.subarray(done, done + Math.min(into.length - done, piece.bytes - within));
    const count = await piece.file.read(within, part);
    done += count;
    if (count < part.length) break;
  }
  return done;
}

async function* readWindow(
  object: ByteSource,
  { offset, bytes, signal }: ObjectRequest,
  details: Details,
): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(Math.min(chunkBytes, bytes));
  for (let doneBytes = 0; doneBytes < bytes; ) {
    signal?.throwIfAborted();
    const into = buffer.subarray(0, Math.min(buffer.length, bytes - doneBytes));
    const count = await object.read(offset + doneBytes, into);
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
