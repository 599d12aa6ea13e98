import { describe, expect, it } from 'vitest';
import { hasCode, UpdaterError } from '../errors.js';
import { readSmallFile } from '../file-system/file-source.js';
import { fileSystemContract } from '../file-system/file-system.contract.js';
import { CrashFileSystem } from './crash-file-system.js';
import { MemoryFileSystem } from './memory-file-system.js';
import { writeText } from './sample-install.js';

for (const [name, make] of [
  ['memory', () => new MemoryFileSystem()],
  ['memory, ignoring case', () => new MemoryFileSystem({ ignoresCase: true, canSyncDirectories: false })],
  ['crash', () => new CrashFileSystem()],
] as const) {
  fileSystemContract(name, async () => {
    const fileSystem = make();
    await fileSystem.makeDirectory('/root');
    return {
      fileSystem,
      root: '/root',
      makeLink: async (path, to) => fileSystem.makeLink(path, to),
      close: async () => undefined,
    };
  });
}

describe('MemoryFileSystem', () => {
  it('writes what fits on a full disk and says that it was not all', async () => {
    const fileSystem = new MemoryFileSystem({ capacityBytes: 10 });
    await writeText(fileSystem, '/one', '123456');
    await expect(writeText(fileSystem, '/two', '123456')).rejects.toSatisfy((error) => hasCode(error, 'STORAGE_NO_SPACE'));
    expect(await fileSystem.freeBytes('/')).toBe(0);
    expect((await fileSystem.stat('/two'))?.bytes).toBe(4);
    await fileSystem.removeFile('/one');
    expect(await fileSystem.freeBytes('/')).toBe(6);
  });

  it('throws the faults it is given', async () => {
    const held = new UpdaterError('TRANSACTION_FILE_HELD', 'held');
    const fileSystem = new MemoryFileSystem({
      fault: (operation, path, { targetPath }) =>
        operation === 'rename' && path === '/a' && targetPath === '/b' ? held : undefined,
    });
    await writeText(fileSystem, '/a', '');
    await expect(fileSystem.rename('/a', '/b')).rejects.toBe(held);
    await fileSystem.rename('/a', '/c');
  });

  it('takes names that differ in case for one file when told to, and keeps the spelling', async () => {
    const fileSystem = new MemoryFileSystem({ ignoresCase: true });
    await fileSystem.makeDirectory('/Folder');
    await writeText(fileSystem, '/folder/Readme', 'one');
    await writeText(fileSystem, '/FOLDER/README', 'two');
    expect(await fileSystem.list('/folder')).toEqual(['Readme']);
    expect(Buffer.from((await readSmallFile(fileSystem, '/Folder/readme', 9)) ?? []).toString()).toBe('two');
  });
});
