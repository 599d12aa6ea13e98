/**
 * Tells what changes in an install's progress and log, whichever program writes it. It looks at the two files twice a
 * second, as often as they are written: what systems tell of changed files differs too much.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { progressFileName } from '../agent/progress-file.js';
import { updateLogName } from '../terminal/update-log.js';
import { firstCursor, type LoggedEntry, readLogAfter } from './log-after.js';

export interface InstallWatchOptions {
  /** The updater's folder. */
  readonly home: string;
  /** Between two looks (default 500). */
  readonly everyMs?: number;
  readonly onProgress: () => void;
  readonly onEntry: (entry: LoggedEntry) => void;
}

export interface InstallWatch {
  /** Looks now: nothing that was written until now stays untold. */
  look(): void;
  stop(): void;
}

const tailBytesMax = 256 * 1024;

/** What is there already is not told. */
export function watchInstall({ home, everyMs = 500, onProgress, onEntry }: InstallWatchOptions): InstallWatch {
  const piece = (after: string | null, entriesMax: number) => readLogAfter(home, { after, entriesMax, bytesMax: tailBytesMax });
  const progress = changesOf(join(home, progressFileName));
  const log = changesOf(join(home, updateLogName));
  let cursor = piece(null, 1).entries[0]?.id ?? firstCursor;
  const look = (): void => {
    const entries = log() ? piece(cursor, Number.POSITIVE_INFINITY).entries : [];
    for (const one of entries) {
      cursor = one.id;
      onEntry(one);
    }
    if (progress()) onProgress();
  };
  const timer = setInterval(look, everyMs);
  timer.unref();
  return { look, stop: () => clearInterval(timer) };
}

/** @returns whether the file is another than when it was asked last. */
function changesOf(path: string): () => boolean {
  const mark = (): string => {
    try {
      const { ino, size, mtimeNs } = statSync(path, { bigint: true });
      return `${ino} ${size} ${mtimeNs}`;
    } catch {
      return '';
    }
  };
  let before = mark();
  return () => {
    const now = mark();
    const isChanged = now !== before;
    before = now;
    return isChanged;
  };
}
