/** What is decided about a list of processes, apart from how a system gives it. */
import { posix, win32 } from 'node:path';
import type { RunningProgram } from './running-programs.js';

/** What a system tells of one process. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parentPid: number;
  /** Absolute path of the executable; null when the system does not tell. */
  readonly executable: string | null;
  /** As the process sees them, its own name first; [] when the system does not tell. */
  readonly args: readonly string[];
  /** Absolute; null when the system does not tell. What arguments are relative to. */
  readonly folder: string | null;
  /** Absolute paths of further files that it has mapped to execute: libraries. */
  readonly libraries: readonly string[];
}

export interface RunningFrom {
  /** Absolute, in the system's own spelling, without links. */
  readonly root: string;
  readonly platform: NodeJS.Platform;
  /** The process that asks. */
  readonly pid: number;
  /** Whether something that is not a folder is there. Asked only below the root. */
  readonly isFile: (path: string) => boolean;
}

/** Those of `processes` that run from a folder, as `RunningPrograms` says. */
export function runningFrom(processes: readonly ProcessEntry[], options: RunningFrom): readonly RunningProgram[] {
  const { isBelow, resolve } = pathsOf(options);
  const isOurs = updaterItself(processes, { ...options, isBelow });
  const scriptOf = ({ args, folder }: ProcessEntry): string | null => {
    const named = args.slice(1).find((arg) => !arg.startsWith('-'));
    return named === undefined || named === '' ? null : resolve(folder ?? options.root, named);
  };
  return processes
    .filter((one) => {
      if (isOurs.has(one.pid)) return false;
      if ([one.executable, ...one.libraries].some((path) => path !== null && isBelow(path))) return true;
      const script = scriptOf(one);
      return script !== null && isBelow(script) && options.isFile(script);
    })
    .map((one) => ({ pid: one.pid, program: one.executable ?? one.args[0] ?? '' }))
    .sort((one, other) => one.pid - other.pid);
}

/**
 * This process, its parents as long as they run the same executable, and, when that lies in the folder itself, everybody who
 * runs it: the updater's program, at work for somebody else.
 */
function updaterItself(
  processes: readonly ProcessEntry[],
  { pid, platform, isBelow }: RunningFrom & { readonly isBelow: (path: string) => boolean },
): ReadonlySet<number> {
  const byPid = new Map(processes.map((one) => [one.pid, one]));
  const executable = folded(byPid.get(pid)?.executable ?? '', platform);
  const isProgram = (one: ProcessEntry): boolean => one.executable !== null && folded(one.executable, platform) === executable;
  if (isBelow(executable)) return new Set([pid, ...processes.filter(isProgram).map((one) => one.pid)]);
  const ours = new Set([pid]);
  for (let at = byPid.get(pid); at !== undefined; ) {
    const parent = byPid.get(at.parentPid);
    const isSame = parent?.executable != null && folded(parent.executable, platform) === executable;
    if (!isSame || parent === undefined || ours.has(parent.pid)) break;
    ours.add(parent.pid);
    at = parent;
  }
  return ours;
}

function pathsOf({ root, platform }: RunningFrom) {
  const { resolve, sep } = platform === 'win32' ? win32 : posix;
  const prefix = folded(root.endsWith(sep) ? root : root + sep, platform);
  return { resolve, isBelow: (path: string) => folded(path, platform).startsWith(prefix) };
}

/** Windows spells one path in several ways: `\\?\C:\Erp`, `c:/erp`. */
const folded = (path: string, platform: NodeJS.Platform): string =>
  platform === 'win32' ? win32.normalize(path.replace(/^\\\\\?\\(?!UNC\\)/, '')).toLowerCase() : path;

/** The arguments of a command line, taken apart as programs on Windows do it (`CommandLineToArgvW`). */
export function splitCommandLine(line: string): readonly string[] {
  const args: string[] = [];
  let arg: string | null = null;
  let isQuoted = false;
  for (let at = 0; at < line.length; at++) {
    const slashes = /^\\*/.exec(line.slice(at))?.[0].length ?? 0;
    if (line[at + slashes] === '"' && slashes > 0) {
      arg = (arg ?? '') + '\\'.repeat(slashes >> 1) + (slashes % 2 === 1 ? '"' : '');
      at += slashes - (slashes % 2 === 1 ? 0 : 1);
    } else if (line[at] === '"') {
      isQuoted = !isQuoted;
      arg ??= '';
    } else if (!isQuoted && (line[at] === ' ' || line[at] === '\t')) {
      if (arg !== null) args.push(arg);
      arg = null;
    } else arg = (arg ?? '') + line[at];
  }
  return arg === null ? args : [...args, arg];
}
