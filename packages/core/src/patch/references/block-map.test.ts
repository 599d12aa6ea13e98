import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../../limits.js';
import { checkProperty } from '../../testing/check-property.js';
import type { Block } from '../remendo/patch-blocks.js';
import { BlockMap } from './block-map.js';

const baseBytes = 400;

/** Where each byte of the base went, as the document says it: by the longest copy, then the first one in the base, then in the targets. */
function modelOf(blocks: readonly Block[]): (address: number) => number {
  let position = 0;
  const copies = blocks.flatMap(({ copied, reference, fresh }) => {
    const copy = { copied, reference, position };
    position += copied + fresh;
    return copied >= 8 && reference + copied <= baseBytes ? [copy] : [];
  });
  copies.sort((a, b) => b.copied - a.copied || a.reference - b.reference || a.position - b.position);
  const went = (address: number): number | null => {
    const copy = copies.find(({ copied, reference }) => address >= reference && address < reference + copied);
    return copy === undefined ? null : copy.position + address - copy.reference;
  };
  return (address) => {
    if (copies.length === 0) return -1;
    for (let before = address; before >= 0; before--) {
      const place = went(before);
      if (place !== null) return place + address - before;
    }
    for (let after = address; ; after++) {
      const place = went(after);
      if (place !== null) return place + address - after;
    }
  };
}

const blockArbitrary = fc.record({
  copied: fc.oneof(fc.nat(12), fc.nat(120), fc.constant(40)),
  reference: fc.nat(baseBytes + 20),
  fresh: fc.nat(10),
});

describe('where bytes of a base went', () => {
  it('is where the longest copy took them, or where their neighbour went', async () => {
    await checkProperty(
      fc.property(fc.array(blockArbitrary, { maxLength: 20 }), (blocks) => {
        const map = new BlockMap(blocks, baseBytes);
        const model = modelOf(blocks);
        for (let address = 0; address < baseBytes; address++) expect(map.placeOf(address), `of ${address}`).toBe(model(address));
        for (const address of [399, 0, 200, 7]) expect(map.placeOf(address)).toBe(model(address));
      }),
      150,
    );
  });

  it('is nowhere when all copies are short, or of targets', () => {
    const short = { copied: 7, reference: 0, fresh: 0 };
    const ofTargets = { copied: 100, reference: baseBytes - 50, fresh: 0 };
    expect(new BlockMap([short, ofTargets], baseBytes).placeOf(3)).toBe(-1);
  });

  it('is soon known for as many copies over each other as a patch may have', () => {
    const count = limits.patchBlocksMax;
    const blocks = Array.from({ length: count }, (_, index) => ({
      copied: 2_000 + (index % 1_000),
      reference: (index * 7_919) % count,
      fresh: 1,
    }));
    const map = new BlockMap(blocks, count + 3_000);
    for (let address = 0; address < count; address += 101) expect(map.placeOf(address)).toBeGreaterThanOrEqual(0);
  });
});
