/**
 * Builds single executables of the command for machines without Node.js: what `packages/cli/pack.mjs` makes of it, put into
 * the Node.js that npm carries for each platform.
 *
 *     npm run -s build:executables
 *
 * Needs the built workspace, and Linux x64 or Windows x64; builds for both. Afterwards `dist/executables` holds them with
 * their SHA-256 and the licences of all that is in them. The same sources give the same bytes.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packForExecutable } from '../packages/cli/pack.mjs';
import { fetchNode, nodeVersion } from './executables/fetch-node.mjs';
import { licencesText } from './executables/licences.mjs';
import { dropSignature } from './executables/portable-executable.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folder = join(root, 'dist/executables');
const postject = createRequire(join(root, 'packages/cli/package.json')).resolve('postject/dist/cli.js');

const platforms = [
  { name: 'linux-x64', file: 'remendo-linux-x64', prepared: (node) => node },
  { name: 'win-x64', file: 'remendo-win-x64.exe', prepared: dropSignature },
];
const here = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;

/** What Node looks for in itself to learn that it carries a program. */
const sentinelFuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

/**
 * The program as Node takes it, the same for every platform. Paths are relative to the scratch folder, since Node keeps that of
 * the program in it. Compiled code does not go with it: it would save 35 ms of a start, but V8 takes it only where flags and even
 * the number of processors are those of this machine, warns elsewhere, and it comes out in other bytes each time.
 */
function makeBlob({ scratch, node, texts }) {
  const { 'remendo.js': main, ...others } = texts;
  const write = (text, name) => {
    writeFileSync(join(scratch, name), text);
    return name;
  };
  const config = {
    main: write(main, 'remendo.cjs'),
    output: 'remendo.blob',
    disableExperimentalSEAWarning: true,
    assets: Object.fromEntries(Object.entries(others).map(([asset, text]) => [asset, write(text, asset.replaceAll('/', '-'))])),
  };
  runOrThrow(node, ['--experimental-sea-config', write(JSON.stringify(config), 'sea.json')], scratch);
  return join(scratch, config.output);
}

function buildExecutable({ file, prepared }, { scratch, node, blob }) {
  const path = join(scratch, file);
  writeFileSync(path, prepared(readFileSync(node)));
  chmodSync(path, 0o755);
  // A process of its own: it warns of sections without a name, which Node's have, and that says nothing to anybody.
  runOrThrow(process.execPath, [postject, path, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', sentinelFuse], scratch);
  renameSync(path, join(folder, file));
}

function runOrThrow(command, args, cwd) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${basename(command)} ${args[0]} failed: ${error?.message ?? `${stdout}${stderr}`.trim()}`);
}

const startsCounted = 20;

/** @returns the median of starts with nothing to do, in milliseconds. */
function startMs(path) {
  const took = Array.from({ length: startsCounted + 1 }, () => {
    const began = performance.now();
    const { status, stderr } = spawnSync(path, ['--version'], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${path} does not start: ${stderr}`);
    return performance.now() - began;
  });
  return took.slice(1).sort((a, b) => a - b)[startsCounted / 2];
}

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

if (!platforms.some(({ name }) => name === here))
  throw new Error(`executables can be built on Linux x64 and Windows x64, not on ${here}`);
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const scratch = mkdtempSync(join(root, 'dist/executables-'));
try {
  const nodes = Object.fromEntries(platforms.map(({ name }) => [name, fetchNode(name, join(scratch, name))]));
  const { texts, packages } = await packForExecutable();
  writeFileSync(join(folder, 'LICENSES.txt'), licencesText([...packages, nodes['linux-x64'].package]));
  const blob = makeBlob({ scratch, node: nodes[here].binary, texts });
  for (const platform of platforms) buildExecutable(platform, { scratch, node: nodes[platform.name].binary, blob });
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.log(`Node.js ${nodeVersion}`);
const sums = platforms.map(({ name, file }) => {
  const bytes = readFileSync(join(folder, file));
  const start = name === here ? `, starts in ${startMs(join(folder, file)).toFixed(0)} ms` : '';
  console.log(`${file}: ${megabytes(bytes.length)}${start}`);
  return `${createHash('sha256').update(bytes).digest('hex')}  ${file}\n`;
});
writeFileSync(join(folder, 'SHA256SUMS'), sums.join(''));
