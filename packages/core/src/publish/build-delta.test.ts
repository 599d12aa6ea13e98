import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { derivationBases, derivationTargets } from '../delta/delta.js';
import { encodeDeltaIndex } from '../delta/delta-index.js';
import { contentsOf, indexDelta, resolveDelta } from '../delta/resolve-delta.js';
import { UpdaterError } from '../errors.js';
import { nodeFileSystem } from '../file-system/node-file-system.js';
import { type Digest, digestOf } from '../hash/digest.js';
import type { CodecName } from '../patch/codec-name.js';
import { lacksBsdiff } from '../testing/lacks-bsdiff.js';
import { seededRandom } from '../testing/seeded-random.js';
import { inlineDeriver } from '../workers/deriver.js';
import { bsdiffPatchMaker } from './bsdiff-patch-maker.js';
import { type BuildDeltaInput, type BuiltDelta, buildDelta } from './build-delta.js';
import type { MakePatchInput, PatchMaker } from './patch-maker.js';
import { reportOf } from './release-in-memory.test.support.js';
import type { ReleaseOnDisk } from './release-on-disk.js';
import { scanFolder } from './scan-folder.js';

type Files = Readonly<Record<string, string | Uint8Array>>;

const fileSystem = nodeFileSystem();
const bsdiff = bsdiffPatchMaker({ fileSystem });
const isBsdiffHere = (await bsdiff.available()).ok;
let work = '';

beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'remendo-delta-'));
});
afterEach(() => rm(work, { recursive: true, force: true }));

/** Bytes that do not compress. */
function noise(seed: number, bytes: number): Uint8Array {
  const random = seededRandom(seed);
  return Uint8Array.from({ length: bytes }, () => Math.floor(random() * 256));
}

/** The same bytes with a few changes and an insertion, as a new build of a program is. */
function newBuild(bytes: Uint8Array): Uint8Array {
  const changed = Buffer.concat([bytes.subarray(0, 1_000), Buffer.from('inserted'), bytes.subarray(1_000)]);
  for (let at = 500; at < changed.length; at += 4_001) changed[at] = (changed[at] ?? 0) ^ 0x55;
  return changed;
}

async function release(name: string, version: string, files: Files): Promise<ReleaseOnDisk> {
  const root = join(work, name);
  await mkdir(root);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
  const { manifest, filePaths } = await scanFolder(fileSystem, root, { application: 'erp', platform: 'any', version });
  const places = new Map(manifest.files.map((file) => [file.sha256, filePaths.get(file.path) ?? '']));
  return { manifest, pathOf: (sha256) => places.get(sha256) ?? '' };
}

interface Options extends Partial<BuildDeltaInput> {
  /** Name of the work folder. */
  readonly folder?: string;
}

async function build(base: ReleaseOnDisk, target: ReleaseOnDisk, { folder = 'w', ...options }: Options = {}): Promise<BuiltDelta> {
  const workFolder = join(work, folder);
  await mkdir(workFolder);
  return buildDelta({ fileSystem, base, target, makers: isBsdiffHere ? [bsdiff] : [], workFolder, ...options });
}

/** Carries out all derivations, each of which proves its targets, and tells whether every content of the target is there. */
async function reaches({ delta, pack }: BuiltDelta, base: ReleaseOnDisk, target: ReleaseOnDisk): Promise<boolean> {
  const made = new Map<Digest, string>();
  const pathOf = (sha256: Digest): string => made.get(sha256) ?? base.pathOf(sha256);
  const deriver = inlineDeriver(fileSystem);
  for (const derivation of delta.derivations) {
    const { offset, bytes, sha256 } = derivation.blob;
    const targets = derivationTargets(derivation).map((content) => ({ ...content, path: join(work, `made-${content.sha256}`) }));
    await deriver.derive({
      how:
        derivation.kind === 'whole' ? { kind: 'whole', encoding: derivation.encoding } : { kind: 'patch', codec: derivation.codec },
      blob: { path: pack?.path ?? '', offset, bytes, sha256 },
      bases: derivationBases(derivation).map((content) => ({ ...content, path: pathOf(content.sha256) })),
      targets,
    });
    for (const { sha256: content, path } of targets) made.set(content, path);
  }
  expect(resolveDelta(indexDelta(delta), base.manifest)).toEqual(delta);
  for (const { sha256 } of contentsOf(target.manifest)) {
    if (digestOf(await readFile(pathOf(sha256))) !== sha256) return false;
  }
  return true;
}

const program = noise(1, 60_000);
const text = 'All work and no play makes Jack a dull boy.\n'.repeat(800);

const everyCase: readonly [base: Files, target: Files] = [
  {
    'bin/app.dll': program,
    'docs/manual.txt': text,
    'empty-to-full': '',
    'full-to-empty': 'something',
    kept: noise(2, 500),
    'lib-8.17.1.dll': noise(3, 30_000),
    'moved/from-here': noise(4, 800),
    removed: 'gone',
    rewritten: noise(5, 4_000),
    'swap-a': 'a content',
    'swap-b': 'b content',
    copied: noise(6, 900),
  },
  {
    'bin/app.dll': newBuild(program),
    'docs/manual.txt': `${text}The end.\n`,
    'empty-to-full': 'no longer empty',
    'full-to-empty': '',
    kept: noise(2, 500),
    'lib-8.17.2.dll': newBuild(noise(3, 30_000)),
    'moved/to-there': noise(4, 800),
    rewritten: noise(7, 4_000),
    'swap-a': 'b content',
    'swap-b': 'a content',
    copied: noise(6, 900),
    'copies/one': noise(6, 900),
    'copies/two': noise(6, 900),
    'new.txt': text.slice(0, 5_000),
    'new-empty': '',
  },
];

describe('a delta is built', () => {
  it.skipIf(lacksBsdiff)('of patches, whole contents, copies, moves and removals, and leads to the target', async () => {
    const [base, target] = [await release('base', '1.0.0', everyCase[0]), await release('target', '1.0.1', everyCase[1])];
    const events: string[] = [];
    const built = await build(base, target, { onEvent: (event) => events.push(`${event.contentsDone}/${event.contentsTotal}`) });
    expect(Object.fromEntries(built.files.map((file) => [file.path, file.how]))).toEqual({
      'bin/app.dll': 'patch',
      'copies/one': 'copy',
      'copies/two': 'copy',
      'docs/manual.txt': expect.stringMatching(/patch|whole/),
      'empty-to-full': 'whole',
      'full-to-empty': 'move',
      'lib-8.17.2.dll': 'patch',
      'moved/to-there': 'move',
      'new.txt': 'whole',
      'new-empty': 'copy',
      rewritten: 'whole',
      'swap-a': 'move',
      'swap-b': 'move',
      'lib-8.17.1.dll': 'remove',
      'moved/from-here': 'remove',
      removed: 'remove',
    });
    expect(await reaches(built, base, target)).toBe(true);
    expect(events.at(-1)).toBe(`${built.delta.derivations.length}/${built.delta.derivations.length}`);
    expect(built.pack?.bytes).toBeLessThan(10_000);
    expect(digestOf(await readFile(built.pack?.path ?? ''))).toBe(built.pack?.digest);
    expect(await readdir(join(work, 'w'))).toEqual(['pack']);
    expect(built.notices).toEqual([]);
  });

  it('to the same bytes each time, whatever is done at the same time', async () => {
    const [base, target] = [await release('base', '1.0.0', everyCase[0]), await release('target', '1.0.1', everyCase[1])];
    const one = await build(base, target, { folder: 'one', concurrency: 1 });
    const other = await build(base, target, { folder: 'other', concurrency: 4 });
    expect((await readFile(one.pack?.path ?? '')).equals(await readFile(other.pack?.path ?? ''))).toBe(true);
    expect(Buffer.compare(encodeDeltaIndex(indexDelta(one.delta)), encodeDeltaIndex(indexDelta(other.delta)))).toBe(0);
    expect(one.files).toEqual(other.files);
  });

  it('without a pack when nothing has to be fetched', async () => {
    const base = await release('base', '1.0.0', { a: 'x', b: 'y' });
    const target = await release('target', '1.0.1', { b: 'x', c: 'x' });
    const built = await build(base, target);
    expect(built.pack).toBeNull();
    expect(built.delta.objects).toEqual([]);
    expect(built.files).toEqual([
      { path: 'b', how: 'move', bytes: 1, storedBytes: 0, basePath: 'a' },
      { path: 'c', how: 'copy', bytes: 1, storedBytes: 0, basePath: 'a' },
      { path: 'a', how: 'remove', bytes: 1, storedBytes: 0 },
    ]);
    expect(await reaches(built, base, target)).toBe(true);
  });

  it('for a fresh install, from nothing', async () => {
    const base = await release('base', '0.0.0', {});
    const target = await release('target', '1.0.0', { a: text, b: noise(1, 100), c: '' });
    const built = await build(base, target);
    expect(built.files.map((file) => [file.path, file.how])).toEqual([
      ['a', 'whole'],
      ['b', 'whole'],
      ['c', 'whole'],
    ]);
    expect(built.delta.derivations).toMatchObject([{ encoding: 'brotli' }, { encoding: 'identity' }, { encoding: 'identity' }]);
    expect(await reaches(built, base, target)).toBe(true);
  });

  it('from a folder whose name starts as the work folder does, and leaves it as it is', async () => {
    const base = await release('w-base', '1.0.0', { a: 'x' });
    const target = await release('w-target', '1.0.1', { a: noise(9, 300) });
    await build(base, target, { folder: 'w' });
    expect(await readdir(join(work, 'w-target'))).toEqual(['a']);
  });
});

describe('what is stored already', () => {
  const base: Files = { a: program, b: noise(3, 9_000), c: 'c' };

  it.skipIf(lacksBsdiff)('is not built again', async () => {
    const [one, other] = [
      await release('base', '1.0.0', base),
      await release('target', '1.0.1', { ...base, a: newBuild(program), d: text }),
    ];
    const first = await build(one, other, { folder: 'first' });
    const known = first.delta.derivations.map((derivation) => ({ derivation, objectBytes: first.pack?.bytes ?? 0 }));
    const again = await build(one, other, { folder: 'again', known });
    expect(again.pack).toBeNull();
    expect(again.delta).toEqual(first.delta);
    expect(await readdir(join(work, 'again'))).toEqual([]);
  });

  it.skipIf(lacksBsdiff)('serves another pair of releases beside what that needs of its own, what is stored first', async () => {
    const [one, other] = [
      await release('base', '1.0.0', base),
      await release('target', '1.0.1', { ...base, b: newBuild(noise(3, 9_000)) }),
    ];
    const first = await build(one, other, { folder: 'first' });
    const known = first.delta.derivations.map((derivation) => ({ derivation, objectBytes: first.pack?.bytes ?? 0 }));
    const third = await release('third', '1.0.2', { a: newBuild(program), b: newBuild(noise(3, 9_000)), c: 'cc' });
    const second = await build(one, third, { folder: 'second', known });
    expect(second.files.map((file) => file.path)).toEqual(['a', 'b', 'c']);
    expect(second.delta.derivations.map(({ blob }) => blob.object)).toEqual([
      first.pack?.digest,
      second.pack?.digest,
      second.pack?.digest,
    ]);
    expect(second.delta.objects).toEqual([
      { digest: second.pack?.digest, bytes: second.pack?.bytes },
      { digest: first.pack?.digest, bytes: first.pack?.bytes },
    ]);
    expect(resolveDelta(indexDelta(second.delta), one.manifest)).toEqual(second.delta);
  });
});

/** A maker that makes nothing but does as it is told. */
const maker = (
  make: (input: MakePatchInput) => Promise<void>,
  {
    available = { ok: true },
    made = 'bsdiff40',
  }: { available?: Awaited<ReturnType<PatchMaker['available']>>; made?: CodecName } = {},
): PatchMaker => ({
  codec: 'bsdiff40',
  capacity: bsdiff.capacity,
  available: async () => available,
  make: async (input) => {
    await make(input);
    return reportOf(made);
  },
});

describe('where no patch can be made, contents go whole', () => {
  const files: readonly [Files, Files] = [{ a: program }, { a: newBuild(program) }];

  it.each<readonly [why: string, maker: PatchMaker, notice: string]>([
    ['because the maker is not there', maker(async () => {}, { available: { ok: false, reason: 'no compiler' } }), 'no compiler'],
    [
      'because the maker refuses the pair',
      maker(async () => {
        throw new UpdaterError('PATCH_INVALID', 'not these');
      }),
      'a has no bsdiff40 patch: not these',
    ],
  ])('%s, and say so', async (_, patchMaker, notice) => {
    const [base, target] = [await release('base', '1.0.0', files[0]), await release('target', '1.0.1', files[1])];
    const built = await build(base, target, { makers: [patchMaker] });
    expect(built.notices).toEqual([notice]);
    expect(built.files.map((file) => file.how)).toEqual(['whole']);
    expect(await reaches(built, base, target)).toBe(true);
  });

  it('because a patch would be larger', async () => {
    const [base, target] = [
      await release('base', '1.0.0', { a: 'x'.repeat(500) }),
      await release('target', '1.0.1', { a: 'y'.repeat(500) }),
    ];
    const large = maker(({ patchPath }) => writeFile(patchPath, noise(1, 5_000)));
    const built = await build(base, target, { makers: [large] });
    expect(built.files.map((file) => file.how)).toEqual(['whole']);
    expect(await readdir(join(work, 'w'))).toEqual(['pack']);
  });

  it('unless the next maker can', async () => {
    const [base, target] = [await release('base', '1.0.0', files[0]), await release('target', '1.0.1', files[1])];
    const refuses = maker(async () => {
      throw new UpdaterError('LIMIT_EXCEEDED', 'too large for me');
    });
    const built = await build(base, target, { makers: [refuses, maker(({ patchPath }) => writeFile(patchPath, 'tiny'))] });
    expect(built.files).toMatchObject([{ how: 'patch', storedBytes: 4 }]);
  });
});

it('a delta names the codec that each patch turned out to need', async () => {
  const [base, target] = [
    await release('base', '1.0.0', { a: program }),
    await release('target', '1.0.1', { a: newBuild(program) }),
  ];
  const unfolds = maker(({ patchPath }) => writeFile(patchPath, 'tiny'), { made: 'remendo+containers' });
  const { delta } = await build(base, target, { makers: [unfolds] });
  expect(delta.derivations).toMatchObject([{ kind: 'patch', codec: 'remendo+containers' }]);
});

describe('a delta is not built', () => {
  it('of a file that is not what its manifest says', async () => {
    const [base, target] = [await release('base', '1.0.0', { a: 'x' }), await release('target', '1.0.1', { a: 'y' })];
    await writeFile(join(work, 'target/a'), 'z');
    await expect(build(base, target)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  });

  it('when a maker breaks, and nothing is still under way then', async () => {
    const [base, target] = [
      await release('base', '1.0.0', { a: '1', b: '2' }),
      await release('target', '1.0.1', { a: '11', b: '22' }),
    ];
    let underWay = 0;
    const breaks = maker(async ({ basePaths, patchPath }) => {
      underWay++;
      await writeFile(patchPath, 'patch');
      underWay--;
      if (basePaths[0]?.endsWith('a') === true) throw new UpdaterError('STORAGE_NO_SPACE', 'full');
    });
    await expect(build(base, target, { makers: [breaks], concurrency: 2 })).rejects.toMatchObject({ code: 'STORAGE_NO_SPACE' });
    expect(underWay).toBe(0);
  });

  it('when it is aborted', async () => {
    const [base, target] = [await release('base', '1.0.0', everyCase[0]), await release('target', '1.0.1', everyCase[1])];
    const abort = new AbortController();
    const reason = new Error('enough');
    const built = build(base, target, { signal: abort.signal, concurrency: 1, onEvent: () => abort.abort(reason) });
    await expect(built).rejects.toBe(reason);
  });
});
