/**
 * How often an agent was started since its last round that came to an end: `trials/` in the updater's folder, a file for each
 * agent that runs this program: one machine may have several, each for an install of its own, and many starts of many are no
 * crash of one. The spare counts a start before the program gets to run; where no spare is started first, the program counts its
 * own. A number counts for one state of one transaction only: whatever is put in place, proved or taken back begins anew, also
 * when its program was killed before it could say so.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type FileSystem, limits, readSmallFile, writeDurably } from '@remendo/core';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';

const schema = Type.Object({
  /** The last transaction of the agent's own install. */
  transaction: Type.String({ maxLength: 64 }),
  /** Missing: `committed`. Programs that counted nothing else left it out. */
  state: Type.Optional(Type.String({ maxLength: 32 })),
  starts: Type.Integer({ minimum: 0, maximum: 1_000_000 }),
  /** The spare has counted the start that comes next. */
  isCounted: Type.Boolean(),
});
const validator = Compile(schema);
type Trial = Static<typeof schema>;

const folderOf = (home: string): string => join(home, 'trials');

const trialPath = (home: string, agent: string): string =>
  join(folderOf(home), `${createHash('sha256').update(agent).digest('hex').slice(0, 16)}.json`);

/** Null: there is none, or none that can be believed. */
async function read(fileSystem: FileSystem, path: string): Promise<Trial | null> {
  try {
    const bytes = await readSmallFile(fileSystem, path, limits.answerBytesMax);
    const value: unknown = bytes === null ? null : JSON.parse(Buffer.from(bytes).toString('utf8'));
    return validator.Check(value) ? value : null;
  } catch {
    return null;
  }
}

const write = (fileSystem: FileSystem, path: string, trial: Trial): Promise<void> =>
  writeDurably(fileSystem, path, Buffer.from(`${JSON.stringify(trial)}\n`));

export interface Start {
  /** Whose start: the install root that the agent looks after. */
  readonly agent: string;
  readonly transaction: string;
  readonly state: string;
  readonly by: 'spare' | 'program';
}

/** Counts a start, durably. @returns how many there were, this one included. @throws UpdaterError STORAGE_*, TRANSACTION_* */
export async function countStart(fileSystem: FileSystem, home: string, { agent, by, ...now }: Start): Promise<number> {
  const path = trialPath(home, agent);
  const found = await read(fileSystem, path);
  const isSame = found?.transaction === now.transaction && (found.state ?? 'committed') === now.state;
  const known = found !== null && isSame ? found : { starts: 0, isCounted: false };
  const starts = known.starts + (by === 'program' && known.isCounted ? 0 : 1);
  await fileSystem.makeDirectory(folderOf(home));
  await write(fileSystem, path, { ...now, starts, isCounted: by === 'spare' });
  return starts;
}

/** One start less: it says nothing against the program. @throws UpdaterError STORAGE_*, TRANSACTION_FILE_HELD */
export async function takeBackStart(fileSystem: FileSystem, home: string, agent: string): Promise<void> {
  const path = trialPath(home, agent);
  const found = await read(fileSystem, path);
  if (found !== null && found.starts > 0) await write(fileSystem, path, { ...found, starts: found.starts - 1, isCounted: false });
}

/** @param agent default: all of them. @throws UpdaterError STORAGE_* */
export async function forgetStarts(fileSystem: FileSystem, home: string, agent?: string): Promise<void> {
  if (agent !== undefined) return fileSystem.removeFile(trialPath(home, agent));
  for (const name of await fileSystem.list(folderOf(home))) await fileSystem.removeFile(join(folderOf(home), name));
}
