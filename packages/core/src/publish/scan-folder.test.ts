import { createHash } from 'node:crypto';
import { chmod, link, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isUpdaterError } from '../errors.js';
import { nodeFileSystem } from '../file-system/node-file-system.js';
import { encodeManifest } from '../manifest/encode-manifest.js';
import type { ManifestFile } from '../manifest/manifest.js';
import { parseManifest } from '../manifest/parse-manifest.js';
import { scanFolder } from './scan-folder.js';

const fileSystem = nodeFileSystem();
const identity = { application: 'erp', platform: 'any', version: '1.0.0' };
const isWindows = process.platform === 'win32';
let root = '';

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'remendo-scan-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function write(path: string, content: string | Uint8Array = '', mode = 0o644): Promise<void> {
  const filePath = join(root, path);
  await mkdir(dirname(filePath), { recursive: true });
  await writeFile(filePath, content);
  await chmod(filePath, mode);
}

const scan = async (): Promise<readonly ManifestFile[]> => (await scanFolder(fileSystem, root, identity)).manifest.files;

async function verdict(): Promise<string> {
  try {
    return (await scan()).map((file) => file.path).join(' ');
  } catch (error) {
    if (!isUpdaterError(error)) throw error;
    return `${error.code}: ${error.message}`;
  }
}

describe('a folder is scanned', () => {
  it('into a manifest of its files in the order of their paths, with both hashes', async () => {
    await write('b.txt', 'b');
    await write('a/z.txt', 'z');
    await write('a.txt', 'a');
    await write('a/deep/er/ação.txt', 'x'.repeat(700_000));
    const scanned = await scanFolder(fileSystem, root, identity);
    expect(scanned.manifest.files.map((file) => file.path)).toEqual(['a.txt', 'a/deep/er/ação.txt', 'a/z.txt', 'b.txt']);
    const large = scanned.manifest.files[1];
    expect(large).toMatchObject({ bytes: 700_000, sha256: createHash('sha256').update('x'.repeat(700_000)).digest('hex') });
    // xxHash64 of "a" with seed 0, as xxhsum prints it.
    expect(scanned.manifest.files[0]?.xxh64).toBe('d24ec4f1a98c6e5b');
    expect(scanned.filePaths.get(scanned.manifest.files[2]?.path as ManifestFile['path'])).toBe(join(root, 'a/z.txt'));
    expect(parseManifest(encodeManifest(scanned.manifest))).toEqual(scanned.manifest);
  });

  it('passing over empty folders, an empty folder giving an empty manifest', async () => {
    await mkdir(join(root, 'empty/inside'), { recursive: true });
    expect(await scan()).toEqual([]);
  });

  it("passing over the updater's own names at the root only", async () => {
    await write('version.txt', '1.0.0');
    await write('.remendo/state.json', '{}');
    await write('docs/version.txt', 'kept');
    expect(await verdict()).toBe('docs/version.txt');
  });

  it.skipIf(isWindows)('with the executable bit of whoever may execute', async () => {
    await write('all', '1', 0o755);
    await write('owner', '2', 0o700);
    await write('nobody', '3', 0o600);
    expect((await scan()).map((file) => [file.path, file.mode])).toEqual([
      ['all', 0o755],
      ['nobody', 0o644],
      ['owner', 0o755],
    ]);
  });

  it('to the same manifest whatever the number of files hashed at a time', async () => {
    for (let index = 0; index < 60; index++) await write(`d${index % 7}/f${index}`, `${index}`.repeat(index * 50));
    const [one, many] = await Promise.all([1, 16].map((concurrency) => scanFolder(fileSystem, root, identity, { concurrency })));
    expect(one?.manifest).toEqual(many?.manifest);
  });

  it('with each file told when it is hashed', async () => {
    await write('a', '1');
    await write('b', '2');
    const told: string[] = [];
    await scanFolder(fileSystem, root, identity, { onFile: (file) => told.push(file.path) });
    expect(told.sort()).toEqual(['a', 'b']);
  });

  it('with names in NFC, and finds files whose name is spelled in NFD', async () => {
    await write('ação'.normalize('NFD'), 'x');
    const scanned = await scanFolder(fileSystem, root, identity);
    const path = scanned.manifest.files[0]?.path as ManifestFile['path'];
    expect([path, scanned.filePaths.get(path)]).toEqual(['ação'.normalize('NFC'), join(root, 'ação'.normalize('NFD'))]);
  });

  it.skipIf(isWindows)('with hard links as the files they are', async () => {
    await write('a', 'same');
    await link(join(root, 'a'), join(root, 'b'));
    const [a, b] = await scan();
    expect(a?.sha256).toBe(b?.sha256);
  });
});

describe.skipIf(isWindows)('a folder is refused', () => {
  it.each<readonly [what: string, make: () => Promise<void>, verdict: RegExp]>([
    [
      'a link to a file',
      async () => symlink('/etc/passwd', join(root, 'a')),
      /^MANIFEST_PATH_UNSAFE: "a" is refused: it is a link/,
    ],
    ['a link within it', async () => write('x', '1').then(() => symlink('x', join(root, 'a'))), /^MANIFEST_PATH_UNSAFE: "a"/],
    ['a link to a folder', async () => symlink('/etc', join(root, 'a')), /^MANIFEST_PATH_UNSAFE: "a" is refused: it is a link/],
    ['a link to nothing', async () => symlink('gone', join(root, 'a')), /^MANIFEST_PATH_UNSAFE: "a"/],
    [
      'a link in a folder',
      async () => mkdir(join(root, 'd')).then(() => symlink('/', join(root, 'd/a'))),
      /^MANIFEST_PATH_UNSAFE: "d\/a"/,
    ],
    [
      'a name that Windows reserves',
      () => write('aux.txt'),
      /^MANIFEST_PATH_UNSAFE: "aux\.txt" is refused: aux\.txt is a device name/,
    ],
    ['a colon', () => write('a:b'), /^MANIFEST_PATH_UNSAFE: .*reserved character ":"/],
    ['a backslash', () => write('a\\b'), /^MANIFEST_PATH_UNSAFE: .*reserved character/],
    ['a trailing dot', () => write('a.'), /^MANIFEST_PATH_UNSAFE: .*ends in a dot/],
    ['a folder with a trailing space', () => write('d /a'), /^MANIFEST_PATH_UNSAFE: .*ends in a dot or a space/],
    ['a newline', () => write('a\nb'), /^MANIFEST_PATH_UNSAFE: .*reserved character/],
    [
      'names that differ in case only',
      () => write('a', '1').then(() => write('A', '2')),
      /^MANIFEST_PATH_UNSAFE: "a" is refused: it collides/,
    ],
    [
      'folders that differ in case only',
      () => write('d/a').then(() => write('D/b')),
      /^MANIFEST_PATH_UNSAFE: .* is refused: it collides with "d"/i,
    ],
    [
      'one name in two Unicode forms',
      () => write('é'.normalize('NFC')).then(() => write('é'.normalize('NFD'))),
      /^MANIFEST_PATH_UNSAFE: "é" is refused: it collides/,
    ],
    [
      'a name that is not UTF-8, which the system can not look up by what it lists',
      () => writeFile(Buffer.concat([Buffer.from(`${root}/a`), Buffer.of(0xff, 0xfe)]), 'x'),
      /^MANIFEST_PATH_UNSAFE: .*invisible/,
    ],
  ])('for %s', async (_, make, expected) => {
    await make();
    expect(await verdict()).toMatch(expected);
  });

  it('when it is not there, or not a folder', async () => {
    await write('file', 'x');
    await expect(scanFolder(fileSystem, join(root, 'gone'), identity)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    await expect(scanFolder(fileSystem, join(root, 'file'), identity)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  });

  it('when its version or name is not one', async () => {
    await write('a', 'x');
    await expect(scanFolder(fileSystem, root, { ...identity, version: '1.0' })).rejects.toMatchObject({ code: 'MANIFEST_INVALID' });
    await expect(scanFolder(fileSystem, root, { ...identity, application: 'ERP' })).rejects.toMatchObject({
      code: 'MANIFEST_INVALID',
    });
  });
});

it('scanning stops when it is aborted', async () => {
  for (let index = 0; index < 20; index++) await write(`f${index}`, 'x'.repeat(100_000));
  const abort = new AbortController();
  const reason = new Error('enough');
  let hashed = 0;
  const scanning = scanFolder(fileSystem, root, identity, {
    signal: abort.signal,
    concurrency: 1,
    onFile: () => {
      hashed++;
      abort.abort(reason);
    },
  });
  await expect(scanning).rejects.toBe(reason);
  expect(hashed).toBe(1);
});
