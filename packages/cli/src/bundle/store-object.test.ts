/** Objects on their way into a folder: cut off, damaged, too large for one file. */
import { dirname } from 'node:path';
import { type Digest, digestOf, type ObjectSource, objectFilePath, UpdaterError } from '@remendo/core';
import { MemoryFileSystem } from '@remendo/core/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { pruneObjects } from './bundle-folder.js';
import { isStored, storeObject } from './store-object.js';

const bytes = Uint8Array.from({ length: 5_000 }, (_, index) => (index * 37) % 253);
const object = { digest: digestOf(bytes), bytes: bytes.length };
const never = new AbortController().signal;
let place: { fileSystem: MemoryFileSystem; folder: string; pieceBytes: number };
let asked: (readonly [offset: number, bytes: number])[];

beforeEach(() => {
  place = { fileSystem: new MemoryFileSystem(), folder: '/stick', pieceBytes: 1_000_000 };
  asked = [];
});

/** Gives chunks of 500 bytes. @param endsAfter chunks of all its answers, by a failing link. */
function sourceOf(given: Uint8Array = bytes, endsAfter = Number.POSITIVE_INFINITY): ObjectSource {
  let chunks = 0;
  return {
    name: 'test',
    async *open({ offset, bytes: length }) {
      asked.push([offset, length]);
      for (let at = offset; at < offset + length; at += 500) {
        if (++chunks > endsAfter) throw new UpdaterError('DOWNLOAD_FAILED', 'the link is down');
        yield given.subarray(at, Math.min(at + 500, offset + length));
      }
    },
  };
}

const store = (source: ObjectSource) => storeObject(place, object, { source, signal: never, onArrived: () => {} });
const names = (): Promise<readonly string[]> => place.fileSystem.list(dirname(objectFilePath('/stick', object.digest)));

describe('an object', () => {
  it('goes on where it was cut off', async () => {
    await expect(store(sourceOf(bytes, 3))).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
    expect(await isStored(place, object, never)).toBe(false);
    await store(sourceOf());
    expect(asked).toEqual([
      [0, 5_000],
      [1_500, 3_500],
    ]);
    expect(await isStored(place, object, never)).toBe(true);
    expect(await names()).toEqual([object.digest]);
  });

  it('lies in pieces where one file could not hold it, and goes on within them', async () => {
    place.pieceBytes = 2_000;
    await expect(store(sourceOf(bytes, 5))).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
    await store(sourceOf());
    expect(asked.slice(2)).toEqual([
      [2_500, 1_500],
      [4_000, 1_000],
    ]);
    expect(await names()).toEqual(['000', '001', '002'].map((piece) => `${object.digest}.${piece}`));
  });

  it('that is damaged when it is read back is fetched once more, and then refused', async () => {
    const damaged = bytes.slice();
    damaged[4_321] = 0xff;
    await expect(store(sourceOf(damaged))).rejects.toMatchObject({ code: 'DOWNLOAD_DIGEST_MISMATCH' });
    expect(asked).toHaveLength(2);
    expect(await names()).toEqual([]);
  });

  it('that somebody changed on the stick is fetched again', async () => {
    await store(sourceOf());
    const file = await place.fileSystem.open(objectFilePath('/stick', object.digest), 'write');
    await file.write(7, Buffer.from('changed'));
    await file.close();
    expect(await isStored(place, object, never)).toBe(false);
    await store(sourceOf());
    expect(await isStored(place, object, never)).toBe(true);
  });

  it('goes nowhere, and none is removed, through a link that somebody put on the stick', async () => {
    const foreign = objectFilePath('/srv', object.digest);
    await place.fileSystem.makeDirectory(dirname(foreign));
    await (await place.fileSystem.open(foreign, 'create')).close();
    await place.fileSystem.makeDirectory('/stick');
    place.fileSystem.makeLink('/stick/objects', '/srv/objects');
    const refused = expect.objectContaining({ code: 'BUNDLE_INVALID' });
    await expect(pruneObjects(place, new Set())).rejects.toEqual(refused);
    await expect(store(sourceOf())).rejects.toEqual(refused);
    await place.fileSystem.removeFile('/stick/objects');
    await place.fileSystem.makeDirectory('/stick/objects');
    place.fileSystem.makeLink(dirname(objectFilePath('/stick', object.digest)), dirname(foreign));
    await expect(pruneObjects(place, new Set())).rejects.toEqual(refused);
    await expect(store(sourceOf())).rejects.toEqual(refused);
    expect(asked).toEqual([]);
    expect(await place.fileSystem.stat(foreign)).toMatchObject({ kind: 'file', bytes: 0 });
  });

  it('that no bundle names any more is removed, and nobody else’s file', async () => {
    await store(sourceOf());
    const kept = digestOf('kept') as Digest;
    const others = ['/stick/objects/mine.txt', '/stick/photo.jpg', `${dirname(objectFilePath('/stick', object.digest))}/notes`];
    for (const path of [...others, objectFilePath('/stick', kept)]) {
      await place.fileSystem.makeDirectory(dirname(path));
      await (await place.fileSystem.open(path, 'create')).close();
    }
    // A stick's system need not say of a full folder that this is why it stays.
    const { fileSystem } = place;
    const remove = fileSystem.removeDirectory.bind(fileSystem);
    fileSystem.removeDirectory = async (path) => {
      if ((await fileSystem.list(path)).length > 0) throw new UpdaterError('STORAGE_FAILED', `EPERM: ${path}`);
      return remove(path);
    };
    expect(await pruneObjects(place, new Set([kept]))).toBe(1);
    for (const path of [...others, objectFilePath('/stick', kept)])
      expect(await place.fileSystem.stat(path), path).toMatchObject({ kind: 'file' });
  });
});
