import { describe, expect, it } from 'vitest';
import { bufferSource } from '../bytes/byte-source.js';
import { ByteWriter } from '../bytes/byte-writer.js';
import { isUpdaterError } from '../errors.js';
import { digestOf, digestToBytes } from '../hash/digest.js';
import { limits } from '../limits.js';
import { sampleContent, sampleFile, sampleManifest } from '../testing/arbitrary-manifest.js';
import type { Delta } from './delta.js';
import { decodeDeltaFile, encodeDeltaFileHead, isDeltaFile } from './delta-file.js';
import { encodeDeltaIndex } from './delta-index.js';
import { indexDelta } from './resolve-delta.js';

const body = Buffer.from('the bytes of the one object');
const object = { digest: digestOf(body), bytes: body.length };
const delta: Delta = {
  base: sampleManifest('1.0.0', [sampleFile('a', 1)]),
  target: sampleManifest('1.0.1', [sampleFile('a', 2)]),
  objects: [object],
  derivations: [
    {
      kind: 'whole',
      target: { sha256: sampleContent(2).sha256, bytes: sampleContent(2).bytes },
      encoding: 'identity',
      blob: { object: object.digest, offset: 0, bytes: body.length, sha256: object.digest },
    },
  ],
};
const head = encodeDeltaFileHead(indexDelta(delta));
const file = Buffer.concat([head, body]);

async function verdict(bytes: Uint8Array): Promise<string> {
  try {
    await decodeDeltaFile(bufferSource(bytes));
    return 'accepted';
  } catch (error) {
    if (!isUpdaterError(error)) throw error;
    return `${error.code}: ${error.message}`;
  }
}

describe('a delta file', () => {
  it('is read back, its body where it lies', async () => {
    const decoded = await decodeDeltaFile(bufferSource(file));
    expect(decoded.index).toEqual(indexDelta(delta));
    expect(file.subarray(decoded.bodyOffset).equals(body)).toBe(true);
    expect([decoded.bodyBytes, decoded.indexBytes]).toEqual([body.length, encodeDeltaIndex(indexDelta(delta)).length]);
  });

  it('may have no body', async () => {
    const unchanged = indexDelta({ ...delta, target: delta.base, objects: [], derivations: [] });
    expect(await verdict(encodeDeltaFileHead(unchanged))).toBe('accepted');
  });

  it('is known by its first bytes', () => {
    expect([file, body, new Uint8Array(), file.subarray(0, 7)].map(isDeltaFile)).toEqual([true, false, false, false]);
  });

  it('is refused wherever it is cut, and with a byte more', async () => {
    for (let length = 0; length < file.length; length++) expect(await verdict(file.subarray(0, length))).toMatch(/^DELTA_INVALID/);
    expect(await verdict(Buffer.concat([file, Buffer.of(0)]))).toBe('DELTA_INVALID: the body of the delta has the wrong length');
  });

  it('is refused when any byte of its head is changed', async () => {
    for (let offset = 0; offset < head.length; offset++) {
      const changed = Buffer.from(file);
      changed[offset] = (changed[offset] ?? 0) ^ 0x40;
      expect(await verdict(changed)).toMatch(/^DELTA_INVALID/);
    }
  });

  it('is refused when it says that its index is longer than is allowed, without making room for it', async () => {
    const claim = new ByteWriter()
      .bytes(Buffer.from('RMDELTA1'))
      .varint(limits.deltaIndexEncodedBytesMax + 1)
      .bytes(new Uint8Array(32));
    expect(await verdict(claim.toBuffer())).toBe('DELTA_INVALID: the index is longer than the file or the limit');
  });

  it('is refused when its blobs lie in several objects', async () => {
    const two = { ...delta, objects: [object, { digest: digestOf('other'), bytes: 0 }] };
    const bytes = Buffer.concat([encodeDeltaFileHead(indexDelta(two)), body]);
    expect(await verdict(bytes)).toBe('DELTA_INVALID: the body of the delta has the wrong length');
  });
});

describe('the index of a delta', () => {
  it.each<readonly [what: string, delta: Delta]>([
    ['an object that is not listed', { ...delta, objects: [] }],
    ['a content that nothing makes', { ...delta, derivations: [] }],
    ['a base that is made later', { ...delta, derivations: patchBeforeBase() }],
  ])('is not made of a delta with %s', (_, unsound) => expect(() => indexDelta(unsound)).toThrow(TypeError));
});

function patchBeforeBase(): Delta['derivations'] {
  const [whole] = delta.derivations;
  if (whole === undefined) return [];
  const later = { sha256: sampleContent(9).sha256, bytes: sampleContent(9).bytes };
  const target = { sha256: sampleContent(2).sha256, bytes: sampleContent(2).bytes };
  return [
    { kind: 'patch', codec: 'bsdiff40', bases: [later], targets: [target], blob: whole.blob },
    { ...whole, kind: 'whole', encoding: 'identity', target: later },
  ];
}

it('digests in the head are those of the index', () => {
  const index = encodeDeltaIndex(indexDelta(delta));
  expect(Buffer.from(head).includes(Buffer.from(digestToBytes(digestOf(index))))).toBe(true);
});
