import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readWhole } from '../bytes/byte-source.js';
import { hasCode } from '../errors.js';
import { copyFile, digestOfFile, fileSink, openSource, readSmallFile, withFile } from './file-source.js';
import type { FileSystem } from './file-system.js';
import { assertFreeBytes } from './free-space.js';
import { hashFile } from './hash-file.js';
import { removeTree } from './remove-tree.js';
import { writeDurably } from './write-durably.js';

export interface FileSystemUnderTest {
  readonly fileSystem: FileSystem;
  /** An empty directory. */
  readonly root: string;
  readonly makeLink: (path: string, to: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** What every implementation of the port does; what only a crash can show is in the crash tests. */
export function fileSystemContract(name: string, open: () => Promise<FileSystemUnderTest>): void {
  describe(`file system contract: ${name}`, () => {
    let under: FileSystemUnderTest;
    let fileSystem: FileSystem;
    const at = (...segments: readonly string[]) => join(under.root, ...segments);
    const write = (path: string, text: string) =>
      withFile(fileSystem, path, { mode: 'create' }, (handle) => handle.write(0, Buffer.from(text)));
    const read = async (path: string) => Buffer.from((await readSmallFile(fileSystem, path, 1 << 20)) ?? []).toString();

    beforeEach(async () => {
      under = await open();
      fileSystem = under.fileSystem;
    });
    afterEach(() => under.close());

    it('tells what an entry is without following links', async () => {
      await write(at('file'), 'four');
      await fileSystem.makeDirectory(at('folder'));
      await under.makeLink(at('link'), at('folder'));
      expect(await fileSystem.stat(at('file'))).toMatchObject({ kind: 'file', bytes: 4 });
      expect(await fileSystem.stat(at('folder'))).toMatchObject({ kind: 'directory', bytes: 0 });
      expect((await fileSystem.stat(at('link')))?.kind).toBe('symlink');
    });

    it('finds nothing where nothing is, also below a file', async () => {
      await write(at('file'), '');
      expect(await fileSystem.stat(at('missing'))).toBeNull();
      expect(await fileSystem.stat(at('missing', 'deeper'))).toBeNull();
      expect(await fileSystem.stat(at('file', 'below'))).toBeNull();
      expect(await fileSystem.list(at('missing'))).toEqual([]);
      expect(await fileSystem.list(at('file'))).toEqual([]);
    });

    it('writes and reads at any offset', async () => {
      await withFile(fileSystem, at('file'), { mode: 'create' }, async (handle) => {
        await handle.write(0, Buffer.from('hello world'));
        await handle.write(6, Buffer.from('there'));
        await handle.write(13, Buffer.from('!'));
        expect(handle.bytes).toBe(14);
        const into = new Uint8Array(8);
        expect(await handle.read(6, into)).toBe(8);
        expect(Buffer.from(into).toString()).toBe('there\0\0!');
        await handle.truncate(5);
        expect(handle.bytes).toBe(5);
        expect(await handle.read(3, into)).toBe(2);
        expect(await handle.read(5, into)).toBe(0);
        expect(await handle.read(50, into)).toBe(0);
        await handle.sync();
      });
      expect(await read(at('file'))).toBe('hello');
    });

    it('opens as the mode says', async () => {
      await expect(fileSystem.open(at('file'), 'read')).rejects.toSatisfy((error) => hasCode(error, 'STORAGE_FAILED'));
      await expect(fileSystem.open(at('file'), 'write')).rejects.toSatisfy((error) => hasCode(error, 'STORAGE_FAILED'));
      await (await fileSystem.open(at('file'), 'exclusive')).close();
      await expect(fileSystem.open(at('file'), 'exclusive')).rejects.toSatisfy((error) => hasCode(error, 'STORAGE_FAILED'));
      await write(at('file'), 'something');
      await withFile(fileSystem, at('file'), { mode: 'write' }, async (handle) => expect(handle.bytes).toBe(9));
      await withFile(fileSystem, at('file'), { mode: 'create' }, async (handle) => expect(handle.bytes).toBe(0));
      await expect(fileSystem.open(under.root, 'read')).rejects.toSatisfy((error) => hasCode(error, 'STORAGE_FAILED'));
      await expect(fileSystem.open(at('no', 'folder'), 'create')).rejects.toSatisfy((error) => hasCode(error, 'STORAGE_FAILED'));
    });

    it('lists names in code unit order', async () => {
      for (const name of ['b', 'a', 'C', 'é']) await write(at(name), '');
      expect(await fileSystem.list(under.root)).toEqual(['C', 'a', 'b', 'é']);
    });

    it('makes directories with their parents, again without effect, never over a file', async () => {
      await fileSystem.makeDirectory(at('a', 'b', 'c'));
      await fileSystem.makeDirectory(at('a', 'b'));
      expect((await fileSystem.stat(at('a', 'b', 'c')))?.kind).toBe('directory');
      await write(at('file'), '');
      await expect(fileSystem.makeDirectory(at('file'))).rejects.toSatisfy((error) => hasCode(error, 'STORAGE_FAILED'));
      await expect(fileSystem.makeDirectory(at('file', 'below'))).rejects.toSatisfy((error) => hasCode(error, 'STORAGE_FAILED'));
    });

    it('renames files and directories, over a file but not over a directory', async () => {
      await fileSystem.makeDirectory(at('folder'));
      await write(at('folder', 'one'), 'one');
      await write(at('two'), 'two');
      await fileSystem.rename(at('two'), at('folder', 'one'));
      expect(await read(at('folder', 'one'))).toBe('two');
      expect(await fileSystem.stat(at('two'))).toBeNull();
      await fileSystem.rename(at('folder'), at('moved'));
      expect(await read(at('moved', 'one'))).toBe('two');
      await write(at('three'), 'three');
      await expect(fileSystem.rename(at('three'), at('moved'))).rejects.toSatisfy((error) => hasCode(error, 'STORAGE_FAILED'));
      await expect(fileSystem.rename(at('missing'), at('four'))).rejects.toSatisfy((error) => hasCode(error, 'STORAGE_FAILED'));
      await expect(fileSystem.rename(at('three'), at('missing', 'four'))).rejects.toSatisfy((error) =>
        hasCode(error, 'STORAGE_FAILED'),
      );
      expect(await read(at('three'))).toBe('three');
    });

    it('changes the case of a name by a rename', async () => {
      await write(at('Readme'), 'text');
      await fileSystem.rename(at('Readme'), at('README'));
      expect(await fileSystem.list(under.root)).toEqual(['README']);
    });

    it('keeps modes, and moves and removes read-only files', async () => {
      await write(at('file'), 'text');
      await fileSystem.setMode(at('file'), 0o444);
      expect((await fileSystem.stat(at('file')))?.mode).toBe(0o444);
      await fileSystem.rename(at('file'), at('moved'));
      expect((await fileSystem.stat(at('moved')))?.mode).toBe(0o444);
      await fileSystem.removeFile(at('moved'));
      expect(await fileSystem.stat(at('moved'))).toBeNull();
      await expect(fileSystem.setMode(at('missing'), 0o644)).rejects.toSatisfy((error) => hasCode(error, 'STORAGE_FAILED'));
    });

    it.each(['write', 'create'] as const)('does not open a link to %s what it leads to', async (mode) => {
      await write(at('precious'), 'of somebody else');
      await under.makeLink(at('link'), at('precious'));
      await expect(fileSystem.open(at('link'), mode)).rejects.toMatchObject({ code: 'TRANSACTION_PATH_BLOCKED' });
      expect(await read(at('precious'))).toBe('of somebody else');
    });

    it('removes a file or a link, and nothing that is not there', async () => {
      await fileSystem.makeDirectory(at('folder'));
      await write(at('folder', 'file'), '');
      await under.makeLink(at('link'), at('folder'));
      await fileSystem.removeFile(at('link'));
      await fileSystem.removeFile(at('link'));
      expect(await fileSystem.list(at('folder'))).toEqual(['file']);
      await expect(fileSystem.removeFile(at('folder'))).rejects.toSatisfy((error) => hasCode(error, 'STORAGE_FAILED'));
    });

    it('removes a directory only when it is empty', async () => {
      await fileSystem.makeDirectory(at('folder'));
      await write(at('folder', 'file'), '');
      expect(await fileSystem.removeDirectory(at('folder'))).toBe(false);
      await fileSystem.removeFile(at('folder', 'file'));
      expect(await fileSystem.removeDirectory(at('folder'))).toBe(true);
      expect(await fileSystem.removeDirectory(at('folder'))).toBe(false);
    });

    it('removes a tree without following its links', async () => {
      await fileSystem.makeDirectory(at('kept'));
      await write(at('kept', 'file'), 'kept');
      await fileSystem.makeDirectory(at('tree', 'deep'));
      await write(at('tree', 'deep', 'file'), '');
      await under.makeLink(at('tree', 'link'), at('kept'));
      await removeTree(fileSystem, at('tree'));
      await removeTree(fileSystem, at('tree'));
      expect(await fileSystem.list(under.root)).toEqual(['kept']);
      expect(await read(at('kept', 'file'))).toBe('kept');
    });

    it('syncs a directory that exists', async () => {
      await fileSystem.syncDirectory(under.root);
    });

    it('tells the free space, also where nothing is yet', async () => {
      expect(await fileSystem.freeBytes(at('not', 'yet'))).toBeGreaterThan(0);
      await assertFreeBytes(fileSystem, under.root, 1);
    });

    it('tells that files can be moved below one folder, also to where nothing is yet, and leaves nothing behind', async () => {
      await fileSystem.makeDirectory(at('folder'));
      expect(await fileSystem.isSameVolume(at('folder'), at('not', 'yet'))).toBe(true);
      expect(await fileSystem.list(under.root)).toEqual(['folder']);
    });

    it('replaces a file durably and leaves nothing beside it', async () => {
      await writeDurably(fileSystem, at('state'), Buffer.from('one'));
      await writeDurably(fileSystem, at('state'), Buffer.from('two'));
      expect(await read(at('state'))).toBe('two');
      expect(await fileSystem.list(under.root)).toEqual(['state']);
    });

    it('copies, appends to and hashes files', async () => {
      const text = 'x'.repeat(300_000);
      await withFile(fileSystem, at('file'), { mode: 'create' }, async (handle) => {
        const sink = fileSink(handle);
        await sink.write(Buffer.from(text.slice(0, 1_000)));
        await sink.write(Buffer.from(text.slice(1_000)));
      });
      await copyFile(fileSystem, at('file'), at('copy'));
      const source = await openSource(fileSystem, at('copy'));
      expect(Buffer.from(await readWhole(source)).toString()).toBe(text);
      await source.close();
      expect(await digestOfFile(fileSystem, at('copy'))).toBe((await hashFile(fileSystem, at('file'))).sha256);
    });

    it('refuses to read more of a small file than is allowed', async () => {
      await write(at('file'), 'four');
      await expect(readSmallFile(fileSystem, at('file'), 3)).rejects.toSatisfy((error) => hasCode(error, 'LIMIT_EXCEEDED'));
      expect(await readSmallFile(fileSystem, at('missing'), 3)).toBeNull();
    });

    it('works on paths longer than Windows allows without a prefix', async () => {
      const folders = Array.from({ length: 8 }, () => 'd'.repeat(60));
      await fileSystem.makeDirectory(at(...folders));
      await write(at(...folders, 'file'), 'deep');
      expect(await read(at(...folders, 'file'))).toBe('deep');
    });
  });
}
