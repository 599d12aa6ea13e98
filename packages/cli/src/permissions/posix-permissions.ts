/**
 * Permissions of POSIX: owner, group and mode of the install root, the updater's folder and every folder above them. Where
 * a file system has access control lists, the group's bits of the mode are their mask: nobody that a list names can do more.
 */
import type { Stats } from 'node:fs';
import { chmod, lstat, readdir, realpath } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { InstallPermissions, OtherWriter, TighteningStep } from './install-permissions.js';

export interface PosixRunner {
  readonly uid: number;
  /** Root, or a program that runs with other rights than those of whoever started it. */
  readonly isPrivileged: boolean;
}

const groupMayWrite = 0o020;
const othersMayWrite = 0o002;
const sticky = 0o1000;
const superuser = 0;

/** This process. */
export function posixRunner(): PosixRunner {
  const uid = process.geteuid?.() ?? superuser;
  return { uid, isPrivileged: uid === superuser || uid !== process.getuid?.() };
}

export const posixPermissions = (runner: PosixRunner = posixRunner()): InstallPermissions => ({
  async inspect({ root, home, trust }, isTightened = false) {
    const own = new Set([await realpathOrSame(root), await realpathOrSame(home)]);
    const writers: OtherWriter[] = [];
    for (const path of new Set([...own, ...foldersAbove([root, home, ...own])])) {
      const found = await statOrNull(path);
      if (found === null || found.isSymbolicLink()) continue;
      const kind = !own.has(path) ? 'above' : isTightened ? 'tightened' : 'own';
      writers.push(...writersOf(found, { runner, kind }).map((who) => ({ path, who })));
    }
    // What somebody put there before the folder was ours alone: a root of trust, a configuration.
    for (const folder of [home, trust]) {
      for (const path of (await filesIn(folder)).map((name) => join(folder, name))) {
        const found = await statOrNull(path);
        if (found !== null && ![superuser, runner.uid].includes(found.uid))
          writers.push({ path, who: `its owner, user ${found.uid}` });
      }
    }
    return { writers, isPrivileged: runner.isPrivileged, unknown: null };
  },

  async planTightening({ root, home, trust }) {
    const steps: TighteningStep[] = [...(await tighten(root, 0o022))];
    for (const folder of [home, trust]) {
      const closing = await tighten(folder, 0o077);
      steps.push(...closing);
      // In a folder that was closed nobody else comes by a file. Releases' own files, deeper, keep their modes for the way back.
      if (closing.length === 0) continue;
      for (const name of await filesIn(folder)) steps.push(...(await tighten(join(folder, name), 0o077)));
    }
    return steps;
  },
});

const filesIn = async (folder: string): Promise<readonly string[]> =>
  (await readdir(folder, { withFileTypes: true }).catch(() => [])).filter((entry) => entry.isFile()).map(({ name }) => name);

/**
 * In a folder above, a name can be replaced by whoever may write there; where it is sticky (/tmp), only by the owner of what
 * the name leads to.
 */
function writersOf(
  { uid, gid, mode }: Stats,
  { runner, kind }: { readonly runner: PosixRunner; readonly kind: 'own' | 'tightened' | 'above' },
): readonly string[] {
  const isOwnerOther = uid !== superuser && uid !== runner.uid;
  const owner = isOwnerOther ? [`its owner, user ${uid}`] : [];
  if (kind === 'tightened' || (kind === 'above' && (mode & sticky) !== 0)) return owner;
  return [
    ...owner,
    ...((mode & groupMayWrite) === 0 ? [] : [`group ${gid}`]),
    ...((mode & othersMayWrite) === 0 ? [] : ['everybody']),
  ];
}

/** @param bits to take away. */
async function tighten(path: string, bits: number): Promise<readonly TighteningStep[]> {
  const found = await statOrNull(path);
  if (found === null || found.isSymbolicLink() || (found.mode & bits) === 0) return [];
  const mode = found.mode & 0o7777;
  const target = mode & ~bits;
  const line = `chmod ${octal(target)} ${path}  (was ${octal(mode)})`;
  return [{ line, apply: () => chmod(path, target) }];
}

const octal = (mode: number): string => mode.toString(8).padStart(4, '0');

function foldersAbove(paths: readonly string[]): readonly string[] {
  const above = new Set<string>();
  for (const path of paths) {
    for (let at = resolve(path); dirname(at) !== at; at = dirname(at)) above.add(dirname(at));
  }
  return [...above];
}

const statOrNull = (path: string): Promise<Stats | null> => lstat(path).catch(() => null);

const realpathOrSame = (path: string): Promise<string> => realpath(path).catch(() => resolve(path));
