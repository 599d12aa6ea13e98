/**
 * A small install with everything that makes a swap difficult, three releases of it, and the few lines that update it:
 * for the tests of the transaction on any file system.
 */
import { join } from 'node:path';
import { readSmallFile, withFile } from '../file-system/file-source.js';
import type { FileSystem } from '../file-system/file-system.js';
import { digestOf } from '../hash/digest.js';
import type { ReleasePath } from '../manifest/release-path.js';
import type { Change, ReleaseReference } from '../transaction/change.js';
import { beginTransaction, type Install, type InstallPorts, openInstall, undoableTransaction } from '../transaction/install.js';
import { type InstallLayout, installLayout } from '../transaction/install-layout.js';
import type { Transaction } from '../transaction/transaction.js';

/** `path` → text, or text and mode. Paths that start with `.remendo/` are the updater's own. */
export type SampleRelease = Readonly<Record<string, string | readonly [text: string, mode: number]>>;

const ownFiles = (version: string): SampleRelease => ({
  'version.txt': `${version}\n`,
  '.remendo/state.json': `{"version":"${version}"}`,
  '.remendo/manifest.json': `{"files":"of ${version}"}`,
});

export const baseRelease: SampleRelease = {
  ...ownFiles('1.0.0'),
  'app.exe': ['application one', 0o755],
  'lib/core.dll': 'library one',
  'lib/same.dll': 'library that stays',
  'Readme.md': 'read me',
  'Notes/Today.txt': 'case of the folder changes',
  'data/old.txt': 'goes, and its folder with it',
  'docs/a/guide.txt': 'moves',
  plugin: 'a file that becomes a folder',
  'theme/light.css': 'a folder',
  'theme/deep/dark.css': 'that becomes a file',
  'was-empty.txt': '',
  'read-only.cfg': ['setting one', 0o444],
  'run.sh': ['same text, other mode', 0o644],
  'big.bin': '0123456789abcdef'.repeat(200),
};

export const targetRelease: SampleRelease = {
  ...ownFiles('1.0.1'),
  'app.exe': ['application two, a little longer', 0o755],
  'lib/core.dll': 'library two',
  'lib/same.dll': 'library that stays',
  'README.md': 'read me',
  'notes/today.txt': 'case of the folder changes',
  'manual/guide.txt': 'moves',
  'plugin/main.js': 'in the folder that was a file',
  'plugin/sub/more.js': 'deeper',
  theme: 'the file that was a folder',
  'was-empty.txt': 'no longer',
  'empty.txt': '',
  'logs/about.txt': 'into a folder of the user',
  'read-only.cfg': ['setting two', 0o644],
  'run.sh': ['same text, other mode', 0o755],
  'big.bin': 'fedcba9876543210'.repeat(210),
};

/** Turns the folders and files back again, and takes an exe away. */
export const nextRelease: SampleRelease = {
  ...ownFiles('1.0.2'),
  'lib/core.dll': 'library three',
  'lib/same.dll': 'library that stays',
  'readme.md': 'read me, please',
  plugin: 'a file again',
  'theme/light.css': 'a folder again',
  'was-empty.txt': '',
};

/** Named by no release; must never change. */
export const userFiles: SampleRelease = {
  '.env': ['SECRET=1', 0o600],
  'lib/user.ini': 'beside the libraries',
  'Notes/mine.txt': 'in a folder whose case changes',
  'archive/2019/sale.dat': 'of a user',
};

export const sampleRoot = '/install';

export const sampleLayout: InstallLayout = installLayout(sampleRoot);

const textOf = (file: string | readonly [string, number]): string => (typeof file === 'string' ? file : file[0]);
const modeOf = (file: string | readonly [string, number]): number => (typeof file === 'string' ? 0o644 : file[1]);

/** Puts files in place as an installer would. */
export async function writeSample(fileSystem: FileSystem, root: string, files: SampleRelease): Promise<void> {
  for (const [path, file] of Object.entries(files)) {
    const segments = path.split('/');
    await fileSystem.makeDirectory(join(root, ...segments.slice(0, -1)));
    await writeText(fileSystem, join(root, ...segments), textOf(file));
    await fileSystem.setMode(join(root, ...segments), modeOf(file));
  }
}

export async function writeText(fileSystem: FileSystem, path: string, text: string): Promise<void> {
  await withFile(fileSystem, path, { mode: 'create' }, (handle) => handle.write(0, Buffer.from(text)));
}

/** The base release with the user's files, and an empty folder of the user's. */
export async function writeSampleInstall(fileSystem: FileSystem, root: string): Promise<void> {
  await writeSample(fileSystem, root, { ...baseRelease, ...userFiles });
  await fileSystem.makeDirectory(join(root, 'logs'));
}

/** Every file with its text and mode, and every folder; of the updater's own, only what a release changes. */
export async function snapshotOf(fileSystem: FileSystem, root: string, below = ''): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  for (const name of await fileSystem.list(join(root, below))) {
    const path = below === '' ? name : `${below}/${name}`;
    const full = join(root, path);
    const stat = await fileSystem.stat(full);
    if (stat?.kind === 'directory') {
      if (path !== '.remendo') found[`${path}/`] = 'folder';
      Object.assign(found, await snapshotOf(fileSystem, root, path));
    } else if (below !== '.remendo' || name === 'state.json' || name === 'manifest.json') {
      const text = Buffer.from((await readSmallFile(fileSystem, full, 1 << 20)) ?? []).toString('utf8');
      found[path] = `${(stat?.mode ?? 0).toString(8)} ${text}`;
    }
    if (path === '.remendo') for (const own of ['downloads', 'previous', 'staging']) deleteBelow(found, `.remendo/${own}/`);
  }
  return found;
}

function deleteBelow(found: Record<string, string>, prefix: string): void {
  for (const path of Object.keys(found)) if (path.startsWith(prefix)) delete found[path];
}

export const referenceOf = (release: SampleRelease): ReleaseReference => ({
  version: textOf(release['version.txt'] ?? 'none').trim(),
  manifestDigest: digestOf(textOf(release['.remendo/manifest.json'] ?? '')),
});

/** The changes from one release to another, removals first, with the texts of the targets. */
export function changesBetween(
  base: SampleRelease,
  target: SampleRelease,
): readonly { readonly change: Change; readonly text: string }[] {
  const removed = Object.keys(base).filter((path) => !(path in target));
  const changed = Object.keys(target).filter((path) => JSON.stringify(base[path]) !== JSON.stringify(target[path]));
  return [...removed, ...changed].map((path) => {
    const file = target[path];
    const text = file === undefined ? '' : textOf(file);
    const content = file === undefined ? null : { bytes: Buffer.byteLength(text), sha256: digestOf(text), mode: modeOf(file) };
    const isOwn = path.startsWith('.remendo/');
    const releasePath = (isOwn ? path.slice('.remendo/'.length) : path) as ReleasePath;
    return { change: { place: isOwn ? 'home' : 'root', path: releasePath, target: content }, text };
  });
}

/** From the beginning to `staged`. */
export async function stageSample(install: Install, base: SampleRelease, target: SampleRelease): Promise<Transaction> {
  const transaction = await beginTransaction(install, { base: referenceOf(base), target: referenceOf(target) });
  const changes = changesBetween(base, target);
  for (const [index, { change, text }] of changes.entries()) {
    if (change.target !== null) await writeText(install.ports.fileSystem, transaction.stagedPath(index), text);
  }
  await transaction.stage(changes.map(({ change }) => change));
  return transaction;
}

/** A whole update: open, begin, stage, commit, one recorded start, confirm, close. */
export async function updateSample(
  ports: InstallPorts,
  layout: InstallLayout,
  releases: { readonly base: SampleRelease; readonly target: SampleRelease },
): Promise<void> {
  const install = await openInstall(ports, layout);
  try {
    const transaction = await stageSample(install, releases.base, releases.target);
    await transaction.commit();
    await transaction.recordStart();
    await transaction.confirm();
  } finally {
    await install.close();
  }
}

/** Goes back to what was there before the last transaction. */
export const rollBackSample = async (install: Install): Promise<void> => undoableTransaction(install).rollback('asked for');

/** A release as a server can carry it: without the updater's own files, and with the two modes that a manifest has. */
export const releasedFiles = (release: SampleRelease): SampleRelease =>
  Object.fromEntries(
    Object.entries(release)
      .filter(([path]) => path !== 'version.txt' && !path.startsWith('.remendo'))
      .map(([path, file]) =>
        typeof file === 'string' ? [path, file] : [path, [file[0], (file[1] & 0o111) === 0 ? 0o644 : 0o755] as const],
      ),
  );
