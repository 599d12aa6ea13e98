// What pnpm-lock.yaml says, and where the packages that it names are installed.
import { readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

export const readYaml = (name) => parse(readFileSync(join(root, name), 'utf8'));
export const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

/** Name and version of a key of `packages` or `snapshots`: what stands in brackets says which peers it was installed with. */
export function nameAndVersion(key) {
  const [, name, version] = /^(@?[^@]+)@([^(]+)/.exec(key) ?? [];
  if (name === undefined) throw new Error(`pnpm-lock.yaml: ${key} is no package`);
  return { name, version, id: `${name}@${version}` };
}

/**
 * Every package that is installed with one of ours for production, and what each of them depends on; ours are named by
 * their folders.
 */
export function shippedPackages(lock, folders) {
  const found = new Map();
  const visit = (place) => {
    const before = found.get(place.id);
    if (before !== undefined && (before.isOptional === false || place.isOptional)) return;
    const entry = { ...place, dependencies: [] };
    found.set(place.id, entry);
    for (const next of dependenciesOf(lock, entry)) {
      entry.dependencies.push(next.id);
      visit(next);
    }
  };
  for (const folder of folders) visit({ id: folder, folder, path: join(root, folder), isOptional: false });
  return found;
}

function dependenciesOf(lock, { folder, key, path, isOptional }) {
  const { dependencies = {}, optionalDependencies = {} } =
    (folder === undefined ? lock.snapshots[key] : lock.importers[folder]) ?? {};
  const modules = folder === undefined ? modulesAround(path) : path === null ? null : join(path, 'node_modules');
  const entries = [
    ...Object.entries(dependencies),
    ...Object.entries(optionalDependencies).map(([name, value]) => [name, value, true]),
  ];
  return entries.map(([name, value, mayLack = false]) => {
    const version = typeof value === 'string' ? value : value.version;
    const isLacking = isOptional || mayLack;
    if (version.startsWith('link:')) {
      const linked = join(folder, version.slice('link:'.length));
      return { id: linked, folder: linked, path: join(root, linked), isOptional: isLacking };
    }
    const next = lock.snapshots[`${name}@${version}`] === undefined ? version : `${name}@${version}`;
    return { id: nameAndVersion(next).id, key: next, path: installedAt(modules, name), isOptional: isLacking };
  });
}

/** The folder `node_modules` that a package lies in: what it depends on lies beside it. */
const modulesAround = (path) => (path === null ? null : path.slice(0, path.lastIndexOf('node_modules') + 'node_modules'.length));

/** Null for what is not installed: packages for other systems. */
function installedAt(modules, name) {
  try {
    return modules === null ? null : realpathSync(join(modules, name));
  } catch {
    return null;
  }
}
