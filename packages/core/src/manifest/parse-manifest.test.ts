import { describe, expect, it } from 'vitest';
import { isUpdaterError } from '../errors.js';
import { digestOf } from '../hash/digest.js';
import { limits } from '../limits.js';
import { sampleContent } from '../testing/arbitrary-manifest.js';
import { encodeManifest, manifestDigest } from './encode-manifest.js';
import { emptyManifest, manifestBytes } from './manifest.js';
import { parseManifest, parseManifestOfDigest } from './parse-manifest.js';

const fileText = (path: string, content = 1, fields: Record<string, unknown> = {}): string => {
  const file = { bytes: sampleContent(content).bytes, mode: 420, path, sha256: '', xxh64: '' };
  return JSON.stringify({ ...file, ...sampleContent(content), ...fields }, ['bytes', 'mode', 'path', 'sha256', 'xxh64', 'more']);
};

/** The canonical text of a manifest with these files; `fields` replaces or removes parts of it. */
function manifestText(files: readonly string[], fields: Record<string, string | null> = {}): string {
  const parts: Record<string, string | null> = {
    application: '"erp"',
    files: `[${files.join(',')}]`,
    format: '"remendo-manifest-1"',
    platform: '"any"',
    version: '"1.2.3"',
    ...fields,
  };
  const present = Object.entries(parts).filter(([, value]) => value !== null);
  return `{${present
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `"${key}":${value}`)
    .join(',')}}`;
}

/** `accepted`, or the code of the refusal and its message. */
function verdict(text: string | Uint8Array): string {
  try {
    parseManifest(typeof text === 'string' ? Buffer.from(text) : text);
    return 'accepted';
  } catch (error) {
    if (!isUpdaterError(error)) throw error;
    return `${error.code}: ${error.message}`;
  }
}

const [a, b] = [fileText('a', 1), fileText('b', 2)];

describe('a manifest is accepted', () => {
  it.each<readonly [what: string, text: string]>([
    ['with files', manifestText([a, b])],
    ['without files', manifestText([])],
    ['with a version in four parts', manifestText([a], { displayVersion: '"1.2.3.4"', version: '"1.2.196612"' })],
    ['with the same content twice', manifestText([fileText('a', 1), fileText('b', 1)])],
    ['with executable files', manifestText([fileText('a', 1, { mode: 493 })])],
    ['with paths that need escapes', manifestText([fileText('a', 1), fileText("it's {a} [b]", 2)])],
    ['with an empty file', manifestText([fileText('a', 1, { bytes: 0 })])],
  ])('%s', (_, text) => {
    expect(verdict(text)).toBe('accepted');
    expect(Buffer.from(encodeManifest(parseManifest(Buffer.from(text)))).toString()).toBe(text);
  });
});

describe('a manifest is refused', () => {
  const notCanonical = 'MANIFEST_INVALID: the manifest is not in canonical form';
  it.each<readonly [what: string, text: string | Uint8Array, verdict: string | RegExp]>([
    // not canonical
    ['with a space', manifestText([a]).replace(',', ', '), notCanonical],
    ['with a final newline', `${manifestText([a])}\n`, notCanonical],
    ['with keys in another order', `{"version":"1.2.3",${manifestText([a], { version: null }).slice(1)}`, notCanonical],
    ['with an escape that is not needed', manifestText([fileText('a', 1).replace('"a"', '"\\u0061"')]), notCanonical],
    ['with a number in another spelling', manifestText([fileText('a', 1).replace('420', '4.2e2')]), notCanonical],
    ['with a number with a fraction of nothing', manifestText([fileText('a', 1).replace('420', '420.0')]), notCanonical],
    ['with minus nothing', manifestText([fileText('a', 1, { bytes: 0 }).replace('"bytes":0', '"bytes":-0')]), notCanonical],
    ['with a key twice', `{"application":"erp",${manifestText([a]).slice(1)}`, notCanonical],
    ['with a key of a file twice', manifestText([`{"bytes":5,${fileText('a', 1).slice(1)}`]), notCanonical],
    // not JSON in UTF-8
    ['that is empty', '', /MANIFEST_INVALID: the manifest is not JSON/],
    ['that is not JSON', 'hello', /MANIFEST_INVALID: the manifest is not JSON/],
    ['with something after it', `${manifestText([a])}{}`, /MANIFEST_INVALID: the manifest is not JSON/],
    ['with a byte order mark', `\ufeff${manifestText([a])}`, /MANIFEST_INVALID: the manifest is not JSON/],
    ['with malformed UTF-8', Buffer.from(manifestText([fileText('aX')]).replace('X', '\xff'), 'latin1'), /not JSON in UTF-8/],
    ['in UTF-16', Buffer.from(manifestText([a]), 'utf16le'), /MANIFEST_INVALID: the manifest is not JSON/],
    ['that is something else', '[]', /MANIFEST_INVALID: the manifest is malformed at \//],
    ['that is null', 'null', /MANIFEST_INVALID: the manifest is malformed/],
    ['that is cut off', manifestText([a]).slice(0, -20), /MANIFEST_INVALID: the manifest is not JSON/],
    // fields
    ['with a field that is not known', manifestText([a], { zzz: '1' }), /MANIFEST_INVALID: the manifest is malformed/],
    ['with __proto__', manifestText([a], { ['__proto__']: '{"files":[]}' }), /MANIFEST_INVALID: the manifest is malformed/],
    ['with __proto__ in a file', manifestText([`{"__proto__":1,${a.slice(1)}`]), /MANIFEST_INVALID: the manifest is malformed/],
    ['with constructor', manifestText([a], { constructor: '{}' }), /MANIFEST_INVALID: the manifest is malformed/],
    ['with a field of a file that is not known', manifestText([fileText('a', 1, { more: 1 })]), /malformed at \/files\/0/],
    ['of another format', manifestText([a], { format: '"remendo-manifest-2"' }), /MANIFEST_INVALID: .*\/format/],
    ['without a version', manifestText([a], { version: null }), /MANIFEST_INVALID: the manifest is malformed/],
    ['without files', manifestText([], { files: null }), /MANIFEST_INVALID: the manifest is malformed/],
    ['whose files are an object', manifestText([], { files: '{}' }), /MANIFEST_INVALID: .*\/files/],
    ['of an application in capitals', manifestText([a], { application: '"ERP"' }), /MANIFEST_INVALID: .*\/application/],
    ['of an application with a slash', manifestText([a], { application: '"a/b"' }), /MANIFEST_INVALID: .*\/application/],
    ['of a platform that is too long', manifestText([a], { platform: `"${'x'.repeat(65)}"` }), /MANIFEST_INVALID: .*\/platform/],
    // versions
    ['of a version that is not semver', manifestText([a], { version: '"1.2"' }), 'MANIFEST_INVALID: the version is not semver'],
    ['of a version with a v', manifestText([a], { version: '"v1.2.3"' }), 'MANIFEST_INVALID: the version is not semver'],
    ['that shows another version', manifestText([a], { displayVersion: '"9.9.9.9"' }), /is not what 9\.9\.9\.9 stands for/],
    [
      'that shows its version in another spelling',
      manifestText([a], { displayVersion: '"1.02.3.4"', version: '"1.2.196612"' }),
      /stands for/,
    ],
    ['that shows a version out of range', manifestText([a], { displayVersion: '"1.2.3.70000"' }), /MANIFEST_INVALID/],
    // numbers
    ['with a negative size', manifestText([fileText('a', 1, { bytes: -1 })]), /MANIFEST_INVALID: .*\/bytes/],
    ['with a size that is not whole', manifestText([fileText('a', 1, { bytes: 1.5 })]), /MANIFEST_INVALID: .*\/bytes/],
    ['with a size as text', manifestText([fileText('a', 1, { bytes: '1' })]), /MANIFEST_INVALID: .*\/bytes/],
    ['with too large a file', manifestText([fileText('a', 1, { bytes: limits.fileBytesMax + 1 })]), /MANIFEST_INVALID: .*\/bytes/],
    ['with a mode of its own', manifestText([fileText('a', 1, { mode: 0o4755 })]), /MANIFEST_INVALID: .*\/mode/],
    ['with a digest in capitals', manifestText([fileText('a', 1, { sha256: 'A'.repeat(64) })]), /MANIFEST_INVALID: .*\/sha256/],
    ['with a short digest', manifestText([fileText('a', 1, { sha256: 'a'.repeat(63) })]), /MANIFEST_INVALID: .*\/sha256/],
    [
      'with a digest and a newline',
      manifestText([fileText('a', 1, { sha256: `${'a'.repeat(64)}\n` })]),
      /MANIFEST_INVALID: .*\/sha256/,
    ],
    // files together
    ['with files out of order', manifestText([b, a]), 'MANIFEST_INVALID: files are not in the order of their paths'],
    ['with a path twice', manifestText([a, a]), 'MANIFEST_INVALID: files are not in the order of their paths'],
    ['with one content of two sizes', manifestText([a, fileText('b', 1, { bytes: 5 })]), /has two sizes or two xxHash64/],
    [
      'with one content of two xxHash64',
      manifestText([a, fileText('b', 1, { xxh64: '0'.repeat(16) })]),
      /has two sizes or two xxHash64/,
    ],
    // paths
    ['with a path that leads out', manifestText([fileText('../a')]), /MANIFEST_PATH_UNSAFE: "\.\.\/a" is refused/],
    ['with an empty path', manifestText([fileText('')]), /MANIFEST_INVALID: .*\/path/],
    ['with a lone surrogate', manifestText([fileText('a').replace('"a"', '"\\ud800"')]), /MANIFEST_PATH_UNSAFE/],
    ['with version.txt', manifestText([fileText('version.txt')]), /MANIFEST_PATH_UNSAFE: .*the updater keeps it itself/],
    ['with .remendo', manifestText([fileText('.remendo/state.json')]), /MANIFEST_PATH_UNSAFE: .*the updater keeps it itself/],
    [
      'with paths that collide',
      manifestText([fileText('A', 1), fileText('a', 2)]),
      /MANIFEST_PATH_UNSAFE: "a" is refused: it collides/,
    ],
    ['with a file below a file', manifestText([fileText('a', 1), fileText('a/b', 2)]), /MANIFEST_PATH_UNSAFE: "a\/b" is refused/],
  ])('%s', (_, text, expected) => {
    if (typeof expected === 'string') expect(verdict(text)).toBe(expected);
    else expect(verdict(text)).toMatch(expected);
  });

  it('when its files are larger together than a release may be', () => {
    const files = Array.from({ length: 5 }, (_, index) => fileText(`${index}`, index, { bytes: limits.fileBytesMax }));
    expect(verdict(manifestText(files))).toMatch(/^LIMIT_EXCEEDED: a release has at most/);
  });

  it('when it is longer than a manifest may be, without being read', () => {
    expect(verdict(new Uint8Array(limits.manifestBytesMax + 1))).toMatch(/^LIMIT_EXCEEDED: a manifest has at most/);
  });

  it.each(['[],', '{},', '0,', '[', '{"":'])('before it is parsed when it is made to cost memory: %s…', (unit) => {
    expect(verdict(unit.repeat(2_000_000))).toMatch(/it is no manifest, or has too many files/);
  });
});

describe('a manifest of a digest', () => {
  const text = Buffer.from(manifestText([a, b]));

  it('is accepted when it has it', () => {
    const manifest = parseManifestOfDigest(text, digestOf(text));
    expect(manifest.files.map((file) => file.path)).toEqual(['a', 'b']);
    expect(manifestDigest(manifest)).toBe(digestOf(text));
    expect(manifestBytes(manifest)).toBe(sampleContent(1).bytes + sampleContent(2).bytes);
  });

  it('is refused when it has another, before anything else about it is looked at', () => {
    const [expected, actual] = [digestOf(text), digestOf('')];
    const details = { expected, actual };
    expect(() => parseManifestOfDigest(new Uint8Array(), expected)).toThrowError(
      expect.objectContaining({ code: 'MANIFEST_DIGEST_MISMATCH', details }),
    );
  });
});

it('an empty manifest is one', () => {
  expect(verdict(encodeManifest(emptyManifest('erp', 'win-x64')))).toBe('accepted');
});
