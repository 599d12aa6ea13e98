/**
 * `.remendo/update.log`: what happened to this install, one JSON object a line, for audits. A line is appended whole, so
 * that several programs may write. Above its limit the file becomes `update.log.1`, replacing the one before.
 */
import { closeSync, constants, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { escapeUnprintable } from '@remendo/core';
import { toSnakeCase } from '../output/snake-case.js';

/** States as the server's update log has them. */
export type UpdateLogState = 'started' | 'downloading' | 'backing_up' | 'installing' | 'completed' | 'failed' | 'rolled_back';

export interface UpdateLog {
  /** Never throws: a log that can not be written stops no update; that is said once. */
  write(event: string, fields?: object): void;
  /** Nothing is written any more: where others can write, a log of theirs may lead to any file. */
  close(): void;
}

export interface UpdateLogOptions {
  readonly path: string;
  /** The command that writes: `install`. */
  readonly command: string;
  readonly now: () => Date;
  /** Whether the updater's folder may be made for it; commands that only look make none. */
  readonly makeFolder: boolean;
  readonly onFailure: (message: string) => void;
  /** Default 5 MiB. */
  readonly bytesMax?: number;
}

export function openUpdateLog({
  path,
  command,
  now,
  makeFolder,
  onFailure,
  bytesMax = 5 * 1024 * 1024,
}: UpdateLogOptions): UpdateLog {
  let failed = false;
  let isClosed = false;
  return {
    close() {
      isClosed = true;
    },
    write(event, fields = {}) {
      if (isClosed) return;
      const entry = { time: now().toISOString(), command, pid: process.pid, event, ...(toSnakeCase(fields) as object) };
      const line = escapeUnprintable(JSON.stringify(entry));
      try {
        if (!hasFolder(path, makeFolder)) return;
        rotate(path, bytesMax);
        append(path, `${line}\n`);
      } catch (error) {
        if (!failed) onFailure(`${path} can not be written: ${(error as Error).message}`);
        failed = true;
      }
    },
  };
}

function hasFolder(path: string, makeFolder: boolean): boolean {
  if (makeFolder) {
    mkdirSync(dirname(dirname(path)), { recursive: true });
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  }
  return makeFolder || statSync(dirname(path), { throwIfNoEntry: false })?.isDirectory() === true;
}

function rotate(path: string, bytesMax: number): void {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > bytesMax) renameSync(path, `${path}.1`);
}

/** For its owner alone, and never through a link that somebody put there. */
function append(path: string, line: string): void {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW = 0 } = constants;
  const file = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
  try {
    writeSync(file, line);
  } finally {
    closeSync(file);
  }
}
