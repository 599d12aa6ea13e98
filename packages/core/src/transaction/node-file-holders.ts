/**
 * Who holds a file. On Linux whoever runs it, has mapped it or has it open. Windows names whoever runs it or has loaded it, which
 * is what keeps programs and libraries; whoever only has it open it names to native code alone.
 */
import { readdir, readlink } from 'node:fs/promises';
import type { FileHolder, FileHolders } from '../file-system/file-holders.js';
import { askPowerShell, parseWindowsProcesses, processTable } from './node-process-table.js';

/** This machine's. Other users' processes are told only to those who may see them. */
export const nodeFileHolders = (): FileHolders => async (path) => {
  try {
    return process.platform === 'win32' ? await windowsHolders(path) : await linuxHolders(path);
  } catch {
    return null;
  }
};

async function linuxHolders(path: string): Promise<readonly FileHolder[] | null> {
  const processes = await processTable();
  if (processes === null) return null;
  const found: FileHolder[] = [];
  for (const { pid, executable, args, libraries } of processes) {
    if (executable !== path && !libraries.includes(path) && !(await hasOpen(pid, path))) continue;
    found.push({ pid, program: executable ?? args[0] ?? '' });
  }
  return found;
}

async function hasOpen(pid: number, path: string): Promise<boolean> {
  const folder = `/proc/${pid}/fd`;
  for (const name of await readdir(folder).catch(() => []))
    if ((await readlink(`${folder}/${name}`).catch(() => null)) === path) return true;
  return false;
}

/** Nothing is inserted into it: the path stands in a variable, and is compared without case. */
const script = `
$ErrorActionPreference = 'SilentlyContinue'
[Console]::OutputEncoding = New-Object System.Text.UTF8Encoding $false
$found = @(Get-Process | Where-Object { $_.Path -eq $env:HELD_FILE -or @($_.Modules | ForEach-Object { $_.FileName }) -contains $env:HELD_FILE })
ConvertTo-Json -Compress @($found | ForEach-Object { @{ ProcessId = $_.Id; ParentProcessId = 0; ExecutablePath = $_.Path } })
`;

const windowsHolders = async (path: string): Promise<readonly FileHolder[]> =>
  parseWindowsProcesses(await askPowerShell(script, { HELD_FILE: path })).map(({ pid, executable }) => ({
    pid,
    program: executable ?? '',
  }));
