import { describe, expect, it } from 'vitest';
import { hasCode } from '../errors.js';
import { preserveMatcher } from './preserve.js';
import { parseReleasePath } from './release-path.js';

const preserves = (glob: string, path: string): boolean => preserveMatcher([glob])(parseReleasePath(path));

describe('a glob preserves', () => {
  it.each([
    ['.env', '.env'],
    ['.ENV', '.env'],
    ['*.ini', 'settings.ini'],
    ['*.ini', '.hidden.ini'],
    ['**/*.ini', 'settings.ini'],
    ['**/*.ini', 'a/b/settings.INI'],
    ['storage/app/**', 'storage/app/a/b/c.txt'],
    ['storage/app/**', 'storage/app/.keep'],
    ['storage/', 'storage/app/x'],
    ['./config/*.json', 'config/a.json'],
    ['/config/*.json', 'config/a.json'],
    ['config\\*.json', 'config/a.json'],
    ['{a,b}.txt', 'b.txt'],
    ['log[0-9].txt', 'log7.txt'],
    ['!important.txt', '!important.txt'],
    ['ação/**'.normalize('NFD'), 'ação/x'],
    ['?.txt', 'a.txt'],
    ['Program Files (x86)/*.ini', 'Program Files (x86)/a.ini'],
    ['a+b@c^$.txt', 'a+b@c^$.txt'],
    ['+(a).txt', '+(a).txt'],
  ])('%j: %j', (glob, path) => expect(preserves(glob, path)).toBe(true));
});

describe('a glob does not preserve', () => {
  it.each([
    ['.env', 'a/.env'],
    ['.env', '.env2'],
    ['*.ini', 'a/settings.ini'],
    ['storage', 'storage/app/x'],
    ['storage/*', 'storage/a/b'],
    ['!a.txt', 'b.txt'],
    ['a/**', 'ab/c'],
    ['a.txt', 'axtxt'],
    ['+(a).txt', 'aa.txt'],
  ])('%j: %j', (glob, path) => expect(preserves(glob, path)).toBe(false));
});

it('no globs preserve nothing', () => {
  expect(preserveMatcher([])(parseReleasePath('a'))).toBe(false);
});

it('any of several globs is enough', () => {
  const matches = preserveMatcher(['.env', 'storage/**']);
  expect(['.env', 'storage/a', 'app.js'].map((path) => matches(parseReleasePath(path)))).toEqual([true, true, false]);
});

it.each(['', './', 'x'.repeat(2_000), '*a*a*a*ab', '{*a,/}*a*a*ab', '**/a/**/a/**/a/**/a/*', '[a-[b]]'])(
  '%j is not a glob',
  (glob) => {
    try {
      preserveMatcher([glob]);
      expect.unreachable();
    } catch (error) {
      expect(hasCode(error, 'CONFIG_INVALID')).toBe(true);
    }
  },
);

it.each(['!(a+)+b$b****9', '(a+)+', '+(+(a))', '*a*a*ab', '**/a/**/a/**/a/**/b', '{*a,*aa}*a'])(
  'the glob %j does not take for ever on a long path',
  (glob) => {
    const matches = preserveMatcher([glob]);
    const before = process.cpuUsage();
    for (const path of ['a'.repeat(255), `${'a/'.repeat(63)}c`, `${`${'a'.repeat(250)}/`.repeat(4)}c`])
      matches(parseReleasePath(path));
    // Of work, which takes no longer on a machine that is busy with something else.
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1_000).toBeLessThan(10_000);
  },
);
