import { createBrotliCompress, createGunzip, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { BufferSink, type ByteSource, bufferSource, readWhole, sliceSource, sourceChunks } from './byte-source.js';
import { transformChunks } from './transform-chunks.js';

const bytes = Uint8Array.from({ length: 1_000 }, (_, index) => index & 255);

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<readonly Uint8Array[]> {
  const collected: Uint8Array[] = [];
  for await (const chunk of chunks) collected.push(chunk);
  return collected;
}

describe('a slice of a source', () => {
  it.each([
    [0, 1_000, 1_000],
    [10, 20, 20],
    [990, 20, 10],
    [1_000, 5, 0],
    [2_000, 5, 0],
    [5, 0, 0],
  ])('from %i of %i bytes has %i', async (offset, length, expected) => {
    const slice = sliceSource(bufferSource(bytes), offset, length);
    expect(slice.bytes).toBe(expected);
    expect(await readWhole(slice)).toEqual(bytes.subarray(offset, offset + expected));
  });

  it('gives nothing from beyond its end, though the source goes on', async () => {
    const slice = sliceSource(bufferSource(bytes), 100, 10);
    const into = new Uint8Array(50);
    expect([await slice.read(5, into), await slice.read(10, into), await slice.read(99, into)]).toEqual([5, 0, 0]);
  });
});

describe('the chunks of a source', () => {
  it('are all of it, in order, each a buffer of its own', async () => {
    const chunks = await collect(sourceChunks(bufferSource(bytes), { chunkBytes: 300 }));
    expect(chunks.map((chunk) => chunk.length)).toEqual([300, 300, 300, 100]);
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
    expect(new Set(chunks.map((chunk) => chunk.buffer)).size).toBe(4);
  });

  it('end where the source ends, though it said it had more', async () => {
    const short: ByteSource = { bytes: 5_000, read: bufferSource(bytes).read };
    expect(Buffer.concat(await collect(sourceChunks(short))).length).toBe(1_000);
  });

  it('are none for an empty source', async () => {
    expect(await collect(sourceChunks(bufferSource(new Uint8Array())))).toEqual([]);
  });

  it('end when they are aborted', async () => {
    const abort = new AbortController();
    const chunks = sourceChunks(bufferSource(bytes), { chunkBytes: 10, signal: abort.signal });
    await chunks.next();
    abort.abort(new Error('enough'));
    await expect(chunks.next()).rejects.toThrow('enough');
  });
});

it('a sink of limited size takes that much and refuses a byte more', async () => {
  const sink = new BufferSink(1_000);
  await sink.write(bytes.subarray(0, 400));
  await sink.write(bytes.subarray(400));
  expect(sink.toBuffer()).toEqual(bytes);
  await expect(sink.write(Uint8Array.of(1))).rejects.toThrow(RangeError);
});

describe('chunks through a stream', () => {
  const once = async function* (...chunks: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
    yield* chunks;
  };

  it('come out changed', async () => {
    const out = await collect(transformChunks(once(gzipSync(bytes)), createGunzip()));
    expect(Buffer.concat(out).equals(bytes)).toBe(true);
  });

  it('fail as the stream fails', async () => {
    await expect(collect(transformChunks(once(bytes), createGunzip()))).rejects.toMatchObject({ code: 'Z_DATA_ERROR' });
  });

  it('fail as the chunks fail, instead of waiting for more', async () => {
    const failing = async function* (): AsyncIterable<Uint8Array> {
      yield gzipSync(bytes).subarray(0, 20);
      throw new Error('the disk is gone');
    };
    await expect(collect(transformChunks(failing(), createGunzip()))).rejects.toThrow('the disk is gone');
  });

  it('are asked for no further when nobody wants them', async () => {
    let asked = 0;
    let ended = false;
    const endless = async function* (): AsyncIterable<Uint8Array> {
      try {
        for (;;) {
          asked++;
          yield new Uint8Array(100_000).map((_, index) => (index * asked) & 255);
        }
      } finally {
        ended = true;
      }
    };
    const transform = createBrotliCompress({ params: {} });
    for await (const _ of transformChunks(endless(), transform)) break;
    expect([ended, transform.destroyed]).toEqual([true, true]);
  });
});
