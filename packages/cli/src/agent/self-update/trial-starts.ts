/**
 * How often an agent was started that has not proved itself yet: `trials/` in the updater's folder, a file for each agent that
 * runs this program: one machine may have several, each for an install of its own, and many starts of many are no crash of one.
 * The spare counts a start before the program gets to run; where no spare is started first, the program counts its own.
 */
import { createHash } from 'node:crypto';
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

const folderOf = (home: string): string => join(home, 'trials');

const trialPath = (home: string, agent: string): string =>
  join(folderOf(home), `${createHash('sha256').update(agent).digest('hex').slice(0, 16)}.json`);

async function read(path: string): Promise<Trial | null> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    return validator.Check(value) ? value : null;
  } catch {
    return null;
  }
}

export interface Start {
  /** Whose start: the install root that the agent looks after. */
  readonly agent: string;
  readonly transaction: string;
  readonly by: 'spare' | 'program';
}

/** Counts a start of `transaction`, durably. @returns how many there were, this one included. @throws UpdaterError STORAGE_* */
export async function countStart(fileSystem: FileSystem, home: string, { agent, transaction, by }: Start): Promise<number> {
  const path = trialPath(home, agent);
  const found = await read(path);
  const known = found?.transaction === transaction ? found : { transaction, starts: 0, isCounted: false };
  const starts = known.starts + (by === 'program' && known.isCounted ? 0 : 1);
  const trial: Trial = { transaction, starts, isCounted: by === 'spare' };
  await fileSystem.makeDirectory(folderOf(home));
  await writeDurably(fileSystem, path, Buffer.from(`${JSON.stringify(trial)}\n`));
  return starts;
}

/** Of all agents. @throws UpdaterError STORAGE_* */
export async function forgetStarts(fileSystem: FileSystem, home: string): Promise<void> {
  for (const name of await fileSystem.list(folderOf(home))) await fileSystem.removeFile(join(folderOf(home), name));
}
