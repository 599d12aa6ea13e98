import * as nodePromises from 'node:fs/promises';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hasCode } from '../errors.js';
import { readSmallFile, withFile } from './file-source.js';
import { fileSystemContract } from './file-system.contract.js';
import { nodeFileSystem } from './node-file-system.js';

fileSystemContract('node', async () => {
  const root = await mkdtemp(join(tmpdir(), 'remendo-file-system-'));
  return {
    fileSystem: nodeFileSystem(),
    root,
    makeLink: (path, to) => symlink(to, path),
    close: () => rm(root, { recursive: true, force: true }),
  };
});

const systemError = (code: string) => Object.assign(new Error(code), { code });

describe('nodeFileSystem as on Windows', () => {
  let root: string;
  let waitedMs: number[];
  const windows = (overrides: Partial<typeof nodePromises>) =>
    nodeFileSystem({
      platform: 'win32',
      promises: { ...nodePromises, ...overrides },
      wait: async (ms) => {
        waitedMs.push(ms);
      },
    });

  beforeEach(async () => {
    waitedMs = [];
    root = await mkdtemp(join(tmpdir(), 'remendo-windows-'));
    await nodePromises.writeFile(join(root, 'file'), 'text');
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  it.each(['EPERM', 'EBUSY', 'EACCES'])('tries to move a held file again after %s until it is let go', async (code) => {
    let refusals = 3;
    const fileSystem = windows({
      rename: async (base, target) => {
        if (refusals-- > 0) throw systemError(code);
        await nodePromises.rename(base, target);
      },
    });
    await fileSystem.rename(join(root, 'file'), join(root, 'moved'));
    expect(await fileSystem.list(root)).toEqual(['moved']);
    expect(waitedMs).toHaveLength(3);
  });

  it('gives up on a file that stays held after about two seconds, and says so', async () => {
    const fileSystem = windows({ rename: () => Promise.reject(systemError('EBUSY')) });
    const refused = fileSystem.rename(join(root, 'file'), join(root, 'moved'));
    await expect(refused).rejects.toSatisfy((error) => hasCode(error, 'TRANSACTION_FILE_HELD') && error.details.system === 'EBUSY');
    expect(waitedMs).toHaveLength(10);
    expect(waitedMs.reduce((sum, ms) => sum + ms, 0)).toBe(2_000);
  });

  it('clears the read-only attribute of a file it replaces, removes or syncs, and restores what it syncs', async () => {
    const readOnly: string[] = [];
    const fileSystem = windows({
      rename: async (base, target) => {
        const mode = (await nodePromises.lstat(target).catch(() => null))?.mode ?? 0o200;
        if ((mode & 0o200) === 0) throw systemError('EPERM');
        await nodePromises.rename(base, target);
      },
      chmod: async (path, mode) => {
        readOnly.push(`${String(path).slice(root.length + 1)} ${(Number(mode) & 0o777).toString(8)}`);
        await nodePromises.chmod(path, mode);
      },
    });
    await nodePromises.writeFile(join(root, 'target'), 'base', { mode: 0o444 });
    await fileSystem.rename(join(root, 'file'), join(root, 'target'));
    expect(Buffer.from((await readSmallFile(fileSystem, join(root, 'target'), 10)) ?? []).toString()).toBe('text');
    await nodePromises.chmod(join(root, 'target'), 0o444);
    await withFile(fileSystem, join(root, 'target'), { mode: 'write' }, (handle) => handle.sync());
    expect((await fileSystem.stat(join(root, 'target')))?.mode).toBe(0o444);
    await fileSystem.removeFile(join(root, 'target'));
    expect(readOnly).toEqual(['target 644', 'target 644', 'target 444', 'target 644']);
    expect(waitedMs).toEqual([]);
  });

  it('does not try to sync directories', async () => {
    const fileSystem = windows({ open: () => Promise.reject(systemError('EPERM')) });
    expect(fileSystem.canSyncDirectories).toBe(false);
    expect(fileSystem.hasModes).toBe(false);
    await fileSystem.syncDirectory(root);
  });
});

describe('nodeFileSystem', () => {
  it.each(['ENOSPC', 'EDQUOT'])('reports %s as a full disk', async (code) => {
    const fileSystem = nodeFileSystem({ promises: { ...nodePromises, chmod: () => Promise.reject(systemError(code)) } });
    await expect(fileSystem.setMode('/anywhere', 0o644)).rejects.toSatisfy((error) => hasCode(error, 'STORAGE_NO_SPACE'));
  });

  it('does not wait when a permission is missing on a system where that has its own code', async () => {
    const fileSystem = nodeFileSystem({
      platform: 'linux',
      promises: { ...nodePromises, rename: () => Promise.reject(systemError('EACCES')) },
      wait: () => Promise.reject(new Error('it waited')),
    });
    await expect(fileSystem.rename('/a', '/b')).rejects.toSatisfy((error) => hasCode(error, 'STORAGE_FAILED'));
  });
});
