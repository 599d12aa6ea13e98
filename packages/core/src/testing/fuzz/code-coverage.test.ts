import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CodeCoverage, ReachedCode, startCodeCoverage } from './code-coverage.js';
import type { FuzzTarget } from './fuzz-target.js';
import { runFuzz } from './run-fuzz.js';

/** Each check lets one input of many through: by chance alone next to none gets behind the third. */
const decoder = `export function decode(bytes) {
  if (bytes[0] >> 4 !== 7) return 0;
  if (bytes[1] >> 4 !== 3) return 1;
  if (bytes[2] >> 4 !== 5) return 2;
  return 3;
}`;

let folder: string;
let decode: (bytes: Uint8Array) => number;
let coverage: CodeCoverage;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remendo-coverage-'));
  const file = join(folder, 'decoder.mjs');
  await writeFile(file, decoder);
  coverage = await startCodeCoverage();
  ({ decode } = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as { decode: typeof decode });
});
afterAll(async () => {
  coverage.stop();
  await rm(folder, { recursive: true });
});

const seed = Number(process.env.REMENDO_TEST_SEED ?? 5);

describe('the code that ran', () => {
  it('is fresh once, and again only where an input gets further', async () => {
    const reached = new ReachedCode();
    const ranBy = async (...bytes: number[]) => {
      await coverage.take();
      decode(Uint8Array.from(bytes));
      return coverage.take();
    };
    const first = await ranBy(0);
    expect(reached.hasFresh(first)).toBe(true);
    reached.add(first);
    expect(reached.hasFresh(await ranBy(0x10))).toBe(false);
    const second = await ranBy(0x70, 0x30);
    expect(reached.hasFresh(second)).toBe(true);
    reached.add(second);
    expect(reached.blocks).toBeGreaterThan(1);
    expect(reached.hasFresh(await ranBy(0x7f, 0x3f))).toBe(false);
  });
});

describe('fuzzing by what is reached', () => {
  /** How many of the inputs get behind all checks. */
  async function behindChecks(isSteered: boolean): Promise<number> {
    let count = 0;
    const target: FuzzTarget = {
      name: 'toy',
      async run(bytes) {
        if (decode(bytes) === 3) count++;
      },
      seeds: async () => [new Uint8Array(8)],
    };
    const options = { durationMs: Infinity, runsMax: 40_000, seed, now: () => performance.now(), coverage, isSteered };
    const { runs, blocks } = await runFuzz(target, options);
    expect(runs).toBeGreaterThanOrEqual(40_000);
    expect(blocks).toBeGreaterThan(0);
    return count;
  }

  it(`goes on from inputs that got further than others (seed ${seed})`, { timeout: 600_000 }, async () => {
    const plain = await behindChecks(false);
    expect(await behindChecks(true)).toBeGreaterThan(20 * (plain + 1));
  });
});
