import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '../hash/digest.js';
import { encodeBsdiff40 } from '../testing/bsdiff40-encoder.js';
import type { DeriveJob } from './derive-contents.js';
import type { Deriver } from './deriver.js';
import { workerDeriver, workersFor } from './worker-deriver.js';
import { textWorkerLoader, type WorkerLoader } from './worker-loader.js';

/** The worker's program as it is built: threads do not run TypeScript. */
const builtWorker = new URL('../../dist/workers/derive-worker.js', import.meta.url);

/** Answers by what the job's first target is called; keeps to the protocol of derive-worker. */
const toyProgram = `
  const { parentPort } = require('node:worker_threads');
  let answerAbort = null;
  parentPort.on('message', (request) => {
    const answer = (reply) => parentPort.postMessage(reply);
    if (request.kind === 'abort') return answerAbort?.();
    const what = request.job.targets[0].path;
    if (what === 'exit') process.exit(7);
    else if (what === 'throw') setImmediate(() => { throw new Error('uncaught in the worker'); });
    else if (what === 'memory') { const hoard = []; for (;;) hoard.push(Array.from({ length: 10000 }, () => ({}))); }
    else if (what === 'exit-later') { answer({ ok: true }); setImmediate(() => process.exit(0)); }
    else if (what === 'wait') answerAbort = () => answer({ ok: false, code: null, message: 'aborted', details: {} });
    else if (what === 'refuse') answer({ ok: false, code: 'PATCH_INVALID', message: 'refused', details: { at: 3 } });
    else if (what === 'bug') answer({ ok: false, code: null, message: 'x is undefined', details: {} });
    else answer({ ok: true });
  });`;

class CountingLoader implements WorkerLoader {
  started = 0;
  readonly exits: Promise<unknown>[] = [];
  constructor(private readonly inner: WorkerLoader) {}

  start(options: Parameters<WorkerLoader['start']>[0]): Worker {
    this.started++;
    const worker = this.inner.start(options);
    this.exits.push(new Promise((resolve) => worker.once('exit', resolve)));
    return worker;
  }
}

let folder = '';
const open: Deriver[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remendo-workers-'));
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((deriver) => deriver.close()));
  await rm(folder, { recursive: true, force: true });
});

function crew(inner: WorkerLoader, workers: number): { readonly deriver: Deriver; readonly loader: CountingLoader } {
  const loader = new CountingLoader(inner);
  const deriver = workerDeriver({ loader, workers });
  open.push(deriver);
  return { deriver, loader };
}

const builtCrew = (workers: number) => crew({ start: (options) => new Worker(builtWorker, options) }, workers);
const toyCrew = (workers: number) => crew(textWorkerLoader(toyProgram), workers);

const toyJob = (what: string): DeriveJob => ({
  how: { kind: 'whole', encoding: 'identity' },
  blob: { path: '', offset: 0, bytes: 0, sha256: digestOf('') },
  bases: [],
  targets: [{ path: what, sha256: digestOf(''), bytes: 0 }],
});

async function fileOf(name: string, bytes: Uint8Array) {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return { path, sha256: digestOf(bytes), bytes: bytes.length };
}

async function patchJob(name: string, options: { readonly damaged?: boolean } = {}): Promise<DeriveJob> {
  const base = Buffer.from(`the base of ${name} `.repeat(500));
  const target = Buffer.from(base);
  target.write(name, 77);
  const patch = Buffer.from(encodeBsdiff40(base, target, { parts: [{ basePosition: 0, add: target.length, copy: 0 }] }));
  if (options.damaged === true) patch.fill(0xff, 40);
  return {
    how: { kind: 'patch', codec: 'bsdiff40' },
    blob: { ...(await fileOf(`${name}.patch`, patch)), offset: 0 },
    bases: [await fileOf(`${name}.base`, base)],
    targets: [{ path: join(folder, `${name}.target`), sha256: digestOf(target), bytes: target.length }],
  };
}

describe('derivations in threads', () => {
  it('make their targets, several at a time', async () => {
    const { deriver, loader } = builtCrew(2);
    const jobs = await Promise.all(Array.from({ length: 6 }, (_, index) => patchJob(`file${index}`)));
    await Promise.all(jobs.map((job) => deriver.derive(job)));
    for (const { targets } of jobs) {
      for (const target of targets) expect(digestOf(await readFile(target.path))).toBe(target.sha256);
    }
    expect([loader.started, deriver.workers]).toEqual([2, 2]);
  });

  it('fail with the code of the failure, and the next ones are made by the same thread', async () => {
    const { deriver, loader } = builtCrew(1);
    const [bad, good] = [await patchJob('bad', { damaged: true }), await patchJob('good')];
    const results = await Promise.allSettled([bad, good].map((job) => deriver.derive(job)));
    expect(results).toMatchObject([{ status: 'rejected', reason: { code: 'PATCH_INVALID' } }, { status: 'fulfilled' }]);
    expect(loader.started).toBe(1);
  });

  it('fail when the blob is not what it should be, without decoding it', async () => {
    const job = await patchJob('a');
    await writeFile(job.blob.path, Buffer.alloc(job.blob.bytes));
    await expect(builtCrew(1).deriver.derive(job)).rejects.toMatchObject({ code: 'DOWNLOAD_DIGEST_MISMATCH' });
  });

  it('pass on what a failure is about', async () => {
    await expect(toyCrew(1).deriver.derive(toyJob('refuse'))).rejects.toMatchObject({ code: 'PATCH_INVALID', details: { at: 3 } });
    await expect(toyCrew(1).deriver.derive(toyJob('bug'))).rejects.toMatchObject({ name: 'Error', message: 'x is undefined' });
  });
});

describe('a thread that dies', () => {
  it.each(['exit', 'throw', 'memory'])('of a job (%s) costs that job only', async (how) => {
    const { deriver, loader } = toyCrew(1);
    const results = await Promise.allSettled(['fine', how, 'fine', how, 'fine'].map((what) => deriver.derive(toyJob(what))));
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled']);
    expect(results[1]).toMatchObject({ reason: { code: 'PATCH_INVALID', message: 'the worker died of this derivation' } });
    expect(loader.started).toBe(3);
  });

  it('while it has nothing to do is replaced', async () => {
    const { deriver, loader } = toyCrew(1);
    await deriver.derive(toyJob('exit-later'));
    await loader.exits[0];
    await deriver.derive(toyJob('fine'));
    expect(loader.started).toBe(2);
  });
});

describe('an abort', () => {
  it('ends the job that is under way and those that wait, and leaves the threads usable', async () => {
    const { deriver, loader } = toyCrew(1);
    const abort = new AbortController();
    const jobs = ['wait', 'fine'].map((what) => deriver.derive(toyJob(what), abort.signal));
    const reason = new Error('enough');
    abort.abort(reason);
    expect(await Promise.allSettled(jobs)).toEqual([
      { status: 'rejected', reason },
      { status: 'rejected', reason },
    ]);
    await deriver.derive(toyJob('fine'));
    expect(loader.started).toBeLessThanOrEqual(1);
  });

  it('in a built thread ends the job', async () => {
    const abort = new AbortController();
    const job = builtCrew(1).deriver.derive(await patchJob('a'), abort.signal);
    abort.abort(new Error('enough'));
    await expect(job).rejects.toThrow('enough');
  });
});

describe('closing', () => {
  it('fails the job that is under way and those that wait, and starts no thread again', async () => {
    const { deriver, loader } = toyCrew(1);
    await deriver.derive(toyJob('fine'));
    const jobs = ['wait', 'fine', 'fine'].map((what) => deriver.derive(toyJob(what)));
    const settled = Promise.allSettled(jobs);
    await new Promise((resolve) => setImmediate(resolve));
    await deriver.close();
    expect((await settled).map((result) => result.status)).toEqual(['rejected', 'rejected', 'rejected']);
    await expect(deriver.derive(toyJob('fine'))).rejects.toThrow('the workers were closed');
    expect(loader.started).toBe(1);
  });

  it('is done at once when nothing was started, and may be repeated', async () => {
    const { deriver } = toyCrew(4);
    await deriver.close();
    await deriver.close();
  });
});

it.each([
  [1, 16 * 2 ** 30, 1],
  [2, 16 * 2 ** 30, 2],
  [64, 16 * 2 ** 30, 4],
  [4, 512 * 2 ** 20, 2],
  [4, 100 * 2 ** 20, 1],
  [4, 0, 1],
])('a machine with %i cores and %i free bytes gets %i workers', (cores, freeMemoryBytes, workers) => {
  expect(workersFor({ cores, freeMemoryBytes })).toBe(workers);
});
