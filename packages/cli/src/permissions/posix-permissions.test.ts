import { chmod, chown, mkdir, realpath, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installLayout } from '@remendo/core';
import { describe, expect, it } from 'vitest';
import { temporaryFolders } from '../testing/run-remendo.js';
import { type PosixRunner, posixPermissions, posixRunner } from './posix-permissions.js';

const makeFolder = temporaryFolders();
const ownUid = process.getuid?.() ?? 0;
const runner: PosixRunner = { uid: ownUid, isPrivileged: false };
const permissions = posixPermissions(runner);
const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o7777;

/** @param modes of the root and of the updater's folder. */
async function makeInstall(modes: { readonly root: number; readonly home: number }) {
  const layout = installLayout(join(await realpath(await makeFolder()), 'apps', 'erp'));
  await mkdir(layout.trust, { recursive: true });
  await chmod(join(layout.root, '..'), 0o755);
  await chmod(layout.root, modes.root);
  await chmod(layout.home, modes.home);
  return layout;
}

const whoCanWrite = async (layout: Parameters<typeof permissions.inspect>[0], isTightened = false) =>
  (await permissions.inspect(layout, isTightened)).writers;

describe.skipIf(process.platform === 'win32')('permissions of POSIX', () => {
  it('an install that only its owner writes to is nobody else’s to change', async () => {
    const layout = await makeInstall({ root: 0o755, home: 0o700 });
    expect(await permissions.inspect(layout)).toEqual({ writers: [], isPrivileged: false, unknown: null });
    expect(await permissions.planTightening(layout)).toEqual([expect.objectContaining({ line: expect.stringContaining('trust') })]);
  });

  it('a group or everybody who may write is told, and taken away', async () => {
    const layout = await makeInstall({ root: 0o2775, home: 0o777 });
    const { gid } = await stat(layout.root);
    expect(await whoCanWrite(layout)).toEqual([
      { path: layout.root, who: `group ${gid}` },
      { path: layout.home, who: `group ${gid}` },
      { path: layout.home, who: 'everybody' },
    ]);
    expect(await whoCanWrite(layout, true)).toEqual([]);
    await writeFile(join(layout.home, 'remendo.config.json'), '{}', { mode: 0o644 });
    await writeFile(join(layout.trust, 'root.json'), '{}', { mode: 0o644 });
    await mkdir(join(layout.previous, 'tx'), { recursive: true });
    await writeFile(join(layout.previous, 'tx', '0'), 'a program', { mode: 0o755 });
    const steps = await permissions.planTightening(layout);
    expect(steps.map(({ line }) => line)).toContain(`chmod 2755 ${layout.root}  (was 2775)`);
    for (const { apply } of steps) await apply();
    expect(await modeOf(layout.root)).toBe(0o2755);
    expect([await modeOf(layout.home), await modeOf(layout.trust)]).toEqual([0o700, 0o700]);
    expect(await modeOf(join(layout.home, 'remendo.config.json'))).toBe(0o600);
    expect(await modeOf(join(layout.trust, 'root.json'))).toBe(0o600);
    // It goes back into the root as it was.
    expect(await modeOf(join(layout.previous, 'tx', '0'))).toBe(0o755);
    expect(await whoCanWrite(layout)).toEqual([]);
    expect(await permissions.planTightening(layout)).toEqual([]);
  });

  it('whoever can write to a folder above can put another install in its place, unless names there belong to their owners', async () => {
    const layout = await makeInstall({ root: 0o755, home: 0o700 });
    const above = join(layout.root, '..');
    await chmod(above, 0o777);
    expect((await whoCanWrite(layout)).map(({ path }) => path)).toContain(above);
    expect((await whoCanWrite(layout, true)).map(({ path }) => path)).toContain(above);
    await chmod(above, 0o1777);
    expect(await whoCanWrite(layout)).toEqual([]);
  });

  it('a link is followed to the folders above what it leads to, and those above the link count too', async () => {
    const layout = await makeInstall({ root: 0o755, home: 0o700 });
    const open = join(await realpath(await makeFolder()), 'open');
    await mkdir(open);
    await chmod(open, 0o777);
    await symlink(layout.root, join(open, 'erp'));
    expect((await whoCanWrite(installLayout(join(open, 'erp')))).map(({ path }) => path)).toContain(open);
    await chmod(open, 0o755);
    await chmod(join(layout.root, '..'), 0o777);
    expect((await whoCanWrite(installLayout(join(open, 'erp')))).map(({ path }) => path)).toContain(join(layout.root, '..'));
  });

  it('an install that is not there yet is judged by the folders that are', async () => {
    const folder = await realpath(await makeFolder());
    await chmod(folder, 0o777);
    expect((await whoCanWrite(installLayout(join(folder, 'new', 'erp')))).map(({ path }) => path)).toContain(folder);
  });

  it.skipIf(ownUid !== 0)('an owner who is neither this account nor root can write whatever the mode says', async () => {
    const layout = await makeInstall({ root: 0o555, home: 0o700 });
    await chown(layout.root, 4_321, 4_321);
    expect(await whoCanWrite(layout, true)).toEqual([{ path: layout.root, who: 'its owner, user 4321' }]);
    const theirs = posixPermissions({ uid: 4_321, isPrivileged: false });
    expect((await theirs.inspect(layout)).writers).toEqual([]);
  });

  it.skipIf(ownUid !== 0)('a root of trust that somebody else has put there is theirs, also when the folder is not', async () => {
    const layout = await makeInstall({ root: 0o755, home: 0o700 });
    const planted = join(layout.trust, 'root.json');
    await writeFile(planted, '{}');
    await chown(planted, 65_534, 65_534);
    expect(await whoCanWrite(layout, true)).toEqual([{ path: planted, who: 'its owner, user 65534' }]);
  });

  it('this process has more rights than others when it is root', () => {
    expect(posixRunner()).toEqual({ uid: ownUid, isPrivileged: ownUid === 0 });
  });
});
