import { dirname } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { UpdaterError } from '../errors.js';
import { type Digest, digestOf } from '../hash/digest.js';
import { MemoryFileSystem } from '../testing/memory-file-system.js';
import { folderObjectSource, folderPieces, objectFilePath } from './folder-object-source.js';
import type { ObjectRequest } from './object-source.js';

const object = Uint8Array.from({ length: 600_000 }, (_, index) => (index * 31) % 251);
const digest: Digest = digestOf(object);
let fileSystem: MemoryFileSystem;

beforeEach(async () => {
  fileSystem = new MemoryFileSystem();
  const path = objectFilePath('/stick', digest);
  await fileSystem.makeDirectory(dirname(path));
  const file = await fileSystem.open(path, 'create');
  await file.write(0, object);
  await file.close();
});

async function read(asked: Partial<ObjectRequest> = {}): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  const request = { digest, objectBytes: object.length, offset: 0, bytes: object.length, ...asked };
  for await (const chunk of folderObjectSource({ fileSystem, folder: '/stick' }).open(request)) chunks.push(chunk.slice());
  return Buffer.concat(chunks);
}

describe('a folder of objects', () => {
  it('names them by the first two digits and the digest', () => {
    expect(objectFilePath('/stick', digest)).toBe(`/stick/objects/${digest.slice(0, 2)}/${digest}`);
  });

  it('gives whole objects and ranges', async () => {
    expect((await read()).equals(object)).toBe(true);
    expect((await read({ offset: 300_001, bytes: 7 })).equals(object.subarray(300_001, 300_008))).toBe(true);
  });

  it('does not have what is not there, or is a link', async () => {
    const missing = digestOf('missing');
    await expect(read({ digest: missing })).rejects.toMatchObject({ code: 'DOWNLOAD_NOT_FOUND' });
    const path = objectFilePath('/stick', missing);
    await fileSystem.makeDirectory(dirname(path));
    fileSystem.makeLink(path, objectFilePath('/stick', digest));
    await expect(read({ digest: missing })).rejects.toMatchObject({ code: 'DOWNLOAD_NOT_FOUND' });
  });

  it('fails for an object of another size', async () => {
    await expect(read({ objectBytes: 5, bytes: 5 })).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
  });

  it('fails as a download when the stick is pulled out', async () => {
    fileSystem.fault = (operation) => (operation === 'read' ? new UpdaterError('STORAGE_FAILED', 'the device is gone') : undefined);
    await expect(read()).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED', cause: { code: 'STORAGE_FAILED' } });
  });

  it('ends by the signal', async () => {
    await expect(read({ signal: AbortSignal.abort(new Error('closing time')) })).rejects.toThrow('closing time');
  });
});

describe('an object that is larger than a file of the folder may be', () => {
  const pieceBytes = 256_000;

  beforeEach(async () => {
    for (const { path, offset, bytes } of folderPieces('/cut', { digest, bytes: object.length }, pieceBytes)) {
      await fileSystem.makeDirectory(dirname(path));
      const file = await fileSystem.open(path, 'create');
      await file.write(0, object.subarray(offset, offset + bytes));
      await file.close();
    }
  });

  async function readCut(offset: number, bytes: number): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    const source = folderObjectSource({ fileSystem, folder: '/cut', pieceBytes });
    const request = { digest, objectBytes: object.length, offset, bytes };
    for await (const chunk of source.open(request)) chunks.push(chunk.slice());
    return Buffer.concat(chunks);
  }

  it('lies there in pieces, and is read across them', async () => {
    expect(await fileSystem.list(dirname(objectFilePath('/cut', digest)))).toEqual(
      ['000', '001', '002'].map((n) => `${digest}.${n}`),
    );
    expect((await readCut(0, object.length)).equals(object)).toBe(true);
    expect((await readCut(255_999, 256_002)).equals(object.subarray(255_999, 512_001))).toBe(true);
  });

  it('is not there when one of them is not', async () => {
    await fileSystem.removeFile(`${objectFilePath('/cut', digest)}.001`);
    await expect(readCut(0, 10)).rejects.toMatchObject({ code: 'DOWNLOAD_NOT_FOUND' });
  });
});
