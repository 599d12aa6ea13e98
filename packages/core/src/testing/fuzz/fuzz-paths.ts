/** Fuzz targets of paths in a release, and of the globs of files that updates leave alone. */
import { join } from 'node:path';
import fc from 'fast-check';
import { limits } from '../../limits.js';
import { preserveMatcher } from '../../manifest/preserve.js';
import { parseReleasePath, type ReleasePath, releasePathToFilePath } from '../../manifest/release-path.js';
import type { FuzzTarget } from './fuzz-target.js';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** The input is UTF-16, so that it may be malformed. An accepted path stays below its root on both kinds of system. */
export const fuzzReleasePath: FuzzTarget = {
  name: 'release-path',
  async run(bytes) {
    const path = parseReleasePath(Buffer.from(bytes).toString('utf16le'));
    if (!releasePathToFilePath('/root', path).startsWith(join('/root', '/'))) throw new Error(`${path} leaves its root`);
    if (/[\\:]|(^|\/)\.{0,2}(\/|$)/.test(path) || Buffer.byteLength(path) > limits.pathBytesMax)
      throw new Error(`${path} is not safe`);
  },
  seeds: async () =>
    ['bin/app.exe', 'docs/ação.txt', '../x', 'a/../b', 'C:/x', 'con.txt', 'a\ud800', '日本/👍.png', 'REMEND~1/x'].map((path) =>
      Buffer.from(path, 'utf16le'),
    ),
  made: () => fc.array(pathParts, { maxLength: 12 }).map((parts) => Buffer.from(parts.join(''), 'utf16le')),
};

const pathParts = fc.constantFrom(
  ...'/ / / a b . .. \\ : C: con NUL com¹ .remendo REMEND~1 ß * ? " |'.split(' '),
  ...[' ', '\u0130', 'e\u0301', '\u200d', '\u2028', '\ufeff', '\ud83d', '\ude00', '\0', '\u0007'],
  ...['x'.repeat(200), '日'.repeat(60)],
);

/** The input is globs and a path, a line each, the path last. A path that is none is matched too: nothing is promised of it. */
export const fuzzPreserve: FuzzTarget = {
  name: 'preserve',
  async run(bytes) {
    const lines = Buffer.from(bytes).toString('utf8').split('\n');
    const path = lines.pop() ?? '';
    preserveMatcher(lines)(path as ReleasePath);
  },
  seeds: async () =>
    ['.env\nstorage/**\nstorage/app/x', '*.ini\nA/B.INI', '{a,b{1..3}}/[!x]?\nb2/y', '**/*/**/x\na/b/c/x'].map(text),
  made: () =>
    fc.tuple(fc.array(globs, { minLength: 1, maxLength: 3 }), globs).map(([all, path]) => text([...all, path].join('\n'))),
};

const globParts = 'a aaaaaaaa b / * ** ? +( *( @( !( ?( | ) [ ] [[:alpha:]] { } , .. 9 \\ ! (a+)+ ^ $'.split(' ');
const globs = fc.array(fc.constantFrom(...globParts), { minLength: 1, maxLength: 40 }).map((parts) => parts.join(''));
