/** Fuzz targets of deltas: the index before its compression, the file around it. What is accepted is sound. */
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import type fc from 'fast-check';
import { bufferSource } from '../../bytes/byte-source.js';
import { ByteWriter } from '../../bytes/byte-writer.js';
import { type Delta, derivationBases, derivationTargets } from '../../delta/delta.js';
import { decodeDeltaFile, encodeDeltaFileHead } from '../../delta/delta-file.js';
import { compressIndex, type DeltaIndex, decodeDeltaIndex, encodePlainIndex } from '../../delta/delta-index.js';
import { describeDelta } from '../../delta/describe-delta.js';
import { indexDelta, resolveDelta } from '../../delta/resolve-delta.js';
import { isUpdaterError } from '../../errors.js';
import { type Digest, digestOf, digestToBytes } from '../../hash/digest.js';
import { manifestDigest } from '../../manifest/encode-manifest.js';
import { sampleContent } from '../arbitrary-manifest.js';
import { hostileSeeds } from './fuzz-hostile.js';
import { fuzzReleases } from './fuzz-manifest.js';
import type { FuzzTarget } from './fuzz-target.js';
import { variedValue } from './vary-json.js';

const { base, target } = fuzzReleases;

const contentOf = (number: number) => ({ sha256: sampleContent(number).sha256, bytes: sampleContent(number).bytes });
const object = { digest: digestOf('pack'), bytes: 5_000 };
const blob = (offset: number, bytes: number) => ({ object: object.digest, offset, bytes, sha256: digestOf(`${offset}`) });

const sampleDelta: Delta = {
  base,
  target,
  objects: [object],
  derivations: [
    { kind: 'patch', codec: 'bsdiff40', bases: [contentOf(1)], targets: [contentOf(100)], blob: blob(0, 900) },
    { kind: 'patch', codec: 'bsdiff40', bases: [contentOf(100), contentOf(3)], targets: [contentOf(11)], blob: blob(900, 100) },
    { kind: 'whole', encoding: 'brotli', target: contentOf(12), blob: blob(4_000, 1_000) },
  ],
};

/** The input is an index before its compression. A resolved one is sound, and leads to the manifest it names. */
export const fuzzDeltaIndex: FuzzTarget = {
  name: 'delta-index',
  async run(bytes) {
    const index = decodeDeltaIndex(brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 0 } }));
    const resolved = resolveDelta(index, base);
    if (manifestDigest(resolved.target) !== index.targetManifestDigest) throw new Error('the index leads to another target');
    assertSound(resolved);
  },
  seeds: async () => [
    encodePlainIndex(indexDelta(sampleDelta)),
    encodePlainIndex(indexDelta({ base, target: base, objects: [], derivations: [] })),
    ...(await hostileSeeds('index', ({ encoded }) => plainOf(encoded))),
  ],
  made: plainIndexes,
};

/** Null for what does not decompress. */
function plainOf(encoded: Uint8Array): Uint8Array | null {
  try {
    return brotliDecompressSync(encoded);
  } catch {
    return null;
  }
}

/** Fields of an index varied, and the digest of what it leads to as it then has to be. */
function plainIndexes(): fc.Arbitrary<Uint8Array> {
  const index = indexDelta(sampleDelta);
  return variedValue(index).map((varied) => {
    try {
      return encodePlainIndex(mended(varied));
    } catch {
      // Not every number can be written where it now stands.
      return encodePlainIndex(index);
    }
  });
}

function mended(index: DeltaIndex): DeltaIndex {
  try {
    resolveDelta(index, base);
  } catch (error) {
    const actual = isUpdaterError(error) ? (error.details as { actual?: Digest } | undefined)?.actual : undefined;
    if (actual !== undefined) return { ...index, targetManifestDigest: actual };
  }
  return index;
}

function assertSound(delta: Delta): void {
  const held = new Set<Digest>(delta.base.files.map((file) => file.sha256));
  const sizes = new Map(delta.objects.map((stored) => [stored.digest, stored.bytes]));
  for (const derivation of delta.derivations) {
    const { object: digest, offset, bytes } = derivation.blob;
    if (offset < 0 || offset + bytes > (sizes.get(digest) ?? -1)) throw new Error('a blob lies outside its object');
    if (!derivationBases(derivation).every((content) => held.has(content.sha256))) throw new Error('a base is made by nothing');
    for (const content of derivationTargets(derivation)) held.add(content.sha256);
  }
  if (!delta.target.files.every((file) => held.has(file.sha256))) throw new Error('a file of the target is made by nothing');
}

/** Head and index of a delta file, and indexes that do not decompress. */
export const fuzzDeltaFile: FuzzTarget = {
  name: 'delta-file',
  async run(bytes) {
    const file = await decodeDeltaFile(bufferSource(bytes));
    const { bodyOffset, bodyBytes } = file;
    if (bodyOffset + bodyBytes !== bytes.length) throw new Error('the body is not what is left of the file');
    await describeDelta(bufferSource(bytes), file);
  },
  seeds: async () => {
    const unchanged = encodeDeltaFileHead(indexDelta({ base, target: base, objects: [], derivations: [] }));
    return [
      Buffer.concat([encodeDeltaFileHead(indexDelta(sampleDelta)), new Uint8Array(object.bytes)]),
      unchanged,
      ...(await hostileSeeds('delta', ({ bytes }) => bytes)),
    ];
  },
  made: () => plainIndexes().map(fileOf),
};

/** The file around an index, and a body as long as the sample's. */
function fileOf(plain: Uint8Array): Uint8Array {
  const index = compressIndex(plain, 1);
  const head = new ByteWriter()
    .bytes(Buffer.from('RMDELTA1'))
    .varint(index.length)
    .bytes(digestToBytes(digestOf(index)));
  return head.bytes(index).bytes(new Uint8Array(object.bytes)).toBuffer();
}
