import { expect, it } from 'vitest';
import { UpdaterError } from '../errors.js';
import { digestOf } from '../hash/digest.js';
import type { ObjectRequest, ObjectSource } from './object-source.js';
import { sourcesInOrder } from './sources-in-order.js';

const object = Uint8Array.from({ length: 100 }, (_, index) => index);
const request: ObjectRequest = { digest: digestOf(object), objectBytes: 100, offset: 10, bytes: 50 };

/** Gives ten bytes at a time and throws after `goodBytes`. */
const source = (name: string, goodBytes: number, error: Error, asked: number[] = []): ObjectSource => ({
  name,
  async *open({ offset, bytes }) {
    asked.push(offset);
    for (let done = 0; done < bytes; done += 10) {
      if (done >= goodBytes) throw error;
      yield object.subarray(offset + done, offset + done + 10);
    }
  },
});

async function read(sources: readonly ObjectSource[]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of sourcesInOrder(sources).open(request)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const notFound = new UpdaterError('DOWNLOAD_NOT_FOUND', 'not here');
const failed = new UpdaterError('DOWNLOAD_FAILED', 'no link', { cause: new Error('ECONNRESET') });

it('asks the next one where the one before failed, from where it stopped', async () => {
  const asked: number[] = [];
  const bytes = await read([
    source('stick', 0, notFound, asked),
    source('relay', 20, failed, asked),
    source('server', 99, failed, asked),
  ]);
  expect(bytes.equals(object.subarray(10, 60))).toBe(true);
  expect(asked).toEqual([10, 10, 30]);
});

it('tells why each of them failed when all did', async () => {
  await expect(read([source('stick', 0, notFound), source('server', 20, failed)])).rejects.toMatchObject({
    code: 'DOWNLOAD_FAILED',
    cause: failed,
    details: { tried: ['stick: DOWNLOAD_NOT_FOUND: not here', 'server: DOWNLOAD_FAILED: no link: ECONNRESET'] },
  });
});

it('stops at what no other source may overrule', async () => {
  const withdrawn = new UpdaterError('RELEASE_NOT_OFFERED', 'withdrawn');
  const asked: number[] = [];
  await expect(read([source('server', 0, withdrawn), source('mirror', 99, failed, asked)])).rejects.toBe(withdrawn);
  const stopped = new Error('closing time');
  await expect(read([source('server', 0, stopped), source('mirror', 99, failed, asked)])).rejects.toBe(stopped);
  expect(asked).toEqual([]);
});

it('names its sources, and who to ask when the first turned out wrong', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((name) => source(name, 99, failed));
  if (a === undefined || b === undefined || c === undefined) throw new Error('three sources');
  const all = sourcesInOrder([a, b, c]);
  expect(all.name).toBe('a, then b, then c');
  expect(all.otherwise?.name).toBe('b, then c');
  expect(all.otherwise?.otherwise).toBe(c);
  expect(() => sourcesInOrder([])).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
});
