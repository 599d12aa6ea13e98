import { describe, expect, it } from 'vitest';
import { escapeUnprintable } from '../bytes/escape-unprintable.js';
import { hasCode, isUpdaterError } from '../errors.js';
import { limits } from '../limits.js';
import {
  assertPathsDistinct,
  filePathToReleasePath,
  foldPath,
  isOwnPath,
  parseReleasePath,
  releasePathToFilePath,
} from './release-path.js';

/** The verdict on one path: `accepted`, or the reason of the refusal. */
function verdict(path: string): string {
  try {
    parseReleasePath(path);
    return 'accepted';
  } catch (error) {
    if (!hasCode(error, 'MANIFEST_PATH_UNSAFE')) throw error;
    return String(error.details.reason);
  }
}

/** The verdict on several paths together. */
function verdictTogether(paths: readonly string[]): string {
  try {
    assertPathsDistinct(paths.map(parseReleasePath));
    return 'accepted';
  } catch (error) {
    if (!hasCode(error, 'MANIFEST_PATH_UNSAFE')) throw error;
    return String(error.details.reason);
  }
}

const reserved = (character: string) => `it has the reserved character ${escapeUnprintable(JSON.stringify(character))}`;
const device = (segment: string) => `${segment} is a device name on Windows`;
const shortName = (segment: string) => `${segment} may be the short name of another file on Windows`;
const dotOrSpace = 'a segment ends in a dot or a space';
const deceiving = 'it has an invisible or direction-changing character';
const notNfc = 'it is not in Unicode form NFC';
const notUnicode = 'it is not well-formed Unicode';

describe('a path is accepted', () => {
  it.each([
    'a',
    'storage/app/ação.txt',
    '.env',
    '.github/workflows/ci.yml',
    '...config',
    'com10',
    'com',
    'console.log',
    'nul-values.csv',
    'lib/aux1/x',
    'auxiliary',
    'CON~',
    'backup~',
    'a~b',
    'report~final.txt',
    'version.txt.bak',
    'bin/version.txt',
    'naïve/日本語/файл.txt',
    'emoji/👍.png',
    'emoji/❤\ufe0f.png',
    'a b/c d.txt',
    "it's (1) [x] {y} #1 100% @ + = , ; ! $ & ^.txt",
    '[slug].js',
    'İstanbul.txt',
    'straße.txt',
    'ａ.txt',
    'x'.repeat(limits.pathSegmentBytesMax),
    Array.from({ length: limits.pathSegmentsMax }, () => 'd').join('/'),
  ])('%j', (path) => expect(verdict(path)).toBe('accepted'));
});

describe('a path is refused', () => {
  it.each<readonly [path: string, reason: string]>([
    ['', 'it is empty'],
    // out of the root
    ['..', 'it has the segment ..'],
    ['../x', 'it has the segment ..'],
    ['a/../../x', 'it has the segment ..'],
    ['a/..', 'it has the segment ..'],
    ['.', 'it has the segment .'],
    ['a/./b', 'it has the segment .'],
    ['/etc/passwd', 'it is absolute'],
    ['//server/share/x', 'it is absolute'],
    ['\\\\server\\share\\x', reserved('\\')],
    ['\\\\?\\C:\\x', reserved('\\')],
    ['C:/x', reserved(':')],
    ['C:x', reserved(':')],
    ['c:\\x', reserved(':')],
    ['a\\b', reserved('\\')],
    ['..\\x', reserved('\\')],
    // segments
    ['a//b', 'it has an empty segment'],
    ['a/', 'it has an empty segment'],
    // characters
    ['a\0b', reserved('\0')],
    ['a\nb', reserved('\n')],
    ['a\x7f', reserved('\x7f')],
    ['a\x85', reserved('\x85')],
    ['a?', reserved('?')],
    ['a*', reserved('*')],
    ['a"b', reserved('"')],
    ['a<b', reserved('<')],
    ['a>b', reserved('>')],
    ['a|b', reserved('|')],
    // alternate data streams
    ['file.txt:stream', reserved(':')],
    ['file.txt::$DATA', reserved(':')],
    // device names
    ['con', device('con')],
    ['CON', device('CON')],
    ['a/Con.txt', device('Con.txt')],
    ['prn.tar.gz', device('prn.tar.gz')],
    ['aux', device('aux')],
    ['nul/x', device('nul')],
    ['nul .txt', device('nul .txt')],
    ['com1', device('com1')],
    ['COM9.log', device('COM9.log')],
    ['com¹', device('com¹')],
    ['lpt².txt', device('lpt².txt')],
    ['LPT³', device('LPT³')],
    ['conin$', device('conin$')],
    ['CONOUT$', device('CONOUT$')],
    ['clock$.sys', device('clock$.sys')],
    // what Windows drops
    ['a.', dotOrSpace],
    ['a...', dotOrSpace],
    ['a ', dotOrSpace],
    ['dir./x', dotOrSpace],
    ['dir /x', dotOrSpace],
    ['con. ', dotOrSpace],
    [' a', 'a segment starts with a space'],
    // second names
    ['REMEND~1/journal', shortName('REMEND~1')],
    ['remend~1', shortName('remend~1')],
    ['PROGRA~2/x', shortName('PROGRA~2')],
    ['LONGNA~1.TXT', shortName('LONGNA~1.TXT')],
    ['RE1A2B~1', shortName('RE1A2B~1')],
    // Unicode
    ['a\u0063\u0327\u0061\u0303o.txt', notNfc],
    ['\u212aelvin', notNfc],
    ['\u212bngstrom', notNfc],
    ['\ud800', notUnicode],
    ['a\udc00b', notUnicode],
    ['\udc00\ud800', notUnicode],
    ['a\u200bb', deceiving],
    ['a\u200db', deceiving],
    ['\ufeffa', deceiving],
    ['photo\u202egpj.exe', deceiving],
    ['a\u2066b', deceiving],
    ['a\u206ab', deceiving],
    ['a\u061cb', deceiving],
    ['soft\u00adhyphen', deceiving],
    ['a\u034fb', deceiving],
    ['\u3164', deceiving],
    ['\u{e0041}', deceiving],
    ['a\ufffdb', deceiving],
    // lengths
    ['x'.repeat(256), 'a segment is longer than 255 bytes'],
    ['é'.repeat(128), 'a segment is longer than 255 bytes'],
    ['abcdefg/'.repeat(128).concat('x'), 'it is longer than 1024 bytes'],
    ['a/'.repeat(64).concat('b'), 'it has more than 64 segments'],
  ])('%j: %s', (path, reason) => expect(verdict(path)).toBe(reason));

  it('with a message that does not repeat all of a long path', () => {
    try {
      parseReleasePath('x'.repeat(10_000_000));
      expect.unreachable();
    } catch (error) {
      expect(isUpdaterError(error) && error.message.length).toBeLessThan(2_000);
    }
  });
});

describe('two paths are refused together, because some file system takes them for one', () => {
  const pairs: readonly (readonly [kind: string, one: string, other: string, named?: string])[] = [
    ['the same path twice', 'a', 'a'],
    ['case', 'README', 'readme'],
    ['case of a folder', 'Bin/a', 'bin/b', 'Bin'],
    ['case of a folder deep below', 'x/Y/z/1', 'x/y/z/2', 'x/Y'],
    ['a file and a folder', 'a', 'a/b'],
    ['a folder and a file', 'a/b', 'a', 'a'],
    ['a file and a folder in other case', 'A', 'a/b'],
    ['ß and ss', 'straße', 'STRASSE'],
    ['ẞ and ß', 'STRAẞE', 'straße'],
    ['İ and i with a dot above', 'İ', 'i̇'],
    ['ı and I', 'ı', 'I'],
    ['ſ and s', 'ſ', 's'],
    ['final sigma', 'ΣΑΣ', 'σας'],
    ['full width', 'ａ', 'a'],
    ['ligature', 'oﬃce', 'office'],
    ['superscript', 'x²', 'x2'],
    ['variation selector', '❤\ufe0f.png', '❤.png'],
    ['Greek iota subscript', 'ᾳ', 'αι'],
  ];
  for (const [kind, one, other, named = one] of pairs) {
    it(kind, () => {
      expect(verdictTogether(['0', one, 'other', other])).toBe(`it collides with ${JSON.stringify(named)}`);
    });
  }

  it('though NFC and NFD of a name are never both accepted in the first place', () => {
    expect([verdict('ação'.normalize('NFC')), verdict('ação'.normalize('NFD'))]).toEqual(['accepted', notNfc]);
  });
});

it('folding a letter gives the same for each of its cases, and folds no further', () => {
  const different: string[] = [];
  for (let code = 0; code < 0x1_ff_ff; code++) {
    if (code >= 0xd800 && code < 0xe000) continue;
    const letter = String.fromCodePoint(code);
    const [upper, lower] = [letter.toUpperCase(), letter.toLowerCase()];
    if (upper === lower) continue;
    const folded = foldPath(letter);
    if ([upper, lower, letter.normalize('NFD'), folded].some((spelling) => foldPath(spelling) !== folded)) different.push(letter);
  }
  expect(different).toEqual([]);
});

describe('paths are accepted together', () => {
  it.each([[['a/b', 'a/c', 'ab', 'a.b']], [['i', 'İ']], [['a', 'á', 'à', 'â']], [['a/con1', 'b/con1']], [['x/a', 'y/a', 'x/A1']]])(
    '%j',
    (paths) => expect(verdictTogether(paths)).toBe('accepted'),
  );

  it('in time that grows with their number', () => {
    const paths = Array.from({ length: 20_000 }, (_, index) => parseReleasePath(`folder/${index % 100}/${index}.txt`));
    assertPathsDistinct(paths);
  });
});

describe("the updater's own names are known in every spelling", () => {
  it.each([
    '.remendo',
    '.remendo/state.json',
    '.REMENDO/x',
    '.Remendo',
    'version.txt',
    'VERSION.TXT',
    'verſion.txt',
    'ｖersion.txt',
    '.remendo\ufe0f',
  ])('%j is its own', (path) => expect(isOwnPath(path)).toBe(true));
  it.each(['remendo', '.remendo2', 'x/.remendo', 'bin/version.txt', 'version.txt2'])('%j is not', (path) =>
    expect(isOwnPath(path)).toBe(false),
  );
});

describe('a release path and a file path', () => {
  it('lead to each other below a root', () => {
    expect(releasePathToFilePath('/srv/app', parseReleasePath('a/b.txt'))).toBe('/srv/app/a/b.txt');
    expect(filePathToReleasePath('a/b.txt')).toBe('a/b.txt');
  });

  it('differ in Unicode form where a system spells names in NFD', () => {
    expect(filePathToReleasePath('ação'.normalize('NFD'))).toBe('ação'.normalize('NFC'));
  });
});
