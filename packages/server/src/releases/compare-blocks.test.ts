import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { blockDigest, type Digest, readBlockFrames } from '@remendo/core';
import { describe, expect, it, vi } from 'vitest';
import { type CompareBlocksOptions, type ContentToCompare, compareBlocks } from './compare-blocks.js';

const zip = '0'.repeat(64) as Digest;
const blockBytes = 4_096;
const opened: Readable[] = [];

/** A store whose one object holds the contents one after the other, every second one deflated. */
function stored(contents: readonly { readonly bytes: Buffer; readonly held: Buffer }[]) {
  const parts: Buffer[] = [];
  let offset = 0;
  const places = contents.map(({ bytes, held }, index): ContentToCompare => {
    const encoding = index % 2 === 0 ? 'deflate' : 'identity';
    const encoded = encoding === 'deflate' ? deflateRawSync(bytes, { level: 1 }) : bytes;
    parts.push(encoded);
    offset += encoded.length;
    const digests = Array.from({ length: Math.ceil(held.length / blockBytes) }, (_, block) =>
      blockDigest(held.subarray(block * blockBytes, (block + 1) * blockBytes)),
    );
    const place = { offset: offset - encoded.length, encodedBytes: encoded.length, encoding } as const;
    return { sha256: '', bytes: bytes.length, blockBytes, digests: digests.join(''), ...place };
  });
  const object = Buffer.concat(parts);
  const openStream = async (_digest: Digest, range = { offset: 0, bytes: object.length }) => {
    const { offset: from, bytes } = range;
    const chunks = Array.from({ length: Math.ceil(bytes / 100_000) }, (_, index) =>
      object.subarray(from + index * 100_000, from + Math.min(bytes, (index + 1) * 100_000)),
    );
    const stream = Readable.from(chunks);
    opened.push(stream);
    return stream;
  };
  return { places, objects: { openStream } };
}

/** What a terminal that has `held` makes of the answer. */
async function mend(
  contents: readonly { readonly bytes: Buffer; readonly held: Buffer }[],
  options: Partial<CompareBlocksOptions> = {},
) {
  const { places, objects } = stored(contents);
  const mended = contents.map(({ bytes, held }) => Buffer.concat([held, Buffer.alloc(bytes.length)]).subarray(0, bytes.length));
  let fetchedBlocks = 0;
  const reading = readBlockFrames(
    compareBlocks(objects, places, { zip, onlyWhich: false, isOver: () => false, ...options }),
    places,
  );
  for (;;) {
    const next = await reading.next();
    if (next.done === true) return { mended, fetchedBlocks, ...next.value };
    const { content, block, count, bytes, encoded } = next.value;
    fetchedBlocks += count;
    const plain = options.onlyWhich === true || encoded.length === bytes ? encoded : inflateRawSync(encoded);
    mended[content]?.set(plain, block * blockBytes);
  }
}

const noise = (seed: string, bytes: number): Buffer =>
  Buffer.concat(
    Array.from({ length: Math.ceil(bytes / 32) }, (_, index) => createHash('sha256').update(`${seed} ${index}`).digest()),
  ).subarray(0, bytes);

const flipped = (bytes: Buffer, ...places: readonly number[]): Buffer => {
  const damaged = Buffer.from(bytes);
  for (const place of places) damaged[place] = (damaged[place] ?? 0) ^ 1;
  return damaged;
};

describe('the blocks that differ', () => {
  it('make the contents of what a terminal has, and are no more than those that differ', async () => {
    const bytes = noise('a', 50_000);
    const contents = [
      { bytes, held: flipped(bytes, 0, 4_096, 20_000, 49_999) },
      { bytes, held: bytes },
      { bytes, held: bytes.subarray(0, 30_000) },
      { bytes: Buffer.alloc(0), held: Buffer.alloc(0) },
      { bytes, held: Buffer.alloc(0) },
    ];
    const { mended, fetchedBlocks, isComplete } = await mend(contents);
    expect(isComplete).toBe(true);
    for (const [index, content] of contents.entries()) expect(mended[index]?.equals(content.bytes)).toBe(true);
    expect(fetchedBlocks).toBe(4 + 0 + 6 + 0 + 13);
  });

  it('come in long runs where they lie together, also around the places where progress is told', async () => {
    const bytes = Buffer.concat(Array<Buffer>(190).fill(noise('b', 100_000)));
    const held = Buffer.from(bytes);
    held.fill(0, 16 * 1024 ** 2 - 1_500_000, 16 * 1024 ** 2 + 2_000_000);
    const { mended, fetchedBlocks } = await mend([{ bytes, held }]);
    expect(mended[0]?.equals(bytes)).toBe(true);
    expect(fetchedBlocks).toBe(Math.ceil(3_500_000 / blockBytes) + 1);
  });

  it('are only named when that is all that is asked', async () => {
    const bytes = noise('c', 20_000);
    const contents = [{ bytes, held: flipped(bytes, 9_000) }];
    const { mended, fetchedBlocks, isComplete } = await mend(contents, { onlyWhich: true });
    expect({ fetchedBlocks, isComplete }).toEqual({ fetchedBlocks: 1, isComplete: true });
    expect(mended[0]?.equals(bytes)).toBe(false);
  });

  it('end where the answer has taken long enough, and nothing stays open', async () => {
    const bytes = Buffer.alloc(18_000_000);
    const { isComplete } = await mend([{ bytes, held: bytes }], { isOver: () => true });
    expect(isComplete).toBe(false);
    await vi.waitFor(() => expect(opened.every(({ destroyed }) => destroyed)).toBe(true), { timeout: 60_000 });
  });

  it('end behind the first of them when somebody took too long to read it', async () => {
    const bytes = noise('e', 50_000);
    const contents = [{ bytes, held: flipped(bytes, 0, 20_000, 40_000) }];
    const { fetchedBlocks, isComplete } = await mend(contents, { isOver: () => true });
    expect({ fetchedBlocks, isComplete }).toEqual({ fetchedBlocks: 1, isComplete: false });
  });

  it('are not made of a zip that no longer holds what it held', async () => {
    const bytes = noise('d', 20_000);
    const { places, objects } = stored([{ bytes, held: bytes }]);
    const [place] = places;
    if (place === undefined) throw new Error('there is one');
    const answer = compareBlocks(objects, [{ ...place, bytes: 19_000 }], { zip, onlyWhich: false, isOver: () => false });
    await expect(readAll(answer)).rejects.toMatchObject({ code: 'ARTIFACT_INVALID' });
  });
});

async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _chunk of chunks);
}
