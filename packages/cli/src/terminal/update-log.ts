/**
 * `.remendo/update.log`: what happened to this install, one JSON object a line, for audits. A line is appended whole, so
 * that several programs may write at the same time; a stream that one of them kept open would go on in a file that another
 * has moved away. Above its limit the file becomes `update.log.1`, that one `update.log.2`, and the last one goes.
 */
import { closeSync, constants, fstatSync, mkdirSync, openSync, readSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { escapeUnprintable } from '@remendo/core';
import { toSnakeCase } from '../output/snake-case.js';

export const updateLogName = 'update.log';

/** States as the server's update log has them. */
export type UpdateLogState = 'started' | 'downloading' | 'backing_up' | 'installing' | 'completed' | 'failed' | 'rolled_back';

/** As it stands in the file: names in snake_case. */
export interface UpdateLogEntry {
  readonly time: string;
  readonly command: string;
  readonly pid: number;
  readonly event: string;
  readonly [field: string]: unknown;
}

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
  /** Of one file (default 5 MiB). */
  readonly bytesMax?: number;
  /** Files beside the one that is written (default 2). */
  readonly oldFilesMax?: number;
  /** Told every entry that was written; what it throws is dropped. */
  readonly onEntry?: (entry: UpdateLogEntry) => void;
}

export const updateLogDefaults = { bytesMax: 5 * 1024 * 1024, oldFilesMax: 2 } as const;

export function openUpdateLog(options: UpdateLogOptions): UpdateLog {
  const { path, command, now, makeFolder, onFailure, onEntry } = options;
  const { bytesMax, oldFilesMax } = { ...updateLogDefaults, ...options };
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
        if (isOver(path, bytesMax)) rotate(path, { oldFilesMax, isStillOver: () => isOver(path, bytesMax) });
        append(path, `${line}\n`);
        onEntry?.(entry);
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

const isOver = (path: string, bytesMax: number): boolean => (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > bytesMax;

/** It takes milliseconds: who holds it longer is dead. */
const rotationMsMax = 10_000;

interface Rotation {
  readonly oldFilesMax: number;
  readonly isStillOver: () => boolean;
}

/** One program at a time moves the files; the others write on where they are. Nothing that fails here stops a line. */
function rotate(path: string, { oldFilesMax, isStillOver }: Rotation): void {
  const guardPath = `${path}.rotating`;
  try {
    const since = statSync(guardPath, { throwIfNoEntry: false })?.mtimeMs;
    if (since !== undefined && Math.abs(Date.now() - since) > rotationMsMax) rmSync(guardPath, { force: true });
    closeSync(openSync(guardPath, 'wx', 0o600));
  } catch {
    return;
  }
  try {
    if (isStillOver()) moveFiles(path, oldFilesMax);
  } catch {
    // A file that somebody reads in a way that keeps it in its place (Windows) is moved the next time.
  } finally {
    rmSync(guardPath, { force: true });
  }
}

/** Renaming replaces what is there: the oldest goes. */
function moveFiles(path: string, oldFilesMax: number): void {
  for (let number = oldFilesMax - 1; number >= 1; number--) {
    if (statSync(`${path}.${number}`, { throwIfNoEntry: false }) !== undefined)
      renameSync(`${path}.${number}`, `${path}.${number + 1}`);
  }
  if (oldFilesMax === 0) rmSync(path, { force: true });
  else renameSync(path, `${path}.1`);
}

/** For its owner alone, and never through a link that somebody put there. */
function append(path: string, line: string): void {
  const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW = 0 } = constants;
  const file = openSync(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
  try {
    writeSync(file, isTorn(file) ? `\n${line}` : line);
  } finally {
    closeSync(file);
  }
}

/** A full disk, or a power cut, left the last line without its end: it takes none of the next along. */
function isTorn(file: number): boolean {
  const { size } = fstatSync(file);
  const last = Buffer.alloc(1);
  return size > 0 && readSync(file, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a;
}
