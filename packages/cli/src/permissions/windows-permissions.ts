/**
 * Permissions of Windows: access control lists, read and changed by icacls. Writing means every right by which a file can
 * be changed, replaced or handed over; below a drive's root that is what "Authenticated Users" have unless somebody took it
 * away. A folder's owner is in no list of icacls: setup makes the administrators own the install where it may.
 */
import { win32 } from 'node:path';
import type { InstallPermissions, OtherWriter, TighteningStep } from './install-permissions.js';
import {
  type AccessList,
  accountText,
  anyWriteRight,
  everything,
  type GrantedAccess,
  hasRight,
  parseAccessList,
  writeRights,
} from './security-descriptor.js';
import { type WindowsTools, windowsTools } from './windows-tools.js';

export interface WindowsRunner {
  readonly sid: string;
  /** An administrator whose rights are not held back, or the system itself. */
  readonly isPrivileged: boolean;
}

const system = 'S-1-5-18';
const administrators = 'S-1-5-32-544';
const users = 'S-1-5-32-545';
/** Whoever makes a file has it: says nothing about others. */
const creators = ['S-1-3-0', 'S-1-3-1', 'S-1-3-4'];
const trustedInstaller = 'S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464';
/** Administrators of the machine, the domain and the forest, whose SIDs depend on these. */
const administratorAliases = ['LA', 'DA', 'EA'];
const ruleAnyway = [system, administrators, trustedInstaller, ...creators, ...administratorAliases];
const highIntegrity = ['S-1-16-12288', 'S-1-16-16384'];

/** @param text what `whoami /user /groups` prints as CSV: the first SID is the user's. @throws Error when there is none. */
export function parseWhoAmI(text: string): WindowsRunner {
  const sids = [...text.matchAll(/"(S-1-[\d-]+)"/g)].map(([, sid]) => sid ?? '');
  const [sid] = sids;
  if (sid === undefined) throw new Error('whoami did not name an account');
  return { sid, isPrivileged: sid === system || sids.some((one) => highIntegrity.includes(one)) };
}

/** @param bytes a file of `icacls /save`: the path's name, then its list, in UTF-16. @throws Error when it is none. */
export function parseSavedAccessList(bytes: Uint8Array): AccessList {
  const text = new TextDecoder('utf-16le').decode(bytes);
  return parseAccessList(text.split(/\r?\n/)[1] ?? '');
}

export const windowsPermissions = (tools: WindowsTools = windowsTools()): InstallPermissions => ({
  async inspect({ root, home }, isTightened = false) {
    const writers: OtherWriter[] = [];
    let isPrivileged = false;
    try {
      const runner = parseWhoAmI(await tools.whoAmI());
      isPrivileged = runner.isPrivileged;
      const own = [root, home].map((path) => ({ path, isAbove: false }));
      const above = foldersAbove([root, home]).map((path) => ({ path, isAbove: true }));
      for (const place of [...(isTightened ? [] : own), ...above]) {
        if (tools.exists(place.path)) writers.push(...(await writersTo(tools, { ...place, runner })));
      }
      return { writers, isPrivileged, unknown: null };
    } catch (error) {
      return { writers, isPrivileged, unknown: (error as Error).message };
    }
  },

  async planTightening({ root, home }) {
    const runner = parseWhoAmI(await tools.whoAmI());
    const rulers = runner.isPrivileged ? [system, administrators] : [system, administrators, runner.sid];
    const rootList = await accessListOf(tools, root);
    const homeList = await accessListOf(tools, home);
    const isRootTight = otherGrants(rootList, runner).length === 0;
    const isHomeTight = homeList.isProtected && homeList.grants.every(({ sid }) => isTrusted(sid, runner));
    return [
      ...(isRootTight ? [] : commandsFor(root, { rulers, readers: [users], list: rootList })),
      ...(isHomeTight ? [] : commandsFor(home, { rulers, readers: [], list: homeList })),
      // Who owns a folder can change its list.
      ...(runner.isPrivileged ? [root, home].map((path) => [path, '/setowner', `*${administrators}`, '/q']) : []),
    ].map((args) => stepOf(tools, args));
  },
});

/** A folder that is still to be made will have what the one above it gives: as good as nothing. */
const accessListOf = async (tools: WindowsTools, path: string): Promise<AccessList> =>
  tools.exists(path) ? parseSavedAccessList(await tools.saveAccessList(path)) : { isProtected: false, grants: [everything] };

interface Place {
  readonly path: string;
  readonly runner: WindowsRunner;
  /** In a folder above, a name can be taken away or its list changed; making other names there harms nobody. */
  readonly isAbove: boolean;
}

const { deleteChild, delete: remove, writeDac, writeOwner, genericAll } = writeRights;
const replacing = deleteChild | remove | writeDac | writeOwner | genericAll;

async function writersTo(tools: WindowsTools, { path, runner, isAbove }: Place): Promise<readonly OtherWriter[]> {
  const grants = otherGrants(await accessListOf(tools, path), runner);
  const counting = isAbove ? grants.filter((grant) => !grant.isInheritOnly && hasRight(grant, replacing)) : grants;
  return [...new Set(counting.map(({ sid }) => sid))].map((sid) => ({ path, who: accountText(sid) }));
}

/** By which others can write to a folder or to what is made in it. */
const otherGrants = ({ grants }: AccessList, runner: WindowsRunner): readonly GrantedAccess[] =>
  grants.filter((grant) => hasRight(grant, anyWriteRight) && !isTrusted(grant.sid, runner));

/** The same account with its rights held back is somebody else, who may do less. */
const isTrusted = (sid: string, runner: WindowsRunner): boolean =>
  ruleAnyway.includes(sid) || (sid === runner.sid && !runner.isPrivileged);

interface TargetList {
  readonly rulers: readonly string[];
  readonly readers: readonly string[];
  readonly list: AccessList;
}

/** First what is right, in one command, so that nobody is locked out between two; then what else was said of others. */
function commandsFor(path: string, { rulers, readers, list }: TargetList): readonly (readonly string[])[] {
  const grants = [...rulers.map((sid) => `*${sid}:(OI)(CI)F`), ...readers.map((sid) => `*${sid}:(OI)(CI)RX`)];
  const kept = [...rulers, ...readers, ...ruleAnyway];
  const surplus = new Set(list.grants.filter(({ sid, isInherited }) => !isInherited && !kept.includes(sid)).map(({ sid }) => sid));
  const removals = [...surplus].filter((sid) => sid.startsWith('S-')).map((sid) => [path, '/remove:g', `*${sid}`, '/q']);
  return [[path, '/inheritance:r', '/grant:r', ...grants, '/q'], ...removals];
}

const stepOf = (tools: WindowsTools, args: readonly string[]): TighteningStep => ({
  line: `icacls ${args.map((arg) => (/[\s()]/.test(arg) ? `"${arg}"` : arg)).join(' ')}`,
  apply: () => tools.icacls(args),
});

function foldersAbove(paths: readonly string[]): readonly string[] {
  const above = new Set<string>();
  for (const path of paths) {
    let at = win32.resolve(path);
    for (; win32.dirname(at) !== at; at = win32.dirname(at)) above.add(win32.dirname(at));
  }
  return [...above].filter((path) => !paths.includes(path));
}
