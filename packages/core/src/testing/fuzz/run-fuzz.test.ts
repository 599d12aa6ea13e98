import { describe, expect, it } from 'vitest';
import { UpdaterError } from '../../errors.js';
import type { FuzzTarget } from './fuzz-target.js';
import { runFuzz } from './run-fuzz.js';

/** A clock that goes on by a millisecond each time it is asked. */
function tickingClock(): () => number {
  let ms = 0;
  return () => ms++;
}

const targetOf = (run: (bytes: Uint8Array) => Promise<void>): FuzzTarget => ({
  name: 'toy',
  run,
  seeds: async () => [Uint8Array.of(1, 2, 3, 4), new Uint8Array(100)],
});

describe('fuzzing', () => {
  it('goes on until its time is up and tells what was accepted and refused', async () => {
    const target = targetOf(async (bytes) => {
      if (bytes.length % 2 === 1) throw new UpdaterError('PATCH_INVALID', 'odd');
    });
    const progress: number[] = [];
    const report = await runFuzz(target, {
      durationMs: 1_000,
      seed: 7,
      now: tickingClock(),
      onProgress: ({ runs }) => progress.push(runs),
    });
    expect(report.runs).toBeGreaterThan(300);
    expect(report.accepted + report.refused).toBe(report.runs);
    expect(report.refusals).toEqual({ PATCH_INVALID: report.refused });
    expect(Math.min(report.accepted, report.refused)).toBeGreaterThan(50);
    expect(progress.at(-1)).toBe(report.runs);
  });

  it('feeds the same bytes for the same seed, and others for the next', async () => {
    const fed = async (seed: number): Promise<string> => {
      const inputs: string[] = [];
      const target = targetOf(async (bytes) => void inputs.push(Buffer.from(bytes).toString('hex')));
      await runFuzz(target, { durationMs: 500, seed, now: tickingClock() });
      return inputs.join('\n');
    };
    expect(await fed(1)).toBe(await fed(1));
    const [one, two] = [await fed(1), await fed(2)];
    const inputs = two.split('\n');
    expect(inputs.filter((input) => input.length > 8 && one.includes(input)).length).toBeLessThan(inputs.length / 4);
  });

  it('stops at anything but an UpdaterError, with the input that did it', async () => {
    const finding = new TypeError('x is undefined');
    const target = targetOf(async (bytes) => {
      if (bytes.length > 4 && bytes[4] === 0xff) throw finding;
    });
    await expect(runFuzz(target, { durationMs: 100_000, seed: 3, now: tickingClock() })).rejects.toMatchObject({
      message: expect.stringMatching(/^toy did not answer with an UpdaterError: seed 3, run \d+, input [0-9a-f]+/),
      cause: finding,
    });
  });

  it('tells the slowest input and how much memory grew', async () => {
    const clock = { ms: 0 };
    let memory = 1_000;
    const target = targetOf(async (bytes) => {
      clock.ms += bytes.length;
      memory += bytes.length === 100 ? 50 : 0;
    });
    const report = await runFuzz(target, { durationMs: 20_000, seed: 1, now: () => clock.ms, memoryBytes: () => memory });
    expect(report.slowestMs).toBeGreaterThanOrEqual(100);
    expect(report.memoryDeltaBytesMax).toBe(50);
    expect(report.memoryGrowthBytesMax).toBe(memory - 1_000);
  });
});
