import { type Delta, decodeDeltaFile, type Manifest, nodeFileSystem, resolveDelta } from '@remendo/core';

export interface OpenedDelta {
  readonly path: string;
  /** Of the whole file. */
  readonly bytes: number;
  readonly delta: Delta;
  /** Where the blobs start in the file. */
  readonly bodyOffset: number;
}

/** What a delta file means on its base. */
export async function openDelta(path: string, base: Manifest): Promise<OpenedDelta> {
  const handle = await nodeFileSystem().open(path, 'read');
  try {
    const { index, bodyOffset } = await decodeDeltaFile(handle);
    return { path, bytes: handle.bytes, delta: resolveDelta(index, base), bodyOffset };
  } finally {
    await handle.close();
  }
}
