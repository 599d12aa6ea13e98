/** All objects of a bundle into its folder. */
import { type DeltaObject, type HttpClient, httpObjectSource, UpdaterError } from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import type { ObjectFolder } from './object-folder.js';
import { arrivedBytes, isStored, storeObject } from './store-object.js';

/** Beside what is counted: the description, names and blocks. */
const spareBytes = 8 * 1024 * 1024;

/** @returns how much was fetched. @throws UpdaterError STORAGE_NO_SPACE before anything is. */
export async function storeObjects(
  { output, signal }: CommandContext,
  place: ObjectFolder,
  { http, objects }: { readonly http: HttpClient; readonly objects: readonly DeltaObject[] },
): Promise<number> {
  const { fileSystem, folder } = place;
  await fileSystem.makeDirectory(folder);
  const totalBytes = objects.reduce((sum, { bytes }) => sum + bytes, 0);
  const missing: DeltaObject[] = [];
  let doneBytes = 0;
  for (const object of objects) {
    if (await isStored(place, object, signal)) doneBytes += object.bytes;
    else missing.push(object);
  }
  let roomBytes = spareBytes;
  for (const object of missing) {
    const begun = await arrivedBytes(place, object);
    roomBytes += object.bytes - begun;
    doneBytes += begun;
  }
  const freeBytes = await fileSystem.freeBytes(folder);
  if (freeBytes < roomBytes) {
    throw new UpdaterError('STORAGE_NO_SPACE', `${folder} needs ${roomBytes} bytes and has ${freeBytes} free`, {
      details: { folder, neededBytes: roomBytes, freeBytes },
    });
  }
  const source = httpObjectSource({ client: http });
  let fetchedBytes = 0;
  const onArrived = (bytes: number): void => {
    doneBytes += bytes;
    fetchedBytes += Math.max(0, bytes);
    output.progress.at(doneBytes, totalBytes, 'bytes');
  };
  for (const object of missing) await storeObject(place, object, { source, signal, onArrived });
  return fetchedBytes;
}
