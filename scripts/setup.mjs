// Installs the workspace and builds it, when either is missing or out of date. Needs only Node and npm: pnpm comes by
// npx in the version that package.json names.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { npxCommand } from './npx.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

function changedMs(path) {
  const file = join(root, path);
  return existsSync(file) ? statSync(file).mtimeMs : 0;
}

/** Runs a command to its end with this console. */
function run(command, args, env = process.env) {
  const { status, error } = spawnSync(command, args, { cwd: root, env, stdio: 'inherit' });
  if (error !== undefined) console.error(`${command} could not be started: ${error.message}`);
  return status ?? 1;
}

/** Ends this program with the command's exit code when that is not 0. */
function mustRun(...command) {
  const status = run(...command);
  if (status !== 0) process.exit(status);
}

function pnpm(how, args) {
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const env = { ...process.env };
  // Native addons are compiled against the headers of the Node that runs this, which a normal install has beside it;
  // node-gyp would download them, or take those of another Node that the user's configuration names.
  const prefix = dirname(dirname(process.execPath));
  if (existsSync(join(prefix, 'include/node/node.h'))) env.npm_config_nodedir = prefix;
  const [npx, ...npxArgs] = npxCommand;
  return how(npx, [...npxArgs, '--yes', packageManager, ...args, '--reporter=append-only', '--loglevel=warn'], env);
}

/** Addons that were compiled for one version of Node's binary interface do not load in another. */
const abiFile = join(root, 'node_modules/.node-abi');

const inputs = [
  'pnpm-lock.yaml',
  'pnpm-workspace.yaml',
  'package.json',
  ...['packages/core', 'packages/server', 'packages/cli', 'bench', 'fixtures'].map((folder) => `${folder}/package.json`),
];
const installedMs = changedMs('node_modules/.modules.yaml');
const builtFor = existsSync(abiFile) ? readFileSync(abiFile, 'utf8') : null;
if (inputs.some((path) => changedMs(path) > installedMs)) pnpm(mustRun, ['install', '--frozen-lockfile']);
// Without a compiler this fails, and everything but making bsdiff40 patches works all the same.
if (builtFor !== null && builtFor !== process.versions.modules) pnpm(run, ['rebuild', 'bsdiff-node']);
if (builtFor !== process.versions.modules) writeFileSync(abiFile, process.versions.modules);
mustRun(process.execPath, [join(root, 'packages/core/kernels/build.mjs')]);
mustRun(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b']);
mustRun(process.execPath, [join(root, 'packages/cli/pack.mjs')]);
mustRun(process.execPath, [join(root, 'packages/server/make-seed.mjs')]);
