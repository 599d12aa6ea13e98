import {
  type Delta,
  type DescribedDelta,
  decodeDeltaFile,
  describeDelta,
  type Manifest,
  nodeFileSystem,
  resolveDelta,
} from '@remendo/core';

export interface OpenedDelta {
  readonly path: string;
  /** Of the whole file. */
  readonly bytes: number;
  readonly delta: Delta;
  /** Where the blobs start in the file. */
  readonly bodyOffset: number;
  readonly described: DescribedDelta;
}

/** What a delta file means on its base. */
export async function openDelta(path: string, base: Manifest): Promise<OpenedDelta> {
  const handle = await nodeFileSystem().open(path, 'read');
  try {
    const file = await decodeDeltaFile(handle);
    const described = await describeDelta(handle, file);
    return { path, bytes: handle.bytes, delta: resolveDelta(file.index, base), bodyOffset: file.bodyOffset, described };
  } finally {
    await handle.close();
  }
}
