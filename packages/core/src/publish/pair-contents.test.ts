import { describe, expect, it } from 'vitest';
import { sampleContent, sampleFile, sampleManifest } from '../testing/arbitrary-manifest.js';
import { pairContents } from './pair-contents.js';

type Files = Readonly<Record<string, number>>;

const manifestOf = (version: string, files: Files) =>
  sampleManifest(
    version,
    Object.entries(files).map(([path, content]) => sampleFile(path, content)),
  );

/** For each new content, by its number, the path it is named by and the number of the content it is patched from. */
function pairs(base: Files, target: Files): readonly (readonly [path: string, base: number | null])[] {
  const numberOf = new Map(Array.from({ length: 20 }, (_, number) => [sampleContent(number).sha256, number]));
  return pairContents(manifestOf('1.0.0', base), manifestOf('1.0.1', target)).map(({ path, base: from }) => [
    path,
    from === null ? null : (numberOf.get(from.sha256) ?? -1),
  ]);
}

describe('a new content is patched from', () => {
  it.each<readonly [what: string, base: Files, target: Files, pairs: readonly (readonly [string, number | null])[]]>([
    ['what was at its path', { a: 1 }, { a: 2 }, [['a', 1]]],
    ['nothing when nothing is like it', { a: 1 }, { a: 1, b: 2 }, [['b', null]]],
    ['a file of its name that moved', { 'old/lib.dll': 1 }, { 'new/lib.dll': 2 }, [['new/lib.dll', 1]]],
    ['a file of its name in other case', { 'x/Lib.DLL': 1 }, { 'y/lib.dll': 2 }, [['y/lib.dll', 1]]],
    ['a file whose name had another number', { 'libvips-8.17.1.dll': 1 }, { 'libvips-8.17.2.dll': 2 }, [['libvips-8.17.2.dll', 1]]],
    ['a file whose number has more digits', { 'app.9.js': 1 }, { 'app.10.js': 2 }, [['app.10.js', 1]]],
    [
      'the file at its path but for the numbers, when many have its name',
      { 'x-1.0/index.js': 1, 'y-1.0/index.js': 2 },
      { 'x-1.1/index.js': 3, 'y-1.1/index.js': 4 },
      [
        ['x-1.1/index.js', 1],
        ['y-1.1/index.js', 2],
      ],
    ],
    ['nothing when several have its name', { 'a/x.js': 1, 'b/x.js': 2 }, { 'c/x.js': 3 }, [['c/x.js', null]]],
    ['nothing that the target still has at its path', { 'a/x.js': 1 }, { 'a/x.js': 1, 'b/x.js': 2 }, [['b/x.js', null]]],
    ['its path before its name', { 'a/x.js': 1, 'old/x.js': 2 }, { 'a/x.js': 3 }, [['a/x.js', 1]]],
  ])('%s', (_, base, target, expected) => expect(pairs(base, target)).toEqual(expected));

  it.each<readonly [what: string, base: Files, target: Files]>([
    ['that are kept', { a: 1, b: 2 }, { a: 1, b: 2 }],
    ['that moved', { a: 1 }, { b: 1 }],
    ['that changed places', { a: 1, b: 2 }, { a: 2, b: 1 }],
    ['that are gone', { a: 1, b: 2 }, { a: 1 }],
  ])('nothing for contents %s', (_, base, target) => expect(pairs(base, target)).toEqual([]));

  it('one file once, though it comes several times, in the order of paths', () => {
    expect(pairs({}, { z: 1, b: 2, a: 1 })).toEqual([
      ['a', null],
      ['b', null],
    ]);
  });
});
