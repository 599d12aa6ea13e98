/** Manifests that are not what a publisher's program writes: JSON with two meanings, bombs, unsafe paths. */
import canonicalize from 'canonicalize';
import { digestOf } from '../../hash/digest.js';
import { limits } from '../../limits.js';
import { nestedArrays } from './bombs.js';
import { bomb, type HostileFixture, hostile } from './hostile-fixture.js';
import { collidingPaths, unsafePaths } from './unsafe-paths.js';

type Code = HostileFixture['code'];
type Fields = Readonly<Record<string, unknown>>;

const file = (path: string, changed: Fields = {}): Fields => ({
  path,
  bytes: 1,
  mode: 0o644,
  sha256: digestOf(path.toWellFormed()),
  xxh64: '0123456789abcdef',
  ...changed,
});

const manifest = (changed: Fields = {}): Fields => ({
  format: 'remendo-manifest-1',
  application: 'erp',
  version: '1.0.1',
  platform: 'any',
  files: [file('app.exe')],
  ...changed,
});

const text = (value: string | Uint8Array) => ({
  kind: 'manifest' as const,
  bytes: typeof value === 'string' ? Buffer.from(value) : value,
});
const encoded = (value: Fields): string => canonicalize(value) ?? '';

const value = (name: string, attack: string, code: Code, changed: Fields): HostileFixture =>
  hostile(`manifest-${name}`, attack, code, () => text(encoded(manifest(changed))));

const raw = (
  name: string,
  attack: string,
  make: (json: string) => string | Uint8Array,
  code: Code = 'MANIFEST_INVALID',
): HostileFixture => hostile(`manifest-${name}`, attack, code, () => text(make(encoded(manifest()))));

/** A lone surrogate can not be written in canonical JSON at all. */
const paths = unsafePaths
  .filter(({ path }) => path.isWellFormed())
  .map(({ name, attack, path }) =>
    // Longer than any path may be is told by the shape already.
    value(`path-${name}`, attack, path.length > limits.pathBytesMax ? 'MANIFEST_INVALID' : 'MANIFEST_PATH_UNSAFE', {
      files: [file(path)],
    }),
  );

const collisions = collidingPaths
  .filter(({ path, other }) => path !== other)
  .map(({ name, attack, path, other }) =>
    value(`collision-${name}`, attack, 'MANIFEST_PATH_UNSAFE', { files: [path, other].sort().map((one) => file(one)) }),
  );

export const manifestFixtures: readonly HostileFixture[] = [
  ...paths,
  ...collisions,
  value('path-twice', 'the same path twice', 'MANIFEST_INVALID', { files: [file('a'), file('a')] }),
  value('unordered', 'paths out of order: a second spelling', 'MANIFEST_INVALID', { files: [file('b'), file('a')] }),
  value('two-sizes', 'one content of two sizes', 'MANIFEST_INVALID', {
    files: [file('a', { sha256: digestOf('') }), file('b', { sha256: digestOf(''), bytes: 2 })],
  }),
  value('negative-bytes', 'a file of less than no bytes', 'MANIFEST_INVALID', { files: [file('a', { bytes: -1 })] }),
  value('fractional-bytes', 'a file of half a byte', 'MANIFEST_INVALID', { files: [file('a', { bytes: 0.5 })] }),
  value('huge-bytes', 'a file of 2^53 bytes', 'MANIFEST_INVALID', { files: [file('a', { bytes: 2 ** 53 })] }),
  value('huge-sum', 'files that are larger together than a release may be', 'LIMIT_EXCEEDED', {
    files: Array.from({ length: 9 }, (_, index) => file(`f${index}`, { bytes: limits.fileBytesMax })),
  }),
  value('set-user-id', 'a file that runs with the rights of its owner', 'MANIFEST_INVALID', {
    files: [file('a', { mode: 0o4755 })],
  }),
  value('mode-as-text', 'a mode that is a text', 'MANIFEST_INVALID', { files: [file('a', { mode: '0755' })] }),
  value('more-fields', 'a field that only some readers know', 'MANIFEST_INVALID', { signature: 'trust me' }),
  value('version-with-spaces', 'a version that is compared otherwise than it is shown', 'MANIFEST_INVALID', { version: '1.0.1 ' }),
  value('version-with-escape', 'a version that clears the screen', 'MANIFEST_INVALID', { version: '1.0.1-\u001b[2J' }),
  value('version-of-ten-thousand-digits', 'a version that is a number bomb', 'MANIFEST_INVALID', {
    version: `${'9'.repeat(10_000)}.0.0`,
  }),
  value('other-display-version', 'a version that is shown as another one', 'MANIFEST_INVALID', { displayVersion: '9.9.9.9' }),
  value('application-path', 'an application that is a path', 'MANIFEST_INVALID', { application: '../../etc' }),
  value('other-format', 'a format that is not there yet', 'MANIFEST_INVALID', { format: 'remendo-manifest-2' }),
  raw('duplicate-key', 'a key twice: one reader takes the first, one the last', (json) => json.replace('{', '{"version":"9.9.9",')),
  raw('prototype-key', 'a key that changes every object (__proto__)', (json) => json.replace('{', '{"__proto__":{"mode":493},')),
  raw('white-space', 'white space: a second spelling, another digest', (json) => `${json}\n`),
  raw('byte-order-mark', 'a byte order mark', (json) => `\ufeff${json}`),
  raw('escaped', 'escapes that are not needed', (json) => json.replace('erp', '\\u0065rp')),
  raw('number-spelling', 'a number in another spelling', (json) => json.replace('"bytes":1', '"bytes":1.0')),
  raw('infinite-number', 'a number beyond all numbers', (json) => json.replace('"bytes":1', '"bytes":1e999')),
  raw('negative-zero', 'a zero with a sign', (json) => json.replace('"bytes":1', '"bytes":-0')),
  raw('lone-surrogate', 'half a character, escaped', (json) => json.replace('app.exe', 'a\\ud800'), 'MANIFEST_PATH_UNSAFE'),
  raw('malformed-utf8', 'bytes that are no UTF-8', (json) =>
    Buffer.concat([Buffer.from(json.slice(0, 30)), Buffer.from([0xc0, 0xaf]), Buffer.from(json.slice(30))]),
  ),
  raw('torn', 'a manifest that ends early', (json) => json.slice(0, -5)),
  raw('array', 'an array', () => '[]'),
  raw('null', 'nothing', () => 'null'),
  raw('empty', 'no bytes', () => ''),
  bomb('manifest-depth-bomb', 'ten million arrays in each other', 'MANIFEST_INVALID', () => text(nestedArrays(10_000_000))),
  bomb('manifest-depth-bomb-in-files', 'a million arrays where files should be', 'MANIFEST_INVALID', () =>
    text(encoded(manifest()).replace('[', nestedArrays(1_000_000).toString().slice(0, 1_000_000))),
  ),
  bomb('manifest-number-bomb', 'a number of twenty million digits', 'MANIFEST_INVALID', () =>
    text(encoded(manifest()).replace('"bytes":1', `"bytes":1${'0'.repeat(20_000_000)}`)),
  ),
  bomb('manifest-comma-bomb', 'eight million values of two bytes, each an object in memory', 'MANIFEST_INVALID', () =>
    text(`{"files":[${'{},'.repeat(8_000_000)}{}]}`),
  ),
  bomb('manifest-too-long', 'a byte more than is read', 'LIMIT_EXCEEDED', () =>
    text(new Uint8Array(limits.manifestBytesMax + 1).fill(0x20)),
  ),
];
