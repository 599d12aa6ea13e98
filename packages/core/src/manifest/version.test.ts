import { describe, expect, it } from 'vitest';
import { hasCode } from '../errors.js';
import { compareVersions, encodeVersionText, isSemver, parseVersion, parseVersionText, shownVersion } from './version.js';

describe('a version is accepted', () => {
  it.each([
    ['1.2.3', '1.2.3', '1.2.3'],
    ['v1.2.3', '1.2.3', '1.2.3'],
    ['V1.2.3', '1.2.3', '1.2.3'],
    ['  1.2.3\t', '1.2.3', '1.2.3'],
    ['1.2.3-rc.1', '1.2.3-rc.1', '1.2.3-rc.1'],
    ['1.2.3+build.5', '1.2.3+build.5', '1.2.3+build.5'],
    ['1.2.3.4', '1.2.196612', '1.2.3.4'],
    ['2026.01.05.0', '2026.1.327680', '2026.1.5.0'],
    ['0.0.0.0', '0.0.0', '0.0.0.0'],
    ['65535.65535.65535.65535', '65535.65535.4294967295', '65535.65535.65535.65535'],
  ])('%j as %s, shown as %s', (text, version, shown) => {
    const parsed = parseVersion(text);
    expect([parsed.version, shownVersion(parsed)]).toEqual([version, shown]);
    expect(isSemver(parsed.version)).toBe(true);
  });
});

describe('a version is refused', () => {
  it.each([
    '',
    '1',
    '1.2',
    '1.2.3.4.5',
    '65536.0.0.0',
    '1.2.3.65536',
    '01.2.3',
    '1.2.3-',
    '1.2.3+',
    '=1.2.3',
    'vv1.2.3',
    'latest',
    '^1.2.3',
    '1.2.x',
    '-1.0.0',
    '1.2.3-01',
    '1.2.3 4',
    '1.2.3\n4',
    '9007199254740992.0.0',
    `1.2.3-${'a'.repeat(60)}`,
    '../../etc',
    '1.2.3/../..',
    '١.٢.٣',
  ])('%j', (text) => {
    try {
      parseVersion(text);
      expect.unreachable();
    } catch (error) {
      expect(hasCode(error, 'RELEASE_VERSION_INVALID')).toBe(true);
    }
  });

  it.each(['v1.2.3', ' 1.2.3', '1.2.3 ', '1.2.3\n', '1.2', '1.2.3.4'])('%j as exact semver', (text) =>
    expect(isSemver(text)).toBe(false),
  );
});

it('orders by semver, in which build metadata does not count', () => {
  const ascending = ['1.0.0-alpha', '1.0.0-alpha.1', '1.0.0-rc.1', '1.0.0', '1.0.1', '1.10.0', '2.0.0'];
  expect([...ascending].reverse().sort(compareVersions)).toEqual(ascending);
  expect(compareVersions('1.0.0+a', '1.0.0+b')).toBe(0);
});

const bytes = (...parts: (string | readonly number[])[]): Uint8Array =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))));
const utf16be = (text: string): Uint8Array => Buffer.from(text, 'utf16le').swap16();

describe('version.txt says', () => {
  it.each<readonly [what: string, text: Uint8Array, version: string | null]>([
    ['a version alone', bytes('1.2.3'), '1.2.3'],
    ['a version and a line end', bytes('1.2.3\n'), '1.2.3'],
    ['a version and a Windows line end', bytes('1.2.3\r\n'), '1.2.3'],
    ['a version and an old Mac line end', bytes('1.2.3\rrest'), '1.2.3'],
    ['a version and more lines', bytes('1.2.3\nbuilt on Monday\n'), '1.2.3'],
    ['a leading v', bytes('v1.2.3\n'), '1.2.3'],
    ['spaces around it', bytes('  1.2.3  \n'), '1.2.3'],
    ['four parts', bytes('1.2.3.4\r\n'), '1.2.196612'],
    ['UTF-8 with a byte order mark', bytes([0xef, 0xbb, 0xbf], '1.2.3\n'), '1.2.3'],
    ['UTF-16LE with a byte order mark', bytes([0xff, 0xfe], [...Buffer.from('1.2.3\r\n', 'utf16le')]), '1.2.3'],
    ['UTF-16BE with a byte order mark', bytes([0xfe, 0xff], [...utf16be('v1.2.3\r\n')]), '1.2.3'],
    ['UTF-16LE without one', Buffer.from('1.2.3\r\n', 'utf16le'), '1.2.3'],
    ['UTF-16BE without one', utf16be('1.2.3\r\n'), '1.2.3'],
    ['nothing', bytes(), null],
    ['a byte order mark alone', bytes([0xff, 0xfe]), null],
    ['blank lines', bytes('\n\n'), null],
    ['words', bytes('unknown\n'), null],
    ['binary', bytes([0x7f, 0x45, 0x4c, 0x46, 0, 1, 2, 3, 0xff, 0xfe]), null],
    ['half a UTF-16 character', bytes([0xff, 0xfe, 0x31]), null],
    ['invalid UTF-8', bytes([0x31, 0x2e, 0x80, 0x2e, 0x33]), null],
    ['more than 64 KiB', bytes('1.2.3\n', 'x'.repeat(65_536)), null],
  ])('%s: %#', (_, text, version) => expect(parseVersionText(text)?.version ?? null).toBe(version));

  it.each(['1.2.3', '1.2.3-rc.1', '1.2.3.4'])('%s when the updater wrote it', (text) => {
    const version = parseVersion(text);
    expect(parseVersionText(encodeVersionText(version))).toEqual(version);
  });
});
