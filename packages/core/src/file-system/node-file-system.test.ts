import { statSync } from 'node:fs';
import * as nodePromises from 'node:fs/promises';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hasCode } from '../errors.js';
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

/** A volume of its own on most machines. */
const memoryFolder = '/dev/shm';
const otherVolume = [memoryFolder, tmpdir()].map((path) => statSync(path, { throwIfNoEntry: false })?.dev);
const hasOtherVolume = otherVolume[0] !== undefined && otherVolume[0] !== otherVolume[1];

describe.skipIf(!hasOtherVolume)('two volumes', () => {
  it('are told apart where nothing is yet, and by the code of a rename that leads from one to the other', async () => {
    const fileSystem = nodeFileSystem();
    const one = await mkdtemp(join(tmpdir(), 'remendo-volume-'));
    const other = await mkdtemp(join(memoryFolder, 'remendo-volume-'));
    try {
      expect(await fileSystem.isSameVolume(join(one, 'not', 'yet'), join(other, 'nor', 'this'))).toBe(false);
      await writeFile(join(one, 'file'), 'text');
      const moving = fileSystem.rename(join(one, 'file'), join(other, 'file'));
      await expect(moving).rejects.toSatisfy((error) => hasCode(error, 'STORAGE_OTHER_VOLUME'));
      // The install root may be reached by a link.
      await symlink(other, join(one, 'link'));
      expect(await fileSystem.isSameVolume(join(one, 'link'), join(one, 'link', 'home'))).toBe(true);
    } finally {
      await rm(one, { recursive: true });
      await rm(other, { recursive: true });
    }
  });
});

const systemError = (code: string) => Object.assign(new Error(code), { code });

describe('nodeFileSystem', () => {
  it('takes one volume that is mounted twice for two, as the system does when something is moved', async () => {
    const rename = () => Promise.reject(systemError('EXDEV'));
    const fileSystem = nodeFileSystem({ platform: 'linux', promises: { ...nodePromises, rename } });
    expect(await fileSystem.isSameVolume(tmpdir(), tmpdir())).toBe(false);
  });

  it('takes a volume that does not count for one with room: what is full says so when it is written to', async () => {
    const statfs = (async (path: string) => ({
      ...(await nodePromises.statfs(path)),
      blocks: 0,
      bavail: 0,
    })) as typeof nodePromises.statfs;
    const fileSystem = nodeFileSystem({ promises: { ...nodePromises, statfs } });
    expect(await fileSystem.freeBytes(tmpdir())).toBe(Number.MAX_SAFE_INTEGER);
  });

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
