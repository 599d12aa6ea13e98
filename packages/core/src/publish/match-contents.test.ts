import { describe, expect, it } from 'vitest';
import { contentsOf } from '../delta/resolve-delta.js';
import { MemoryFileSystem } from '../testing/memory-file-system.js';
import { matchContents } from './match-contents.js';
import { pairContents } from './pair-contents.js';
import { type Files, newBuild, noise, releaseInMemory } from './release-in-memory.test.support.js';
import { pathOfEither } from './release-on-disk.js';

/** For each new content, by its path, the paths of what it is patched from; those of other new ones with a plus. */
async function references(base: Files, target: Files, referencesMax = 3): Promise<Readonly<Record<string, readonly string[]>>> {
  const fileSystem = new MemoryFileSystem();
  const releases = {
    base: await releaseInMemory(fileSystem, '1.0.0', base),
    target: await releaseInMemory(fileSystem, '1.0.1', target),
  };
  const [was, is] = [releases.base.manifest, releases.target.manifest];
  const names = new Map([
    ...is.files.map(({ sha256, path }) => [sha256, `+${path}`] as const),
    ...was.files.map(({ sha256, path }) => [sha256, path as string] as const),
  ]);
  const matched = await matchContents({
    fileSystem,
    pathOf: pathOfEither(releases),
    held: contentsOf(was),
    pairs: pairContents(was, is),
    referencesMax,
  });
  return Object.fromEntries(matched.map((one) => [one.path, one.references.map(({ sha256 }) => names.get(sha256) ?? '')]));
}

const [app, other, third] = [noise(1, 40_000), noise(2, 40_000), noise(3, 40_000)];

describe('a new content is patched from', () => {
  it('what was at its path', async () =>
    expect(await references({ a: app, b: other }, { a: newBuild(app), b: newBuild(other) })).toEqual({ a: ['a'], b: ['b'] }));

  it('its old self under another name, when it changed as well', async () =>
    expect(await references({ 'bin/editor.exe': app, x: other }, { 'tools/notes.bin': newBuild(app), x: other })).toEqual({
      'tools/notes.bin': ['bin/editor.exe'],
    }));

  it('its old self when names were exchanged', async () =>
    expect(
      await references({ 'app-a.js': app, 'app-b.js': other }, { 'app-a.js': newBuild(other), 'app-b.js': newBuild(app) }),
    ).toEqual({ 'app-a.js': ['app-b.js'], 'app-b.js': ['app-a.js'] }));

  it('an unchanged content that it is like', async () =>
    expect(
      await references({ 'net8/lib.dll': app, x: other }, { 'net8/lib.dll': app, 'net9/lib.dll': newBuild(app), x: other }),
    ).toEqual({
      'net9/lib.dll': ['net8/lib.dll'],
    }));

  it('another new content that it is like, which is made before', async () =>
    expect(await references({}, { 'one.dll': app, 'two.dll': newBuild(app) })).toEqual({ 'one.dll': [], 'two.dll': ['+one.dll'] }));

  it('its old self and what holds the rest of it', async () => {
    const bundle = Buffer.concat([app, other]);
    const newModule = noise(4, 9_000);
    const target = { 'a-module.js': Buffer.concat([third, newModule]), 'bundle.js': Buffer.concat([app, newModule, other]) };
    expect(await references({ 'a-module.js': third, 'bundle.js': bundle }, target)).toEqual({
      'a-module.js': ['a-module.js'],
      'bundle.js': ['bundle.js', '+a-module.js'],
    });
    expect(await references({ 'a-module.js': third, 'bundle.js': bundle }, target, 1)).toMatchObject({
      'bundle.js': ['bundle.js'],
    });
  });

  it('what was at its path although nothing of it is left', async () =>
    expect(await references({ a: app, b: other }, { a: third, b: other })).toEqual({ a: ['a'] }));

  it('nothing when it is like nothing', async () => expect(await references({ a: app }, { a: app, b: other })).toEqual({ b: [] }));

  it('what its name says when the base is too large to be looked through for its sake', async () => {
    const [one, two] = [noise(5, 200), noise(6, 200)];
    const exchanged = { a: Buffer.concat([two, Buffer.of(0)]), b: Buffer.concat([one, Buffer.of(0)]) };
    expect(await references({ a: one, b: two }, exchanged)).toEqual({ a: ['b'], b: ['a'] });
    const large = noise(7, 2_000_000);
    expect(await references({ a: one, b: two, large }, { ...exchanged, large })).toEqual({ a: ['a'], b: ['b'] });
  });

  it('nothing when there is no maker of patches', async () =>
    expect(await references({ a: app }, { a: other }, 0)).toEqual({ a: [] }));

  it('nothing when it is empty, and never from what is empty', async () =>
    expect(await references({ a: '', b: app }, { a: other, b: '' })).toEqual({ a: [] }));
});
