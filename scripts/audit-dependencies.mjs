/**
 * Holds what is installed against what was decided: every package has its hash in pnpm-lock.yaml and comes from the registry,
 * the lock file says what the package.json files say, and no package runs a program of its own when it is installed but the
 * one that is allowed to. Then the registry is asked for known vulnerabilities of what ships.
 *
 *     node scripts/audit-dependencies.mjs [--offline]
 *
 * Exit codes: 0 all is well, 1 something is not, 3 all is well as far as this machine can tell, but the registry answers no
 * audits.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { readJson, readYaml, root } from './lockfile.mjs';
import { npxCommand } from './npx.mjs';

/** May compile its addon: makes bsdiff40 patches on the publisher's side, and everything works without it. */
const mayBuild = ['bsdiff-node'];

const lock = readYaml('pnpm-lock.yaml');

/** A registry's package has a hash and no address of its own. */
const checkSources = () =>
  Object.entries(lock.packages).flatMap(([key, { resolution }]) => [
    ...(/^sha512-[A-Za-z0-9+/]{86}==$/.test(resolution.integrity ?? '') ? [] : [`${key} has no SHA-512 in pnpm-lock.yaml`]),
    ...Object.keys(resolution)
      .filter((name) => name !== 'integrity')
      .map((name) => `${key} does not come from the registry: ${name} ${String(resolution[name])}`),
  ]);

const kinds = ['dependencies', 'devDependencies', 'optionalDependencies'];

/** `pnpm install --frozen-lockfile` would refuse the same. */
const checkSpecifiers = () =>
  Object.entries(lock.importers).flatMap(([folder, importer]) => {
    const described = readJson(join(root, folder, 'package.json'));
    return kinds.flatMap((kind) => {
      const [locked, wanted] = [specifiersOf(importer[kind]), described[kind] ?? {}];
      return [...new Set([...Object.keys(locked), ...Object.keys(wanted)])]
        .filter((name) => locked[name] !== wanted[name])
        .map((name) => `${folder}: ${name} is ${wanted[name] ?? 'not wanted'}, but ${locked[name] ?? 'missing'} in pnpm-lock.yaml`);
    });
  });

const specifiersOf = (entries = {}) =>
  Object.fromEntries(Object.entries(entries).map(([name, { specifier }]) => [name, specifier]));

const installScripts = ['preinstall', 'install', 'postinstall'];

const foldersOf = (path) =>
  readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(path, entry.name));

/** Folders of installed packages, each once: links to them are passed over. */
const installedPackages = () =>
  foldersOf(join(root, 'node_modules/.pnpm'))
    .map((path) => join(path, 'node_modules'))
    .filter(existsSync)
    .flatMap(foldersOf)
    .flatMap((path) => (basename(path).startsWith('@') ? foldersOf(path) : [path]))
    .filter((path) => existsSync(join(path, 'package.json')));

function checkInstallScripts() {
  const { allowBuilds = {}, strictDepBuilds } = readYaml('pnpm-workspace.yaml');
  const allowed = Object.keys(allowBuilds).filter((name) => allowBuilds[name] === true);
  const problems = strictDepBuilds === true ? [] : ['pnpm-workspace.yaml does not set strictDepBuilds'];
  for (const name of allowed)
    if (!mayBuild.includes(name)) problems.push(`pnpm-workspace.yaml lets ${name} run its install scripts`);
  for (const path of installedPackages()) {
    const { name, scripts = {} } = readJson(join(path, 'package.json'));
    const hasScript = installScripts.some((script) => scripts[script] !== undefined) || existsSync(join(path, 'binding.gyp'));
    if (hasScript && !(name in allowBuilds)) problems.push(`${name} has an install script that nobody decided on`);
  }
  return problems;
}

/** @returns findings, or null when the registry answers no audits. */
function askRegistry() {
  const { packageManager } = readJson(join(root, 'package.json'));
  const [npx, ...args] = npxCommand;
  const ran = spawnSync(npx, [...args, '--yes', packageManager, 'audit', '--prod', '--json'], {
    cwd: root,
    encoding: 'utf8',
    timeout: 120_000,
  });
  const answer = parsed(ran.stdout ?? '');
  if (answer?.metadata?.vulnerabilities === undefined) {
    const why = answer?.error?.message ?? ran.error?.message ?? (ran.stderr ?? '').trim().split('\n').at(-1) ?? '';
    console.log(`? the registry answers no audits: ${why.slice(0, 300)}`);
    return null;
  }
  return Object.values(answer.advisories ?? {}).map(
    ({ module_name: name, severity, title, url }) => `${name}: ${severity}, ${title} (${url})`,
  );
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function report(name, problems) {
  console.log(`${problems.length === 0 ? '✔' : '✖'} ${name}`);
  for (const problem of problems) console.log(`  ${problem}`);
  return problems.length === 0;
}

const { values } = parseArgs({ options: { offline: { type: 'boolean' } } });
const checks = [
  report('every package has its hash and comes from the registry', checkSources()),
  report('the lock file says what the package.json files say', checkSpecifiers()),
  report(`only ${mayBuild.join(', ')} runs a program when it is installed`, checkInstallScripts()),
];
const findings = values.offline === true ? [] : askRegistry();
if (findings !== null && values.offline !== true) checks.push(report('no known vulnerability in what ships', findings));
process.exitCode = checks.every(Boolean) ? (findings === null ? 3 : 0) : 1;
