/** Two releases of a small program: changed, moved, copied, added, removed and empty files. */
import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { nodeFileSystem } from '@remendo/core';
import { scanFolder, writeZip } from '@remendo/core/publish';

/** The same noise for the same name, in any order of calls. */
function noise(name: string, bytes: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(bytes / 32) }, (_, index) =>
    createHash('sha256').update(`${name} ${index}`).digest(),
  );
  return Buffer.concat(blocks).subarray(0, bytes);
}

const program = noise('program', 200_000);
const changedProgram = Buffer.concat([program.subarray(0, 90_000), Buffer.from('a new function'), program.subarray(90_000)]);

export const baseFiles: Readonly<Record<string, Uint8Array>> = {
  'bin/app.exe': program,
  'data/keep.bin': noise('keep', 5_000),
  'data/moved.bin': noise('moved', 3_000),
  empty: Buffer.alloc(0),
  'gone.txt': Buffer.from('gone'),
  'readme.txt': Buffer.from('one\n'.repeat(100)),
};

export const targetFiles: Readonly<Record<string, Uint8Array>> = {
  'bin/app.exe': changedProgram,
  'data/keep.bin': noise('keep', 5_000),
  'data/copy.bin': noise('keep', 5_000),
  empty: Buffer.alloc(0),
  'empty too': Buffer.alloc(0),
  'elsewhere/moved.bin': noise('moved', 3_000),
  'novidades/não.txt': Buffer.from('não há\n'.repeat(20)),
  'readme.txt': Buffer.from('two\n'.repeat(100)),
};

export async function writeFiles(folder: string, files: Readonly<Record<string, Uint8Array>>): Promise<string> {
  for (const [path, bytes] of Object.entries(files)) {
    const filePath = join(folder, ...path.split('/'));
    await mkdir(dirname(filePath), { recursive: true });
    await writeFile(filePath, bytes);
    if (path.startsWith('bin/')) await chmod(filePath, 0o755);
  }
  return folder;
}

export async function zipFolder(folder: string, zipPath: string): Promise<string> {
  const fileSystem = nodeFileSystem();
  const scanned = await scanFolder(fileSystem, folder, { application: 'app', platform: 'any', version: '0.0.0' });
  await writeZip(fileSystem, scanned, zipPath);
  return zipPath;
}

/**
 * Every file below a folder by its path, with its contents and whether it may be executed.
 * @param skip names in the folder itself; not looked into: a program may be at work there.
 */
export async function readTree(folder: string, skip: readonly string[] = []): Promise<Readonly<Record<string, string>>> {
  const tree: Record<string, string> = {};
  const read = async (path: string, name: string): Promise<void> => {
    for (const entry of await readdir(path, { withFileTypes: true })) {
      if (name === '' && skip.includes(entry.name)) continue;
      const [below, called] = [join(path, entry.name), `${name}${entry.name}`];
      if (entry.isDirectory()) await read(below, `${called}/`);
      else if (entry.isFile()) tree[called] = await markOf(below);
    }
  };
  await read(folder, '');
  return tree;
}

async function markOf(path: string): Promise<string> {
  const isExecutable = process.platform !== 'win32' && ((await stat(path)).mode & 0o111) !== 0;
  const digest = createHash('sha256').update(await readFile(path));
  return `${digest.digest('hex')}${isExecutable ? ' x' : ''}`;
}
