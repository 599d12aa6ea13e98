/**
 * Objects into a bundle's folder. Each grows in a `.part` file beside its place, so that a bundle that was cut off goes on
 * where it stopped, and is read back and held against its digest before it counts.
 */
import { dirname } from 'node:path';
import {
  type DeltaObject,
  digestOfSource,
  type FolderPiece,
  folderPieces,
  type ObjectSource,
  openFolderObject,
  syncNames,
  UpdaterError,
} from '@remendo/core';
import { makeOwnFolder, type ObjectFolder } from './object-folder.js';

export interface StoreOptions {
  readonly source: ObjectSource;
  readonly signal: AbortSignal;
  readonly onArrived: (bytes: number) => void;
}

/** Whether all of it is there and right; what is there and wrong is removed. */
export async function isStored(place: ObjectFolder, object: DeltaObject, signal: AbortSignal): Promise<boolean> {
  const pieces = piecesOf(place, object);
  for (const { path, bytes } of pieces) {
    const stat = await place.fileSystem.stat(path);
    if (stat?.kind !== 'file' || stat.bytes !== bytes) return false;
  }
  const stored = await openFolderObject(place, object);
  try {
    if ((await digestOfSource(stored, signal)) === object.digest) return true;
  } finally {
    await stored.close();
  }
  for (const { path } of pieces) await place.fileSystem.removeFile(path);
  return false;
}

/** How much of it is there, in finished pieces and begun ones. */
export async function arrivedBytes(place: ObjectFolder, object: DeltaObject): Promise<number> {
  let sum = 0;
  for (const piece of piecesOf(place, object))
    sum += (await sizeOf(place, piece.path)) ?? (await sizeOf(place, partOf(piece))) ?? 0;
  return sum;
}

/**
 * Afterwards the object is in the folder, on the disk, and is what its digest says.
 * @throws UpdaterError DOWNLOAD_…, DOWNLOAD_DIGEST_MISMATCH when it comes damaged twice, STORAGE_….
 */
export async function storeObject(place: ObjectFolder, object: DeltaObject, options: StoreOptions): Promise<void> {
  for (const attempt of [1, 2]) {
    for (const piece of piecesOf(place, object)) await storePiece(place, { object, piece }, options);
    if (await isStored(place, object, options.signal)) return;
    if (attempt === 1) options.onArrived(-object.bytes);
  }
  throw new UpdaterError('DOWNLOAD_DIGEST_MISMATCH', `object ${object.digest} is not what its name says when it is read back`);
}

const piecesOf = ({ folder, pieceBytes }: ObjectFolder, object: DeltaObject): readonly FolderPiece[] =>
  folderPieces(folder, object, pieceBytes);

const partOf = ({ path }: FolderPiece): string => `${path}.part`;

async function sizeOf({ fileSystem }: ObjectFolder, path: string): Promise<number | null> {
  const stat = await fileSystem.stat(path);
  return stat?.kind === 'file' ? stat.bytes : null;
}

async function storePiece(
  place: ObjectFolder,
  { object, piece }: { readonly object: DeltaObject; readonly piece: FolderPiece },
  { source, signal, onArrived }: StoreOptions,
): Promise<void> {
  const { fileSystem } = place;
  if ((await sizeOf(place, piece.path)) === piece.bytes) return;
  const part = partOf(piece);
  await makeOwnFolder(place, 'objects', object.digest.slice(0, 2));
  const begun = await sizeOf(place, part);
  const isUsable = begun !== null && begun <= piece.bytes;
  const file = await fileSystem.open(part, isUsable ? 'write' : 'create');
  try {
    let at = isUsable ? begun : 0;
    const { digest, bytes: objectBytes } = object;
    const request = { digest, objectBytes, offset: piece.offset + at, bytes: piece.bytes - at, signal };
    for await (const chunk of piece.bytes === at ? [] : source.open(request)) {
      await file.write(at, chunk);
      at += chunk.length;
      onArrived(chunk.length);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  await fileSystem.rename(part, piece.path);
  await syncNames(fileSystem, { files: [piece.path], directories: [dirname(piece.path)] });
}
