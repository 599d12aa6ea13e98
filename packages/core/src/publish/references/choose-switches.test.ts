import { describe, expect, it } from 'vitest';
import { movedProgram } from '../../testing/moved-program.js';
import { chooseSwitches } from './choose-switches.js';

/** The switches of the words' region. */
function switchesFor(pages: readonly boolean[], isSwitched = true): readonly number[] | undefined {
  const { images, blocks, space, predictor } = movedProgram(pages);
  const chosen = chooseSwitches({ ...space, blocks, predictor, bases: images.bases }, () => isSwitched);
  return chosen[0]?.regions[1]?.switches;
}

describe('references are looked for', () => {
  it.each([
    ['everywhere when all words lead somewhere', [true, true, true], []],
    ['nowhere when none does', [false, false], [0]],
    ['up to the page from which on none does', [true, false], [4096]],
    ['from the page on from which they do', [false, true], [0, 4096]],
    ['around pages where none does', [true, false, false, true], [4096, 3 * 4096]],
  ] as const)('%s', (_, pages, switches) => {
    expect(switchesFor(pages)).toEqual(switches);
  });

  it('everywhere in regions that are not to be switched', () => {
    expect(switchesFor([false, false], false)).toEqual([]);
  });
});
