import { createCipheriv } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { deflated, edited, gzipOf, pngOf, prose, zipOf, zlibOf } from '../../testing/container-samples.js';
import { joined } from '../../testing/remendo-samples.js';
import { findStreams } from './find-streams.js';
import { openStream } from './stream-tree.js';

const noise = (bytes: number, seed: number): Uint8Array =>
  new Uint8Array(createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16)).update(Buffer.alloc(bytes)));
const one = prose(2_000, 1);
const two = prose(90_000, 2);

/** Without directories. */
const streamsOf = (bytes: Uint8Array) => findStreams(bytes).filter(({ kind }) => kind !== 'directory');

/** What the streams that are found inflate to. */
const plainsOf = (bytes: Uint8Array): readonly (Uint8Array | undefined)[] =>
  streamsOf(bytes).map(({ start, end, kind }) => openStream(bytes.subarray(start, end), kind, 1e9)?.plain);

const texts = (plains: readonly (Uint8Array | undefined)[]): readonly string[] =>
  plains.map((plain) => Buffer.from(plain ?? []).toString());

function seenDirectoryOf(zip: Uint8Array): Uint8Array | undefined {
  const found = findStreams(zip).find(({ kind }) => kind === 'directory');
  return found === undefined ? undefined : openStream(zip.subarray(found.start, found.end), found.kind, 1e9)?.plain;
}

describe('streams are found', () => {
  it.each<readonly [what: string, bytes: Uint8Array]>([
    [
      'in a zip',
      zipOf([
        { name: 'one', content: one },
        { name: 'two', content: two },
      ]),
    ],
    [
      'in a zip that tells sizes behind the data',
      zipOf([one, two].map((content, index) => ({ name: `${index}`, content, descriptor: true }))),
    ],
    [
      'in a zip behind a program',
      zipOf(
        [
          { name: 'one', content: one },
          { name: 'two', content: two },
        ],
        undefined,
        noise(5_000, 1),
      ),
    ],
    [
      'in a stored zip in a zip',
      zipOf([
        {
          name: 'inner',
          content: zipOf([
            { name: 'one', content: one },
            { name: 'two', content: two },
          ]),
          method: 0,
        },
      ]),
    ],
    ['in the members of a gzip file', joined([gzipOf(one), gzipOf(two)])],
    ['as zlib streams anywhere', joined([noise(3_000, 2), zlibOf(one), noise(10, 3), zlibOf(two), noise(500, 4)])],
    ['in PNGs', joined([pngOf(one), noise(10, 3), pngOf(two, 8_192)])],
  ])('%s', (_, bytes) => {
    expect(texts(plainsOf(bytes))).toEqual(texts([one, two]));
  });

  it('with the names of their zip entries', () => {
    const entries = [
      { name: 'docs/ä.txt', content: one },
      { name: 'b', content: two },
    ];
    expect(streamsOf(zipOf(entries)).map(({ name }) => Buffer.from(name, 'latin1').toString())).toEqual(['docs/ä.txt', 'b']);
  });

  it('and with them the directories of zips', () => {
    const zip = zipOf([
      { name: 'one', content: one },
      { name: 'two', content: two },
    ]);
    const directory = findStreams(zip).at(-1);
    expect(directory).toMatchObject({ kind: 'directory', end: zip.length - 22 });
    const again = zipOf([
      { name: 'one', content: edited(one, 0.5) },
      { name: 'two', content: two },
    ]);
    const seen = [zip, again].map((bytes) => seenDirectoryOf(bytes)?.subarray(-7));
    // Behind the first entry nothing tells that it became longer.
    expect(seen[0]).toEqual(seen[1]);
  });

  it('not where a checksum is wrong, a stream is cut, encrypted, stored or too small, or its header is', () => {
    const damaged = [gzipOf(two), zlibOf(two)].map((bytes) =>
      bytes.map((byte, index) => (index === bytes.length - 6 ? byte ^ 1 : byte)),
    );
    const cut = [gzipOf(two), zlibOf(two), zipOf([{ name: 'a', content: two, descriptor: true }])].map((bytes) =>
      bytes.subarray(0, 9_000),
    );
    const stored = zipOf([{ name: 'a', content: noise(9_000, 5), method: 0 }]);
    const small = zipOf([{ name: 'a', content: prose(30, 1) }]);
    for (const bytes of [...damaged, ...cut, stored, small, pngOf(two, 1), deflated(two), noise(200_000, 6), new Uint8Array()]) {
      expect(streamsOf(bytes)).toEqual([]);
    }
  });
});

// Each of these takes minutes when work is not bounded by the file's size; the test's time limit is the proof.
describe('nothing is found quickly', () => {
  const repeated = (unit: Uint8Array, bytes: number): Uint8Array => new Uint8Array(Buffer.alloc(bytes, unit));
  const stored = Uint8Array.of(0x78, 0x9c, 0x00, 0xff, 0xff, 0x00, 0x00);
  it.each<readonly [what: string, unit: Uint8Array]>([
    ['zlib headers', Uint8Array.of(0x78, 0x9c)],
    ['zlib headers before stored blocks', stored],
    ['zlib headers before blocks of fixed codes', Uint8Array.of(0x78, 0x9c, 0x02)],
    ['gzip headers with names without an end', Uint8Array.of(0x1f, 0x8b, 8, 8, 1, 1, 1, 1, 1, 1)],
    ['gzip headers', Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3)],
    ['zip headers', Uint8Array.of(0x50, 0x4b, 3, 4, 20, 0, 8, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)],
    ['signatures of PNGs', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0)],
  ])(
    'in a file full of %s',
    (_, unit) => {
      findStreams(repeated(unit, 8_000_000));
    },
    20_000,
  );

  it('in bombs, of which only so much is inflated', () => {
    const bomb = zlibOf(new Uint8Array(60_000_000));
    findStreams(joined(Array.from({ length: 40 }, () => bomb)));
  });
});
