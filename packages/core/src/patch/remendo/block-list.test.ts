import { describe, expect, it } from 'vitest';
import { BlockList } from './block-list.js';

describe('a list of blocks', () => {
  it('gives back what was put in, as often as it is asked, beyond the room it begins with', () => {
    const list = new BlockList();
    const blocks = Array.from({ length: 5_000 }, (_, index) => ({
      copied: index,
      reference: 2 ** 32 - 1 - index,
      fresh: index * 3,
    }));
    for (const block of blocks) list.push(block);
    expect(list.count).toBe(5_000);
    expect([...list]).toEqual(blocks);
    expect([...list]).toEqual(blocks);
  });
});
