import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { inspect } from 'node:util';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3';
import { digestOf } from '@remendo/core';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { objectName } from './object-name.js';
import { objectStoreContract } from './object-store.contract.js';
import { openS3Place, type S3Place } from './s3-client.js';
import { S3ObjectStore } from './s3-object-store.js';
import { startProxy } from './s3-proxy.test.support.js';
import { openTestS3, type TestS3, testS3 } from './test-s3.test.support.js';

const MiB = 1024 ** 2;
const smallParts = { partBytes: 5 * MiB, copyPartBytes: 5 * MiB, readyMsMax: 500 };

describe.skipIf(testS3() === undefined)('S3', () => {
  const used: { readonly place: S3Place; readonly folder: string }[] = [];

  async function openStore() {
    const options = testS3() as TestS3;
    const place = openS3Place(options);
    const folder = await mkdtemp(join(tmpdir(), 'remendo-s3-test-'));
    used.push({ place, folder });
    const readNamed = (name: string) => readKey(place, name);
    return { store: await openTestS3(options), options, place, folder, readNamed };
  }

  afterAll(async () => {
    for (const { place, folder } of used) {
      await empty(place);
      place.client.destroy();
      await rm(folder, { recursive: true, force: true });
    }
  });

  objectStoreContract(openStore);

  it('is what was put when it went in parts, from a file and from memory, whole and across the border of two', async () => {
    const { options, folder } = await openStore();
    const store = new S3ObjectStore(options, smallParts);
    const [inMemory, inFile] = [randomBytes(17 * MiB + 1), randomBytes(16 * MiB + 12_345)];
    await writeFile(join(folder, 'large'), inFile);
    await store.put(digestOf(inMemory), { kind: 'buffer', buffer: inMemory });
    await store.put(digestOf(inFile), { kind: 'file', path: join(folder, 'large') });
    for (const buffer of [inMemory, inFile]) {
      const range = { offset: 5 * MiB - 10, bytes: 20 };
      expect(await bytesOf(await store.openStream(digestOf(buffer), range))).toEqual(
        buffer.subarray(range.offset, range.offset + 20),
      );
      expect((await bytesOf(await store.openStream(digestOf(buffer)))).equals(buffer)).toBe(true);
    }
  });

  it('makes one object of two puts in parts at the same time', async () => {
    const { options, place } = await openStore();
    const buffer = randomBytes(11 * MiB);
    const stores = [new S3ObjectStore(options, smallParts), new S3ObjectStore(options, smallParts)];
    await Promise.all(stores.map((store) => store.put(digestOf(buffer), { kind: 'buffer', buffer })));
    expect((await bytesOf(await (stores[0] as S3ObjectStore).openStream(digestOf(buffer)))).equals(buffer)).toBe(true);
    expect(await openUploads(place)).toEqual([]);
  });

  it('leaves neither an object nor parts of bytes that turn out wrong after most of them were sent', async () => {
    const { options, place } = await openStore();
    const store = new S3ObjectStore(options, smallParts);
    const put = store.put(digestOf('announced'), { kind: 'buffer', buffer: randomBytes(17 * MiB) });
    await expect(put).rejects.toMatchObject({ code: 'DOWNLOAD_DIGEST_MISMATCH' });
    expect(await keys(place)).toEqual([]);
    expect(await openUploads(place)).toEqual([]);
  });

  it('leaves neither an object nor parts of an upload that breaks', async () => {
    const { options, place } = await openStore();
    const proxy = await startProxy(options.endpoint, { breaks: (request) => request.url?.includes('partNumber=2') === true });
    onTestFinished(() => proxy.close());
    const store = new S3ObjectStore({ ...options, endpoint: proxy.url }, smallParts);
    const buffer = randomBytes(17 * MiB);
    const put = store.put(digestOf(buffer), { kind: 'buffer', buffer });
    await expect(put).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    expect(proxy.requests.some((line) => line.startsWith('PUT ') && line.includes('partNumber=1'))).toBe(true);
    expect(await keys(place)).toEqual([]);
    expect(await openUploads(place)).toEqual([]);
  });

  it('ends uploads that a killed process left open, and not those that go on', async () => {
    const { options, place, store } = await openStore();
    const proxy = await startProxy(options.endpoint, {
      breaks: ({ method, url }) => url?.includes('partNumber=2') || method === 'DELETE',
    });
    onTestFinished(() => proxy.close());
    const buffer = randomBytes(11 * MiB);
    const killed = new S3ObjectStore({ ...options, endpoint: proxy.url }, smallParts);
    await killed.put(digestOf(buffer), { kind: 'buffer', buffer }).catch(() => {});
    await store.removeUnfinished(new Date(Date.now() - 3_600_000));
    expect(await openUploads(place)).toEqual([place.prefix + objectName(digestOf(buffer))]);
    await store.removeUnfinished(new Date(Date.now() + 3_600_000));
    expect(await openUploads(place)).toEqual([]);
  });

  it('does not send the bytes of an object that is there', async () => {
    const { options, store } = await openStore();
    const proxy = await startProxy(options.endpoint);
    onTestFinished(() => proxy.close());
    const buffer = randomBytes(100_000);
    await store.put(digestOf(buffer), { kind: 'buffer', buffer });
    const other = new S3ObjectStore({ ...options, endpoint: proxy.url });
    await other.put(digestOf(buffer), { kind: 'buffer', buffer });
    expect(proxy.requests.map((line) => line.split(' ')[0])).toEqual(['HEAD']);
  });

  it('keeps the object of another process that came first', async () => {
    const { options, store, place } = await openStore();
    const buffer = randomBytes(100_000);
    const first = () => store.put(digestOf(buffer), { kind: 'buffer', buffer });
    // Between the second's look and its put.
    const before = ({ method }: { method?: string | undefined }) => (method === 'PUT' ? first() : undefined);
    const proxy = await startProxy(options.endpoint, { before });
    onTestFinished(() => proxy.close());
    const second = new S3ObjectStore({ ...options, endpoint: proxy.url });
    expect(await second.put(digestOf(buffer), { kind: 'buffer', buffer })).toEqual({ bytes: buffer.length });
    expect(proxy.statuses).toContain(412);
    expect(await keys(place)).toEqual([place.prefix + objectName(digestOf(buffer))]);
  });

  it('replaces what has the wrong size under the name of an object', async () => {
    const { store } = await openStore();
    const buffer = randomBytes(1_000);
    await store.writeNamed(objectName(digestOf(buffer)), Buffer.from('cut off'));
    await store.put(digestOf(buffer), { kind: 'buffer', buffer });
    expect(await bytesOf(await store.openStream(digestOf(buffer)))).toEqual(buffer);
  });

  it('makes no file of an object that was changed in the bucket', async () => {
    const { store, folder } = await openStore();
    const digest = digestOf('right');
    await store.writeNamed(objectName(digest), Buffer.from('wrong'));
    const made = store.materialize(digest, join(folder, 'copy'));
    await expect(made).rejects.toMatchObject({ code: 'DOWNLOAD_DIGEST_MISMATCH' });
    await writeFile(join(folder, 'copy'), 'free', { flag: 'wx' });
  });

  it('reads on when the connection breaks, as often as it does', async () => {
    const { options, store } = await openStore();
    const buffer = randomBytes(3 * MiB);
    await store.put(digestOf(buffer), { kind: 'buffer', buffer });
    const proxy = await startProxy(options.endpoint, { answerBytesMax: 400_000 });
    onTestFinished(() => proxy.close());
    const overThinLink = new S3ObjectStore({ ...options, endpoint: proxy.url });
    expect((await bytesOf(await overThinLink.openStream(digestOf(buffer)))).equals(buffer)).toBe(true);
    expect(proxy.requests.length).toBeGreaterThan(7);
  });

  it('refuses an answer of another length than was asked for', async () => {
    const { store } = await openStore();
    const buffer = randomBytes(1_000);
    await store.put(digestOf(buffer), { kind: 'buffer', buffer });
    const stream = store.openStream(digestOf(buffer), { offset: 900, bytes: 101 });
    await expect(stream).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  });

  it('stops waiting for a store that went silent when its stream is destroyed', async () => {
    const { options, store } = await openStore();
    const buffer = randomBytes(1 * MiB);
    await store.put(digestOf(buffer), { kind: 'buffer', buffer });
    const proxy = await startProxy(options.endpoint, { answerBytesMax: 400_000, silent: true });
    onTestFinished(() => proxy.close());
    const stream = await new S3ObjectStore({ ...options, endpoint: proxy.url }).openStream(digestOf(buffer));
    let bytes = 0;
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes === 400_000) stream.destroy();
    });
    await once(stream, 'close');
    expect(proxy.requests.filter((line) => line.startsWith('GET'))).toHaveLength(1);
  });

  it('gives names to objects that are too large for one request to copy', async () => {
    const { options, place, readNamed } = await openStore();
    const store = new S3ObjectStore(options, smallParts);
    const buffer = randomBytes(12 * MiB);
    await store.put(digestOf(buffer), { kind: 'buffer', buffer });
    await store.nameObject('versions/large.zip', digestOf(buffer));
    expect(Buffer.from(await readNamed('versions/large.zip')).equals(buffer)).toBe(true);
    expect(await openUploads(place)).toEqual([]);
  });

  it('does not copy again what has its name already', async () => {
    const { options, store } = await openStore();
    const buffer = randomBytes(1_000);
    await store.put(digestOf(buffer), { kind: 'buffer', buffer });
    await store.nameObject('versions/v1.zip', digestOf(buffer));
    const proxy = await startProxy(options.endpoint);
    onTestFinished(() => proxy.close());
    await new S3ObjectStore({ ...options, endpoint: proxy.url }).nameObject('versions/v1.zip', digestOf(buffer));
    expect(proxy.requests.map((line) => line.split(' ')[0])).toEqual(['HEAD', 'HEAD']);
  });

  it('signs URLs that give the object or a range of it, under the name and type that were asked for', async () => {
    const { store } = await openStore();
    const buffer = randomBytes(10_000);
    await store.put(digestOf(buffer), { kind: 'buffer', buffer });
    const options = { seconds: 60, fileName: 'v1.0.1 "é".zip', contentType: 'application/zip' };
    const url = (await store.presign(digestOf(buffer), options)) as string;
    const whole = await fetch(url);
    expect(whole.headers.get('cache-control')).toMatch(/^private,/);
    expect(whole.headers.get('content-type')).toBe('application/zip');
    expect(whole.headers.get('content-disposition')).toBe('attachment; filename="v1.0.1____.zip"');
    expect(Buffer.from(await whole.arrayBuffer()).equals(buffer)).toBe(true);
    const part = await fetch(url, { headers: { range: 'bytes=100-199' } });
    expect(part.status).toBe(206);
    expect(Buffer.from(await part.arrayBuffer())).toEqual(buffer.subarray(100, 200));
  });

  it('signs for one object and one time only', async () => {
    const { store } = await openStore();
    const [first, second] = [randomBytes(10), randomBytes(10)];
    for (const buffer of [first, second]) await store.put(digestOf(buffer), { kind: 'buffer', buffer });
    const url = (await store.presign(digestOf(first), { seconds: 60 })) as string;
    const tampered = [
      url.replace(/Signature=..../, 'Signature=0000'),
      url.replace('Expires=60', 'Expires=600'),
      url.replace(objectName(digestOf(first)), objectName(digestOf(second))),
      url.slice(0, url.indexOf('?')),
    ];
    for (const other of tampered) expect((await fetch(other)).status).toBe(403);
    expect((await fetch(url)).status).toBe(200);
  });

  it('tells neither key nor secret when they are refused', async () => {
    const { options } = await openStore();
    const credentials = { accessKeyId: options.credentials.accessKeyId, secretAccessKey: 'the-wrong-secret' };
    const store = new S3ObjectStore({ ...options, credentials });
    const digest = digestOf('x');
    const calls = [
      () => store.ready(),
      () => store.put(digest, { kind: 'buffer', buffer: Buffer.from('x') }),
      () => store.openStream(digest),
      () => store.writeNamed('versions/manifest.json', Buffer.from('{}')),
      () => store.list()[Symbol.asyncIterator]().next(),
      () => store.removeUnfinished(new Date()),
    ];
    for (const call of calls) {
      const error = await call().then(null, (caught: unknown) => caught);
      expect(error).toMatchObject({ code: 'STORAGE_FAILED', cause: { message: expect.stringContaining('HTTP 403') } });
      const told = inspect(error, { depth: 20, showHidden: true });
      expect(told).not.toMatch(/the-wrong-secret|Signature=|Credential=|AWS4-HMAC/);
      expect(told).not.toContain(credentials.accessKeyId);
    }
  });

  it('is not ready without its bucket, or when nobody answers', async () => {
    const { options } = await openStore();
    await expect(new S3ObjectStore({ ...options, bucket: 'remendo-no-such-bucket' }).ready()).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
    });
    const silent = await startProxy(options.endpoint, { before: () => new Promise(() => {}) });
    onTestFinished(() => silent.close());
    const store = new S3ObjectStore({ ...options, endpoint: silent.url }, smallParts);
    await expect(store.ready()).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  });

  it('lays a bucket of its own out as operators know it', async () => {
    const options = { ...(testS3() as TestS3), bucket: `remendo-layout-${randomBytes(6).toString('hex')}`, prefix: '' };
    const place = openS3Place(options);
    await place.client.send(new CreateBucketCommand({ Bucket: options.bucket }));
    onTestFinished(async () => {
      await empty(place);
      await place.client.send(new DeleteBucketCommand({ Bucket: options.bucket }));
    });
    const store = await openTestS3(options);
    const zip = randomBytes(1_000);
    await store.put(digestOf(zip), { kind: 'buffer', buffer: zip });
    await store.nameObject('versions/v1.0.1.zip', digestOf(zip));
    await store.writeNamed('versions/manifest.json', Buffer.from('{"versions":[]}'));
    expect(await keys(place)).toEqual([objectName(digestOf(zip)), 'versions/manifest.json', 'versions/v1.0.1.zip']);
    expect(await readKey(place, 'versions/v1.0.1.zip')).toEqual(zip);
    expect((await readKey(place, 'versions/manifest.json')).toString()).toBe('{"versions":[]}');
  });
});

const bytesOf = async (stream: Readable): Promise<Buffer> => Buffer.concat(await stream.toArray());

async function readKey({ client, bucket, prefix }: S3Place, name: string): Promise<Buffer> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: prefix + name }));
  return bytesOf(Body as Readable);
}

async function keys({ client, bucket, prefix }: S3Place): Promise<readonly (string | undefined)[]> {
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }));
  return Contents.map(({ Key }) => Key);
}

async function openUploads({ client, bucket, prefix }: S3Place): Promise<readonly (string | undefined)[]> {
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix }));
  return Uploads.map(({ Key }) => Key);
}

async function empty(place: S3Place): Promise<void> {
  for (const Key of await keys(place)) await place.client.send(new DeleteObjectCommand({ Bucket: place.bucket, Key }));
}
