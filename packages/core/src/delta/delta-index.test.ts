import { brotliCompressSync, constants } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ByteWriter } from '../bytes/byte-writer.js';
import { errorChain, isUpdaterError } from '../errors.js';
import { digestOf, digestToBytes } from '../hash/digest.js';
import { limits } from '../limits.js';
import { codecNames } from '../patch/codec-name.js';
import { compressIndex, decodeDeltaIndex } from './delta-index.js';

const digestBytes = (text: string): Uint8Array => digestToBytes(digestOf(text));

/** The parts of an index that tests replace; each writes its own bytes. */
interface Parts {
  readonly version?: number;
  readonly baseFiles?: number;
  readonly baseContents?: number;
  readonly objects?: (writer: ByteWriter) => void;
  readonly derivations?: (writer: ByteWriter) => void;
  readonly changed?: (writer: ByteWriter) => void;
  readonly added?: (writer: ByteWriter) => void;
  /** Of the changed and added files; with the hashes of those that are made. */
  readonly contents?: (writer: ByteWriter) => void;
  readonly removed?: (writer: ByteWriter) => void;
  readonly executable?: (writer: ByteWriter) => void;
  readonly after?: (writer: ByteWriter) => void;
}

const none = (writer: ByteWriter): void => void writer.varint(0);
const nothing = (): void => {};
const oneObject = (writer: ByteWriter): void => void writer.varint(1).bytes(digestBytes('object')).varint(1_000);

/** One whole content from the object; `blob` replaces object number, zig-zag offset and length. */
const oneWhole =
  (blob: readonly [object: number, offset: number, bytes: number] = [0, 0, 1_000], kind = 0, bytes = 500) =>
  (writer: ByteWriter): void => {
    writer.varint(1).u8(kind).varint(bytes);
    writer.varint(blob[0]).varint(blob[1]).varint(blob[2]);
    writer.bytes(digestBytes('content')).bytes(digestBytes('blob'));
  };

/** Bases as they are written: each from the one after the one before, zig-zag. */
const onePatch =
  (bases: readonly number[], targets: number) =>
  (writer: ByteWriter): void => {
    writer.varint(1).u8(16).varint(bases.length);
    for (const base of bases) writer.varint(base);
    writer.varint(targets);
    for (let index = 0; index < targets; index++) writer.varint(5);
    writer.varint(0).varint(0).varint(10);
    for (let index = 0; index < targets; index++) writer.bytes(digestBytes(`target ${index}`));
    writer.bytes(digestBytes('blob'));
  };

const paths =
  (...files: readonly (readonly [shared: number, rest: string])[]) =>
  (writer: ByteWriter): void => {
    writer.varint(files.length);
    for (const [shared, rest] of files) writer.varint(shared).text(rest);
  };

/** Contents as they are written, zig-zag, and hashes. */
const contents =
  (written: readonly number[], ...hashes: readonly string[]) =>
  (writer: ByteWriter): void => {
    for (const number of written) writer.varint(number);
    for (const xxh64 of hashes) writer.bytes(Buffer.from(xxh64, 'hex'));
  };

const numbers =
  (...values: readonly number[]) =>
  (writer: ByteWriter): void => {
    writer.varint(values.length);
    for (const value of values) writer.varint(value);
  };

function plainIndex(parts: Parts): Uint8Array {
  const writer = new ByteWriter().u8(parts.version ?? 1);
  writer
    .bytes(digestBytes('base'))
    .text('1.0.0')
    .varint(parts.baseFiles ?? 3)
    .varint(parts.baseContents ?? 2);
  writer.text('erp').text('any').text('1.0.1').text('').bytes(digestBytes('target'));
  for (const part of [parts.objects, parts.derivations, parts.changed, parts.added]) (part ?? none)(writer);
  (parts.contents ?? nothing)(writer);
  for (const part of [parts.removed, parts.executable]) (part ?? none)(writer);
  parts.after?.(writer);
  return writer.toBuffer();
}

/** `accepted`, or the code and the innermost reason. */
function verdict(encoded: Uint8Array): string {
  try {
    decodeDeltaIndex(encoded);
    return 'accepted';
  } catch (error) {
    if (!isUpdaterError(error)) throw error;
    return `${error.code}: ${errorChain(error).at(-1)}`;
  }
}

const hash = '00112233aabbccdd';
const otherHash = 'ddccbbaa33221100';
const objects = oneObject;

describe('an index is decoded', () => {
  it('with everything in it', () => {
    const index = decodeDeltaIndex(
      compressIndex(
        plainIndex({
          objects,
          derivations: onePatch([0, 0], 2),
          changed: numbers(2),
          added: paths([0, 'bin/a'], [4, 'b'], [0, 'c']),
          contents: contents([6, 5, 1, 0], hash, otherHash),
          removed: numbers(0, 1),
          executable: numbers(5),
        }),
      ),
    );
    expect(index).toMatchObject({
      baseVersion: '1.0.0',
      baseFiles: 3,
      baseContents: 2,
      application: 'erp',
      platform: 'any',
      version: '1.0.1',
      displayVersion: '',
      removed: [0, 2],
      executable: [5],
    });
    expect(index.files).toEqual([
      { position: 2, content: 3, xxh64: otherHash },
      { path: 'bin/a', content: 1 },
      { path: 'bin/b', content: 1 },
      { path: 'c', content: 2, xxh64: hash },
    ]);
    expect(index.derivations).toMatchObject([
      { kind: 'patch', codec: 'bsdiff40', bases: [0, 1], blob: { object: 0, offset: 0, bytes: 10 } },
    ]);
  });

  it.each<readonly [what: string, parts: Parts]>([
    ['with nothing in it', {}],
    ['with a blob up to the end of its object', { objects, derivations: oneWhole([0, 0, 1_000]) }],
    ['with an empty blob at the end', { objects, derivations: oneWhole([0, 2_000, 0]) }],
    ['with a patch from nothing', { objects, derivations: onePatch([], 1) }],
    ['with a patch from one content twice', { objects, derivations: onePatch([0, 1], 1) }],
    ['with a patch from a content made before', { objects, derivations: onePatch([2], 1) }],
  ])('%s', (_, parts) => expect(verdict(compressIndex(plainIndex(parts)))).toBe('accepted'));
});

describe('the codecs of patches', () => {
  it.each(codecNames.map((codec, number) => [codec, 16 + number] as const))('%s is written as %d', (codec, kind) => {
    const patch = (writer: ByteWriter): void => {
      writer.varint(1).u8(kind).varint(0).varint(1).varint(500).varint(0).varint(0).varint(1_000);
      writer.bytes(digestBytes('content')).bytes(digestBytes('blob'));
    };
    const [derivation] = decodeDeltaIndex(compressIndex(plainIndex({ objects, derivations: patch }))).derivations;
    expect(derivation).toMatchObject({ kind: 'patch', codec });
  });
});

describe('an index is refused', () => {
  it.each<readonly [what: string, parts: Parts, reason: RegExp]>([
    ['of another format version', { version: 2 }, /format version 2 is not known/],
    ['with more after it', { after: none }, /1 bytes too many/],
    ['with more base contents than base files', { baseFiles: 2, baseContents: 3 }, /index 3 is not below 3/],
    ['with too many base files', { baseFiles: limits.manifestFilesMax + 1 }, /is not below/],
    [
      'with an object twice',
      { objects: (w) => [0, 1].reduce((at) => at.bytes(digestBytes('x')).varint(1), w.varint(2)) },
      /an object is listed twice/,
    ],
    [
      'with a larger object than a release',
      {
        objects: (w) =>
          w
            .varint(1)
            .bytes(digestBytes('x'))
            .varint(limits.releaseBytesMax + 1),
      },
      /is not below/,
    ],
    ['with more objects than bytes', { objects: numbers(60_000) }, /a count of|bytes wanted/],
    ['with a count it has no bytes for', { derivations: (w) => w.varint(300_000) }, /a count of 300000 does not fit/],
    [
      'with a count above the limit',
      { derivations: (w) => w.varint(limits.deltaDerivationsMax + 1) },
      /a count of 400001 does not fit/,
    ],
    ['with a derivation of an unknown kind', { objects, derivations: oneWhole([0, 0, 1], 3) }, /derivation kind 3 is not known/],
    ['with a blob in an object that is not there', { objects, derivations: oneWhole([1, 0, 1]) }, /index 1 is not below 1/],
    ['with a blob and no objects', { derivations: oneWhole([0, 0, 0]) }, /index 0 is not below 0/],
    ['with a blob that ends after its object', { objects, derivations: oneWhole([0, 2, 1_000]) }, /a blob lies outside its object/],
    ['with a blob before its object', { objects, derivations: oneWhole([0, 1, 1]) }, /a blob lies outside its object/],
    [
      'with a blob that is too long to add',
      { objects, derivations: oneWhole([0, 2, Number.MAX_SAFE_INTEGER]) },
      /a blob lies outside its object/,
    ],
    ['with a content that is too large', { objects, derivations: oneWhole([0, 0, 1], 0, limits.fileBytesMax + 1) }, /is not below/],
    ['with a patch from itself', { objects, derivations: onePatch([4], 1) }, /content 2 is not below 2/],
    [
      'with a patch to nothing',
      { objects, derivations: onePatch([0], 0), after: (w) => w.bytes(new Uint8Array(40)) },
      /a patch without a target/,
    ],
    [
      'with a file of a content that nothing makes',
      { added: paths([0, 'a']), contents: contents([4]) },
      /content 2 is not below 2/,
    ],
    ['with a file of a content below the first', { added: paths([0, 'a']), contents: contents([1]) }, /content -1 is not below 2/],
    [
      'with a file without the hash of what is made',
      { objects, derivations: oneWhole(), added: paths([0, 'a']), contents: contents([4]) },
      /8 bytes wanted/,
    ],
    ['with a changed file that is not there', { changed: numbers(3) }, /index 3 is not below 3/],
    ['with changed files out of order', { changed: numbers(2, 0) }, /index 0 is not below 0/],
    ['with paths out of order', { added: paths([0, 'b'], [0, 'a']) }, /paths are not in order/],
    ['with a path twice', { added: paths([0, 'b'], [1, '']), contents: contents([0, 0]) }, /paths are not in order/],
    ['with an empty path', { added: paths([0, '']), contents: contents([0]) }, /paths are not in order/],
    ['with a path that shares more than there is', { added: paths([0, 'b'], [2, 'x']) }, /index 2 is not below 2/],
    ['with a path that is too long', { added: paths([0, 'x'.repeat(1_025)]) }, /index 1025 is not below 1025/],
    ['with a path that grows too long', { added: paths([0, 'x'.repeat(1_024)], [1_024, 'y']) }, /a path is longer than 1024/],
    ['with a path that is not UTF-8', { added: (w) => w.varint(1).varint(0).varint(1).u8(0xff) }, /not valid for encoding utf-8/],
    ['with a removed file that is not there', { removed: numbers(3) }, /index 3 is not below 3/],
    ['with removed files out of order', { removed: numbers(2, 0) }, /index 0 is not below 0/],
    ['with an executable file that can not be', { executable: numbers(3) }, /index 3 is not below 3/],
    ['with a padded number', { removed: (w) => w.bytes(Uint8Array.of(0x80, 0)) }, /varint at \d+ is padded/],
    ['with a number above 2^53', { removed: (w) => w.bytes(new Uint8Array(9).fill(0xff)) }, /varint at \d+ is above/],
  ])('%s', (_, parts, reason) => {
    const told = verdict(compressIndex(plainIndex(parts)));
    expect(told).toMatch(/^DELTA_INVALID: /);
    expect(told).toMatch(reason);
  });

  it.each([codecNames.length + 16, 200, 255])('as newer than this program with a patch of a codec it does not know: %d', (kind) => {
    const index = compressIndex(plainIndex({ objects, derivations: oneWhole([0, 0, 1], kind) }));
    expect(verdict(index)).toMatch(/^PATCH_CODEC_UNKNOWN: .*newer than this program/);
  });

  it('wherever it is cut', () => {
    const plain = plainIndex({
      objects,
      derivations: onePatch([0], 1),
      added: paths([0, 'a']),
      contents: contents([4], hash),
      removed: numbers(1),
      executable: numbers(0),
    });
    for (let length = 0; length < plain.length; length++) {
      expect(verdict(compressIndex(plain.subarray(0, length)))).toMatch(/^DELTA_INVALID: /);
    }
  });

  it.each([
    ['that is empty', new Uint8Array()],
    ['that is not compressed', plainIndex({})],
    ['whose compression is cut', compressIndex(plainIndex({})).subarray(0, 60)],
  ])('%s', (_, encoded) => expect(verdict(encoded)).toMatch(/^DELTA_INVALID: /));

  it('that is longer than allowed', () => {
    expect(verdict(new Uint8Array(limits.deltaIndexEncodedBytesMax + 1))).toMatch(/^LIMIT_EXCEEDED: /);
  });

  it('that becomes larger than allowed', () => {
    const bomb = brotliCompressSync(new Uint8Array(limits.deltaIndexBytesMax + 1), {
      params: { [constants.BROTLI_PARAM_QUALITY]: 1 },
    });
    expect(bomb.length).toBeLessThan(100_000);
    expect(verdict(bomb)).toMatch(/^LIMIT_EXCEEDED: /);
  });

  it('whose derivations name more contents together than allowed', () => {
    const perPatch = 4_000;
    const patches = (writer: ByteWriter): void => {
      const count = limits.deltaReferencesMax / perPatch + 1;
      writer.varint(count);
      // One back from the one after it: the same content each time.
      const bases = new Uint8Array(perPatch).fill(1);
      bases[0] = 0;
      for (let index = 0; index < count; index++) {
        writer.u8(16).varint(perPatch).bytes(bases).varint(1).varint(1).varint(0).varint(0).varint(0);
        bases[0] = 1;
      }
      writer.bytes(new Uint8Array(count * 64));
    };
    const encoded = brotliCompressSync(plainIndex({ objects, derivations: patches }), {
      params: { [constants.BROTLI_PARAM_QUALITY]: 3 },
    });
    expect(verdict(encoded)).toMatch(/^DELTA_INVALID: derivations name too many contents/);
  });
});
