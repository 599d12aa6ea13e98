/**
 * `.remendo/progress.json`: what is being done now, for whoever shows it: the page of the update manager, a bar in the
 * application. Replaced whole, at most twice a second but for a new phase. It says what was so when it was written: who
 * reads looks whether `pid` still runs.
 */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { limits } from '@remendo/core';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { replaceFile } from '../terminal/replace-file.js';

export const progressFileName = 'progress.json';

const bytes = Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]);
const text = Type.Union([Type.String({ maxLength: 400 }), Type.Null()]);
const progress = Type.Object({
  format: Type.Literal('remendo-progress-1'),
  /** `downloading`, `backing_up`, `installing`, `completed`, `failed`, `rolled_back`, `waiting`. */
  phase: Type.String({ maxLength: 40 }),
  /** Of the phase; null: nobody knows. */
  percent: Type.Union([Type.Integer({ minimum: 0, maximum: 100 }), Type.Null()]),
  bytes_done: bytes,
  bytes_total: bytes,
  /** That is being installed. */
  version: text,
  /** Why it waits, or how it ended. */
  detail: text,
  /** When the phase began; RFC 3339. */
  since: Type.String({ maxLength: 40 }),
  updated_at: Type.String({ maxLength: 40 }),
  command: Type.String({ maxLength: 40 }),
  pid: Type.Integer(),
});
export type UpdateProgress = Static<typeof progress>;
const validator = Compile(progress);

export type ProgressStep = Pick<UpdateProgress, 'phase'> &
  Partial<Pick<UpdateProgress, 'percent' | 'bytes_done' | 'bytes_total' | 'version' | 'detail'>>;

export interface ProgressFile {
  /** Never throws: a file that can not be written stops no update. */
  show(step: ProgressStep): void;
}

const writeIntervalMs = 500;

export function openProgressFile(home: string, command: string, now: () => number): ProgressFile {
  const path = join(home, progressFileName);
  let phase: string | null = null;
  let since = '';
  let writtenMs = Number.NEGATIVE_INFINITY;
  return {
    show(step) {
      const nowMs = now();
      const isNew = step.phase !== phase;
      // A clock that was set back writes too.
      if (!isNew && nowMs >= writtenMs && nowMs - writtenMs < writeIntervalMs) return;
      const updatedAt = new Date(nowMs).toISOString();
      if (isNew) since = updatedAt;
      phase = step.phase;
      writtenMs = nowMs;
      const none = { percent: null, bytes_done: null, bytes_total: null, version: null, detail: null };
      const own = { since, updated_at: updatedAt, command, pid: process.pid };
      try {
        replaceFile(path, `${JSON.stringify({ format: 'remendo-progress-1', ...none, ...step, ...own })}\n`);
      } catch {
        // See above.
      }
    },
  };
}

/** Null where there is none, or none that can be believed. */
export function readProgress(home: string): UpdateProgress | null {
  try {
    const path = join(home, progressFileName);
    if (statSync(path).size > limits.answerBytesMax) return null;
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return validator.Check(value) ? value : null;
  } catch {
    return null;
  }
}
