import { describe, expect, it } from 'vitest';
import { codecNameOf, codecNames, isCodecName, transformsOf, unannouncedCodecs } from './codec-name.js';
import { transformNames } from './remendo/patch-header.js';

describe('names of codecs', () => {
  it('keep their numbers, and what the first terminals know', () => {
    expect(codecNames.slice(0, 5)).toEqual([
      'bsdiff40',
      'remendo',
      'remendo+containers',
      'remendo+references',
      'remendo+containers+references',
    ]);
    expect(unannouncedCodecs).toEqual(['bsdiff40', 'remendo']);
  });

  it('there is one for every set of transforms, which it tells in their order', () => {
    for (let set = 0; set < 2 ** transformNames.length; set += 1) {
      const transforms = transformNames.filter((_, index) => (set >> index) % 2 === 1);
      const name = codecNameOf([...transforms].reverse());
      expect(isCodecName(name)).toBe(true);
      expect(transformsOf(name)).toEqual(transforms);
    }
    expect(transformsOf('bsdiff40')).toEqual([]);
  });

  it.each(['remendo+references+containers', 'remendo+', 'remendo+containers+containers', '+containers', 'Remendo', ''])(
    'are written in one way: %j is none',
    (name) => expect(isCodecName(name)).toBe(false),
  );
});
