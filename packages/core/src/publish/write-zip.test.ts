import { appendFile, mkdir, mkdtemp, readFile, rm, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { unzipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withFile } from '../file-system/file-source.js';
import { nodeFileSystem } from '../file-system/node-file-system.js';
import { type ScannedFolder, scanFolder } from './scan-folder.js';
import { scanZip } from './scan-zip.js';
import { writeZip } from './write-zip.js';

const fileSystem = nodeFileSystem();
const identity = { application: 'erp', platform: 'any', version: '1.0.0' };
let work = '';
const folder = (): string => join(work, 'release');
const zipPath = (): string => join(work, 'release.zip');

beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'remendo-zip-'));
  const files = { 'a.txt': 'a'.repeat(500_000), 'bin/run': '#!/bin/sh\n', empty: '', 'd/ação.txt': 'ação', 'd/👍': 'x' };
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder(), path)), { recursive: true });
    await writeFile(join(folder(), path), content, { mode: path === 'bin/run' ? 0o755 : 0o644 });
  }
});
afterEach(() => rm(work, { recursive: true, force: true }));

const scan = (): Promise<ScannedFolder> => scanFolder(fileSystem, folder(), identity);

describe('the zip of a folder', () => {
  it('scanned has the manifest of the folder', async () => {
    const scanned = await scan();
    await writeZip(fileSystem, scanned, zipPath());
    await withFile(fileSystem, zipPath(), { mode: 'read' }, async (source) => {
      const fromZip = await scanZip(source, identity);
      fromZip.zip.close();
      expect(fromZip.manifest).toEqual(scanned.manifest);
      expect(fromZip.contents.every((content) => content.encoding === 'deflate')).toBe(true);
    });
  });

  it('is read by other programs', async () => {
    await writeZip(fileSystem, await scan(), zipPath());
    const files = unzipSync(await readFile(zipPath()));
    expect(Object.keys(files).sort()).toEqual(['a.txt', 'bin/run', 'd/ação.txt', 'd/👍', 'empty']);
    expect(Buffer.from(files['d/ação.txt'] ?? []).toString()).toBe('ação');
  });

  it('is the same each time', async () => {
    await writeZip(fileSystem, await scan(), zipPath());
    const first = await readFile(zipPath());
    await writeZip(fileSystem, await scan(), zipPath());
    expect(first.equals(await readFile(zipPath()))).toBe(true);
  });
});

describe('a zip is not written', () => {
  it.each<readonly [what: string, change: () => Promise<void>]>([
    ['gone', () => unlink(join(folder(), 'a.txt'))],
    ['longer', () => appendFile(join(folder(), 'a.txt'), 'x')],
    ['shorter', () => truncate(join(folder(), 'a.txt'), 100)],
  ])('when a file is %s since the scan', async (_, change) => {
    const scanned = await scan();
    await change();
    await expect(writeZip(fileSystem, scanned, zipPath())).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  });

  it('when it is aborted', async () => {
    const abort = new AbortController();
    abort.abort(new Error('enough'));
    await expect(writeZip(fileSystem, await scan(), zipPath(), { signal: abort.signal })).rejects.toThrow('enough');
  });
});
