import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limits } from '../limits.js';
import { profileNames } from '../patch/remendo/patch-header.js';
import { goldenSamples } from '../testing/remendo-golden-samples.js';
import { applySample, joined, makePatchOf, type SampleFiles } from '../testing/remendo-samples.js';
import { urlWorkerLoader } from '../workers/url-worker-loader.js';
import { type RemendoPatchMakerOptions, remendoPatchMaker } from './remendo-patch-maker.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remendo-maker-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Threads run the built program; these tests run from source. */
const loader = urlWorkerLoader(new URL('../../dist/publish/remendo/make-patch-worker.js', import.meta.url));
const makerOf = (options: RemendoPatchMakerOptions = {}) => remendoPatchMaker({ loader, ...options });

const samples = goldenSamples();
const sampleOf = (name: string): SampleFiles => samples.find((sample) => sample.name === name) ?? { bases: [], targets: [] };

async function pathsOf(name: string, { bases, targets }: SampleFiles) {
  const write = (kind: string, files: readonly Uint8Array[]): Promise<readonly string[]> =>
    Promise.all(
      files.map(async (bytes, index) => {
        const path = join(folder, `${name}.${kind}${index}`);
        await writeFile(path, bytes);
        return path;
      }),
    );
  return {
    basePaths: await write('base', bases),
    targetPaths: await write('target', targets),
    patchPath: join(folder, `${name}.patch`),
  };
}

describe('the maker', () => {
  it.each(profileNames)('leaves a patch in the %s profile that makes several targets from several bases', async (profile) => {
    const sample = sampleOf('several');
    const paths = await pathsOf(profile, sample);
    await makerOf({ profile }).make(paths);
    const patch = await readFile(paths.patchPath);
    expect(Buffer.compare(joined(await applySample(patch, sample)), joined(sample.targets))).toBe(0);
    expect(patch.length).toBeLessThan(joined(sample.targets).length / 10);
  });

  it('makes the same bytes in any thread, beside others, and from nothing', async () => {
    const maker = makerOf({ workers: 2 });
    const names = ['program', 'text-alone', 'periodic', 'program', 'empty'];
    await Promise.all(names.map(async (name, index) => maker.make(await pathsOf(`${index}-${name}`, sampleOf(name)))));
    for (const [index, name] of names.entries()) {
      const patch = await readFile(join(folder, `${index}-${name}.patch`));
      expect(Buffer.compare(patch, makePatchOf(sampleOf(name))), name).toBe(0);
    }
  });

  it('is there on every machine, and says how much a patch can take', async () => {
    const { basesMax, targetsMax, bytesMax } = makerOf().capacity;
    expect(await makerOf().available()).toEqual({ ok: true });
    expect([basesMax, targetsMax, bytesMax]).toEqual([limits.patchBasesMax, limits.patchTargetsMax, limits.remendoBytesMax]);
  });

  it('passes on that a file is missing, and makes the next patch', async () => {
    const maker = makerOf({ workers: 1 });
    const paths = await pathsOf('next', sampleOf('equal'));
    const missing = { ...paths, basePaths: [join(folder, 'missing')] };
    await expect(maker.make(missing)).rejects.toMatchObject({ code: expect.stringMatching(/^STORAGE_/) });
    await maker.make(paths);
    expect(Buffer.compare(await readFile(paths.patchPath), makePatchOf(sampleOf('equal')))).toBe(0);
  });

  it('ends with the signal’s reason when it is cancelled, and makes the next patch', async () => {
    const maker = makerOf({ workers: 1 });
    const paths = await pathsOf('cancelled', sampleOf('several'));
    const controller = new AbortController();
    const enough = new Error('enough');
    const making = maker.make({ ...paths, signal: controller.signal });
    const waiting = maker.make({ ...paths, signal: controller.signal });
    controller.abort(enough);
    await expect(making).rejects.toBe(enough);
    await expect(waiting).rejects.toBe(enough);
    await maker.make(await pathsOf('after', sampleOf('equal')));
  });
});
