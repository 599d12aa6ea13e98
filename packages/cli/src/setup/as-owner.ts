/**
 * Work on an install with the rights of the account that its agent runs as, while this program is root: what root made
 * would not be that account's to update, and what that account can write to is nothing that root should follow.
 */
import { chown, lstat, mkdir } from 'node:fs/promises';
import { UpdaterError } from '@remendo/core';
import { judge } from '../permissions/guard-install.js';
import { type ServiceTools, serviceTools } from '../service/service-tools.js';
import type { Setup } from './setup.js';

interface PosixAccount {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** @throws UpdaterError SERVICE_FAILED when there is no such account. */
async function posixAccount(tools: Pick<ServiceTools, 'run'>, name: string): Promise<PosixAccount> {
  const numberOf = async (flag: string): Promise<number> => {
    const { code, output } = await tools.run('id', [flag, '--', name]);
    if (code === 0 && /^\d+$/.test(output.trim())) return Number(output.trim());
    throw new UpdaterError('SERVICE_FAILED', `there is no account ${JSON.stringify(name)} on this machine`, {
      details: { account: name },
    });
  };
  return { name, uid: await numberOf('-u'), gid: await numberOf('-g') };
}

/** Makes folders that are missing, for the account. @throws UpdaterError STORAGE_FAILED, INSTALL_UNSAFE where one is root's. */
async function giveFolders(paths: readonly string[], { name, uid, gid }: PosixAccount): Promise<void> {
  for (const path of paths) {
    const found = await lstat(path).catch(() => null);
    if (found === null) {
      const first = await mkdir(path, { recursive: true, mode: 0o755 });
      if (first !== undefined) await chown(path, uid, gid);
    } else if (found.uid !== uid) {
      const message = `${path} does not belong to ${name}, who is to update it; as root: chown -R ${name}: ${path}`;
      throw new UpdaterError('INSTALL_UNSAFE', message, { details: { root: path, account: name } });
    }
  }
}

/** Everything that `use` does on the disk is done as the account. Nothing else may run in this process meanwhile. */
async function asAccount<Value>({ uid, gid }: PosixAccount, use: () => Promise<Value>): Promise<Value> {
  const groups = process.getgroups?.() ?? [];
  process.setgroups?.([gid]);
  process.setegid?.(gid);
  process.seteuid?.(uid);
  try {
    return await use();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
    process.setgroups?.(groups);
  }
}

const silent = { warn: () => {}, language: 'en' } as const;

/** As root for an account: what is the account's is done as the account. */
export async function asOwner<Value>(
  { answers: { service, layout }, ports, isDry }: Setup,
  use: () => Promise<Value>,
): Promise<Value> {
  const isForOther = service.account !== null && service.scope === 'system' && service.mode !== 'none';
  if (service.account === null || !isForOther || process.geteuid?.() !== 0) return use();
  const account = await posixAccount(serviceTools(), service.account);
  if (account.uid === 0) return use();
  // As root: folders above have to be nobody else's, before anything is made in them.
  const safety = await ports.permissions().inspect(layout, true);
  const own = [layout.root, layout.home];
  judge(silent, layout, { ...safety, writers: safety.writers.filter(({ path }) => !own.some((one) => path.startsWith(one))) });
  if (!isDry) await giveFolders([layout.root, layout.home], account);
  return asAccount(account, use);
}
