import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf } from '@remendo/core';
import { afterAll, expect, it } from 'vitest';
import { DiskObjectStore } from './disk-object-store.js';
import { objectStoreContract } from './object-store.contract.js';

const folders: string[] = [];

async function openStore() {
  const folder = await mkdtemp(join(tmpdir(), 'remendo-objects-'));
  folders.push(folder);
  const root = join(folder, 'data');
  return { store: new DiskObjectStore(root), folder, root, readNamed: (name: string) => readFile(join(root, name)) };
}

afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

objectStoreContract(openStore);

it('leaves no half-written files behind', async () => {
  const { store, root } = await openStore();
  const buffer = Buffer.from('whole');
  await store.put(digestOf(buffer), { kind: 'buffer', buffer });
  await store.put(digestOf('announced'), { kind: 'buffer', buffer }).catch(() => {});
  await store.nameObject('versions/v1.zip', digestOf(buffer));
  const names = await readdir(root, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map((entry) => entry.name);
  expect(files.sort()).toEqual([digestOf(buffer), 'v1.zip'].sort());
});

it('replaces a file of the wrong size under the name of an object', async () => {
  const { store, root } = await openStore();
  const buffer = Buffer.from('the right bytes');
  const digest = digestOf(buffer);
  await mkdir(join(root, 'objects', digest.slice(0, 2)), { recursive: true });
  await writeFile(join(root, 'objects', digest.slice(0, 2), digest), 'cut off');
  await store.put(digest, { kind: 'buffer', buffer });
  expect(await store.stat(digest)).toEqual({ bytes: buffer.length });
});

it('puts what is not finished where the next start of the server removes it', async () => {
  const { store, root } = await openStore();
  const buffer = Buffer.from('in the way of its own object');
  const digest = digestOf(buffer);
  await mkdir(join(root, 'objects', digest.slice(0, 2), digest, 'in the way'), { recursive: true });
  await expect(store.put(digest, { kind: 'buffer', buffer })).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  expect(await readdir(join(root, 'objects', digest.slice(0, 2)))).toEqual([digest]);
});

it('removes what a killed put left, once nobody can be writing it', async () => {
  const { store, root } = await openStore();
  await mkdir(join(root, 'work', 'objects'), { recursive: true });
  await writeFile(join(root, 'work', 'objects', 'left'), 'half');
  await store.removeUnfinished(new Date(Date.now() - 60_000));
  expect(await readdir(join(root, 'work', 'objects'))).toEqual(['left']);
  await store.removeUnfinished(new Date(Date.now() + 60_000));
  expect(await readdir(join(root, 'work', 'objects'))).toEqual([]);
});

it('is not ready when its folder can not be written', async () => {
  const { folder } = await openStore();
  await writeFile(join(folder, 'a file'), '');
  const store = new DiskObjectStore(join(folder, 'a file'));
  await expect(store.ready()).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
});

it('has no URLs to hand out', async () => {
  const { store } = await openStore();
  expect(await store.presign()).toBeNull();
});
