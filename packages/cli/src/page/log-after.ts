/**
 * `update.log` in pieces, for whoever has read some of it. A cursor names an entry by its time and its digest rather than by
 * a place in a file: the files are moved and removed while they are read. Where the entry is gone, what is newer counts.
 */
import { createHash } from 'node:crypto';
import { readUpdateLog } from '../terminal/read-update-log.js';
import type { UpdateLogEntry } from '../terminal/update-log.js';

export interface LoggedEntry {
  /** The cursor of this entry. */
  readonly id: string;
  readonly entry: UpdateLogEntry;
}

export interface LogAfterOptions {
  /** Null: from the newest ones. */
  readonly after: string | null;
  readonly entriesMax: number;
  /** Of the log's end that are looked at (default: as `readUpdateLog`). */
  readonly bytesMax?: number;
}

export interface LogPiece {
  /** In the order in which they were written: the first after the cursor, or the last of all without one. */
  readonly entries: readonly LoggedEntry[];
  readonly hasMore: boolean;
}

/** Of no entry: all come after it. */
export const firstCursor = `0-${'0'.repeat(12)}`;
export const cursorPattern = '^[0-9]{1,16}-[0-9a-f]{12}$';

export function readLogAfter(home: string, { after, entriesMax, bytesMax }: LogAfterOptions): LogPiece {
  const all = readUpdateLog(home, bytesMax === undefined ? {} : { bytesMax });
  const rest = after === null ? all : entriesAfter(all, after);
  const chosen = after === null ? rest.slice(-entriesMax) : rest.slice(0, entriesMax);
  return {
    entries: chosen.map((entry) => ({ id: cursorOf(entry), entry })),
    hasMore: after !== null && rest.length > chosen.length,
  };
}

function entriesAfter(all: readonly UpdateLogEntry[], cursor: string): readonly UpdateLogEntry[] {
  const ms = Number(cursor.split('-')[0]);
  const index = all.findLastIndex((entry) => msOf(entry) === ms && cursorOf(entry) === cursor);
  return index < 0 ? all.filter((entry) => msOf(entry) > ms) : all.slice(index + 1);
}

/** 0 where it is no time. */
const msOf = ({ time }: UpdateLogEntry): number => Math.max(0, Date.parse(time) || 0);

const cursorOf = (entry: UpdateLogEntry): string =>
  `${msOf(entry)}-${createHash('sha256').update(JSON.stringify(entry)).digest('hex').slice(0, 12)}`;
