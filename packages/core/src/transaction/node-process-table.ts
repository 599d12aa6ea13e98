/**
 * All processes of this machine, as far as this user may see them. Linux has them in /proc. Windows is asked through the
 * PowerShell that comes with it, by its whole path and without a shell: there is no way to ask it without native code.
 */
import { execFile } from 'node:child_process';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type ProcessEntry, splitCommandLine } from './running-from.js';

/** PowerShell needs one or two seconds to start on a slow terminal. */
const askedMsMax = 15_000;
const answerBytesMax = 32 * 1024 * 1024;

/** @returns null when this system can not tell. Never rejects. */
export async function processTable(): Promise<readonly ProcessEntry[] | null> {
  try {
    if (process.platform === 'linux') return await linuxProcesses();
    if (process.platform === 'win32') return parseWindowsProcesses(await askPowerShell(windowsScript));
    return null;
  } catch {
    return null;
  }
}

async function linuxProcesses(): Promise<readonly ProcessEntry[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found: ProcessEntry[] = [];
  // One after the other: a machine may have thousands of processes, and this process few file descriptors.
  for (const pid of pids) {
    const entry = await linuxProcess(pid).catch(() => null);
    if (entry !== null) found.push(entry);
  }
  return found;
}

/** proc(5). What belongs to other users is told in part only, or not at all. */
async function linuxProcess(pid: string): Promise<ProcessEntry | null> {
  const [stat, line, executable, folder, maps] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'latin1'),
    readFile(`/proc/${pid}/cmdline`, 'utf8'),
    readLinkOf(`/proc/${pid}/exe`),
    readLinkOf(`/proc/${pid}/cwd`),
    readFile(`/proc/${pid}/maps`, 'utf8').catch(() => ''),
  ]);
  // A thread of the kernel has neither.
  if (line === '' && executable === null) return null;
  const parentPid = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  const args = line === '' ? [] : line.replace(/\0$/, '').split('\0');
  return { pid: Number(pid), parentPid, executable, args, folder, libraries: mappedLibraries(maps) };
}

const withoutDeleted = (path: string): string => path.replace(/ \(deleted\)$/, '');

const readLinkOf = async (path: string): Promise<string | null> => readlink(path).then(withoutDeleted, () => null);

/** Of lines like `7f1c…-7f1d… r-xp 00028000 08:01 1234   /usr/lib/libc.so.6`, the files that may be executed. */
function mappedLibraries(maps: string): readonly string[] {
  const paths = new Set<string>();
  for (const [, path] of maps.matchAll(/^\S+ ..x\S* \S+ \S+ \d+\s+(\/.*)$/gm))
    if (path !== undefined) paths.add(withoutDeleted(path));
  return [...paths];
}

/** Nothing is inserted into it. Text leaves PowerShell in the console's code page unless it is told otherwise. */
const windowsScript = `
$ErrorActionPreference = 'Stop'
[Console]::OutputEncoding = New-Object System.Text.UTF8Encoding $false
ConvertTo-Json -Compress @(Get-CimInstance Win32_Process | Select-Object ProcessId, ParentProcessId, ExecutablePath, CommandLine)
`;

/** Runs a script in Windows' own PowerShell. @throws Error when there is none, it fails, or it takes too long. */
export async function askPowerShell(script: string, environment: Readonly<Record<string, string>> = {}): Promise<string> {
  // What a program of Windows needs to start at all; nothing else of this process's goes along.
  const { env } = process;
  const { SystemRoot = 'C:\\Windows', SystemDrive = 'C:', TEMP = '', TMP = TEMP, windir = SystemRoot } = env;
  const program = join(SystemRoot, 'System32', 'WindowsPowerShell', 'v1.0', 'powershell.exe');
  const encoded = Buffer.from(script, 'utf16le').toString('base64');
  const { stdout } = await promisify(execFile)(program, ['-NoProfile', '-NonInteractive', '-EncodedCommand', encoded], {
    env: { SystemRoot, SystemDrive, TEMP, TMP, windir, ...environment },
    shell: false,
    windowsHide: true,
    timeout: askedMsMax,
    maxBuffer: answerBytesMax,
    encoding: 'utf8',
  });
  return stdout;
}

/** Nothing is inserted into it: the process id stands in a variable. */
const startScript = '(Get-Process -Id $env:ASKED_PROCESS -ErrorAction Stop).StartTime.ToFileTimeUtc()';

/** When a process of Windows was started, by the clock of that moment; null when nobody can tell. Never rejects. */
export async function windowsStartMs(pid: number): Promise<number | null> {
  if (process.platform !== 'win32') return null;
  return parseFileTime(await askPowerShell(startScript, { ASKED_PROCESS: String(pid) }).catch(() => ''));
}

/** Tenths of a microsecond since 1601, as Windows counts them. @returns milliseconds since 1970; null when it is no such number. */
export const parseFileTime = (text: string): number | null =>
  /^\d{17,19}$/.test(text.trim()) ? Math.round(Number(text) / 10_000) - 11_644_473_600_000 : null;

/** What `windowsScript` prints. @throws Error when it is not that. */
export function parseWindowsProcesses(text: string): readonly ProcessEntry[] {
  const value: unknown = JSON.parse(text);
  if (!Array.isArray(value)) throw new Error('it is not a list');
  return value.filter(isWindowsProcess).map((one) => ({
    pid: one.ProcessId,
    parentPid: one.ParentProcessId,
    executable: textOf(one.ExecutablePath),
    args: splitCommandLine(textOf(one.CommandLine) ?? ''),
    folder: null,
    libraries: [],
  }));
}

interface WindowsProcess {
  readonly ProcessId: number;
  readonly ParentProcessId: number;
  readonly ExecutablePath?: unknown;
  readonly CommandLine?: unknown;
}

const isWindowsProcess = (value: unknown): value is WindowsProcess =>
  typeof value === 'object' &&
  value !== null &&
  Number.isInteger((value as { ProcessId?: unknown }).ProcessId) &&
  Number.isInteger((value as { ParentProcessId?: unknown }).ParentProcessId);

const textOf = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
