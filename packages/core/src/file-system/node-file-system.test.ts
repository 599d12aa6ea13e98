import * as nodePromises from 'node:fs/promises';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
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

const systemError = (code: string) => Object.assign(new Error(code), { code });

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
