/** Patches that see through containers, and through programs: what they say of bases and targets, and bombs inside bases. */

import { ByteWriter } from '../../bytes/byte-writer.js';
import { limits } from '../../limits.js';
import type { ContainersData } from '../../patch/containers/containers-data.js';
import { containersVersion, encodeContainers } from '../../patch/containers/containers-data.js';
import { encodePatchHeader } from '../../patch/remendo/patch-header.js';
import { codedNumbers } from '../../publish/containers/encode-data.js';
import { joined } from '../remendo-samples.js';
import { deflateBomb, gzipBomb } from './bombs.js';
import { bomb, type HostileFixture, hostile } from './hostile-fixture.js';
import { baseContent, targetContent } from './hostile-release.js';
import { remendoBlob } from './remendo-fixtures.js';

const code = 'PATCH_INVALID';

/** A patch with this transform, and nothing behind it: it is refused before its streams are looked at. */
function withTransform(name: 'containers' | 'references', data: Uint8Array, base?: Uint8Array) {
  const sizes = { windowBits: 16, historyBits: 12, guessBits: 14 };
  const header = encodePatchHeader({ profile: 'compact', decodeCost: 0, sizes }, [{ name, data, savedBytes: 0 }], [0]);
  return remendoBlob(joined([header, data]), { codec: `remendo+${name}`, ...(base === undefined ? {} : { base }) });
}

const none: ContainersData = { inflatedBytes: 0, base: [], targetViewBytes: targetContent.length, forms: [], target: [] };
const containers = (changed: Partial<ContainersData>): Uint8Array => codedNumbers(encodeContainers({ ...none, ...changed }));

const lie = (name: string, attack: string, changed: Partial<ContainersData>, base?: Uint8Array): HostileFixture =>
  hostile(`containers-${name}`, attack, code, () => withTransform('containers', containers(changed), base));

/** A base with a bomb in it, from a release that was signed: only the patch says that anybody should look inside. */
const bombs = (
  name: string,
  attack: string,
  kind: 'deflate' | 'idat',
  gap: number,
  base: () => Uint8Array,
  inflatedBytes = 1_000,
) =>
  bomb(`containers-${name}`, attack, code, () =>
    withTransform('containers', containers({ inflatedBytes, base: [{ depth: 1, kind, gap }] }), base()),
  );

const pngHead = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const idat = (body: Uint8Array): Uint8Array => {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(body.length);
  head.write('IDAT', 4, 'latin1');
  return joined([head, body, new Uint8Array(4)]);
};
const pdf = Buffer.from('%PDF-1.7\n1 0 obj\n<</Filter/FlateDecode/Length 9>>\nstream\n', 'latin1');
const zlibHead = Uint8Array.of(0x78, 0x9c);
const zipHead = Buffer.from('PK\u0003\u0004aaaaaaaaaaaaaaaaaaaaaaaaaa', 'latin1');

const form = { kind: 'deflate', deflate: { variant: 'zlib', level: 6, memLevel: 8 }, chunkBytes: 0 } as const;
const target = { depth: 1, form: 0, like: 0, correctionsBytes: 0, gapMore: 0, viewBytesMore: 1 };

export const containerFixtures: readonly HostileFixture[] = [
  bombs('deflate-bomb', 'a deflate stream in a base that becomes 512 MiB', 'deflate', 0, () => deflateBomb(512)),
  bombs(
    'deflate-bomb-announced',
    'the same with 64 MiB, of which the patch says so: they go to the disk, and away again',
    'deflate',
    0,
    () => deflateBomb(64),
    64 * 1024 * 1024,
  ),
  bombs('gzip-bomb', 'a gzip file in a base that becomes 512 MiB', 'deflate', 10, () => gzipBomb(512)),
  bombs('zip-bomb', 'an entry of a zip in a base that becomes 512 MiB', 'deflate', zipHead.length, () =>
    joined([zipHead, deflateBomb(512)]),
  ),
  bombs('pdf-bomb', 'a PDF in a base with a stream that becomes 512 MiB', 'deflate', pdf.length + 2, () =>
    joined([pdf, zlibHead, deflateBomb(512)]),
  ),
  bombs('png-bomb', 'a PNG in a base whose image becomes 512 MiB', 'idat', pngHead.length, () =>
    joined([pngHead, idat(joined([zlibHead, deflateBomb(512)]))]),
  ),
  lie('stream-that-is-none', 'a stream where the base has none', {
    inflatedBytes: 9,
    base: [{ depth: 1, kind: 'deflate', gap: 0 }],
  }),
  lie('directory-that-is-none', 'a zip directory where the base has none', {
    inflatedBytes: 9,
    base: [{ depth: 1, kind: 'directory', gap: 0 }],
  }),
  lie('png-that-is-none', 'a PNG where the base has none', { inflatedBytes: 9, base: [{ depth: 1, kind: 'idat', gap: 0 }] }),
  lie(
    'png-chunk-of-4-gib',
    'a chunk of a PNG that says it has 4 GiB',
    { inflatedBytes: 9, base: [{ depth: 1, kind: 'idat', gap: 0 }] },
    joined([Buffer.from('ffffffff49444154', 'hex'), new Uint8Array(100)]),
  ),
  lie('stream-behind-the-base', 'a stream that begins behind the base', {
    base: [{ depth: 1, kind: 'deflate', gap: 2 ** 31 - 1 }],
  }),
  lie('too-deep', 'streams in streams in streams, deeper than anybody looks', {
    base: [1, 2, 3, 4, 5].map((depth) => ({ depth, kind: 'deflate', gap: 0 })),
  }),
  lie('deeper-than-there-is', 'a stream inside of one that is not there', { base: [{ depth: 3, kind: 'deflate', gap: 0 }] }),
  lie('inflated-lie', 'no streams in the base, and 2 GiB that they become', { inflatedBytes: limits.remendoBytesMax }),
  lie('view-of-2-gib', 'a view of the target of 2 GiB, for a target of 4,000 bytes', { targetViewBytes: limits.remendoBytesMax }),
  lie('view-of-nothing', 'a view of the target of no bytes', { targetViewBytes: 0 }),
  lie('target-stream-too-long', 'a stream longer than the view of the target', {
    forms: [form],
    target: [{ ...target, viewBytesMore: 2 ** 30 }],
  }),
  lie('target-stream-of-less-than-nothing', 'a stream of the target of a negative length', {
    forms: [form],
    target: [{ ...target, viewBytesMore: -5 }],
  }),
  lie('corrections-beyond-stream', 'corrections longer than their stream', {
    forms: [form],
    target: [{ ...target, correctionsBytes: limits.correctionsBytesMax }],
  }),
  lie('level-without-meaning', 'deflate of a level that there is not', {
    forms: [{ ...form, deflate: { variant: 'zlib', level: 200, memLevel: 8 } }],
    target: [target],
  }),
  lie('memory-level-without-meaning', 'deflate that wants 2^215 bytes', {
    forms: [{ ...form, deflate: { variant: 'zlib', level: 6, memLevel: 200 } }],
    target: [target],
  }),
  lie('form-that-is-none', 'a stream of a form that is not in the list', { forms: [form], target: [{ ...target, form: 7 }] }),
  bomb('containers-streams-without-number', 'a list of two billion streams', code, () =>
    withTransform(
      'containers',
      codedNumbers(
        new ByteWriter()
          .varint(0)
          .varint(2 ** 31)
          .toBuffer(),
      ),
    ),
  ),
  bomb('containers-list-bomb', 'a list that says it has 2^50 bytes', code, () =>
    withTransform(
      'containers',
      joined([
        new ByteWriter()
          .u8(containersVersion)
          .varint(2 ** 50)
          .toBuffer(),
        new Uint8Array(100),
      ]),
    ),
  ),
  hostile('containers-newer', 'a list of another version', code, () => withTransform('containers', Uint8Array.of(9, 0))),
  hostile('containers-empty', 'a list of no bytes', code, () => withTransform('containers', new Uint8Array())),
  hostile('references-empty', 'nothing said about programs', code, () => withTransform('references', new Uint8Array())),
  hostile('references-garbage', 'nonsense said about programs', code, () =>
    withTransform('references', new Uint8Array(5_000).fill(0xff).fill(1, 0, 1)),
  ),
  hostile('references-newer', 'what a newer program says about programs', 'PATCH_CODEC_UNKNOWN', () =>
    withTransform('references', Uint8Array.of(9, 0)),
  ),
  hostile('references-too-long', 'more said about programs than is read', code, () =>
    withTransform('references', new Uint8Array(limits.referencesBytesMax + 1)),
  ),
  hostile('containers-with-other-base', 'a sound list for another base', code, () =>
    withTransform(
      'containers',
      containers({ inflatedBytes: 77, base: [{ depth: 1, kind: 'deflate', gap: 5 }] }),
      baseContent.toReversed(),
    ),
  ),
];
