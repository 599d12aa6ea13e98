import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BufferSink, bufferSource } from '../bytes/byte-source.js';
import { nodeFileSystem } from '../file-system/node-file-system.js';
import { digestOf } from '../hash/digest.js';
import { applyPatch } from '../patch/apply-patch.js';
import { lacksBsdiff } from '../testing/lacks-bsdiff.js';
import { memoryScratch } from '../testing/memory-scratch.js';
import { bsdiffPatchMaker } from './bsdiff-patch-maker.js';

const fileSystem = nodeFileSystem();
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remendo-bsdiff-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const at = (name: string): string => join(folder, name);
const paths = () => ({ basePaths: [at('base')], targetPaths: [at('target')], patchPath: at('patch') });
const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

async function makePatch(base: Uint8Array, target: Uint8Array): Promise<Uint8Array> {
  await writeFile(at('base'), base);
  await writeFile(at('target'), target);
  await bsdiffPatchMaker({ fileSystem }).make(paths());
  return readFile(at('patch'));
}

async function applied(base: Uint8Array, patch: Uint8Array, target: Uint8Array): Promise<Uint8Array> {
  const sink = new BufferSink(target.length);
  const contentOf = (bytes: Uint8Array) => ({ sha256: digestOf(bytes), bytes: bytes.length });
  await applyPatch({
    codec: 'bsdiff40',
    bases: [{ source: bufferSource(base), content: contentOf(base) }],
    patch: bufferSource(patch),
    scratch: memoryScratch,
    targets: [{ sink, content: contentOf(target) }],
  });
  return sink.toBuffer();
}

/** A loader of a bsdiff-node that does as it is told. */
const loaderOf = (diff: (basePath: string, targetPath: string, patchPath: string) => Promise<void>) => async () => ({
  default: { diff },
});

describe.skipIf(lacksBsdiff)('a patch made by bsdiff-node', () => {
  it('between real releases of a program is applied exactly by our applier', async () => {
    const file = (release: string): string =>
      fileURLToPath(new URL(`../../../../fixtures/node_modules/${release}/sass.dart.js`, import.meta.url));
    const [base, target] = [await readFile(file('sass-1')), await readFile(file('sass-2'))];
    const patchPath = at('sass.patch');
    await bsdiffPatchMaker({ fileSystem }).make({ basePaths: [file('sass-1')], targetPaths: [file('sass-2')], patchPath });
    const patch = await readFile(patchPath);
    expect(patch.length).toBeLessThan(target.length / 100);
    expect(Buffer.compare(await applied(base, patch, target), target)).toBe(0);
  });

  it('between any edited files is applied exactly', async () => {
    const seed = process.env.REMENDO_TEST_SEED === undefined ? {} : { seed: Number(process.env.REMENDO_TEST_SEED) };
    const edit = fc.record({ place: fc.nat(), removed: fc.nat(400), inserted: fc.uint8Array({ maxLength: 400 }) });
    const pair = fc.tuple(fc.uint8Array({ maxLength: 6_000, size: 'max' }), fc.array(edit, { maxLength: 12 }), fc.boolean());
    await fc.assert(
      fc.asyncProperty(pair, async ([base, edits, swapped]) => {
        const edited = edits.reduce(applyEdit, base);
        const [from, to] = swapped ? [edited, base] : [base, edited];
        expect(await applied(from, await makePatch(from, to), to)).toEqual(to);
      }),
      { ...seed, numRuns: 40 },
    );
  });

  it('may have an empty base, an empty target, equal files, one byte, or one byte repeated', async () => {
    const [empty, one, run] = [new Uint8Array(), Uint8Array.of(7), new Uint8Array(3_000).fill(7)];
    for (const base of [empty, one, run]) {
      for (const target of [empty, one, run]) expect(await applied(base, await makePatch(base, target), target)).toEqual(target);
    }
  });
});

function applyEdit(bytes: Uint8Array, edit: { place: number; removed: number; inserted: Uint8Array }): Uint8Array {
  const offset = edit.place % (bytes.length + 1);
  return new Uint8Array(Buffer.concat([bytes.subarray(0, offset), edit.inserted, bytes.subarray(offset + edit.removed)]));
}

describe('the maker', () => {
  it('says that bsdiff-node is not there, what still works and how to get it', async () => {
    const maker = bsdiffPatchMaker({
      fileSystem,
      load: () => Promise.reject(new Error("Cannot find module './build/Release/bsdiff.node'")),
    });
    const sentence = /bsdiff-node is not there.*everything else works.*C\+\+ compiler/;
    expect(await maker.available()).toEqual({ ok: false, reason: expect.stringMatching(sentence) });
    await expect(maker.make(paths())).rejects.toMatchObject({
      code: 'PATCH_MAKER_UNAVAILABLE',
      message: expect.stringMatching(sentence),
      cause: expect.objectContaining({ message: expect.stringContaining('bsdiff.node') }),
    });
  });

  it.skipIf(lacksBsdiff)('loads bsdiff-node on first use, once, and not before', async () => {
    let loads = 0;
    const load = async (): Promise<unknown> => {
      loads++;
      return { default: {} };
    };
    const maker = bsdiffPatchMaker({ fileSystem, load });
    expect(loads).toBe(0);
    expect((await maker.available()).ok).toBe(false);
    expect((await maker.available()).ok).toBe(false);
    expect(loads).toBe(1);
    expect(await bsdiffPatchMaker().available()).toEqual({ ok: true });
  });

  it.skipIf(lacksBsdiff)('lets no patch leave that does not make the target', async () => {
    const good = await makePatch(Buffer.from('the base of this'), Buffer.from('the target of this'));
    const wrong = await makePatch(Buffer.from('the base of this'), Buffer.from('the TARGET of this'));
    await writeFile(at('target'), 'the target of this');
    const outcomes = [
      [wrong, 'PATCH_TARGET_MISMATCH'],
      [good.subarray(0, 40), 'PATCH_INVALID'],
    ] as const;
    for (const [bytes, code] of outcomes) {
      const maker = bsdiffPatchMaker({
        fileSystem,
        load: loaderOf((_base, _target, patchPath) => writeFile(patchPath, bytes)),
      });
      await expect(maker.make(paths())).rejects.toMatchObject({ code });
      expect(await exists(at('patch'))).toBe(false);
    }
  });

  it('refuses paths that bsdiff-node has no room for, missing files and folders before it is called', async () => {
    const maker = bsdiffPatchMaker({ fileSystem, load: loaderOf(() => Promise.reject(new Error('must not be called'))) });
    await writeFile(at('base'), 'base');
    await writeFile(at('target'), 'target');
    const long = `/${'p'.repeat(200)}`.repeat(4);
    await expect(maker.make({ ...paths(), patchPath: long })).rejects.toMatchObject({
      code: 'PATCH_INVALID',
      message: /768 bytes/,
    });
    await expect(maker.make({ ...paths(), basePaths: [at('missing')] })).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    await expect(maker.make({ ...paths(), targetPaths: [folder] })).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  });

  it.each([
    ['no base', { basePaths: [] }],
    ['several bases', { basePaths: ['a', 'b'] }],
    ['several targets', { targetPaths: ['a', 'b'] }],
  ])('refuses %s', async (_, changed) => {
    const maker = bsdiffPatchMaker({ fileSystem, load: loaderOf(() => Promise.reject(new Error('must not be called'))) });
    await expect(maker.make({ ...paths(), ...changed })).rejects.toMatchObject({ code: 'PATCH_INVALID' });
  });

  it.skipIf(lacksBsdiff)('refuses files that would take too much memory', async () => {
    const large: typeof fileSystem.stat = async () => ({ kind: 'file', bytes: 128 * 1024 * 1024 + 1, mode: 0o644, modifiedMs: 0 });
    const maker = bsdiffPatchMaker({ fileSystem: { stat: large, open: fileSystem.open, removeFile: fileSystem.removeFile } });
    await expect(maker.make(paths())).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
  });

  it('keeps what bsdiff-node says when it fails, and leaves nothing behind', async () => {
    const load = loaderOf(async (_base, _target, patchPath) => {
      await writeFile(patchPath, 'half');
      throw 'BZ2_bzWrite, bz2err = -6';
    });
    await expect(bsdiffPatchMaker({ fileSystem, load }).make(paths())).rejects.toMatchObject({
      code: 'PATCH_INVALID',
      cause: expect.objectContaining({ message: 'BZ2_bzWrite, bz2err = -6' }),
    });
    expect(await exists(at('patch'))).toBe(false);
  });

  it('stops at an abort: at once before it started, after bsdiff-node has ended otherwise', async () => {
    const controller = new AbortController();
    const load = loaderOf(async (_base, _target, patchPath) => {
      await writeFile(patchPath, 'half');
      controller.abort(new Error('enough'));
    });
    const maker = bsdiffPatchMaker({ fileSystem, load });
    await expect(maker.make({ ...paths(), signal: controller.signal })).rejects.toThrow('enough');
    expect(await exists(at('patch'))).toBe(false);
    await expect(maker.make({ ...paths(), signal: controller.signal })).rejects.toThrow('enough');
  });
});
