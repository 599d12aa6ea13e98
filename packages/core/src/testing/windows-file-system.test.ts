import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { readSmallFile, withFile } from '../file-system/file-source.js';
import { fileSystemContract } from '../file-system/file-system.contract.js';
import type { FileSystem } from '../file-system/file-system.js';
import { writeText } from './sample-install.js';
import { WindowsMachine } from './windows-file-system.js';
import { sharesReading } from './windows-holds.js';

const root = 'C:/sistema';

fileSystemContract('node on a simulated Windows', async () => {
  const machine = new WindowsMachine();
  await machine.disk.makeDirectory(root);
  return {
    fileSystem: machine.fileSystem,
    root,
    makeLink: async (path, to) => machine.disk.makeLink(path, to),
    close: async () => {},
  };
});

describe('nodeFileSystem on a simulated Windows', () => {
  let machine: WindowsMachine;
  let fileSystem: FileSystem;
  const at = (name: string) => join(root, name);
  const read = async (name: string) => Buffer.from((await readSmallFile(fileSystem, at(name), 1_000)) ?? []).toString();

  beforeEach(async () => {
    machine = new WindowsMachine();
    fileSystem = machine.fileSystem;
    await fileSystem.makeDirectory(root);
    await writeText(fileSystem, at('file'), 'text');
  });

  it('tries to move a held file again until it is let go', async () => {
    machine.hold(at('file'), { forMs: 100 });
    await fileSystem.rename(at('file'), at('moved'));
    expect(await fileSystem.list(root)).toEqual(['moved']);
    expect(machine.waitedMs).toBe(10 + 20 + 40 + 80);
  });

  it('gives up on a file that stays held after two seconds, and names the program that holds it', async () => {
    const asked: string[] = [];
    const named = new WindowsMachine({
      disk: machine.disk,
      holders: async (path) => {
        asked.push(path);
        return path === at('file') ? [{ pid: 1234, program: 'C:\\sistema\\erp.exe' }] : null;
      },
    });
    named.hold(at('file'));
    await expect(named.fileSystem.rename(at('file'), at('moved'))).rejects.toMatchObject({
      code: 'TRANSACTION_FILE_HELD',
      message: expect.stringContaining('while erp.exe (1234) holds it'),
      details: { system: 'EBUSY', heldBy: ['erp.exe (1234)'] },
    });
    expect(asked).toEqual([at('file'), at('moved')]);
    expect(named.waitedMs).toBe(2_000);
  });

  it('says only that another program holds a file where nobody can tell which', async () => {
    machine.hold(at('file'));
    const refused = fileSystem.rename(at('file'), at('moved'));
    await expect(refused).rejects.toMatchObject({ details: { path: at('file'), operation: 'rename', system: 'EBUSY' } });
    await expect(refused).rejects.not.toHaveProperty('details.heldBy');
  });

  it('moves a running program, and neither writes, replaces nor removes it', async () => {
    await writeText(fileSystem, at('erp.exe'), 'program');
    const end = machine.run(at('erp.exe'));
    await fileSystem.rename(at('erp.exe'), at('aside.exe'));
    for (const refused of [
      () => fileSystem.open(at('aside.exe'), 'create'),
      () => fileSystem.rename(at('file'), at('aside.exe')),
      () => fileSystem.removeFile(at('aside.exe')),
    ]) {
      await expect(refused()).rejects.toMatchObject({ code: 'TRANSACTION_FILE_HELD' });
    }
    expect(await read('aside.exe')).toBe('program');
    end();
    await fileSystem.removeFile(at('aside.exe'));
    expect(await fileSystem.list(root)).toEqual(['file']);
  });

  it('reads what is held for reading, and replaces it once it is let go', async () => {
    machine.hold(at('file'), { shares: sharesReading, forMs: 300 });
    expect(await read('file')).toBe('text');
    await writeText(fileSystem, at('next'), 'more');
    await fileSystem.rename(at('next'), at('file'));
    expect(await read('file')).toBe('more');
  });

  it('does not move a folder while anything in it is open', async () => {
    await fileSystem.makeDirectory(at('folder/deep'));
    await writeText(fileSystem, at('folder/deep/file'), 'text');
    const handle = await fileSystem.open(at('folder/deep/file'), 'read');
    await expect(fileSystem.rename(at('folder'), at('moved'))).rejects.toMatchObject({ code: 'TRANSACTION_FILE_HELD' });
    await handle.close();
    await fileSystem.rename(at('folder'), at('moved'));
    expect(await read('moved/deep/file')).toBe('text');
  });

  it('says at once what is a folder where a file is meant, and does not take it for held', async () => {
    await fileSystem.makeDirectory(at('folder'));
    await expect(fileSystem.removeFile(at('folder'))).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    await expect(fileSystem.rename(at('file'), at('folder'))).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    expect(machine.waitedMs).toBe(0);
  });

  it('clears the read-only attribute of a file it replaces, removes or syncs, and restores what it syncs', async () => {
    await writeText(fileSystem, at('target'), 'base');
    await fileSystem.setMode(at('target'), 0o444);
    await fileSystem.rename(at('file'), at('target'));
    expect(await read('target')).toBe('text');
    await fileSystem.setMode(at('target'), 0o444);
    await withFile(fileSystem, at('target'), { mode: 'write' }, (handle) => handle.sync());
    expect((await fileSystem.stat(at('target')))?.mode).toBe(0o444);
    await fileSystem.rename(at('target'), at('moved'));
    expect((await fileSystem.stat(at('moved')))?.mode).toBe(0o444);
    await fileSystem.removeFile(at('moved'));
    expect(await fileSystem.list(root)).toEqual([]);
    expect(machine.waitedMs).toBe(0);
  });

  it('leaves a read-only file read-only when it is held, whether for a moment or for good', async () => {
    await fileSystem.setMode(at('file'), 0o444);
    machine.hold(at('file'), { shares: sharesReading, forMs: 100 });
    await withFile(fileSystem, at('file'), { mode: 'write' }, (handle) => handle.sync());
    expect((await fileSystem.stat(at('file')))?.mode).toBe(0o444);
    machine.hold(at('file'), { shares: sharesReading });
    await writeText(fileSystem, at('next'), 'more');
    for (const refused of [
      () => fileSystem.open(at('file'), 'write'),
      () => fileSystem.removeFile(at('file')),
      () => fileSystem.rename(at('next'), at('file')),
    ]) {
      await expect(refused()).rejects.toMatchObject({ code: 'TRANSACTION_FILE_HELD' });
      expect((await fileSystem.stat(at('file')))?.mode).toBe(0o444);
    }
  });

  it('waits for a name whose removed file is still open elsewhere', async () => {
    const handle = await fileSystem.open(at('file'), 'read');
    await fileSystem.removeFile(at('file'));
    await expect(fileSystem.open(at('file'), 'exclusive')).rejects.toMatchObject({ code: 'TRANSACTION_FILE_HELD' });
    await handle.close();
    await writeText(fileSystem, at('file'), 'again');
    expect(await read('file')).toBe('again');
  });

  it('outwaits a virus scanner that opens what was written', async () => {
    machine.scannerHoldsMs = 150;
    await writeText(fileSystem, at('fresh'), 'new');
    await fileSystem.rename(at('fresh'), at('file'));
    expect(await read('file')).toBe('new');
    expect(machine.waitedMs).toBeGreaterThan(0);
  });

  it.each(['CON', 'nul.txt', 'aux', 'com1.log', 'lpt¹', 'ends.', 'ends ', 'stream:two', 'wild*'])(
    'is refused the name %j, which Windows has other uses for',
    async (name) => {
      await expect(fileSystem.open(at(name), 'create')).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
      expect(await fileSystem.list(root)).toEqual(['file']);
    },
  );

  it('gives every path the prefix without which long ones can not be had', async () => {
    const deep = at(`${'d'.repeat(120)}/${'e'.repeat(120)}`);
    await expect(machine.promises.mkdir(deep)).rejects.toMatchObject({ code: 'ENOENT' });
    await fileSystem.makeDirectory(deep);
    await writeText(fileSystem, join(deep, 'file'), 'deep');
    expect((await fileSystem.stat(join(deep, 'file')))?.bytes).toBe(4);
  });

  it('does not try to sync directories', async () => {
    expect(fileSystem.canSyncDirectories).toBe(false);
    expect(fileSystem.hasModes).toBe(false);
    await fileSystem.syncDirectory(root);
  });
});
