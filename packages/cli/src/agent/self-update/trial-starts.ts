/**
 * How often an agent was started that has not proved itself yet: `trial.json` in the updater's folder. The spare counts a start
 * before the program gets to run; where no spare is started first, the program counts its own.
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type FileSystem, writeDurably } from '@remendo/core';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';

const schema = Type.Object({
  /** The committed transaction. */
  transaction: Type.String({ maxLength: 64 }),
  starts: Type.Integer({ minimum: 0, maximum: 1_000_000 }),
  /** The spare has counted the start that comes next. */
  isCounted: Type.Boolean(),
});
const validator = Compile(schema);
type Trial = Static<typeof schema>;

const trialPath = (home: string): string => join(home, 'trial.json');

async function read(home: string): Promise<Trial | null> {
  try {
    const value: unknown = JSON.parse(await readFile(trialPath(home), 'utf8'));
    return validator.Check(value) ? value : null;
  } catch {
    return null;
  }
}

/** Counts a start of `transaction`, durably. @returns how many there were, this one included. @throws UpdaterError STORAGE_* */
export async function countStart(
  fileSystem: FileSystem,
  home: string,
  { transaction, by }: { readonly transaction: string; readonly by: 'spare' | 'program' },
): Promise<number> {
  const found = await read(home);
  const known = found?.transaction === transaction ? found : { transaction, starts: 0, isCounted: false };
  const starts = known.starts + (by === 'program' && known.isCounted ? 0 : 1);
  const trial: Trial = { transaction, starts, isCounted: by === 'spare' };
  await writeDurably(fileSystem, trialPath(home), Buffer.from(`${JSON.stringify(trial)}\n`));
  return starts;
}

export const forgetStarts = (fileSystem: FileSystem, home: string): Promise<void> => fileSystem.removeFile(trialPath(home));
