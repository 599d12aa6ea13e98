import { describe, expect, it } from 'vitest';
import { digestOf } from '../hash/digest.js';
import { inMakingOrder, planGroups, type ReferencedContent } from './plan-groups.js';

const kibibyte = 1024;
const mebibyte = 1024 ** 2;
const capacity = { basesMax: 4_096, targetsMax: 4_096, bytesMax: 2 ** 31 };
const contentOf = (name: string, bytes: number) => ({ sha256: digestOf(name), bytes });

const file = (path: string, bytes: number, references = [contentOf(`old ${path}`, bytes)]): ReferencedContent => ({
  path,
  content: contentOf(path, bytes),
  references,
});
const groupsOf = (files: readonly ReferencedContent[], within = capacity) => planGroups(inMakingOrder(files), within);
const pathsOf = (files: readonly ReferencedContent[], within = capacity) =>
  groupsOf(files, within).map(({ targets }) => targets.map(({ path }) => path));

describe('contents are grouped', () => {
  it('small ones together and large ones alone, the large first', () =>
    expect(pathsOf([file('a', 10), file('big', 5 * mebibyte), file('c', 10), file('huge', 90 * mebibyte)])).toEqual([
      ['big'],
      ['huge'],
      ['a', 'c'],
    ]));

  it('those of a kind beside each other: by extension, then path', () =>
    expect(pathsOf(['b/x.js', 'a/y.js', 'a/x.js', 'z', 'a/x.css'].map((path) => file(path, 10)))).toEqual([
      ['z', 'a/x.css', 'a/x.js', 'a/y.js', 'b/x.js'],
    ]));

  it('with each base once, and none that is among the targets before', () => {
    const shared = contentOf('shared', 100);
    const [first, second] = [file('1', 10, [shared]), file('2', 10, [shared, contentOf('1', 10), contentOf('more', 50)])];
    expect(groupsOf([first, second])).toMatchObject([{ bases: [shared, contentOf('more', 50)], targets: [first, second] }]);
  });

  it('by no more bytes and contents than a group may have', () => {
    const groups = groupsOf(Array.from({ length: 3_000 }, (_, index) => file(`${index}`, index % 7 === 0 ? 60 * kibibyte : 300)));
    for (const { targets } of groups) {
      expect(targets.length).toBeLessThanOrEqual(512);
      expect(targets.reduce((sum, { content }) => sum + content.bytes, 0)).toBeLessThanOrEqual(8 * mebibyte);
    }
    expect(groups.length).toBeLessThan(25);
  });

  it('each with its base alone where patches have one target', () => {
    const one = { basesMax: 1, targetsMax: 1, bytesMax: 1_000 };
    expect(groupsOf([file('a', 10), file('b', 20), file('c', 10, [contentOf('x', 1_001)])], one)).toMatchObject([
      { bases: [contentOf('old a', 10)], targets: [{ path: 'a' }] },
      { bases: [contentOf('old b', 20)], targets: [{ path: 'b' }] },
      { bases: [], targets: [{ path: 'c' }] },
    ]);
  });

  it('as before, but for some, when one more is there', () => {
    const files = Array.from({ length: 3_000 }, (_, index) => file(`folder-${index % 50}/file-${index}`, 5 * kibibyte));
    const before = pathsOf(files).map((paths) => paths.join());
    const after = new Set(pathsOf([...files, file('folder-7/file-1000a', 100)]).map((paths) => paths.join()));
    expect(before.length).toBeGreaterThan(3);
    expect(before.filter((paths) => !after.has(paths)).length).toBeLessThanOrEqual(2);
  });
});
