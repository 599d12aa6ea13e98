/**
 * `.remendo/check.json`: the last answer to a check, for an hour, shared by `check`, `launch` and the agent. It only saves
 * questions: an install asks again, uncached, before it downloads and before it swaps. Whatever is wrong with it (damaged,
 * for something else, from the future because the clock was set back), it is as if there were none.
 */
import { readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type CheckResult, limits } from '@remendo/core';
import { CheckAnswer } from '@remendo/core/protocol';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { replaceFile } from './replace-file.js';

export const checkCacheName = 'check.json';
const ageMsMax = 3_600_000;

/** What was asked for: another question has another answer. */
export interface CheckQuestion {
  readonly server: string;
  readonly application: string | null;
  readonly platform: string | null;
  readonly channel: string;
  /** Canonical version of what is installed; null: nothing, or it can not be told. */
  readonly installed: string | null;
  /** Versions that were rolled back here, as `Updater.status()` has them. */
  readonly blocked: readonly string[];
  readonly retry?: boolean;
  readonly allowDowngrade?: boolean;
}

export interface CachedCheckOptions {
  /** The updater's folder, as `InstallLayout.home`. */
  readonly home: string;
  readonly now: () => number;
  /** Ask whatever is remembered (`--force`, `--retry`); what is answered is remembered (default false). */
  readonly force?: boolean;
}

const text = Type.String({ maxLength: 200 });
const installed = Type.Union([text, Type.Null()]);
const cacheFile = Compile(
  Type.Object({
    format: Type.Literal('remendo-check-1'),
    // What a Date can be made of.
    askedAtMs: Type.Number({ minimum: 0, maximum: 8.64e15 }),
    question: Type.String(),
    found: Type.Union([
      Type.Object({ kind: Type.Literal('up-to-date'), installed }),
      Type.Object({ kind: Type.Literal('not-offered'), installed, reason: text }),
      Type.Object({ kind: Type.Literal('blocked'), installed, version: text }),
      Type.Object({ kind: Type.Literal('available'), installed, version: text, answer: CheckAnswer }),
    ]),
  }),
);

/** What `ask` says, or said within the last hour to the same question. What it throws is thrown, and not remembered. */
export async function checkCached(
  { home, now, force = false }: CachedCheckOptions,
  question: CheckQuestion,
  ask: () => Promise<CheckResult>,
): Promise<CheckResult> {
  const path = join(home, checkCacheName);
  const key = keyOf(question);
  const remembered = force ? null : read(path);
  const ageMs = remembered === null ? -1 : now() - remembered.askedAtMs;
  if (remembered !== null && remembered.question === key && ageMs >= 0 && ageMs < ageMsMax) return remembered.found;
  const found = await ask();
  write(path, { format: 'remendo-check-1', askedAtMs: now(), question: key, found });
  return found;
}

/** The last answer, however old; null when nothing is remembered. */
export const lastCheck = (home: string): Pick<Remembered, 'askedAtMs' | 'found'> | null => read(join(home, checkCacheName));

const keyOf = (question: CheckQuestion): string => {
  const { server, application, platform, channel, blocked, retry = false, allowDowngrade = false } = question;
  return JSON.stringify([server, application, platform, channel, question.installed, blocked, retry, allowDowngrade]);
};

interface Remembered {
  readonly format: 'remendo-check-1';
  readonly askedAtMs: number;
  readonly question: string;
  readonly found: CheckResult;
}

function read(path: string): Remembered | null {
  try {
    if (statSync(path).size > limits.answerBytesMax) return null;
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return cacheFile.Check(value) ? (value as Remembered) : null;
  } catch {
    return null;
  }
}

/** Where nothing was installed nothing is left behind; and a cache that can not be written stops nothing. */
function write(path: string, remembered: Remembered): void {
  try {
    if (statSync(dirname(path), { throwIfNoEntry: false })?.isDirectory() === true) replaceFile(path, JSON.stringify(remembered));
  } catch {
    // The next one asks.
  }
}
