/** What every object store has to do; an implementation's test calls this with a way to make one. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { digestOf, hasCode } from '@remendo/core';
import { describe, expect, it } from 'vitest';
import type { ObjectStore } from './object-store.js';

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

export function objectStoreContract(open: () => Promise<ObjectStoreUnderTest>): void {
  describe('an object store', () => {
    it('gives back what was put from memory', async () => {
      const { store } = await open();
      const buffer = sample('memory');
      const digest = digestOf(buffer);
      expect(await store.stat(digest)).toBeNull();
      expect(await store.put(digest, { kind: 'buffer', buffer })).toEqual({ bytes: buffer.length });
      expect(await store.has(digest)).toBe(true);
      expect(await store.stat(digest)).toEqual({ bytes: buffer.length });
      expect(await bytesOf(await store.openStream(digest))).toEqual(buffer);
    });

    it('gives back what was put from a file', async () => {
      const { store, folder } = await open();
      const buffer = sample('file');
      const path = join(folder, 'upload');
      await writeFile(path, buffer);
      await store.put(digestOf(buffer), { kind: 'file', path });
      expect(await bytesOf(await store.openStream(digestOf(buffer)))).toEqual(buffer);
    });

    it('refuses bytes of another digest and keeps nothing of them', async () => {
      const { store } = await open();
      const digest = digestOf('announced');
      const put = store.put(digest, { kind: 'buffer', buffer: sample('other') });
      await expect(put).rejects.toSatisfy((error) => hasCode(error, 'DOWNLOAD_DIGEST_MISMATCH'));
      expect(await store.has(digest)).toBe(false);
    });

    it('takes the same object any number of times, also at once', async () => {
      const { store } = await open();
      const buffer = sample('again');
      const digest = digestOf(buffer);
      await Promise.all([1, 2, 3, 4].map(() => store.put(digest, { kind: 'buffer', buffer })));
      await store.put(digest, { kind: 'buffer', buffer });
      expect(await bytesOf(await store.openStream(digest))).toEqual(buffer);
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
        expect(await bytesOf(await store.openStream(digest, { offset, bytes }))).toEqual(buffer.subarray(offset, offset + bytes));
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
      expect(await bytesOf(await store.openStream(digest))).toEqual(Buffer.alloc(0));
    });

    it('says of a missing object that it is missing', async () => {
      const { store, folder } = await open();
      const digest = digestOf('never stored');
      const missing = (error: unknown) => hasCode(error, 'DOWNLOAD_NOT_FOUND');
      await expect(store.openStream(digest)).rejects.toSatisfy(missing);
      await expect(store.openSource(digest)).rejects.toSatisfy(missing);
      await expect(store.materialize(digest, join(folder, 'copy'))).rejects.toSatisfy(missing);
      await store.remove(digest);
    });

    it('makes a file of an object', async () => {
      const { store, folder } = await open();
      const buffer = sample('materialized');
      await store.put(digestOf(buffer), { kind: 'buffer', buffer });
      await store.materialize(digestOf(buffer), join(folder, 'materialized'));
      expect(await readFile(join(folder, 'materialized'))).toEqual(buffer);
    });

    it('forgets a removed object', async () => {
      const { store } = await open();
      const buffer = sample('removed');
      await store.put(digestOf(buffer), { kind: 'buffer', buffer });
      await store.remove(digestOf(buffer));
      expect(await store.has(digestOf(buffer))).toBe(false);
    });

    it('gives objects and small files names for people, and lets a name lead elsewhere later', async () => {
      const { store, readNamed } = await open();
      const [first, second] = [sample('first'), sample('other')];
      for (const buffer of [first, second]) await store.put(digestOf(buffer), { kind: 'buffer', buffer });
      await store.nameObject('versions/v1.zip', digestOf(first));
      await store.nameObject('versions/v1.zip', digestOf(first));
      expect(Buffer.from(await readNamed('versions/v1.zip'))).toEqual(first);
      await store.nameObject('versions/v1.zip', digestOf(second));
      expect(Buffer.from(await readNamed('versions/v1.zip'))).toEqual(second);
      await store.writeNamed('versions/manifest.json', Buffer.from('{}'));
      await store.writeNamed('versions/manifest.json', Buffer.from('{"a":1}'));
      expect(Buffer.from(await readNamed('versions/manifest.json')).toString()).toBe('{"a":1}');
    });
  });
}
