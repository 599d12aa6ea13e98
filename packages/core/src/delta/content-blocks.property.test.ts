import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isUpdaterError } from '../errors.js';
import { checkProperty } from '../testing/check-property.js';
import {
  type BlockFrame,
  blockBytesFor,
  blockCountOf,
  blockSizes,
  encodeBlockFrameHead,
  readBlockFrames,
} from './content-blocks.js';

async function* chunksOf(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const end = at + (sizes[turn % sizes.length] ?? 1);
    yield bytes.subarray(at, end);
    at = end;
  }
}

async function readAll(bytes: Uint8Array, contents: Parameters<typeof readBlockFrames>[1], sizes: readonly number[] = [7]) {
  const frames: BlockFrame[] = [];
  const reading = readBlockFrames(chunksOf(bytes, sizes), contents);
  for (;;) {
    const next = await reading.next();
    if (next.done === true) return { frames, ...next.value };
    frames.push({ ...next.value, encoded: next.value.encoded.slice() });
  }
}

describe('frames of blocks', () => {
  it('come out as they went in, however the bytes are cut on the way', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 9_000 }), { minLength: 1, maxLength: 4 });
    const runs = fc.uniqueArray(fc.tuple(fc.nat({ max: 9 }), fc.uint8Array({ minLength: 1, maxLength: 4_096 })), {
      selector: ([block]) => block,
    });
    await checkProperty(
      fc.asyncProperty(runs, sizes, async (unordered, cut) => {
        const ordered = unordered.toSorted(([a], [b]) => a - b);
        const heads = ordered.map(([block, { length }]) =>
          encodeBlockFrameHead({ content: 0, block, count: 1, encodedBytes: length }),
        );
        const end = encodeBlockFrameHead({ content: 1, block: 0, count: 0, encodedBytes: 0 });
        const bytes = Buffer.concat([...ordered.flatMap(([, run], index) => [heads[index] ?? end, run]), end]);
        const contents = [{ bytes: 10 * 4_096, blockBytes: 4_096 }];
        const { frames, isComplete } = await readAll(bytes, contents, cut);
        expect(isComplete).toBe(true);
        expect(frames.map(({ block, encoded }) => [block, [...encoded]])).toEqual(ordered.map(([block, run]) => [block, [...run]]));
        expect(await readAll(bytes.subarray(0, -1), contents, cut)).toMatchObject({ isComplete: false });
      }),
      100,
    );
  });

  it('of any bytes are a value or an error of ours, and never more blocks than there are', async () => {
    const number = fc.oneof(fc.nat({ max: 12 }), fc.nat({ max: 0xffff_ffff }));
    const head = fc
      .record({ content: fc.nat({ max: 3 }), block: number, count: number, encodedBytes: number })
      .map(encodeBlockFrameHead);
    const bytes = fc
      .array(fc.oneof(head, fc.uint8Array({ maxLength: 40 })), { maxLength: 12 })
      .map((parts) => Buffer.concat(parts));
    const contents = [
      { bytes: 40_000, blockBytes: 4_096 },
      { bytes: 1, blockBytes: 4_096 },
    ];
    await checkProperty(
      fc.asyncProperty(bytes, async (answer) => {
        try {
          const { frames } = await readAll(answer, contents);
          expect(frames.reduce((sum, { count }) => sum + count, 0)).toBeLessThanOrEqual(11);
        } catch (error) {
          expect(isUpdaterError(error)).toBe(true);
        }
      }),
      500,
    );
  });

  it('are of lengths that make a small damage cheap: what is sent and what comes back are alike', () => {
    for (const [bytes, blockBytes] of [
      [20_000, 4_096],
      [8 * 1024 ** 2, 8_192],
      [200_000_000, 32_768],
      [64 * 1024 ** 3, 1_048_576],
    ] as const) {
      expect(blockBytesFor(bytes)).toBe(blockBytes);
      expect(blockSizes).toContain(blockBytes);
    }
    expect(blockCountOf(0, 4_096)).toBe(0);
    expect(blockCountOf(4_097, 4_096)).toBe(2);
  });
});
