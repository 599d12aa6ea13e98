import { describe, expect, it } from 'vitest';
import { bufferSource } from '../bytes/byte-source.js';
import { digestOf } from '../hash/digest.js';
import { encodePatchHeader } from '../patch/remendo/patch-header.js';
import { joined } from '../testing/remendo-samples.js';
import { decodeDeltaFile, encodeDeltaFileHead } from './delta-file.js';
import type { DeltaIndex } from './delta-index.js';
import { describeDelta } from './describe-delta.js';

const header = encodePatchHeader(
  { profile: 'compact', decodeCost: 0, sizes: { windowBits: 16, historyBits: 12, guessBits: 14 } },
  [],
  [40],
);
const patch = joined([header, new Uint8Array(40 + 200)]);
const whole = new Uint8Array(70);

const content = (name: string, bytes: number) => ({ sha256: digestOf(name), bytes });

/** A delta file of a patch, a whole content, and a patch of bytes that are none. */
function deltaFile(unreadable: Uint8Array): Uint8Array {
  const body = joined([patch, whole, unreadable]);
  let offset = 0;
  const blobOf = (bytes: Uint8Array) => {
    offset += bytes.length;
    return { object: 0, offset: offset - bytes.length, bytes: bytes.length, sha256: digestOf(bytes) };
  };
  const index: DeltaIndex = {
    baseContentsDigest: digestOf('base'),
    baseVersion: '1.0.0',
    baseFiles: 1,
    baseContents: 1,
    application: 'erp',
    platform: 'any',
    version: '1.0.1',
    displayVersion: '',
    targetManifestDigest: digestOf('target'),
    objects: [{ digest: digestOf(body), bytes: body.length }],
    derivations: [
      { kind: 'patch', codec: 'remendo+containers', bases: [0], targets: [content('a', 500)], blob: blobOf(patch) },
      { kind: 'whole', encoding: 'brotli', target: content('b', 900), blob: blobOf(whole) },
      { kind: 'patch', codec: 'remendo', bases: [0], targets: [content('c', 300)], blob: blobOf(unreadable) },
    ],
    files: [{ position: 0, content: 1, xxh64: '0123456789abcdef' }],
    removed: [],
    executable: [],
  };
  return joined([encodeDeltaFileHead(index), body]);
}

describe('where the bytes of a delta file go', () => {
  it('is told to the last one, patches that can not be read among them', async () => {
    const bytes = deltaFile(Buffer.from('no patch at all'));
    const file = await decodeDeltaFile(bufferSource(bytes));
    const { patches, causes } = await describeDelta(bufferSource(bytes), file);
    expect(patches.map((report) => report?.codec ?? null)).toEqual(['remendo', null]);
    const body = { bytes: 200, blocks: 40, transforms: 0, patchHeaders: header.length, wholes: 70, unread: 15 };
    expect(causes).toMatchObject(body);
    expect(causes.manifestDifference).toBeGreaterThan(0);
    expect(causes.index + causes.manifestDifference).toBe(file.bodyOffset);
    expect(Object.values(causes).reduce((sum, part) => sum + part, 0)).toBe(bytes.length);
  });
});
