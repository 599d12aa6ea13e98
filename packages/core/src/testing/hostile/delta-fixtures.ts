/** Indexes of deltas, and delta files: numbers that point outside, lists without end, manifests that are none. */
import { brotliCompressSync, constants } from 'node:zlib';
import { ByteWriter } from '../../bytes/byte-writer.js';
import type { Delta } from '../../delta/delta.js';
import { compressIndex, type DeltaIndex, encodeDeltaIndex, encodePlainIndex } from '../../delta/delta-index.js';
import { indexDelta } from '../../delta/resolve-delta.js';
import { type Digest, digestOf, digestToBytes } from '../../hash/digest.js';
import { limits } from '../../limits.js';
import type { ReleasePath } from '../../manifest/release-path.js';
import { joined } from '../remendo-samples.js';
import { brotliBomb } from './bombs.js';
import { bomb, type HostileFixture, hostile } from './hostile-fixture.js';
import { baseVersion, hostileBase, hostileTarget, manifestOf, targetContent, targetVersion } from './hostile-release.js';
import { unsafePaths } from './unsafe-paths.js';

type Code = HostileFixture['code'];

/** The honest delta between the two releases: its one content lies whole in its one object. */
export async function honestDelta(): Promise<Delta> {
  const [base, target] = [await manifestOf(baseVersion, hostileBase), await manifestOf(targetVersion, hostileTarget)];
  const content = { sha256: digestOf(targetContent), bytes: targetContent.length };
  const object = { digest: content.sha256, bytes: content.bytes };
  const blob = { object: object.digest, offset: 0, ...content };
  return { base, target, objects: [object], derivations: [{ kind: 'whole', target: content, encoding: 'identity', blob }] };
}

const honestIndex = async (): Promise<DeltaIndex> => indexDelta(await honestDelta());
const index = (encoded: Uint8Array) => ({ kind: 'index' as const, encoded });

const plain = (
  name: string,
  attack: string,
  change: (bytes: Uint8Array) => Uint8Array,
  code: Code = 'DELTA_INVALID',
): HostileFixture =>
  hostile(`index-${name}`, attack, code, async () => index(compressIndex(change(encodePlainIndex(await honestIndex())))));

const value = (
  name: string,
  attack: string,
  change: (index: DeltaIndex) => DeltaIndex,
  code: Code = 'DELTA_INVALID',
): HostileFixture => hostile(`index-${name}`, attack, code, async () => index(encodeDeltaIndex(change(await honestIndex()))));

/** A delta to a release with one more file, of a content that the base has, at this path. */
const path = ({ name, attack, path: unsafe }: (typeof unsafePaths)[number]): HostileFixture => {
  const code = unsafe.length > limits.pathBytesMax ? 'DELTA_INVALID' : 'MANIFEST_PATH_UNSAFE';
  return value(
    `path-${name}`,
    attack,
    (one) => ({ ...one, files: [...one.files, { path: unsafe as ReleasePath, content: 0 }] }),
    code,
  );
};

/** The start of an index up to its objects, as long as they are what is wrong. */
const untilObjects = (baseFiles: number, baseContents: number): ByteWriter =>
  new ByteWriter()
    .u8(1)
    .bytes(digestToBytes(digestOf('')))
    .text('1.0.0')
    .varint(baseFiles)
    .varint(baseContents)
    .text('erp')
    .text('any')
    .text('1.0.1')
    .text('')
    .bytes(digestToBytes(digestOf('')));

const numbers = (name: string, attack: string, make: () => ByteWriter): HostileFixture =>
  plain(name, attack, () => make().toBuffer());

const otherObject = { digest: digestOf('other') as Digest, bytes: 2 ** 30 };

const indexes: readonly HostileFixture[] = [
  ...unsafePaths.filter(({ path: unsafe }) => unsafe.isWellFormed()).map(path),
  plain('newer', 'a version that is not there yet', (bytes) => joined([Uint8Array.of(2), bytes.subarray(1)])),
  plain('torn', 'an index that ends early', (bytes) => bytes.subarray(0, bytes.length - 3)),
  plain('goes-on', 'bytes behind the end', (bytes) => joined([bytes, Uint8Array.of(0)])),
  plain('empty', 'no bytes', () => new Uint8Array()),
  value('other-target', 'a delta that leads to another manifest than it names', (one) => ({ ...one, version: '9.9.9' })),
  value(
    'other-base',
    'a delta for another base',
    (one) => ({ ...one, baseContentsDigest: digestOf('other') }),
    'DELTA_BASE_MISMATCH',
  ),
  value('object-twice', 'an object twice', (one) => ({ ...one, objects: [...one.objects, ...one.objects] })),
  value('version-text', 'a version that is a line of a log', (one) => ({ ...one, version: '1.0.1\nINFO ok' }), 'MANIFEST_INVALID'),
  value('application-path', 'an application that is a path', (one) => ({ ...one, application: '../../etc' }), 'MANIFEST_INVALID'),
  value('application-other', 'a release of another application', (one) => ({ ...one, application: 'other' })),
  value('blob-outside', 'a blob that begins behind its object', (one) => withBlob(one, { offset: 5_000 })),
  value('blob-over-the-end', 'a blob that ends behind its object', (one) => withBlob(one, { bytes: 2 ** 40 })),
  value('blob-overflow', 'a blob whose end is beyond all numbers', (one) => withBlob(one, { offset: 2 ** 51, bytes: 2 ** 53 - 1 })),
  value('blob-before', 'a blob that begins before its object', (one) => withBlob(one, { offset: -1 })),
  value('huge-target', 'a content of 2^50 bytes: disk without end', (one) => withTarget(one, 2 ** 50)),
  value('huge-object', 'an object of 2^50 bytes', (one) => ({
    ...one,
    objects: [...one.objects, { ...otherObject, bytes: 2 ** 50 }],
  })),
  value('removed-twice', 'a removal of a file that is not there', (one) => ({ ...one, removed: [9] })),
  value('content-unknown', 'a file of a content that nothing makes', (one) => ({ ...one, files: [{ position: 0, content: 99 }] })),
  numbers('files-without-number', 'a base of 2^52 files', () => untilObjects(2 ** 52, 1)),
  numbers('contents-without-number', 'more contents than files', () => untilObjects(3, 2 ** 40)),
  numbers('objects-without-number', 'a count of 2^52 objects', () => untilObjects(3, 3).varint(2 ** 52)),
  numbers('derivations-without-number', 'a count of 2^52 derivations', () =>
    untilObjects(3, 3)
      .varint(0)
      .varint(2 ** 52),
  ),
  numbers('cyclic', 'a patch whose base is what it makes', () => patchOf(0, [3], [10])),
  numbers('without-targets', 'a patch that makes nothing', () => patchOf(0, [0], [])),
  numbers('bases-without-number', 'a patch with 2^40 bases', () =>
    withObject()
      .varint(1)
      .u8(16)
      .varint(2 ** 40),
  ),
  numbers('targets-without-number', 'a patch with 2^40 targets', () =>
    withObject()
      .varint(1)
      .u8(16)
      .varint(0)
      .varint(2 ** 40),
  ),
  hostile('index-codec-unknown', 'a codec that is not there yet', 'PATCH_CODEC_UNKNOWN', () =>
    index(compressIndex(withObject().varint(1).u8(200).bytes(new Uint8Array(200)).toBuffer())),
  ),
  hostile('index-not-brotli', 'what is not brotli', 'DELTA_INVALID', () => index(new Uint8Array(300).fill(0xff))),
  hostile('index-brotli-torn', 'brotli that ends early', 'DELTA_INVALID', async () => {
    const whole = encodeDeltaIndex(await honestIndex());
    return index(whole.subarray(0, whole.length - 9));
  }),
  bomb('index-bomb', 'some hundred bytes that become 128 MiB', 'LIMIT_EXCEEDED', () => index(brotliBomb(128))),
  bomb('index-path-bomb', 'paths that grow by what the ones before had', 'DELTA_INVALID', () => index(pathBomb())),
];

const withObject = (): ByteWriter =>
  untilObjects(3, 3).varint(1).bytes(digestToBytes(otherObject.digest)).varint(otherObject.bytes);

/** A patch by the codec of this number, and zeros behind it. */
function patchOf(codec: number, bases: readonly number[], targets: readonly number[]): ByteWriter {
  const writer = withObject()
    .varint(1)
    .u8(16 + codec)
    .varint(bases.length);
  for (const base of bases) writer.varint(2 * base);
  writer.varint(targets.length);
  for (const bytes of targets) writer.varint(bytes);
  return writer.varint(0).varint(0).varint(1).bytes(new Uint8Array(300));
}

function withBlob(one: DeltaIndex, changed: { readonly offset?: number; readonly bytes?: number }): DeltaIndex {
  return {
    ...one,
    derivations: one.derivations.map((derivation) => ({ ...derivation, blob: { ...derivation.blob, ...changed } })),
  };
}

function withTarget(one: DeltaIndex, bytes: number): DeltaIndex {
  const derivations = one.derivations.map((derivation) =>
    derivation.kind === 'whole' ? { ...derivation, target: { ...derivation.target, bytes } } : derivation,
  );
  return { ...one, derivations };
}

/** 200,000 paths, each as the one before with a letter more. */
function pathBomb(): Uint8Array {
  const writer = untilObjects(3, 3).varint(0).varint(0).varint(0).varint(200_000);
  for (let shared = 0; shared < 200_000; shared++) writer.varint(shared).text('a');
  const plainIndex = joined([writer.toBuffer(), new Uint8Array(500_000)]);
  return brotliCompressSync(plainIndex, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } });
}

const delta = (
  name: string,
  attack: string,
  make: (parts: DeltaParts) => Uint8Array,
  code: Code = 'DELTA_INVALID',
): HostileFixture =>
  hostile(`delta-${name}`, attack, code, async () => {
    const encoded = encodeDeltaIndex(await honestIndex());
    return { kind: 'delta', bytes: make({ encoded, digest: digestToBytes(digestOf(encoded)), body: targetContent }) };
  });

interface DeltaParts {
  readonly encoded: Uint8Array;
  readonly digest: Uint8Array;
  readonly body: Uint8Array;
}

const head = (indexBytes: number): Uint8Array => new ByteWriter().bytes(Buffer.from('RMDELTA1')).varint(indexBytes).toBuffer();
const assembled = ({ encoded, digest, body }: DeltaParts, indexBytes = encoded.length): Uint8Array =>
  joined([head(indexBytes), digest, encoded, body]);

export const deltaFixtures: readonly HostileFixture[] = [
  ...indexes,
  delta('longer-body', 'bytes behind the body', (parts) => joined([assembled(parts), Uint8Array.of(0)])),
  delta('shorter-body', 'a body that ends early', (parts) => assembled({ ...parts, body: parts.body.subarray(1) })),
  delta('other-index-digest', 'an index that is not what the head says', (parts) =>
    assembled({ ...parts, digest: new Uint8Array(32) }),
  ),
  delta('huge-index', 'an index of 2^52 bytes, which is to be allocated', (parts) => assembled(parts, 2 ** 52)),
  delta('index-behind-the-end', 'an index that is longer than the file', (parts) => assembled(parts, 1_000_000)),
  delta('torn-head', 'a file that ends in its head', (parts) => assembled(parts).subarray(0, 20)),
  delta('length-without-end', 'a length that never ends', () => joined([Buffer.from('RMDELTA1'), new Uint8Array(60).fill(0xff)])),
  delta(
    'other-body',
    'other bytes in the body',
    (parts) => assembled({ ...parts, body: parts.body.toReversed() }),
    'DOWNLOAD_DIGEST_MISMATCH',
  ),
];

/** A delta file of an index and a body, whatever they are. */
export function deltaFileOf(encoded: Uint8Array, body: Uint8Array): Uint8Array {
  return assembled({ encoded, digest: digestToBytes(digestOf(encoded)), body });
}
