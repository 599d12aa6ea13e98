import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lacksBsdiff } from '@remendo/core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { exitCodes } from '../exit-codes.js';
import { runRemendo, temporaryFolders } from '../testing/run-remendo.js';
import { baseFiles, targetFiles, writeFiles, zipFolder } from '../testing/sample-releases.js';
import type { BenchedFile } from './benched-files.js';

const makeFolder = temporaryFolders();
let folder: string;
const at = (...names: readonly string[]): string => join(folder, ...names);

/** The one line of JSON, as far as it is looked at here. */
interface BenchResult {
  readonly event: string;
  readonly bytes: number;
  readonly index_bytes: number;
  readonly manifest_difference_bytes: number;
  readonly body_bytes: number;
  readonly files: readonly (Pick<BenchedFile, 'path' | 'how' | 'bytes'> & { readonly stored_bytes: number })[];
}

beforeAll(async () => {
  folder = await makeFolder();
  await writeFiles(at('base'), baseFiles);
  await writeFiles(at('target'), targetFiles);
  await zipFolder(at('target'), at('target.zip'));
});

async function bench(...args: readonly string[]): Promise<BenchResult> {
  const ran = await runRemendo(['bench', ...args, '--json']);
  expect(ran.code, ran.stderr).toBe(0);
  return ran.json() as unknown as BenchResult;
}

describe('remendo bench', () => {
  it('tells the size of the delta that diff makes, to the byte and in its parts', async () => {
    await runRemendo(['diff', at('base'), at('target'), '--out', at('made.delta')]);
    const result = await bench(at('base'), at('target'));
    expect(result.bytes).toBe((await readFile(at('made.delta'))).length);
    const { index_bytes, manifest_difference_bytes, body_bytes } = result;
    expect(Math.min(index_bytes, manifest_difference_bytes, body_bytes)).toBeGreaterThan(0);
    expect(index_bytes + manifest_difference_bytes + body_bytes).toBe(result.bytes);
  });

  it('lists every changed file, the largest first, with what it is made by and costs', async () => {
    const { files, body_bytes } = await bench(at('base'), at('target.zip'));
    expect(files.map(({ path }) => path)).toEqual(expect.arrayContaining(['bin/app.exe', 'data/copy.bin', 'elsewhere/moved.bin']));
    expect(files.map(({ bytes }) => bytes)).toEqual(files.map(({ bytes }) => bytes).sort((a, b) => b - a));
    expect(files.find(({ path }) => path === 'data/copy.bin')).toMatchObject({ how: 'copy', stored_bytes: 0 });
    expect(files.find(({ path }) => path === 'elsewhere/moved.bin')).toMatchObject({ how: 'move', stored_bytes: 0 });
    const stored = files.reduce((sum, file) => sum + file.stored_bytes, 0);
    expect(Math.abs(stored - body_bytes)).toBeLessThanOrEqual(files.length);
  });

  it('takes single files, whatever they are called', async () => {
    const { files } = await bench(at('base', 'bin/app.exe'), at('target', 'readme.txt'), '--codec', 'whole');
    expect(files).toMatchObject([{ path: 'readme.txt', how: 'whole' }]);
  });

  it.skipIf(lacksBsdiff)('tells seconds for each patch', async () => {
    const { files } = await bench(at('base'), at('target'), '--codec', 'bsdiff40');
    const seconds = expect.any(Number);
    expect(files[0]).toMatchObject({ path: 'bin/app.exe', how: 'bsdiff40', make_seconds: seconds, apply_seconds: seconds });
  });

  it('measures the profile that is asked for', async () => {
    const [compact, fast] = [await bench(at('base'), at('target')), await bench(at('base'), at('target'), '--profile', 'fast')];
    await runRemendo(['diff', at('base'), at('target'), '--out', at('fast.delta'), '--profile', 'fast']);
    expect(fast.bytes).toBe((await readFile(at('fast.delta'))).length);
    expect(fast.bytes).not.toBe(compact.bytes);
  });

  it('ends with a code of its own when the delta is larger than its budget, and prints everything all the same', async () => {
    const { bytes } = await bench(at('base'), at('target'));
    const kept = await runRemendo(['bench', at('base'), at('target'), '--budget', `${bytes}`]);
    expect(kept.code).toBe(0);
    expect(kept.stdout).toContain('100 % of the budget');
    const broken = await runRemendo(['bench', at('base'), at('target'), '--budget', `${bytes - 1}`, '--json']);
    expect(broken.code).toBe(exitCodes.budget);
    expect(broken.events()).toMatchObject([{ event: 'result', bytes, budget_bytes: bytes - 1 }]);
    expect(broken.stderr).toContain('error BUDGET_EXCEEDED: the delta has 1 byte more than its budget');
  });

  it.each(['0', '-1', '1.5', '2MB', ''])('a budget of %j is refused before anything is done', async (budget) => {
    const ran = await runRemendo(['bench', at('base'), at('nowhere'), `--budget=${budget}`]);
    expect(ran.code).toBe(exitCodes.usage);
    expect(ran.stderr).toContain('--budget must be a whole number of bytes');
  });

  it('leaves nothing behind', async () => {
    await mkdir(at('temporary'));
    const environment = { TMPDIR: at('temporary'), TEMP: at('temporary'), TMP: at('temporary') };
    expect((await runRemendo(['bench', at('base'), at('target')], { environment })).code).toBe(0);
    expect(await readdir(at('temporary'))).toEqual([]);
  });
});
