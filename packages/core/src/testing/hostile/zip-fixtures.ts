/** Zips that no tool writes: names, sizes, directories and contents that are not what they say. */
import { crc32, deflateRawSync } from 'node:zlib';
import { limits } from '../../limits.js';
import { joined } from '../remendo-samples.js';
import { buildZip, type ZipEntrySpec, type ZipSpec } from '../zip-builder.js';
import { deflateBomb } from './bombs.js';
import { bomb, type HostileFixture, hostile } from './hostile-fixture.js';
import { hostileTarget, patchedPath, targetContent } from './hostile-release.js';
import { collidingPaths, unsafePaths } from './unsafe-paths.js';

type Code = HostileFixture['code'];

/** The entries of an honest release: what is hostile stands behind them. */
const honest: readonly ZipEntrySpec[] = Object.entries(hostileTarget).map(([name, content]) => ({ name, content }));

const zip = (bytes: Uint8Array, seenIn: 'directory' | 'contents') => ({ kind: 'zip' as const, bytes, seenIn });

const directory = (name: string, attack: string, code: Code, entries: readonly ZipEntrySpec[], spec?: ZipSpec): HostileFixture =>
  hostile(`zip-${name}`, attack, code, () => zip(buildZip([...honest, ...entries], spec), 'directory'));

/** The release's own file is what is wrong: whoever installs it has to read it. */
const contents = (name: string, attack: string, entry: () => Partial<ZipEntrySpec>): HostileFixture =>
  hostile(`zip-${name}`, attack, 'ARTIFACT_INVALID', () => zip(patchedEntry(entry()), 'contents'));

const patchedEntry = (changed: Partial<ZipEntrySpec>): Uint8Array =>
  buildZip(honest.map((entry) => (entry.name === patchedPath ? { ...entry, ...changed } : entry)));

const names = unsafePaths
  // What the updater keeps itself is passed over in a zip's directory only where it is its version.txt.
  .filter(({ path }) => path.isWellFormed() && !path.toLowerCase().startsWith('version.txt'))
  .map(({ name, attack, path }) => directory(`name-${name}`, attack, 'MANIFEST_PATH_UNSAFE', [{ name: path, content: 'x' }]));

const collisions = collidingPaths.map(({ name, attack, path, other }) =>
  directory(`collision-${name}`, attack, 'MANIFEST_PATH_UNSAFE', [
    { name: path, content: 'x' },
    { name: other, content: 'y' },
  ]),
);

const types = (
  [
    ['link', 'a symbolic link that leads out of the root', 0o120777],
    ['device', 'a device', 0o060666],
    ['character-device', 'a character device', 0o020666],
    ['pipe', 'a named pipe: whoever opens it waits for ever', 0o010666],
    ['socket', 'a socket', 0o140777],
    ['folder-by-mode', 'a folder that is called as a file', 0o040755],
  ] as const
).map(([name, attack, mode]) =>
  directory(name, attack, 'MANIFEST_PATH_UNSAFE', [{ name: 'evil', content: '/etc', method: 0, mode }]),
);

/** A name that an Info-ZIP Unicode field spells otherwise than the header. */
function otherName(plain: string, unicode: string): ZipEntrySpec {
  const name = Buffer.from(plain);
  const data = Buffer.alloc(5 + Buffer.byteLength(unicode));
  data.writeUInt8(1, 0);
  data.writeUInt32LE(crc32(name), 1);
  data.write(unicode, 5);
  return { name, content: 'x', extra: joined([Buffer.from([0x75, 0x70, data.length, 0]), data]) };
}

const a: ZipEntrySpec = { name: 'a', content: 'x' };

const structures: readonly HostileFixture[] = [
  directory('link-then-write-through', 'CVE-2021-32803: a link, and a file below its name', 'MANIFEST_PATH_UNSAFE', [
    { name: 'lib', content: '/etc', method: 0, mode: 0o120777 },
    { name: 'lib/evil', content: 'x' },
  ]),
  directory('two-names', 'a harmless name in the header and ../ in the Unicode field', 'MANIFEST_PATH_UNSAFE', [
    otherName('harmless', '../evil'),
  ]),
  directory('malformed-utf8', 'a name that says it is UTF-8 and is none', 'MANIFEST_PATH_UNSAFE', [
    { name: Uint8Array.of(0x61, 0xc0, 0xaf, 0x62), flags: 0x0800, content: 'x' },
  ]),
  directory('folder-with-contents', 'a folder that has bytes', 'ARTIFACT_INVALID', [{ name: 'd/', content: 'x' }]),
  directory('unsafe-folder', 'a folder outside of the root', 'MANIFEST_PATH_UNSAFE', [{ name: '../d/', method: 0 }]),
  directory('encrypted', 'an encrypted entry', 'ARTIFACT_INVALID', [{ ...a, flags: 0x0801 }]),
  directory('unknown-method', 'a compression that is not read', 'ARTIFACT_INVALID', [{ ...a, method: 14 }]),
  directory('overlap', 'entries on the same bytes: 10 kB that become petabytes (Fifield, 2019)', 'ARTIFACT_INVALID', [
    { name: 'b', content: targetContent, ghost: true, localOffset: 0 },
  ]),
  directory('entries-without-number', 'a count of 2^53 entries', 'LIMIT_EXCEEDED', [a], {
    zip64: true,
    entryCount: Number.MAX_SAFE_INTEGER,
  }),
  directory('fewer-entries', 'fewer entries than there are: who sees the others?', 'ARTIFACT_INVALID', [a], { entryCount: 1 }),
  directory('more-entries', 'more entries than there are', 'ARTIFACT_INVALID', [a], { entryCount: 900 }),
  directory('directory-beyond-end', 'a directory behind the end', 'ARTIFACT_INVALID', [a], { directoryOffset: 10_000_000 }),
  directory('zip64-directory-beyond-end', 'a directory at 2^53', 'ARTIFACT_INVALID', [a], {
    zip64: true,
    directoryOffset: 2 ** 53 - 1,
  }),
  directory('zip64-size', 'an entry of 2^60 bytes', 'LIMIT_EXCEEDED', [{ ...a, zip64: true, bytes: 2 ** 60 }]),
  directory(
    'zip64-sum',
    'entries that are larger together than a release may be',
    'LIMIT_EXCEEDED',
    Array.from({ length: 6 }, (_, index) => ({ name: `f${index}`, zip64: true, bytes: limits.fileBytesMax })),
  ),
  directory('several-disks', 'a part of an archive of several disks', 'ARTIFACT_INVALID', [a], { diskNumber: 7 }),
  directory('torn-extra-field', 'an extra field that is longer than its entry', 'ARTIFACT_INVALID', [
    { ...a, extra: Buffer.from([1, 0, 99, 0, 1]) },
  ]),
  hostile('zip-comment-with-directory', 'a comment that is a zip of its own: who reads which?', 'ARTIFACT_INVALID', () =>
    zip(buildZip(honest, { comment: buildZip([{ name: 'other', content: 'other' }]) }), 'directory'),
  ),
  hostile('zip-goes-on', 'bytes behind the end', 'ARTIFACT_INVALID', () =>
    zip(joined([buildZip(honest), new Uint8Array(70_000)]), 'directory'),
  ),
  hostile('zip-torn', 'a zip without its end', 'ARTIFACT_INVALID', () => zip(buildZip(honest).subarray(0, 900), 'directory')),
  hostile('zip-is-none', 'a page instead of a zip', 'ARTIFACT_INVALID', () =>
    zip(Buffer.from('<!doctype html><title>404</title>'), 'directory'),
  ),
];

const lies: readonly HostileFixture[] = [
  contents('fewer-bytes', 'CVE-2018-10115 and its like: fewer bytes declared than there are', () => ({ bytes: 10 })),
  contents('more-bytes', 'more bytes declared than there are', () => ({ bytes: 5_000 })),
  contents('fewer-encoded-bytes', 'fewer encoded bytes declared than there are', () => ({ encodedBytes: 20 })),
  contents('checksum', 'other bytes than the checksum says', () => ({ crc32: 1 })),
  contents('not-deflate', 'what is not deflate', () => ({ encoded: Buffer.alloc(900, 0xff) })),
  contents('torn-deflate', 'deflate that ends early', () => ({ encoded: deflateRawSync(targetContent).subarray(0, 99) })),
  contents('zip64-offset', 'an entry at 2^52', () => ({ zip64: true, localOffset: 2 ** 52 })),
  contents('directory-as-contents', 'an entry that goes on into the directory', () => ({
    method: 0,
    bytes: 4_100,
    encodedBytes: 4_100,
  })),
  contents('local-header-elsewhere', 'a local header that is none', () => ({ localOffset: 1 })),
];

export const zipFixtures: readonly HostileFixture[] = [
  ...names,
  ...collisions,
  ...types,
  ...structures,
  ...lies,
  bomb('zip-bomb', 'a file of 4,000 bytes that becomes a gibibyte (42.zip and its like)', 'ARTIFACT_INVALID', () =>
    zip(patchedEntry({ encoded: deflateBomb(1_024) }), 'contents'),
  ),
  bomb('zip-bomb-of-nothing', 'a file of no bytes that becomes 256 MiB', 'ARTIFACT_INVALID', () =>
    zip(patchedEntry({ encoded: deflateBomb(256), bytes: 0, crc32: 0 }), 'contents'),
  ),
];
