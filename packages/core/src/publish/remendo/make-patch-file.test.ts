import { describe, expect, it } from 'vitest';
import { withFile } from '../../file-system/file-source.js';
import type { FileHandle, FileStat, OpenMode } from '../../file-system/file-system.js';
import { limits } from '../../limits.js';
import { MemoryFileSystem } from '../../testing/memory-file-system.js';
import { makePatchFile } from './make-patch-file.js';

const bytes = Uint8Array.from({ length: 5_000 }, (_, index) => (index * index) >> 5);
const job = { basePaths: ['/base'], targetPaths: ['/target'], patchPath: '/patch', profile: 'compact' as const };

const write = (fileSystem: MemoryFileSystem, path: string, content: Uint8Array): Promise<void> =>
  withFile(fileSystem, path, { mode: 'create' }, (file) => file.write(0, content));

async function withFiles<Files extends MemoryFileSystem>(fileSystem: Files): Promise<Files> {
  await write(fileSystem, '/base', bytes);
  await write(fileSystem, '/target', bytes.subarray(1_000));
  return fileSystem;
}

/** Somebody writes into a file after it was read, when the patch is about to be written. */
class MeddledFiles extends MemoryFileSystem {
  meddled = '';

  override async open(path: string, mode: OpenMode): Promise<FileHandle> {
    if (path === job.patchPath && this.meddled !== '') {
      await withFile(this, this.meddled, { mode: 'write' }, (file) => file.write(2_000, Uint8Array.of(1, 2, 3)));
    }
    return super.open(path, mode);
  }
}

/** Files that say they are as large as a patch can not take. */
class HugeFiles extends MemoryFileSystem {
  override async stat(path: string): Promise<FileStat | null> {
    const stat = await super.stat(path);
    return stat === null ? null : { ...stat, bytes: limits.remendoBytesMax + 1 };
  }
}

describe('a patch of files', () => {
  it('is refused when a base is another one by the time the patch is proved', async () => {
    const fileSystem = await withFiles(new MeddledFiles());
    await makePatchFile(fileSystem, job);
    fileSystem.meddled = '/base';
    await expect(makePatchFile(fileSystem, job)).rejects.toMatchObject({ code: 'PATCH_BASE_MISMATCH' });
  });

  it('of too much is refused before anything of it is read', async () => {
    const reading: string[] = [];
    const fileSystem = await withFiles(new HugeFiles());
    fileSystem.fault = (operation, path) => {
      if (operation === 'read') reading.push(path);
      return undefined;
    };
    await expect(makePatchFile(fileSystem, job)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    expect(reading).toEqual([]);
  });

  it('is not made when it is cancelled before', async () => {
    const enough = new Error('enough');
    await expect(makePatchFile(await withFiles(new MemoryFileSystem()), job, AbortSignal.abort(enough))).rejects.toBe(enough);
  });
});
