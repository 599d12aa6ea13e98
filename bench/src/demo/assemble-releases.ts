/**
 * Releases of a made-up ERP out of real programs: each is a folder with a Windows executable (esbuild), a large
 * JavaScript bundle (sass) and a program of many files (prettier) that Node can start, all as npm carries them.
 */
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the workspace package that the real programs are devDependencies of. */
const fixturesFolder = dirname(fileURLToPath(import.meta.resolve('@remendo/fixtures/package.json')));

const programs = ['esbuild-win32', 'sass', 'prettier'] as const;

export interface DemoRelease {
  readonly version: string;
  readonly folder: string;
  /** What it is made of, for people: `esbuild-win32 0.28.0, …`. */
  readonly parts: string;
}

/** Which of the three published versions of each program a release carries. */
export async function assembleRelease(parent: string, version: string, generation: 1 | 2 | 3): Promise<DemoRelease> {
  const folder = join(parent, version);
  await mkdir(folder, { recursive: true });
  const parts: string[] = [];
  for (const program of programs) {
    const source = join(fixturesFolder, 'node_modules', `${program}-${generation}`);
    // Dependencies of the programs lie in their node_modules; a release carries the programs alone.
    const below = (path: string): boolean => !path.slice(source.length).includes('node_modules');
    await cp(source, join(folder, program), { recursive: true, dereference: true, filter: below });
    const { version: programVersion } = JSON.parse(await readFile(join(source, 'package.json'), 'utf8')) as { version: string };
    parts.push(`${program} ${programVersion}`);
  }
  await writeFile(join(folder, 'start.cjs'), startProgram(version));
  return { version, folder, parts: parts.join(', ') };
}

/** A release like another, but its start fails. */
export async function assembleBrokenRelease(parent: string, version: string, like: DemoRelease): Promise<DemoRelease> {
  const folder = join(parent, version);
  await cp(like.folder, folder, { recursive: true });
  await writeFile(join(folder, 'start.cjs'), `throw new Error('release ${version} can not find its database');\n`);
  return { version, folder, parts: `${like.parts}, with a start that fails` };
}

/** What the terminal starts: it runs the program it was shipped with. */
const startProgram = (version: string): string => `// ERP ${version}
const { execFileSync } = require('node:child_process');
const { join } = require('node:path');
const prettier = join(__dirname, 'prettier', 'bin', 'prettier.cjs');
console.log('ERP ${version} is up, with prettier ' + execFileSync(process.execPath, [prettier, '--version']).toString().trim());
`;
