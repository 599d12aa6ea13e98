import { describe, expect, it } from 'vitest';
import { readSmallFile, withFile } from '../file-system/file-source.js';
import type { FileSystem } from '../file-system/file-system.js';
import { writeDurably } from '../file-system/write-durably.js';
import { CrashFileSystem, type CrashKind, CrashSignal } from './crash-file-system.js';
import { writeText } from './sample-install.js';

const textAt = async (fileSystem: FileSystem, path: string) =>
  (await fileSystem.stat(path)) === null ? null : Buffer.from((await readSmallFile(fileSystem, path, 1 << 20)) ?? []).toString();

const writeSynced = (fileSystem: FileSystem, path: string, text: string) =>
  withFile(fileSystem, path, { mode: 'create' }, async (handle) => {
    await handle.write(0, Buffer.from(text));
    await handle.sync();
  });

/** Every outcome of some seeds. */
async function outcomes(
  disk: CrashFileSystem,
  kind: CrashKind,
  look: (found: CrashFileSystem) => Promise<unknown>,
): Promise<Set<string>> {
  const seen = new Set<string>();
  for (let seed = 0; seed < 60; seed++) seen.add(JSON.stringify(await look(disk.afterCrash(kind, seed))));
  return seen;
}

describe('CrashFileSystem', () => {
  it('loses what was not synced when it is told to drop it', async () => {
    const disk = new CrashFileSystem();
    await writeText(disk, '/file', 'text');
    expect(await textAt(disk.afterCrash('dropped', 0), '/file')).toBeNull();
    expect(await textAt(disk.afterCrash('kept', 0), '/file')).toBe('text');
  });

  it('keeps the bytes of a synced file but not its name, until its directory is synced', async () => {
    const disk = new CrashFileSystem();
    await writeSynced(disk, '/file', 'text');
    expect(await textAt(disk.afterCrash('dropped', 0), '/file')).toBeNull();
    await disk.syncDirectory('/');
    expect(await textAt(disk.afterCrash('dropped', 0), '/file')).toBe('text');
  });

  it('keeps a file in a synced directory only when the directory itself has a durable name', async () => {
    const disk = new CrashFileSystem();
    await disk.makeDirectory('/a');
    await writeSynced(disk, '/a/file', 'text');
    await disk.syncDirectory('/a');
    expect(await textAt(disk.afterCrash('dropped', 0), '/a/file')).toBeNull();
    await disk.syncDirectory('/');
    expect(await textAt(disk.afterCrash('dropped', 0), '/a/file')).toBe('text');
  });

  it('keeps the name of a synced file where directories can not be synced', async () => {
    const disk = new CrashFileSystem({ canSyncDirectories: false });
    await disk.makeDirectory('/a/b');
    await writeSynced(disk, '/a/b/file', 'text');
    await disk.rename('/a/b/file', '/a/moved');
    await disk.syncDirectory('/a');
    expect(await textAt(disk.afterCrash('dropped', 0), '/a/b/file')).toBe('text');
    await withFile(disk, '/a/moved', { mode: 'write' }, (handle) => handle.sync());
    expect(await textAt(disk.afterCrash('dropped', 0), '/a/moved')).toBe('text');
  });

  it('never shows a rename half done', async () => {
    const disk = new CrashFileSystem();
    await disk.makeDirectory('/a');
    await disk.makeDirectory('/b');
    await writeText(disk, '/a/file', 'text');
    disk.settle();
    await disk.rename('/a/file', '/b/file');
    await disk.syncDirectory('/b');
    const look = async (found: CrashFileSystem) => [await textAt(found, '/a/file'), await textAt(found, '/b/file')];
    expect(await outcomes(disk, 'reordered', look)).toEqual(new Set(['["text",null]', '[null,"text"]']));
    await disk.syncDirectory('/a');
    expect(await outcomes(disk, 'reordered', look)).toEqual(new Set(['[null,"text"]']));
  });

  it('can lose a file when a second rename of its path overtakes the first', async () => {
    const disk = new CrashFileSystem();
    await writeText(disk, '/path', 'base');
    await writeText(disk, '/staged', 'target');
    disk.settle();
    await disk.rename('/path', '/previous');
    await disk.rename('/staged', '/path');
    const look = async (found: CrashFileSystem) => [await textAt(found, '/path'), await textAt(found, '/previous')];
    expect(await outcomes(disk, 'reordered', look)).toContain('["target",null]');
  });

  it('tears unsynced writes and leaves synced ones alone', async () => {
    const disk = new CrashFileSystem();
    await writeSynced(disk, '/file', 'synced');
    await disk.syncDirectory('/');
    await withFile(disk, '/file', { mode: 'write' }, (handle) => handle.write(6, Buffer.from('-tail')));
    const seen = await outcomes(disk, 'torn', (found) => textAt(found, '/file'));
    expect(seen.size).toBeGreaterThan(5);
    for (const text of seen) expect(text).toMatch(/^"synced/);
  });

  it('throws at the chosen operation and at everything after it', async () => {
    const disk = new CrashFileSystem();
    disk.crashAt = 2;
    await expect(writeText(disk, '/file', 'text')).rejects.toBeInstanceOf(CrashSignal);
    await expect(disk.stat('/file')).rejects.toBeInstanceOf(CrashSignal);
    expect(await textAt(disk.afterCrash('kept', 0), '/file')).toBe('text');
  });

  it('forgets nothing and makes nothing durable when only the program was killed', async () => {
    const disk = new CrashFileSystem();
    await writeText(disk, '/file', 'text');
    const killed = disk.afterCrash('killed', 0);
    expect(await textAt(killed, '/file')).toBe('text');
    expect(await textAt(killed.afterCrash('dropped', 0), '/file')).toBeNull();
  });
});

describe.each([{ canSyncDirectories: true }, { canSyncDirectories: false }])('writeDurably on %o', (options) => {
  it('leaves the base or the target whatever the moment of the crash, and the target once it is done', async () => {
    for (let at = 1; ; at++) {
      const disk = new CrashFileSystem(options);
      await writeText(disk, '/state', 'base');
      disk.settle();
      disk.crashAt = at;
      await writeDurably(disk, '/state', Buffer.from('target')).catch(() => undefined);
      const allowed = disk.hasCrashed ? ['"base"', '"target"'] : ['"target"'];
      for (const kind of ['kept', 'dropped', 'reordered', 'torn'] as const) {
        for (const text of await outcomes(disk, kind, (found) => textAt(found, '/state'))) expect(allowed).toContain(text);
      }
      if (!disk.hasCrashed) break;
    }
  });
});
