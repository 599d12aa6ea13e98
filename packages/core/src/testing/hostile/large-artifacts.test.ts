/** Artifacts beyond 2 and 4 GiB, as sparse files: read right, or refused; never an offset that has lost its upper bits. */
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BufferSink } from '../../bytes/byte-source.js';
import { decodeDeltaFile } from '../../delta/delta-file.js';
import { encodeDeltaIndex } from '../../delta/delta-index.js';
import { indexDelta } from '../../delta/resolve-delta.js';
import { verifyArrived } from '../../download/verify-arrived.js';
import { withFile } from '../../file-system/file-source.js';
import { nodeFileSystem } from '../../file-system/node-file-system.js';
import { digestOf } from '../../hash/digest.js';
import { bsdiff40Codec } from '../../patch/bsdiff40/bsdiff40-codec.js';
import { remendoCodec } from '../../patch/remendo/remendo-codec.js';
import { openZip } from '../../zip/read-zip.js';
import { Bsdiff40Encoder } from '../bsdiff40-encoder.js';
import { memoryScratch } from '../memory-scratch.js';
import { deltaFileOf, honestDelta } from './delta-fixtures.js';

const gibibyte = 1024 ** 3;
const fileSystem = nodeFileSystem();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remendo-large-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A file of holes, but for these bytes at these places. */
async function sparseFile(
  name: string,
  bytes: number,
  parts: readonly (readonly [offset: number, bytes: Uint8Array])[],
): Promise<string> {
  const path = join(folder, name);
  const handle = await open(path, 'w');
  await handle.truncate(bytes);
  for (const [offset, part] of parts) await handle.write(part, 0, part.length, offset);
  await handle.close();
  return path;
}

const text = Buffer.from('behind four gibibytes');

interface Placed {
  readonly name: string;
  readonly bytes: number;
  readonly crc: number;
  readonly offset: number;
  /** What a 32-bit field says of the offset, when it is not left to zip64. */
  readonly shownOffset?: number;
}

function localHeader({ name, bytes, crc }: Placed): Buffer {
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt32LE(crc, 14);
  for (const at of [18, 22]) header.writeUInt32LE(Math.min(bytes, 0xffffffff), at);
  header.writeUInt16LE(name.length, 26);
  return Buffer.concat([header, Buffer.from(name)]);
}

function directoryEntry({ name, bytes, crc, offset, shownOffset }: Placed): Buffer {
  const zip64 = Buffer.alloc(28);
  zip64.writeUInt16LE(1, 0);
  zip64.writeUInt16LE(24, 2);
  for (const [index, value] of [bytes, bytes, offset].entries()) zip64.writeBigUInt64LE(BigInt(value), 4 + 8 * index);
  const extra = shownOffset === undefined ? zip64 : Buffer.alloc(0);
  const entry = Buffer.alloc(46);
  entry.writeUInt32LE(0x02014b50, 0);
  entry.writeUInt32LE(crc, 16);
  for (const at of [20, 24]) entry.writeUInt32LE(shownOffset === undefined ? 0xffffffff : bytes, at);
  entry.writeUInt16LE(name.length, 28);
  entry.writeUInt16LE(extra.length, 30);
  entry.writeUInt32LE(shownOffset ?? 0xffffffff, 42);
  return Buffer.concat([entry, Buffer.from(name), extra]);
}

function endRecords(directoryOffset: number, directoryBytes: number): Buffer {
  const zip64 = Buffer.alloc(56);
  zip64.writeUInt32LE(0x06064b50, 0);
  zip64.writeBigUInt64LE(44n, 4);
  for (const at of [24, 32]) zip64.writeBigUInt64LE(2n, at);
  zip64.writeBigUInt64LE(BigInt(directoryBytes), 40);
  zip64.writeBigUInt64LE(BigInt(directoryOffset), 48);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50, 0);
  locator.writeBigUInt64LE(BigInt(directoryOffset + directoryBytes), 8);
  locator.writeUInt32LE(1, 16);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  for (const at of [8, 10]) end.writeUInt16LE(0xffff, at);
  for (const at of [12, 16]) end.writeUInt32LE(0xffffffff, at);
  return Buffer.concat([zip64, locator, end]);
}

/** A stored file of 5 GiB of zeros, and a small one behind it. */
function largeZip(name: string, shownOffset?: number): Promise<string> {
  const big = { name: 'big.bin', bytes: 5 * gibibyte, crc: 0, offset: 0 };
  const smallOffset = localHeader(big).length + big.bytes;
  const small = {
    name: 'small.txt',
    bytes: text.length,
    crc: crc32(text),
    offset: smallOffset,
    ...(shownOffset === undefined ? {} : { shownOffset }),
  };
  const [head, directory] = [
    Buffer.concat([localHeader(small), text]),
    Buffer.concat([directoryEntry(big), directoryEntry(small)]),
  ];
  const directoryOffset = smallOffset + head.length;
  const end = Buffer.concat([directory, endRecords(directoryOffset, directory.length)]);
  return sparseFile(name, directoryOffset + end.length, [
    [0, localHeader(big)],
    [smallOffset, head],
    [directoryOffset, end],
  ]);
}

const smallEntry = (path: string): Promise<string> =>
  withFile(fileSystem, path, { mode: 'read' }, async (source) => {
    const zip = await openZip(source);
    const entry = zip.entries.find((one) => one.path === 'small.txt');
    const chunks: Uint8Array[] = [];
    try {
      for await (const chunk of entry?.read() ?? []) chunks.push(chunk);
    } finally {
      zip.close();
    }
    return Buffer.concat(chunks).toString();
  });

describe('a zip of 5 GiB', () => {
  it('gives an entry that lies behind the first four', async () => {
    expect(await smallEntry(await largeZip('large.zip'))).toBe(text.toString());
  });

  it('is refused when the offset of that entry is told in 32 bits', async () => {
    const wrapped = await largeZip('wrapped.zip', (5 * gibibyte + 37) % 2 ** 32);
    await expect(smallEntry(wrapped)).rejects.toMatchObject({ code: 'ARTIFACT_INVALID' });
  });
});

describe('a base of 5 GiB', () => {
  const offset = 4.5 * gibibyte;
  const target = (bytes: number) => ({ sink: new BufferSink(bytes), bytes });
  const base = () => sparseFile('base', 5 * gibibyte, [[offset, text]]);

  it('is read at the right place by a BSDIFF40 patch', async () => {
    const made = target(text.length);
    const patch = new Bsdiff40Encoder().triple(0, 0, offset).triple(text.length, 0, 0).diff(new Uint8Array(text.length)).finish();
    await withFile(fileSystem, await base(), { mode: 'read' }, (source) =>
      bsdiff40Codec.apply({
        bases: [source],
        patch: { bytes: patch.length, read: async (at, into) => readFrom(patch, at, into) },
        targets: [made],
        scratch: memoryScratch,
      }),
    );
    expect(Buffer.from(made.sink.toBuffer()).toString()).toBe(text.toString());
  });

  it('is refused for a patch whose addresses have 31 bits', async () => {
    const applied = withFile(fileSystem, await base(), { mode: 'read' }, (source) =>
      remendoCodec.apply({
        bases: [source],
        patch: { bytes: 0, read: async () => 0 },
        targets: [target(9)],
        scratch: memoryScratch,
      }),
    );
    await expect(applied).rejects.toMatchObject({ code: 'PATCH_INVALID' });
  });
});

const readFrom = (bytes: Uint8Array, at: number, into: Uint8Array): number => {
  const part = bytes.subarray(at, at + into.length);
  into.set(part);
  return part.length;
};

it('a delta file with a body of 5 GiB finds a blob behind the first four', async () => {
  const honest = await honestDelta();
  const [derivation] = honest.derivations;
  if (derivation === undefined) throw new Error('it has one');
  const object = { digest: digestOf('large'), bytes: 5 * gibibyte };
  const blob = { object: object.digest, offset: 4.5 * gibibyte, bytes: text.length, sha256: digestOf(text) };
  const index = encodeDeltaIndex(indexDelta({ ...honest, objects: [object], derivations: [{ ...derivation, blob }] }));
  const head = deltaFileOf(index, new Uint8Array());
  const path = await sparseFile('delta', head.length + object.bytes, [
    [0, head],
    [head.length + blob.offset, text],
  ]);
  const { bodyOffset, index: decoded } = await withFile(fileSystem, path, { mode: 'read' }, decodeDeltaFile);
  const found = decoded.derivations[0]?.blob;
  expect(found).toMatchObject({ offset: 4.5 * gibibyte, bytes: text.length });
  await verifyArrived(fileSystem, { path, offset: bodyOffset + blob.offset, bytes: blob.bytes }, blob);
});
