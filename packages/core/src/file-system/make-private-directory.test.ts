import { chmod, mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installLayout } from '../transaction/install-layout.js';
import { makePrivateDirectory } from './make-private-directory.js';
import { nodeFileSystem } from './node-file-system.js';
import { writeDurably } from './write-durably.js';

let folder: string;
let mask: number;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remendo-private-'));
  // As careless as it can be.
  mask = process.umask(0);
});
afterAll(async () => {
  process.umask(mask);
  await rm(folder, { recursive: true, force: true });
});

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

describe.skipIf(process.platform === 'win32')('with a mask that takes nothing away', () => {
  it("nobody else looks into the updater's folder, and the folders above are as the system makes them", async () => {
    const { root, home } = installLayout(join(folder, 'erp'));
    await makePrivateDirectory(nodeFileSystem(), home);
    expect([await modeOf(root), await modeOf(home)]).toEqual([0o777, 0o700]);
  });

  it('a folder that others could look into becomes private', async () => {
    const path = join(folder, 'open');
    await mkdir(path);
    await chmod(path, 0o755);
    await makePrivateDirectory(nodeFileSystem(), path);
    expect(await modeOf(path)).toBe(0o700);
  });

  it('a small file that is replaced is for its owner alone', async () => {
    const path = join(folder, 'state.json');
    for (const text of ['one', 'two']) await writeDurably(nodeFileSystem(), path, Buffer.from(text));
    expect(await modeOf(path)).toBe(0o600);
  });
});
