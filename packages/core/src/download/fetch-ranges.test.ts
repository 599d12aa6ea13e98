import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Blob } from '../delta/delta.js';
import { nodeFileSystem } from '../file-system/node-file-system.js';
import { type Digest, digestOf } from '../hash/digest.js';
import type { ObjectFetch } from '../planner/plan.js';
import { planCost } from '../planner/plan-cost.js';
import { dropAfter, type HostileServer, startHostileServer, withBody } from '../testing/hostile-server.js';
import { manualClock } from '../testing/manual-clock.js';
import { MemoryFileSystem } from '../testing/memory-file-system.js';
import { seededRandom } from '../testing/seeded-random.js';
import { type FetchObjectsOptions, type FetchProgress, fetchObjects } from './fetch-ranges.js';
import { heldRanges } from './held-ranges.js';
import { createHttpClient } from './http-client.js';
import { httpObjectSource } from './http-object-source.js';
import type { ObjectRequest, ObjectSource } from './object-source.js';
import { pruneDownloads } from './prune-downloads.js';
import { sourcesInOrder } from './sources-in-order.js';
import { verifyArrived, verifyBlobs } from './verify-arrived.js';

const fraction = seededRandom(11);
const object = Buffer.from(Uint8Array.from({ length: 300_000 }, () => Math.floor(fraction() * 256)));
const digest = digestOf(object);
const objectBytes = object.length;
const whole: ObjectFetch = { digest, objectBytes, ranges: [{ offset: 0, bytes: objectBytes }] };
const fileSystem = nodeFileSystem();

let folder: string;
let server: HostileServer;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remendo-download-'));
  server = await startHostileServer();
  server.serve(object);
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

/** As a fresh process would: nothing is kept from call to call but what is on disk. */
function download(fetches: readonly ObjectFetch[], options: Partial<FetchObjectsOptions> = {}) {
  const clock = manualClock(1_000_000);
  const client = createHttpClient({
    serverUrl: server.url,
    clock,
    random: { id: () => 'id', fraction: () => 0 },
    timeouts: { stallMs: 1_000_000 },
    retries: { retriesMax: 20 },
  });
  return fetchObjects({ fileSystem, folder, source: httpObjectSource({ client }), fetches, clock, ...options });
}

const blob = (offset: number, bytes: number): Blob => ({
  object: digest,
  offset,
  bytes,
  sha256: digestOf(object.subarray(offset, offset + bytes)),
});

/** A source in memory that counts; `wrong` gives other bytes than the object's. */
function memorySource(asked: ObjectRequest[] = [], bytes: Uint8Array = object, chunkBytes = 10_000): ObjectSource {
  return {
    name: 'memory',
    async *open(request) {
      asked.push(request);
      const end = request.offset + request.bytes;
      for (let offset = request.offset; offset < end; offset += chunkBytes) {
        const chunk = bytes.subarray(offset, Math.min(end, offset + chunkBytes));
        await request.pace?.(chunk.length);
        yield chunk;
      }
    },
  };
}

const wrongSource = (): ObjectSource => memorySource([], Buffer.alloc(objectBytes, 1));
const ranges = (): unknown[] => server.requests.map((request) => request.headers.range);
const names = async (): Promise<string[]> => (await readdir(folder)).sort();

describe('a whole object', () => {
  it('arrives, is verified, and has its digest as its name', async () => {
    const downloads = await download([whole]);
    expect(await names()).toEqual([digest]);
    expect((await readFile(join(folder, digest))).equals(object)).toBe(true);
    expect(downloads.locate(blob(7, 9))).toEqual({ path: join(folder, digest), offset: 7, bytes: 9 });
    await expect(verifyArrived(fileSystem, downloads.locate(blob(7, 9)), blob(7, 9))).resolves.toBeUndefined();
  });

  it('is not asked for again', async () => {
    await download([whole]);
    await download([whole, { digest: digestOf('none'), objectBytes: 0, ranges: [] }]);
    expect(server.requests).toHaveLength(1);
  });

  it('may be empty', async () => {
    const empty = digestOf('');
    const downloads = await download([{ digest: empty, objectBytes: 0, ranges: [{ offset: 0, bytes: 0 }] }]);
    expect((await readFile(downloads.locate({ object: empty, offset: 0, bytes: 0 }).path)).length).toBe(0);
    expect(server.requests).toHaveLength(0);
  });

  it('arrives over a link that drops every few kilobytes', async () => {
    server.always(dropAfter(40_000));
    await download([whole]);
    expect((await readFile(join(folder, digest))).equals(object)).toBe(true);
  });

  it('is refused when it is not what its digest says, and leaves nothing', async () => {
    server.always(withBody((body) => Buffer.concat([body.subarray(1), Buffer.of(0)])));
    await expect(download([whole])).rejects.toMatchObject({ code: 'DOWNLOAD_DIGEST_MISMATCH' });
    expect(await names()).toEqual([]);
    expect(server.requests).toHaveLength(1);
  });

  it('is fetched from the next source when the first gave wrong bytes', async () => {
    const asked: ObjectRequest[] = [];
    await download([whole], { source: sourcesInOrder([wrongSource(), memorySource(asked)]) });
    expect((await readFile(join(folder, digest))).equals(object)).toBe(true);
    expect(asked).toMatchObject([{ offset: 0, bytes: objectBytes }]);
    const allWrong = sourcesInOrder([wrongSource(), wrongSource()]);
    await rm(join(folder, digest));
    await expect(download([whole], { source: allWrong })).rejects.toMatchObject({ code: 'DOWNLOAD_DIGEST_MISMATCH' });
  });
});

describe('a download that was interrupted', () => {
  async function interrupt(fetches: readonly ObjectFetch[], afterBytes: number): Promise<void> {
    const abort = new AbortController();
    const onProgress = ({ bytesFetched }: FetchProgress): void => {
      if (bytesFetched >= afterBytes) abort.abort(new Error('the process ends'));
    };
    const interrupted = download(fetches, { onProgress, signal: abort.signal, source: memorySource() });
    await expect(interrupted).rejects.toThrow('the process ends');
  }

  it('goes on where it stopped', async () => {
    await interrupt([whole], 50_000);
    expect(await names()).toEqual([`${digest}.part`]);
    await download([whole]);
    expect(ranges()).toEqual(['bytes=50000-299999']);
    expect(await names()).toEqual([digest]);
    expect((await readFile(join(folder, digest))).equals(object)).toBe(true);
  });

  it('goes on within a range', async () => {
    const fetch = { digest, objectBytes, ranges: [{ offset: 1_000, bytes: 100_000 }] };
    await interrupt([fetch], 30_000);
    expect(await names()).toEqual([`${digest}.1000-100000.part`]);
    const downloads = await download([fetch], { verify: verifyBlobs(fileSystem, [blob(1_000, 100_000)]) });
    expect(ranges()).toEqual(['bytes=31000-100999']);
    await verifyArrived(fileSystem, downloads.locate(blob(2_000, 99_000)), blob(2_000, 99_000));
  });

  it('asks for nothing when only the last step was missing', async () => {
    await writeFile(join(folder, `${digest}.part`), object);
    await download([whole]);
    expect(server.requests).toHaveLength(0);
    expect(await names()).toEqual([digest]);
  });

  it('begins again, once, when what was there is torn', async () => {
    await interrupt([whole], 50_000);
    await truncate(join(folder, `${digest}.part`), 20_000);
    await truncate(join(folder, `${digest}.part`), 50_000);
    await download([whole]);
    expect(ranges()).toEqual(['bytes=50000-299999', undefined]);
    expect((await readFile(join(folder, digest))).equals(object)).toBe(true);
  });

  it('begins a torn range again when its blobs tell', async () => {
    const fetch = { digest, objectBytes, ranges: [{ offset: 1_000, bytes: 100_000 }] };
    await writeFile(join(folder, `${digest}.1000-100000.part`), Buffer.alloc(30_000));
    await download([fetch], { verify: verifyBlobs(fileSystem, [blob(20_000, 50_000)]) });
    expect(ranges()).toEqual(['bytes=31000-100999', 'bytes=1000-100999']);
  });

  it('does not use a part that is longer than its object', async () => {
    await writeFile(join(folder, `${digest}.part`), Buffer.alloc(objectBytes + 1));
    await download([whole]);
    expect(ranges()).toEqual([undefined]);
  });

  it('does not use a part that is longer than its range, nor one of another length than its name says', async () => {
    await writeFile(join(folder, `${digest}.10-20.part`), Buffer.alloc(21));
    await writeFile(join(folder, `${digest}.100-20`), Buffer.alloc(21));
    const downloads = await download([
      {
        digest,
        objectBytes,
        ranges: [
          { offset: 10, bytes: 20 },
          { offset: 100, bytes: 20 },
        ],
      },
    ]);
    for (const wanted of [blob(10, 20), blob(100, 20)]) await verifyArrived(fileSystem, downloads.locate(wanted), wanted);
  });

  it('copies nothing a second time when what it copied was wrong', async () => {
    await writeFile(join(folder, `${digest}.5-1000`), Buffer.alloc(1_000));
    await download([whole]);
    expect(ranges()).toEqual(['bytes=0-4', 'bytes=1005-299999', undefined]);
    expect((await readFile(join(folder, digest))).equals(object)).toBe(true);
  });

  it('fetches a complete file again that has rotted on disk', async () => {
    await writeFile(join(folder, digest), Buffer.alloc(objectBytes));
    await writeFile(join(folder, `${digest}.5-1000`), Buffer.alloc(1_000));
    const part = { digest, objectBytes, ranges: [{ offset: 5, bytes: 1_000 }] };
    const downloads = await download([part], { verify: verifyBlobs(fileSystem, [blob(5, 1_000)]) });
    await verifyArrived(fileSystem, downloads.locate(blob(5, 1_000)), blob(5, 1_000));
    await download([whole]);
    expect(ranges()).toEqual(['bytes=5-1004', 'bytes=0-4', 'bytes=1005-299999']);
  });
});

describe('what is held already', () => {
  it('is copied, not fetched, and costs what the plan said', async () => {
    const first = {
      digest,
      objectBytes,
      ranges: [
        { offset: 0, bytes: 90_000 },
        { offset: 150_000, bytes: 50_000 },
      ],
    };
    await download([first]);
    await writeFile(join(folder, `${digest}.250000-40000.part`), object.subarray(250_000, 270_000));
    const cost = planCost([whole], await heldRanges(fileSystem, folder));
    const asked: ObjectRequest[] = [];
    let last: FetchProgress | undefined;
    await download([whole], {
      source: memorySource(asked),
      onProgress: (progress) => {
        last = progress;
      },
    });
    expect(asked).toMatchObject([
      { offset: 90_000, bytes: 60_000 },
      { offset: 200_000, bytes: 50_000 },
      { offset: 270_000, bytes: 30_000 },
    ]);
    expect(cost).toMatchObject({ fetchBytes: 140_000, requests: 3 });
    expect(last).toEqual({ bytesDone: objectBytes, bytesTotal: objectBytes, bytesFetched: 140_000 });
    expect((await readFile(join(folder, digest))).equals(object)).toBe(true);
  });

  it('is used in place where one file has all of a range', async () => {
    await download([whole]);
    const downloads = await download([
      {
        digest,
        objectBytes,
        ranges: [
          { offset: 10, bytes: 10 },
          { offset: 9_000, bytes: 90 },
        ],
      },
    ]);
    expect(server.requests).toHaveLength(1);
    expect(downloads.locate(blob(9_005, 5))).toEqual({ path: join(folder, digest), offset: 9_005, bytes: 5 });
    expect(() => downloads.locate(blob(0, objectBytes))).not.toThrow();
  });

  it('is known by its names, and foreign or impossible ones are left alone', async () => {
    const other = digestOf('other');
    await writeFile(join(folder, `${digest}.100-50`), Buffer.alloc(50));
    await writeFile(join(folder, `${digest}.150-50.part`), Buffer.alloc(20));
    await writeFile(join(folder, `${digest}.300-50`), Buffer.alloc(49));
    await writeFile(join(folder, `${digest}.400-50.part`), Buffer.alloc(51));
    await writeFile(join(folder, other), Buffer.alloc(5));
    await writeFile(join(folder, `${other}.part`), Buffer.alloc(9));
    await writeFile(join(folder, `${digest.toUpperCase()}`), Buffer.alloc(9));
    await writeFile(join(folder, 'notes.txt'), 'mine');
    const held = await heldRanges(fileSystem, folder);
    expect(Object.fromEntries(held)).toEqual({ [digest]: [{ offset: 100, bytes: 70 }], [other]: [{ offset: 0, bytes: 9 }] });
    expect(await pruneDownloads(fileSystem, folder, new Set([other]))).toBe(50 + 20 + 49 + 51);
    expect(await names()).toEqual([digest.toUpperCase(), other, `${other}.part`, 'notes.txt'].sort());
  });
});

describe('several ranges', () => {
  const second = Buffer.from(object).reverse();
  const many: readonly ObjectFetch[] = [
    {
      digest,
      objectBytes,
      ranges: [
        { offset: 0, bytes: 10 },
        { offset: 1_000, bytes: 10 },
        { offset: 5_000, bytes: 10 },
      ],
    },
    { digest: digestOf(second), objectBytes, ranges: [{ offset: 0, bytes: objectBytes }] },
  ];

  it('are fetched a few at a time', async () => {
    let running = 0;
    let most = 0;
    const gates: (() => void)[] = [];
    const source: ObjectSource = {
      name: 'slow',
      async *open({ digest: asked, offset, bytes }) {
        most = Math.max(most, ++running);
        // Nobody goes on before as many have come as may come at a time.
        await new Promise<void>((resolve) => {
          gates.push(resolve);
          if (gates.length === 2) for (const open of gates.splice(0)) open();
        });
        running--;
        yield (asked === digest ? object : second).subarray(offset, offset + bytes);
      },
    };
    await download(many, { source, concurrency: 2 });
    expect(most).toBe(2);
  });

  it('stop together at the first failure, and keep what arrived', async () => {
    const source: ObjectSource = {
      name: 'half',
      async *open({ digest: asked, offset, bytes }) {
        if (asked === digest) {
          yield object.subarray(offset, offset + bytes);
          return;
        }
        yield second.subarray(0, 1_000);
        throw new Error('unplugged');
      },
    };
    await expect(download(many, { source })).rejects.toThrow('unplugged');
    expect((await stat(join(folder, `${digestOf(second)}.part`))).size).toBe(1_000);
  });

  it.each([
    ['an object twice', [whole, whole]],
    [
      'overlapping ranges',
      [
        {
          digest,
          objectBytes,
          ranges: [
            { offset: 0, bytes: 10 },
            { offset: 9, bytes: 10 },
          ],
        },
      ],
    ],
    ['a range beyond the end', [{ digest, objectBytes, ranges: [{ offset: objectBytes - 1, bytes: 2 }] }]],
    ['an empty range', [{ digest, objectBytes, ranges: [{ offset: 3, bytes: 0 }] }]],
    ['a negative range', [{ digest, objectBytes, ranges: [{ offset: -1, bytes: 2 }] }]],
    ['half a byte', [{ digest, objectBytes, ranges: [{ offset: 0.5, bytes: 2 }] }]],
  ])('are refused with %s', async (_title, fetches) => {
    await expect(download(fetches)).rejects.toMatchObject({ code: 'PLAN_INVALID' });
  });

  it('know nothing of what was not fetched', async () => {
    server.serve(second);
    const downloads = await download(many);
    for (const missing of [blob(5, 10), blob(2_000, 1), { ...blob(0, 1), object: digestOf('none') }]) {
      expect(() => downloads.locate(missing)).toThrow(expect.objectContaining({ code: 'PLAN_INVALID' }));
    }
  });
});

describe('a source that does not keep its word', () => {
  it.each([
    ['more', 1],
    ['less', -1],
  ])('gives %s than it was asked for: the file never grows above the range', async (_title, by) => {
    const source: ObjectSource = {
      name: 'liar',
      async *open({ offset, bytes }) {
        yield object.subarray(offset, offset + 100);
        yield object.subarray(offset + 100, offset + bytes + by);
      },
    };
    const fetch = { digest, objectBytes, ranges: [{ offset: 0, bytes: 1_000 }] };
    await expect(download([fetch], { source })).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
    expect((await stat(join(folder, `${digest}.0-1000.part`))).size).toBe(by > 0 ? 100 : 999);
  });
});

describe('a full disk', () => {
  it('is reported as such, and the next download goes on from what fitted', async () => {
    const disk = new MemoryFileSystem({ capacityBytes: 120_000 });
    const options = { fileSystem: disk, folder: '/downloads', source: memorySource() };
    await expect(download([whole], options)).rejects.toMatchObject({ code: 'STORAGE_NO_SPACE' });
    disk.capacityBytes = 1_000_000;
    const asked: ObjectRequest[] = [];
    const downloads = await download([whole], { ...options, source: memorySource(asked) });
    expect(asked[0]?.offset).toBeGreaterThanOrEqual(110_000);
    await verifyArrived(disk, downloads.locate(blob(0, objectBytes)), blob(0, objectBytes));
  });
});

it('keeps to its bandwidth over all ranges together', async () => {
  const clock = manualClock();
  const second = Buffer.from(object).reverse();
  const other: Digest = digestOf(second);
  const source: ObjectSource = {
    name: 'both',
    open: (request) => memorySource([], request.digest === digest ? object : second).open(request),
  };
  const fetches = [whole, { digest: other, objectBytes, ranges: [{ offset: 0, bytes: objectBytes }] }];
  const startMs = clock.now();
  await download(fetches, { clock, source, bandwidthBytesPerSecond: 32_000 });
  expect(clock.sleptMs).toHaveLength(60);
  expect(clock.now() - startMs).toBeCloseTo((600_000 / 32_000) * 1_000 - 250, 3);
});

it('stops before anything when its signal is aborted already', async () => {
  await expect(download([whole], { signal: AbortSignal.abort(new Error('closing time')) })).rejects.toThrow('closing time');
  expect(server.requests).toHaveLength(0);
});
