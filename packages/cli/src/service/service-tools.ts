/** What services are set up with: the system's own programs, by whole paths where it has them, and without a shell. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { toolEnvironment, UpdaterError } from '@remendo/core';

export interface ToolAnswer {
  /** Null when there is no such program, or it was ended. */
  readonly code: number | null;
  /** Standard output and error output, as they came. */
  readonly output: string;
}

export interface ServiceTools {
  exists(path: string): boolean;
  /** Never throws. */
  run(program: string, args: readonly string[]): Promise<ToolAnswer>;
  /** Null when there is none. */
  read(path: string): Promise<Uint8Array | null>;
  /** For everybody to read; folders on the way are made. @throws UpdaterError STORAGE_FAILED */
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** @throws UpdaterError STORAGE_FAILED */
  remove(path: string): Promise<void>;
}

/** Starting and stopping a service takes as long as what it does; a minute and a half is what systemd gives it. */
const toolMsMax = 3 * 60_000;

export const serviceTools = (): ServiceTools => ({
  exists: existsSync,
  run: (program, args) =>
    new Promise((resolve) => {
      const options = { env: serviceEnvironment(), shell: false, windowsHide: true, timeout: toolMsMax };
      execFile(program, args, { ...options, encoding: 'latin1' }, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
        resolve({ code, output: `${stdout}${stderr}` });
      });
    }),
  read: (path) => readFile(path).catch(() => null),
  write: (path, bytes) =>
    stored(path, async () => {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, bytes, { mode: 0o644 });
    }),
  remove: (path) => stored(path, () => rm(path, { force: true })),
});

/** And where the person's own service manager listens. */
const serviceEnvironment = (): NodeJS.ProcessEnv => {
  const { XDG_RUNTIME_DIR, DBUS_SESSION_BUS_ADDRESS } = process.env;
  return { ...toolEnvironment(process.env), XDG_RUNTIME_DIR, DBUS_SESSION_BUS_ADDRESS };
};

async function stored(path: string, change: () => Promise<void>): Promise<void> {
  try {
    await change();
  } catch (cause) {
    throw new UpdaterError('STORAGE_FAILED', `${path} can not be changed`, { details: { path }, cause });
  }
}
