import { expect, test } from 'vitest';
import { IndexSet } from './index-set.js';
import { MinHeap } from './min-heap.js';
import { forSeeds } from './random-plan-input.test.support.js';

test('an index set finds the neighbours that a search through its members finds', () => {
  forSeeds(200, (random) => {
    const bound = random.pick([1, 31, 32, 33, 1_024, 1_025, 40_000]);
    const members = new Set<number>();
    const set = new IndexSet(bound);
    for (let step = 0; step < 150; step += 1) {
      const index = random.between(0, bound - 1);
      if (random.chance(0.6)) members.add(index);
      else members.delete(index);
      if (members.has(index)) set.add(index);
      else set.delete(index);
      const at = random.between(0, bound - 1);
      expect(set.before(at)).toBe(Math.max(-1, ...[...members].filter((member) => member < at)));
      const above = [...members].filter((member) => member > at);
      expect(set.after(at)).toBe(above.length === 0 ? -1 : Math.min(...above));
    }
    set.clear();
    expect(set.after(-0)).toBe(-1);
  });
});

test('a heap gives items by ascending key, and by ascending item where keys are equal', () => {
  forSeeds(200, (random) => {
    const heap = new MinHeap();
    const pairs = Array.from({ length: random.between(0, 60) }, (_, item) => ({ key: random.between(0, 9), item }));
    for (const { key, item } of random.shuffled(pairs)) heap.push(key, item);
    const sorted = pairs.toSorted((a, b) => a.key - b.key || a.item - b.item);
    for (const { key, item } of sorted) {
      expect(heap.nextKey).toBe(key);
      expect(heap.pop()).toBe(item);
    }
    expect([heap.length, heap.pop(), heap.nextKey]).toEqual([0, undefined, Number.POSITIVE_INFINITY]);
  });
});
