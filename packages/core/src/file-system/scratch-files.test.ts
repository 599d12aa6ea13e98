import { describe, expect, it } from 'vitest';
import { UpdaterError } from '../errors.js';
import { MemoryFileSystem } from '../testing/memory-file-system.js';
import { seededRandom } from '../testing/seeded-random.js';
import { scratchFiles } from './scratch-files.js';

describe('scratch in files', () => {
  it('gives back what was written, in pieces of any length, whenever it is asked', async () => {
    const random = seededRandom(3);
    const scratch = await scratchFiles(new MemoryFileSystem(), '/target.scratch-')();
    let expected = Buffer.alloc(0);
    for (let count = 0; count < 60; count++) {
      const piece = Buffer.alloc(Math.floor(random() ** 4 * 200_000), count + 1);
      expected = Buffer.concat([expected, piece]);
      await scratch.write(piece);
      expect(scratch.bytes).toBe(expected.length);
      const at = Math.floor(random() * expected.length);
      const into = Buffer.alloc(Math.min(5_000, expected.length - at));
      expect(await scratch.read(at, into)).toBe(into.length);
      expect(Buffer.compare(into, expected.subarray(at, at + into.length))).toBe(0);
    }
    await scratch.close();
  });

  it('is gone when it is closed, each in a file of its own', async () => {
    const fileSystem = new MemoryFileSystem();
    const openScratch = scratchFiles(fileSystem, '/target.scratch-');
    const [one, two] = [await openScratch(), await openScratch()];
    await one.write(Uint8Array.of(1));
    expect(await fileSystem.list('/')).toEqual(['target.scratch-0', 'target.scratch-1']);
    await one.close();
    await two.close();
    expect(await fileSystem.list('/')).toEqual([]);
  });

  it('lets an error of the disk through', async () => {
    const fileSystem = new MemoryFileSystem();
    const scratch = await scratchFiles(fileSystem, '/target.scratch-')();
    const full = new UpdaterError('STORAGE_NO_SPACE', 'the disk is full');
    fileSystem.fault = (operation) => (operation === 'write' ? full : undefined);
    await expect(scratch.write(new Uint8Array(300_000))).rejects.toMatchObject({ code: 'STORAGE_NO_SPACE' });
    fileSystem.fault = undefined;
    await scratch.close();
  });
});
