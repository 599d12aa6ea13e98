import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { applicationEnvironment } from './child-environment.js';
import { findProgram } from './find-program.js';
import type { ExitStatus, StartCommand } from './prove-start.js';

/**
 * Starts the application: the program itself, without a shell between, so that its arguments arrive as they are. It gets
 * this process's environment without what is the updater's own.
 * @throws Error when there is no such program. That it can not be run is told by the child's `error` event on most systems,
 * and by an exception on some.
 */
export function startProgram(command: StartCommand, stdio: StdioOptions): ChildProcess {
  // A child has its parent's environment; here is where it is decided which part of it.
  const { env } = process;
  return spawn(programOf(command), command.args, {
    cwd: command.folder,
    env: applicationEnvironment(env),
    stdio,
    shell: false,
    windowsHide: false,
  });
}

/** Which file a command means on this machine. @throws Error when there is no such program. */
export function programOf(command: Pick<StartCommand, 'command' | 'folder'>): string {
  const { env, platform } = process;
  const path = Object.entries(env).find(([name]) => name === 'PATH' || (platform === 'win32' && name.toUpperCase() === 'PATH'));
  return findProgram(command, { platform, path: path?.[1] ?? '', isProgram });
}

/** How it ended. Never rejects. */
export function exitOf(child: ChildProcess): Promise<ExitStatus> {
  return new Promise((resolve) => {
    child.on('error', (error) => {
      // Of one that runs it says that a signal did not reach it.
      if (child.pid === undefined) resolve({ code: null, signal: null, error: error.message });
    });
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
