import { describe, expect, it } from 'vitest';
import { movedBy, movedProgram } from '../../testing/moved-program.js';
import { relabel } from './relabel.js';

describe('programs as the matcher sees them', () => {
  it('hold the same words where these lead to the same things', () => {
    const { images, space, predictor, words } = movedProgram([true]);
    const all = space.all.slice();
    relabel(all, space.all, { images, predictor, baseBytes: space.baseBytes });
    const wordsAt = (address: number) => Buffer.from(all.subarray(address, address + 4096));
    expect(wordsAt(words.base).equals(wordsAt(words.target))).toBe(true);
    // What is in the target as it is stays so.
    expect(Buffer.compare(all.subarray(space.baseBytes), space.all.subarray(space.baseBytes))).toBe(0);
  });

  it('stay as they are where references are not looked for', () => {
    const { images, space, predictor, words } = movedProgram([true, true]);
    const [image] = images.bases;
    const regions = (image?.regions ?? []).map((region) => ({ ...region, switches: [4096] }));
    const switched = { bases: [{ ...image, imageBase: 0, relocations: null, regions }], targets: images.targets };
    const all = space.all.slice();
    relabel(all, space.all, { images: switched, predictor, baseBytes: space.baseBytes });
    const [now, before] = [all, space.all].map((bytes) => new DataView(bytes.buffer));
    for (let at = words.base; at < words.base + 8192; at += 4) {
      const moved = at < words.base + 4096 ? movedBy : 0;
      expect(now?.getUint32(at, true)).toBe((before?.getUint32(at, true) ?? 0) + moved);
    }
  });
});
