import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Digest } from '@remendo/core';
import { MemoryFileSystem, stallAfter } from '@remendo/core/testing';
import { describe, expect, it } from 'vitest';
import { bytesOf, folder, openWorld, type RelayWorld } from './relay-world.test.support.js';

const object = bytesOf(300_000, 7);
const other = bytesOf(200_000, 8);
const objects = join(folder, 'objects');

const objectRequests = (world: RelayWorld): readonly string[] => world.asked().filter((path) => path.includes('/objects/'));
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('the disk', () => {
  it('is left its spare room by all downloads together', async () => {
    const disk = new MemoryFileSystem();
    const world = await openWorld({ disk });
    const digests = world.plan([object, other]) as [Digest, Digest];
    await world.get(digests[0], [0, 9]);
    disk.capacityBytes = 256 * 1024 ** 2 + 350_000;
    world.server.script(stallAfter(100_000));
    const stalled = connect(world.relay.port, '127.0.0.1');
    const begun = new Promise((resolve) => stalled.once('data', resolve));
    stalled.write(`GET /v1/objects/${digests[0]} HTTP/1.1\r\nHost: 127.0.0.1\r\nRange: bytes=10-\r\n\r\n`);
    await begun;
    expect((await world.get(digests[1])).status).toBe(503);
    stalled.destroy();
  });

  it('keeps its names that are not the cache’s, and the mode of a folder that was there before', async () => {
    const disk = new MemoryFileSystem();
    await disk.makeDirectory(objects);
    await disk.setMode(folder, 0o755);
    await (await disk.open(join(objects, 'letter.txt'), 'create')).close();
    await openWorld({ disk });
    expect(await disk.stat(join(objects, 'letter.txt'))).toMatchObject({ kind: 'file' });
    expect(await disk.stat(folder)).toMatchObject({ mode: 0o755 });
    const made = await openWorld();
    expect(await made.disk.stat(folder)).toMatchObject({ mode: 0o700 });
  });
});

describe('the cache', () => {
  it('serves after a restart without asking anybody, and reads every file before it believes it', async () => {
    const world = await openWorld();
    const third = bytesOf(5_000, 10);
    const digests = world.plan([object, other, third]) as [Digest, Digest, Digest];
    for (const digest of digests) await world.get(digest);
    const short = await world.disk.open(join(objects, digests[2]), 'write');
    await short.truncate(100);
    await short.close();
    const torn = await world.disk.open(join(objects, digests[1]), 'write');
    await torn.write(5, Uint8Array.of(1, 2, 3));
    await torn.close();
    const left = await world.disk.open(join(objects, 'id-9.part'), 'create');
    await left.close();
    const next = await world.restart();
    const before = next.asked().length;
    expect((await next.get(digests[0], undefined, null)).body.equals(object)).toBe(true);
    expect(next.asked()).toHaveLength(before);
    expect((await next.get(digests[1])).body.equals(other)).toBe(true);
    expect(next.asked().length).toBeGreaterThan(before);
    expect((await next.get(digests[2], [4_000, 4_999])).body.equals(third.subarray(4_000))).toBe(true);
    expect((await next.get(digests[2])).body.equals(third)).toBe(true);
    expect(await next.disk.list(objects)).toEqual(expect.arrayContaining(digests.slice(0, 2)));
    expect(await next.disk.stat(join(objects, 'id-9.part'))).toBeNull();
  });

  it('proves ranges, too, by the digest in their names', async () => {
    const world = await openWorld();
    const [digest] = world.plan([object]) as [Digest];
    await world.get(digest, [1_000, 1_999]);
    const [name = ''] = await world.disk.list(objects);
    expect(name).toBe(`${digest}.1000-1000.${sha256(object.subarray(1_000, 2_000))}`);
    const file = await world.disk.open(join(objects, name), 'write');
    await file.write(0, new Uint8Array(1_000));
    await file.close();
    const next = await world.restart();
    expect((await next.get(digest, [1_000, 1_999])).body.equals(object.subarray(1_000, 2_000))).toBe(true);
  });

  it('forgets what was not used for longest, and never holds more than it may', async () => {
    const world = await openWorld({ settings: { cacheBytes: 1_600_000 } });
    const large = [11, 12, 13].map((seed) => bytesOf(600_000, seed));
    const [one, two, three] = world.plan(large) as [Digest, Digest, Digest];
    for (const digest of [one, two, one, three]) expect(sha256((await world.get(digest)).body)).toBe(digest);
    expect(await world.disk.list(objects)).toEqual([one, three].sort());
    expect(world.relay.traffic().cacheBytes).toBe(1_200_000);
  });

  it('declines an object that is larger than the cache', async () => {
    const world = await openWorld({ settings: { cacheBytes: 100_000 } });
    const [digest] = world.plan([object]) as [Digest];
    expect((await world.get(digest)).status).toBe(503);
    expect(objectRequests(world)).toEqual([]);
  });

  it('belongs to one relay at a time', async () => {
    const world = await openWorld();
    await expect(openWorld({ disk: world.disk, server: world.server })).rejects.toMatchObject({ code: 'TRANSACTION_LOCKED' });
  });
});
