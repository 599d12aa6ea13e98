/** `update.log` as it was written, for whoever tells what happened: `why`, the page of the update manager. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { type UpdateLogEntry, updateLogName } from './update-log.js';

export interface ReadLogOptions {
  /** The newest so many (default: all). */
  readonly entriesMax?: number;
  /** Read from the end (default 4 MiB); what is older is left out. */
  readonly bytesMax?: number;
}

/** In the order in which they were written. Lines that are no entries, such as one torn by a power cut, are left out. */
export function readUpdateLog(
  home: string,
  { entriesMax = Number.POSITIVE_INFINITY, bytesMax = 4 * 1024 * 1024 }: ReadLogOptions = {},
): readonly UpdateLogEntry[] {
  const path = join(home, updateLogName);
  const entries = readNewest(path, bytesMax)
    .split('\n')
    .flatMap((line) => parseEntry(line) ?? []);
  return entries.slice(-Math.min(entriesMax, entries.length || 1));
}

/** The newest file first: one that is moved meanwhile is met again under its next name, never missed. */
function readNewest(path: string, bytesMax: number): string {
  const read = new Set<bigint>();
  let text = '';
  for (let number = 0, leftBytes = bytesMax; leftBytes > 0; number++) {
    const piece = readEnd(number === 0 ? path : `${path}.${number}`, leftBytes);
    // Between two names there may be no newest one.
    if (piece === null && number > 0) break;
    if (piece === null || read.has(piece.fileId)) continue;
    read.add(piece.fileId);
    text = piece.text + text;
    leftBytes = piece.isWhole ? leftBytes - Buffer.byteLength(piece.text) : 0;
  }
  return text;
}

interface FileEnd {
  readonly text: string;
  readonly isWhole: boolean;
  readonly fileId: bigint;
}

/** From the first whole line on; null when there is no such file. */
function readEnd(path: string, bytesMax: number): FileEnd | null {
  try {
    const file = openSync(path, 'r');
    try {
      const stat = fstatSync(file, { bigint: true });
      const size = Number(stat.size);
      const buffer = Buffer.alloc(Math.min(size, bytesMax));
      const bytes = readSync(file, buffer, 0, buffer.length, size - buffer.length);
      const text = buffer.toString('utf8', 0, bytes);
      const isWhole = size <= buffer.length;
      return { text: isWhole ? text : text.slice(text.indexOf('\n') + 1), isWhole, fileId: stat.ino };
    } finally {
      closeSync(file);
    }
  } catch {
    return null;
  }
}

function parseEntry(line: string): UpdateLogEntry | null {
  try {
    const value = JSON.parse(line) as Partial<UpdateLogEntry> | null;
    const isEntry = typeof value?.time === 'string' && typeof value.event === 'string' && typeof value.command === 'string';
    return isEntry ? (value as UpdateLogEntry) : null;
  } catch {
    return null;
  }
}
