/**
 * Which file a command means, decided here and not by the system: Windows would look in the current folder first, POSIX
 * takes an empty or relative part of the PATH for it, and either lets whoever can write there choose the program.
 */
import { posix, win32 } from 'node:path';
import type { StartCommand } from './prove-start.js';

export interface ProgramSearch {
  readonly platform: NodeJS.Platform;
  /** The variable PATH. */
  readonly path: string;
  /** Whether a file is there that may be run. */
  readonly isProgram: (path: string) => boolean;
}

/** What CreateProcess starts by itself. */
const windowsSuffixes = ['', '.exe', '.com'];

/**
 * Absolute, or below the command's folder, or, a name alone, in one of the absolute folders of the PATH; in this order.
 * @returns its absolute path.
 * @throws Error with a sentence when there is none, and for a batch file: those are run by a shell, which takes their
 * arguments for commands (CVE-2024-27980).
 */
export function findProgram({ command, folder }: Pick<StartCommand, 'command' | 'folder'>, search: ProgramSearch): string {
  const isWindows = search.platform === 'win32';
  const { isAbsolute, join, delimiter } = isWindows ? win32 : posix;
  const isName = !(isWindows ? /[\\/:]/ : /\//).test(command);
  const folders = isAbsolute(command) ? [''] : [folder, ...(isName ? search.path.split(delimiter).filter(isAbsolute) : [])];
  for (const candidate of folders.flatMap((one) =>
    (isWindows ? windowsSuffixes : ['']).map((suffix) => join(one, command) + suffix),
  )) {
    if (!search.isProgram(candidate)) continue;
    if (isWindows && isBatchFile(candidate)) throw new Error('a batch file needs a shell, which is not used; name a program');
    return candidate;
  }
  throw new Error(`there is no such program that may be run${isName ? ', in its folder or on the PATH' : ''}`);
}

/** Windows ignores dots and spaces at the end of a name. */
const isBatchFile = (path: string): boolean => /\.(bat|cmd)[. ]*$/i.test(path);
