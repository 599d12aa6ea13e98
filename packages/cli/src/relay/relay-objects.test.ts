/** What the relay's door asks for, put together without a door: what can happen between two of its steps. */
import { type Digest, digestOf, type FileHandle, type ObjectRequest } from '@remendo/core';
import { MemoryFileSystem, manualClock } from '@remendo/core/testing';
import { expect, it } from 'vitest';
import { patience } from '../testing/patience.js';
import { ObjectCache } from './object-cache.js';
import { openRelayObjects, type RelayObjects } from './relay-objects.js';
import { bytesOf } from './relay-world.test.support.js';

const folder = '/objects';

/** A disk on which files that arrive are closed when it is let. */
class SlowDisk extends MemoryFileSystem {
  #letClose = (): void => undefined;
  readonly #mayClose = new Promise<void>((resolve) => {
    this.#letClose = resolve;
  });

  override async open(...given: Parameters<MemoryFileSystem['open']>): Promise<FileHandle> {
    const file = await super.open(...given);
    return given[0].endsWith('.part') ? Object.create(file, { close: { value: () => this.#mayClose } }) : file;
  }

  letClose(): void {
    this.#letClose();
  }
}

async function readAll(objects: RelayObjects, bytes: Uint8Array): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  const asked = { digest: digestOf(bytes), objectBytes: bytes.length, offset: 0, bytes: bytes.length };
  for await (const chunk of objects.read(asked, new AbortController().signal)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

it('fetches again what was evicted as soon as it had arrived, while its file is still being closed', async () => {
  const [one, two] = [bytesOf(600, 1), bytesOf(600, 2)];
  const served = new Map<Digest, Uint8Array>([one, two].map((bytes) => [digestOf(bytes), bytes]));
  const fileSystem = new SlowDisk();
  const cache = await ObjectCache.open({ fileSystem, folder, bytesMax: 1_000 });
  let sendRest = (): void => undefined;
  const rest = new Promise<void>((resolve) => {
    sendRest = resolve;
  });
  const upstream = {
    plan: async () => new Map<Digest, number>(),
    bytes: () => 0,
    async *open({ digest, offset, bytes }: ObjectRequest) {
      const wanted = served.get(digest)?.subarray(offset, offset + bytes) ?? new Uint8Array();
      yield wanted.subarray(0, 300);
      await rest;
      yield wanted.subarray(300);
    },
  };
  let ids = 0;
  const random = { id: () => `id-${++ids}` };
  const objects = openRelayObjects({ upstream, cache, fileSystem, clock: manualClock(1), random, onFailure: () => undefined });
  const leaving = objects.read({ digest: digestOf(one), objectBytes: 600, offset: 0, bytes: 600 }, new AbortController().signal);
  await leaving.next();
  await leaving.return(undefined);
  sendRest();
  await expect.poll(() => cache.heldBytes, patience).toBe(600);
  expect((await readAll(objects, two)).equals(two)).toBe(true);
  expect((await readAll(objects, one)).equals(one)).toBe(true);
  fileSystem.letClose();
  await objects.close();
});
