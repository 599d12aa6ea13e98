/**
 * The programs of Windows that know about accounts and access control lists, by their whole paths and without a shell. What
 * they print for people is in the language of the system and is not read; SIDs and SDDL are the same everywhere.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { toolEnvironment } from '@remendo/core';

export interface WindowsTools {
  exists(path: string): boolean;
  /** What `whoami /user /groups /fo csv /nh` prints. */
  whoAmI(): Promise<string>;
  /** The file that `icacls PATH /save` writes. */
  saveAccessList(path: string): Promise<Uint8Array>;
  icacls(args: readonly string[]): Promise<void>;
}

/** Answers of these programs take milliseconds; a folder of many files, whose lists follow its own, takes longer. */
const toolMsMax = 10 * 60_000;

/** @throws Error of each when the program is missing, or ends with another code than 0. */
export const windowsTools = (): WindowsTools => ({
  exists: existsSync,
  whoAmI: () => run('whoami.exe', ['/user', '/groups', '/fo', 'csv', '/nh']),
  async saveAccessList(path) {
    const folder = await mkdtemp(join(tmpdir(), 'remendo-acl-'));
    try {
      const file = join(folder, 'acl');
      await run('icacls.exe', [path, '/save', file, '/q']);
      return await readFile(file);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
  async icacls(args) {
    await run('icacls.exe', args);
  },
});

async function run(program: string, args: readonly string[]): Promise<string> {
  const path = join(process.env.SystemRoot ?? 'C:\\Windows', 'System32', program);
  try {
    const { stdout } = await promisify(execFile)(path, args, {
      env: toolEnvironment(process.env),
      shell: false,
      windowsHide: true,
      timeout: toolMsMax,
      encoding: 'latin1',
    });
    return stdout;
  } catch (cause) {
    const { code } = cause as { readonly code?: string | number };
    throw new Error(`${program} did not succeed (${code ?? 'it was ended'})`, { cause });
  }
}
