import { describe, expect, it } from 'vitest';
import { mapLimited } from './map-limited.js';

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('items are mapped', () => {
  it('in their order, so many at a time', async () => {
    let underWay = 0;
    let most = 0;
    const results = await mapLimited([1, 2, 3, 4, 5, 6, 7], 3, async (item, index) => {
      most = Math.max(most, ++underWay);
      await nextTurn();
      underWay--;
      return item * 10 + index;
    });
    expect(results).toEqual([10, 21, 32, 43, 54, 65, 76]);
    expect(most).toBe(3);
  });

  it('no further after a failure, which is told when everything has come to rest', async () => {
    const begun: number[] = [];
    const ended: number[] = [];
    const mapping = mapLimited([0, 1, 2, 3, 4, 5], 2, async (item) => {
      begun.push(item);
      await nextTurn();
      if (item === 0) throw new Error('zero');
      await nextTurn();
      await nextTurn();
      ended.push(item);
    });
    await expect(mapping).rejects.toThrow('zero');
    expect([begun, ended]).toEqual([[0, 1], [1]]);
  });
});
