import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type CorpusPair, choosePairs, markerOf, pairFolder, readCorpus } from './corpus.js';
import { assertIntegrity, fetchPair } from './fetch-pair.js';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remendo-corpus-test-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(() => vi.unstubAllEnvs());

const pair = (origin: CorpusPair['origin']): CorpusPair => ({
  id: `pair-${origin}`,
  kind: 'for the tests',
  origin,
  name: 'some-package',
  base: '1.0.0',
  target: '1.0.1',
  published: [],
});

describe('the corpus', () => {
  it('lists pairs with ids of their own, two versions each, and published sizes', async () => {
    const pairs = await readCorpus();
    expect(new Set(pairs.map(({ id }) => id)).size).toBe(pairs.length);
    for (const { base, target, published } of pairs) {
      expect(base).not.toBe(target);
      expect(published.every(({ bytes }) => bytes > 0)).toBe(true);
    }
  });

  it('finds pairs by the beginning of their ids, and refuses names of none', async () => {
    const pairs = await readCorpus();
    expect(choosePairs(pairs, [])).toEqual(pairs);
    expect(choosePairs(pairs, ['d2', 'd7-type']).map(({ id }) => id)).toEqual(['d2-esbuild-pe64', 'd7-typescript-js']);
    expect(() => choosePairs(pairs, ['d2', 'x1'])).toThrow('there is no pair x1');
  });

  it.each(['npm', 'deb'] as const)(
    'a pair of %s that can not be fetched is missing with a reason, and leaves nothing',
    async (origin) => {
      vi.stubEnv('PATH', folder);
      const outcome = await fetchPair(pair(origin), folder);
      expect(outcome).toEqual({ kind: 'missing', reason: expect.stringMatching(/^(npm|apt-get) is not installed$/) });
      expect(await readdir(folder)).toEqual([]);
    },
  );

  it('a pair that takes too long is missing, and leaves nothing', async () => {
    const outcome = await fetchPair(pair('npm'), folder, AbortSignal.abort());
    expect(outcome).toEqual({ kind: 'missing', reason: 'it took too long' });
    expect(await readdir(folder)).toEqual([]);
  });

  it('knows the package files of fresh pairs, and takes no others', async () => {
    const fresh = (await readCorpus()).filter((one) => one.fresh === true);
    expect(fresh.length).toBeGreaterThanOrEqual(5);
    for (const { integrity } of fresh)
      for (const text of [integrity?.base, integrity?.target]) expect(text).toMatch(/^sha512-[A-Za-z0-9+/]{86}==$/);
    const file = join(folder, 'package.tgz');
    await writeFile(file, 'abc');
    const ofAbc = 'sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==';
    await assertIntegrity(file, ofAbc);
    await expect(assertIntegrity(file, fresh[0]?.integrity?.base ?? '')).rejects.toThrow('the package file is sha512-3a81');
    await rm(file);
  });

  it('keeps a pair that is there, and fetches it anew when the corpus names other versions', async () => {
    vi.stubEnv('PATH', folder);
    const there = pair('deb');
    const { base, marker } = pairFolder(folder, there);
    await mkdir(base, { recursive: true });
    await writeFile(marker, markerOf(there));
    expect(await fetchPair(there, folder)).toEqual({ kind: 'kept' });
    expect(await readdir(dirname(marker))).toEqual(['base', 'fetched.json']);
    expect(await fetchPair({ ...there, target: '1.0.2' }, folder)).toMatchObject({ kind: 'missing' });
    expect(await readdir(folder)).toEqual([]);
  });
});
