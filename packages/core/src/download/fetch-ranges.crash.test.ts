import { expect, it } from 'vitest';
import { digestOf } from '../hash/digest.js';
import type { ObjectFetch } from '../planner/plan.js';
import { CrashFileSystem, type CrashKind } from '../testing/crash-file-system.js';
import { manualClock } from '../testing/manual-clock.js';
import { fetchObjects } from './fetch-ranges.js';
import type { ObjectSource } from './object-source.js';
import { verifyArrived, verifyBlobs } from './verify-arrived.js';

const seed = Number(process.env.REMENDO_TEST_SEED ?? Date.now() % 2 ** 31);
const kinds: readonly CrashKind[] = ['kept', 'dropped', 'reordered', 'torn', 'killed'];
const object = Uint8Array.from({ length: 5_000 }, (_, index) => (index * 131) % 251);
const other = object.toReversed();
const blob = { object: digestOf(other), offset: 500, bytes: 2_000, sha256: digestOf(other.subarray(500, 2_500)) };
const fetches: readonly ObjectFetch[] = [
  { digest: digestOf(object), objectBytes: object.length, ranges: [{ offset: 0, bytes: object.length }] },
  { digest: digestOf(other), objectBytes: other.length, ranges: [{ offset: 500, bytes: 2_000 }] },
];

let askedCount = 0;
const source: ObjectSource = {
  name: 'memory',
  async *open({ digest, offset, bytes }) {
    askedCount++;
    const from = digest === digestOf(object) ? object : other;
    for (let done = 0; done < bytes; done += 700) yield from.subarray(offset + done, offset + Math.min(bytes, done + 700));
  },
};

async function download(fileSystem: CrashFileSystem): Promise<void> {
  const verify = verifyBlobs(fileSystem, [blob]);
  const downloads = await fetchObjects({
    fileSystem,
    folder: '/root/downloads',
    source,
    fetches,
    verify,
    concurrency: 1,
    clock: manualClock(),
  });
  const whole = { object: digestOf(object), offset: 0, bytes: object.length, sha256: digestOf(object) };
  for (const wanted of [whole, blob]) await verifyArrived(fileSystem, downloads.locate(wanted), wanted);
}

it(`is exact after the next call, wherever the power went during the one before (seed ${seed})`, async () => {
  for (const canSyncDirectories of [true, false]) {
    const untouched = new CrashFileSystem({ canSyncDirectories });
    await download(untouched);
    expect(untouched.operationCount).toBeGreaterThan(15);
    for (let crashAt = 1; crashAt <= untouched.operationCount; crashAt++) {
      for (const [index, kind] of kinds.entries()) {
        const disk = new CrashFileSystem({ canSyncDirectories });
        disk.crashAt = crashAt;
        await expect(download(disk)).rejects.toThrow();
        const next = disk.afterCrash(kind, seed + crashAt * kinds.length + index);
        await download(next).catch((cause: unknown) => {
          throw new Error(`after a crash at ${disk.trace.at(-1)}, writes ${kind}`, { cause });
        });
      }
    }
  }
});

it('keeps through a power cut what it said was done', async () => {
  for (const canSyncDirectories of [true, false]) {
    const disk = new CrashFileSystem({ canSyncDirectories });
    // The updater's own folder is made, and made durable, when the install is opened.
    await disk.makeDirectory('/root');
    disk.settle();
    await download(disk);
    askedCount = 0;
    await download(disk.afterCrash('dropped', seed));
    expect(askedCount).toBe(0);
  }
});
