import { describe, expect, it } from 'vitest';
import { decodeImages } from '../../patch/references/images-format.js';
import { joined } from '../../testing/remendo-samples.js';
import { sampleRelease } from '../../testing/sample-programs.js';
import { seeReferences } from './see-references.js';

const { base, target } = sampleRelease('pe64', 60);
const text = new TextEncoder().encode('Not a program, and of some length. '.repeat(40));

/** Sees them with one block for each of the target's first bytes; tells how often was matched, and what was rewritten. */
function see(bases: readonly Uint8Array[], targets: readonly Uint8Array[], wrong: readonly number[] = [100, 100]) {
  const space = { all: joined([...bases, ...targets]), baseBytes: joined(bases).length };
  const startsOf = (files: readonly Uint8Array[]) => files.map((_, index) => joined(files.slice(0, index)).length);
  const blocks = [{ copied: 0, reference: 0, fresh: space.all.length - space.baseBytes }];
  let rewritten = 0;
  let passes = 0;
  const seen = seeReferences({
    space,
    starts: { bases: startsOf(bases), targets: startsOf(targets) },
    blocks,
    matchRewritten: (rewrite) => {
      const all = space.all.slice();
      rewrite(all, space.all);
      rewritten += Number(Buffer.compare(all, space.all) !== 0);
      return { blocks: [{ copied: 900, reference: 1_024, fresh: blocks[0]?.fresh ?? 0 }], wrong: wrong[passes++] ?? 0, asked: 0 };
    },
  });
  return { seen, passes, rewritten, baseBytes: space.baseBytes, targetBytes: space.all.length - space.baseBytes };
}

describe('references are seen', () => {
  it('in programs anywhere among the files, and described for the terminal', () => {
    const { seen, baseBytes, targetBytes } = see([text, base], [target, text]);
    const images = decodeImages(seen?.data ?? new Uint8Array(), { baseBytes, targetBytes });
    expect(images.bases.length).toBe(1);
    expect(images.bases[0]?.regions[0]?.address).toBe(text.length + 0x400);
    expect(images.targets[0]?.regions[0]?.address).toBe(0x400);
  });

  it('by matching once more as long as that leaves clearly less', () => {
    expect(see([base], [target], [1e6, 1e6]).passes).toBe(2);
    expect(see([base], [target], [9e6, 1e6, 1e5]).passes).toBe(3);
  });

  it('only when there is a program on both sides', () => {
    for (const [bases, targets] of [
      [[text], [target]],
      [[base], [text]],
      [[], [target]],
      [[base], []],
    ] as const) {
      const { seen, passes } = see(bases, targets);
      expect({ seen, passes }).toEqual({ seen: null, passes: 0 });
    }
  });
});
