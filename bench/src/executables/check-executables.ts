/**
 * Holds the single executables to what a machine needs of them that has nothing else: each does everything of `steps.ts` on
 * a real server and then replaces itself, the one for Windows under wine.
 *
 *     npm run -s build:executables
 *     node bench/dist/executables/check-executables.js
 *
 * Ends with exit code 1 when a step fails. An executable that this machine can not run is left out, and the reason told; with
 * REMENDO_TEST_REQUIRE=1 that is a failure too.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startServer } from '../demo/programs.js';
import { type Executable, linuxExecutable, noKeepAlive, type Wine, wineExecutable } from './executable.js';
import { selfUpdate } from './self-update-step.js';
import { steps, type World, writeRelease } from './steps.js';

const token = 'executables-token-for-loopback';
const built = fileURLToPath(new URL('../../../dist/executables/', import.meta.url));

/** @returns the executables of this machine; why others are left out is printed. */
async function executables(folder: string): Promise<readonly Executable[]> {
  const linux = await copyOf(folder, 'remendo-linux-x64');
  const windows = await copyOf(folder, 'remendo-win-x64.exe');
  const wine = findWine(folder);
  return [
    ...(canRun('Linux x64', linux, process.platform === 'linux' && process.arch === 'x64' ? null : 'this is no Linux x64')
      ? [linuxExecutable(linux, folder)]
      : []),
    ...(canRun('Windows x64', windows, wine === null ? 'wine is not installed' : null) && wine !== null
      ? [wineExecutable(windows, folder, wine)]
      : []),
  ];
}

/** In a folder of its own: it keeps there what it remembers of its own updates. */
async function copyOf(folder: string, name: string): Promise<string> {
  const own = join(folder, `program-${name}`, name);
  await mkdir(dirname(own));
  if (existsSync(join(built, name))) await copyFile(join(built, name), own);
  return own;
}

function canRun(name: string, file: string, lack: string | null): boolean {
  const reason = existsSync(file) ? lack : 'it was not built: npm run -s build:executables';
  if (reason === null) return true;
  console.log(`Skipped: the executable for ${name}: ${reason}`);
  if (process.env.REMENDO_TEST_REQUIRE === '1') process.exitCode = 1;
  return false;
}

/** Debian has it in a folder of its own. With a prefix of this run, set to the Windows that Node asks for. */
function findWine(folder: string): Wine | null {
  const program = ['/usr/lib/wine/wine64', '/usr/bin/wine64'].find((path) => existsSync(path));
  if (program === undefined) return null;
  const prefix = join(folder, 'wine');
  const env = { ...process.env, WINEPREFIX: prefix, WINEARCH: 'win64', WINEDEBUG: '-all' };
  for (const args of [
    ['wineboot', '--init'],
    ['winecfg', '-v', 'win10'],
  ])
    spawnSync(program, args, { env, stdio: 'ignore', timeout: 120_000 });
  return { program, prefix };
}

async function check(executable: Executable, world: Omit<World, 'executable'>): Promise<void> {
  console.log(`\n${executable.name}`);
  for (const generation of [1, 2]) {
    const release = join(world.folder, `release-${generation}`);
    await mkdir(release, { recursive: true });
    await writeRelease(release, generation);
  }
  for (const { name, run } of [...steps, selfUpdate]) {
    const began = performance.now();
    try {
      const told = await run({ ...world, executable });
      const seconds = ((performance.now() - began) / 1_000).toFixed(1);
      console.log(`✔ ${name}${told === '' ? '' : `: ${told}`} (${seconds} s)`);
    } catch (error) {
      process.exitCode = 1;
      console.log(`✖ ${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

const folder = await mkdtemp(join(tmpdir(), 'remendo-executables-'));
await writeFile(join(folder, 'no-keep-alive.cjs'), noKeepAlive);
const server = await startServer(join(folder, 'server'), token, ['--new-application-access', 'public']);
try {
  for (const [index, executable] of (await executables(folder)).entries()) {
    const own = join(folder, `machine-${index}`);
    await mkdir(own);
    await check(executable, { folder: own, serverUrl: server.url, token, application: `erp-${index}` });
  }
} finally {
  await server.stop();
  // Wine writes into its folder for a moment after the last program has ended.
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 500 });
}
