/**
 * `.remendo/events/attempts.json`: updates that began here and have not come to an end: one that the agent put in place and
 * that the next `launch` proves, or one that was cut off and goes on. So every event of an attempt has the same update_id,
 * whichever programs it came from.
 */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { limits } from '@remendo/core';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { makePrivateFolder, replaceFile } from '../terminal/replace-file.js';
import { eventsFolderName } from './event-queue.js';

const name = Type.Union([Type.String({ maxLength: limits.nameCharactersMax }), Type.Null()]);
const attempt = Type.Object({
  updateId: Type.String({ pattern: '^[0-9a-f-]{36}$' }),
  application: name,
  platform: name,
  versionFrom: name,
  /** Null until it is known. */
  versionTo: name,
  startedAt: Type.String({ maxLength: 40 }),
  /** Put in place, not proved yet. */
  isCommitted: Type.Boolean(),
  downloadedBytes: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]),
  savedBytes: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]),
  backupPath: Type.Union([Type.String({ maxLength: 1_024 }), Type.Null()]),
});
export type Attempt = Static<typeof attempt>;

/** One that waits for its proof, and one that is on its way. */
const attemptsMax = 4;
const validator = Compile(Type.Array(attempt, { maxItems: attemptsMax }));

const pathOf = (home: string): string => join(home, eventsFolderName, 'attempts.json');

/** The oldest first; damaged, there are none. */
export function readAttempts(home: string): readonly Attempt[] {
  try {
    if (statSync(pathOf(home)).size > limits.answerBytesMax) return [];
    const value: unknown = JSON.parse(readFileSync(pathOf(home), 'utf8'));
    return validator.Check(value) ? value : [];
  } catch {
    return [];
  }
}

/** @throws what the system says. */
export function writeAttempts(home: string, attempts: readonly Attempt[]): void {
  makePrivateFolder(join(home, eventsFolderName));
  replaceFile(pathOf(home), JSON.stringify(attempts.slice(-attemptsMax)), { durable: true });
}
