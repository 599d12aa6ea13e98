/** What every object store has to do; an implementation's test calls this with a way to make one. */
import { readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { digestOf, hasCode } from '@remendo/core';
import { describe, expect, it, vi } from 'vitest';
import type { ListedObject, ObjectStore } from './object-store.js';

export interface ObjectStoreUnderTest {
  readonly store: ObjectStore;
  /** A folder of the test's own, beside the store. */
  readonly folder: string;
  /** Reads a readable name as an operator would. */
  readNamed(name: string): Promise<Uint8Array>;
}

const bytesOf = async (stream: Readable): Promise<Buffer> => Buffer.concat(await stream.toArray());

/** Different bytes for every test, so that tests do not see each other's objects. */
const sample = (name: string, count = 100_000): Buffer => Buffer.alloc(count, `${name} 0123456789 `);

/** Told in a word: the difference of large buffers takes seconds to print. */
function expectSame(actual: Uint8Array, expected: Uint8Array): void {
  expect(actual.length).toBe(expected.length);
  expect(Buffer.compare(actual, expected), 'the bytes differ').toBe(0);
}

const missing = (error: unknown) => hasCode(error, 'DOWNLOAD_NOT_FOUND');

async function listed(store: ObjectStore): Promise<readonly ListedObject[]> {
  const objects = [];
  for await (const object of store.list()) objects.push(object);
  return objects.sort((a, b) => (a.digest < b.digest ? -1 : 1));
}

/** Times of a store and of this machine, apart by what clocks and whole seconds make. */
const toleranceMs = 5_000;

export function objectStoreContract(open: () => Promise<ObjectStoreUnderTest>): void {
  describe('an object store', () => {
    it('gives back what was put from memory', async () => {
      const { store } = await open();
      const buffer = sample('memory');
      const digest = digestOf(buffer);
      expect(await store.stat(digest)).toBeNull();
      expect(await store.put(digest, { kind: 'buffer', buffer })).toEqual({ bytes: buffer.length });
      expect(await store.stat(digest)).toEqual({ bytes: buffer.length });
      expectSame(await bytesOf(await store.openStream(digest)), buffer);
    });

    it('gives back what was put from a file', async () => {
      const { store, folder } = await open();
      const buffer = sample('file');
      const path = join(folder, 'upload');
      await writeFile(path, buffer);
      await store.put(digestOf(buffer), { kind: 'file', path });
      expectSame(await bytesOf(await store.openStream(digestOf(buffer))), buffer);
    });

    it('refuses bytes of another digest and keeps nothing of them', async () => {
      const { store, folder } = await open();
      const digest = digestOf('announced');
      const path = join(folder, 'other');
      await writeFile(path, sample('other'));
      for (const from of [{ kind: 'buffer', buffer: sample('other') } as const, { kind: 'file', path } as const]) {
        await expect(store.put(digest, from)).rejects.toMatchObject({ code: 'DOWNLOAD_DIGEST_MISMATCH' });
      }
      expect(await store.stat(digest)).toBeNull();
      expect(await listed(store)).toEqual([]);
    });

    it('refuses bytes of another digest also when the object is there', async () => {
      const { store } = await open();
      const buffer = sample('there');
      await store.put(digestOf(buffer), { kind: 'buffer', buffer });
      const put = store.put(digestOf(buffer), { kind: 'buffer', buffer: sample('else', buffer.length) });
      await expect(put).rejects.toMatchObject({ code: 'DOWNLOAD_DIGEST_MISMATCH' });
      expectSame(await bytesOf(await store.openStream(digestOf(buffer))), buffer);
    });

    it('says that a file to store can not be read', async () => {
      const { store, folder } = await open();
      const put = store.put(digestOf('lost'), { kind: 'file', path: join(folder, 'lost') });
      await expect(put).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    });

    it('takes the same object any number of times, also at once', async () => {
      const { store } = await open();
      const buffer = sample('again');
      const digest = digestOf(buffer);
      await Promise.all([1, 2, 3, 4].map(() => store.put(digest, { kind: 'buffer', buffer })));
      await store.put(digest, { kind: 'buffer', buffer });
      expectSame(await bytesOf(await store.openStream(digest)), buffer);
    });

    it('streams a range, at the start, in the middle, at the end, and an empty one', async () => {
      const { store } = await open();
      const buffer = sample('ranges', 700_000);
      const digest = digestOf(buffer);
      await store.put(digest, { kind: 'buffer', buffer });
      for (const [offset, bytes] of [
        [0, 1],
        [300_000, 300_001],
        [699_999, 1],
        [5, 0],
      ] as const) {
        expectSame(await bytesOf(await store.openStream(digest, { offset, bytes })), buffer.subarray(offset, offset + bytes));
      }
    });

    it('reads at random, with fewer bytes only at the end', async () => {
      const { store } = await open();
      const buffer = sample('random');
      const digest = digestOf(buffer);
      await store.put(digest, { kind: 'buffer', buffer });
      const source = await store.openSource(digest);
      const into = new Uint8Array(1_000);
      expect(source.bytes).toBe(buffer.length);
      expect(await source.read(50_000, into)).toBe(1_000);
      expect(Buffer.from(into)).toEqual(buffer.subarray(50_000, 51_000));
      expect(await source.read(buffer.length - 10, into)).toBe(10);
      await source.close();
    });

    it('keeps an empty object', async () => {
      const { store } = await open();
      const digest = digestOf('');
      await store.put(digest, { kind: 'buffer', buffer: new Uint8Array() });
      expect(await store.stat(digest)).toEqual({ bytes: 0 });
      expectSame(await bytesOf(await store.openStream(digest)), Buffer.alloc(0));
    });

    it('keeps an empty object that comes as a file', async () => {
      const { store, folder } = await open();
      await writeFile(join(folder, 'empty'), '');
      await store.put(digestOf(''), { kind: 'file', path: join(folder, 'empty') });
      expect(await store.stat(digestOf(''))).toEqual({ bytes: 0 });
    });

    it('says of a missing object that it is missing', async () => {
      const { store, folder } = await open();
      const digest = digestOf('never stored');
      await expect(store.openStream(digest)).rejects.toSatisfy(missing);
      await expect(store.openStream(digest, { offset: 0, bytes: 0 })).rejects.toSatisfy(missing);
      await expect(store.nameObject('versions/v0.zip', digest)).rejects.toSatisfy(missing);
      await expect(store.openSource(digest)).rejects.toSatisfy(missing);
      await expect(store.materialize(digest, join(folder, 'copy'))).rejects.toSatisfy(missing);
      await store.remove(digest);
    });

    it('stops reading when a stream is destroyed, and reads on elsewhere', async () => {
      const { store } = await open();
      const buffer = sample('destroyed', 3_000_000);
      await store.put(digestOf(buffer), { kind: 'buffer', buffer });
      const stream = await store.openStream(digestOf(buffer));
      for await (const _ of stream) break;
      expect(stream.destroyed).toBe(true);
      (await store.openStream(digestOf(buffer))).destroy();
      expectSame(await bytesOf(await store.openStream(digestOf(buffer))), buffer);
    });

    it('makes no file where one is', async () => {
      const { store, folder } = await open();
      const buffer = sample('in the way');
      await store.put(digestOf(buffer), { kind: 'buffer', buffer });
      await writeFile(join(folder, 'taken'), 'mine');
      const made = store.materialize(digestOf(buffer), join(folder, 'taken'));
      await expect(made).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
      expect(await readFile(join(folder, 'taken'), 'utf8')).toBe('mine');
    });

    it('makes a file of an object', async () => {
      const { store, folder } = await open();
      const buffer = sample('materialized');
      await store.put(digestOf(buffer), { kind: 'buffer', buffer });
      await store.materialize(digestOf(buffer), join(folder, 'materialized'));
      expectSame(await readFile(join(folder, 'materialized')), buffer);
    });

    it('forgets a removed object', async () => {
      const { store } = await open();
      const buffer = sample('removed');
      await store.put(digestOf(buffer), { kind: 'buffer', buffer });
      await store.remove(digestOf(buffer));
      expect(await store.stat(digestOf(buffer))).toBeNull();
    });

    it('lists its objects with their sizes and times, and nothing else', async () => {
      const { store, folder } = await open();
      const buffers = [sample('listed'), sample('too', 10), Buffer.alloc(0)];
      const path = join(folder, 'old');
      await writeFile(path, sample('file of last year'));
      await utimes(path, 1, 1);
      await store.put(digestOf(sample('file of last year')), { kind: 'file', path });
      for (const buffer of buffers) await store.put(digestOf(buffer), { kind: 'buffer', buffer });
      for (const name of ['objects/README', `objects/zz/${digestOf('z')}`, `objects/ab/cd/${digestOf('d')}`, 'versions/v1.zip'])
        await store.writeNamed(name, Buffer.from('strange'));
      const all = [...buffers, sample('file of last year')];
      const expected = all.map((buffer) => ({ digest: digestOf(buffer), bytes: buffer.length, storedAt: expect.any(Date) }));
      const objects = await listed(store);
      expect(objects).toEqual(expected.sort((a, b) => (a.digest < b.digest ? -1 : 1)));
      for (const { storedAt } of objects) expect(Math.abs(storedAt.getTime() - Date.now())).toBeLessThan(60_000 + toleranceMs);
    });

    it('does not store again what is there', async () => {
      const { store } = await open();
      const buffer = sample('once');
      await store.put(digestOf(buffer), { kind: 'buffer', buffer });
      const before = await listed(store);
      await store.put(digestOf(buffer), { kind: 'buffer', buffer });
      expect(await listed(store)).toEqual(before);
    });

    it('removes unfinished puts and no objects', async () => {
      const { store } = await open();
      const buffer = sample('finished');
      await store.put(digestOf(buffer), { kind: 'buffer', buffer });
      await store.removeUnfinished(new Date(Date.now() + 3_600_000));
      expect(await store.stat(digestOf(buffer))).toEqual({ bytes: buffer.length });
    });

    it('says that it is ready', async () => {
      const { store } = await open();
      // It gives a store five seconds, which a busy machine may not have.
      await vi.waitFor(() => store.ready(), { timeout: 100_000 });
    });

    it('removes a readable name and leaves the object', async () => {
      const { store, readNamed } = await open();
      const buffer = sample('named');
      await store.put(digestOf(buffer), { kind: 'buffer', buffer });
      await store.nameObject('versions/v1.zip', digestOf(buffer));
      await store.removeNamed('versions/v1.zip');
      await store.removeNamed('versions/v1.zip');
      await expect(readNamed('versions/v1.zip')).rejects.toThrow();
      expect(await store.stat(digestOf(buffer))).toEqual({ bytes: buffer.length });
    });

    it('keeps what has a readable name when the object is removed', async () => {
      const { store, readNamed } = await open();
      const buffer = sample('stays');
      await store.put(digestOf(buffer), { kind: 'buffer', buffer });
      await store.nameObject('versions/v1.zip', digestOf(buffer));
      await store.remove(digestOf(buffer));
      expectSame(await readNamed('versions/v1.zip'), buffer);
    });

    it('gives objects and small files names for people, and lets a name lead elsewhere later', async () => {
      const { store, readNamed } = await open();
      const [first, second] = [sample('first'), sample('other')];
      for (const buffer of [first, second]) await store.put(digestOf(buffer), { kind: 'buffer', buffer });
      await store.nameObject('versions/v1.zip', digestOf(first));
      await store.nameObject('versions/v1.zip', digestOf(first));
      expectSame(await readNamed('versions/v1.zip'), first);
      await store.writeNamed('versions/v1.zip', Buffer.from('somebody wrote over it'));
      await store.nameObject('versions/v1.zip', digestOf(first));
      expectSame(await readNamed('versions/v1.zip'), first);
      await store.nameObject('versions/v1.zip', digestOf(second));
      expectSame(await readNamed('versions/v1.zip'), second);
      await store.writeNamed('versions/manifest.json', Buffer.from('{}'));
      await store.writeNamed('versions/manifest.json', Buffer.from('{"a":1}'));
      expect(Buffer.from(await readNamed('versions/manifest.json')).toString()).toBe('{"a":1}');
    });
  });
}
