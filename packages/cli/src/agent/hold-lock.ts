/**
 * The application's "not now", for an installation: a file that it makes and removes, or keeps open for itself alone (on
 * Windows, where that can be seen). It may hold the process id of who made it in its first line: then it ends with that
 * process. A file that nobody keeps open and that is too old holds nothing.
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { AgentSettings } from './agent-settings.js';

export type Hold =
  | { readonly kind: 'none' }
  | { readonly kind: 'held'; readonly sinceMs: number }
  /** It is there, and does not count any more: too old, or its process has ended. */
  | { readonly kind: 'stale'; readonly sinceMs: number };

export const holdHoursDefault = 12;

/** As the setting `agent` says. @param root of the install. */
export function holdOf(settings: AgentSettings | null, root: string, nowMs: number): Hold {
  const { holdFile, holdHoursMax: hoursMax = holdHoursDefault } = settings ?? {};
  return holdFile === undefined ? { kind: 'none' } : readHold({ path: resolve(root, holdFile), hoursMax, nowMs });
}

export interface HoldOptions {
  readonly path: string;
  readonly hoursMax: number;
  readonly nowMs: number;
  /** Default: whether a process of this machine has the id. */
  readonly isAlive?: (pid: number) => boolean;
}

const hourMs = 3_600_000;
/** What Windows says when another program has a file for itself. */
const heldCodes = new Set(['EBUSY', 'EPERM', 'EACCES']);

export function readHold({ path, hoursMax, nowMs, isAlive = isProcess }: HoldOptions): Hold {
  const stat = statOf(path);
  if (stat === null) return { kind: 'none' };
  const sinceMs = Math.floor(stat.mtimeMs);
  const firstLine = readFirstLine(path);
  if (firstLine === 'held') return { kind: 'held', sinceMs };
  const pid = /^\s*(\d{1,10})\s*(\r?\n|$)/.exec(firstLine)?.[1];
  const isOver = Math.abs(nowMs - sinceMs) > hoursMax * hourMs || (pid !== undefined && !isAlive(Number(pid)));
  return { kind: isOver ? 'stale' : 'held', sinceMs };
}

/** Null: there is none. A folder is no hold. */
function statOf(path: string) {
  try {
    const stat = statSync(path);
    return stat.isFile() ? stat : null;
  } catch {
    return null;
  }
}

/** `held`: another program has it for itself. */
function readFirstLine(path: string): string {
  try {
    const file = openSync(path, process.platform === 'win32' ? 'r+' : 'r');
    try {
      const buffer = Buffer.alloc(64);
      // `$PID > file` of PowerShell writes UTF-16 with a byte order mark: what is left of it is ASCII.
      return buffer
        .toString('latin1', 0, readSync(file, buffer))
        .replace(/^(ÿþ|ï»¿)/, '')
        .replaceAll('\0', '');
    } finally {
      closeSync(file);
    }
  } catch (error) {
    return process.platform === 'win32' && heldCodes.has((error as NodeJS.ErrnoException).code ?? '') ? 'held' : '';
  }
}

/** Whether a process has this id. */
export function isProcess(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
