import { describe, expect, it } from 'vitest';
import { bufferSource } from '../bytes/byte-source.js';
import { noise } from './release-in-memory.test.support.js';
import { type Sketch, sketchContent } from './sketch-content.js';

const sketch = (bytes: Uint8Array, levelMin = 5): Promise<Sketch> => sketchContent(bufferSource(bytes), { levelMin });
const shared = (one: Sketch, other: Sketch): number =>
  one.anchors.filter((anchor) => other.anchors.includes(anchor)).length / one.anchors.length;

describe('a sketch', () => {
  it('is the same on every platform', async () => {
    const text = new TextEncoder().encode('the quick brown fox jumps over the lazy dog and runs away from it at once. '.repeat(3));
    expect([...(await sketch(text)).anchors]).toMatchInlineSnapshot(`
      [
        499415730,
        2924038776,
        3499390506,
        3827407986,
      ]
    `);
    expect([...(await sketch(noise(1, 500))).anchors]).toMatchInlineSnapshot(`
      [
        115886630,
        180290049,
        761254212,
        1018960009,
        1100435461,
        1936849589,
        2543470496,
        2857671341,
        3088287488,
      ]
    `);
  });

  it('has an anchor for about 2^level bytes, each once, ascending', async () => {
    const { anchors, levels, level } = await sketch(noise(2, 100_000));
    expect(level).toBe(5);
    expect(anchors.length).toBeGreaterThan(2_900);
    expect(anchors.length).toBeLessThan(3_400);
    expect([...anchors]).toEqual([...new Set(anchors)].sort((a, b) => a - b));
    expect(Math.min(...levels)).toBe(5);
  });

  it('has the anchors of a passage wherever that lies', async () => {
    const passage = noise(3, 20_000);
    const moved = await sketch(Buffer.concat([noise(4, 133_333), passage, noise(5, 7)]));
    expect(shared(await sketch(passage), moved)).toBeGreaterThan(0.99);
    expect(shared(await sketch(noise(6, 20_000)), moved)).toBeLessThan(0.01);
  });

  it('of a large content has fewer of the same anchors', async () => {
    const bytes = noise(7, 1_000_000);
    const [all, some] = [await sketch(bytes.subarray(0, 200_000)), await sketch(bytes)];
    expect([all.level, some.level, some.anchors.length <= 8_192]).toEqual([5, 7, true]);
    const high = all.anchors.filter((_, index) => (all.levels[index] ?? 0) >= some.level);
    expect(high.filter((anchor) => some.anchors.includes(anchor)).length / high.length).toBeGreaterThan(0.99);
  });

  it('of the same byte over and over is small', async () => {
    for (let byte = 0; byte < 256; byte += 1)
      expect((await sketch(new Uint8Array(300).fill(byte))).anchors.length).toBeLessThan(20);
  });

  it('of nothing is empty', async () => expect((await sketch(new Uint8Array())).anchors.length).toBe(0));
});
