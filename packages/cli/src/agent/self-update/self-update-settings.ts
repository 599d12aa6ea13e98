/** What the setting `selfUpdate` looks like in the configuration file. Meaning and defaults: docs/operating/self-update.md. */
import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { UpdaterError } from '@remendo/core';
import { channels } from '@remendo/core/protocol';
import { type Static, Type } from 'typebox';
import { sparePath } from './spare-program.js';

const name = Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,63}$' });
const path = Type.String({ minLength: 1, maxLength: 1_024 });

export const SelfUpdateSettings = Type.Object(
  {
    /** Default: when the program is a single executable, or `root` is given. */
    enabled: Type.Optional(Type.Boolean()),
    /** The agent's own install root; default: the folder of the executable. */
    root: Type.Optional(path),
    /** The updater's folder for it; default: `.remendo` below its root. */
    home: Type.Optional(path),
    /** File name of the program in that folder; default: that of the executable. */
    program: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' })),
    application: Type.Optional(name),
    platform: Type.Optional(name),
    channel: Type.Optional(Type.Unsafe<(typeof channels)[number]>({ type: 'string', enum: [...channels] })),
    /** Starts of a new version without a healthy round before the one before comes back. */
    startsMax: Type.Optional(Type.Integer({ minimum: 1, maximum: 20 })),
    /** For the trial run of a new version. */
    qualifySecondsMax: Type.Optional(Type.Integer({ minimum: 1, maximum: 600 })),
  },
  { additionalProperties: false },
);
export type SelfUpdateSettings = Static<typeof SelfUpdateSettings>;

/** Starts of a program that has proved itself without a round that came to its end before another takes its place. */
export const provedStartsMax = 10;

export interface SelfUpdateConfig {
  /** Absolute. */
  readonly root: string;
  readonly home: string;
  readonly program: string;
  readonly application: string;
  readonly platform: string;
  readonly channel: string;
  readonly startsMax: number;
  readonly qualifyMsMax: number;
}

/** What runs, and which application's install it looks after. */
export interface RunningAgent {
  /** Absolute path of the executable. */
  readonly executable: string;
  readonly isSingleExecutable: boolean;
  /** Absolute. */
  readonly applicationRoot: string;
}

/**
 * With defaults; null: the agent is not to update itself.
 * @throws UpdaterError CONFIG_INVALID when it would share an install root with the application (a release of one does not have
 * the files of the other), or when its updater's folder is named and its root is not: the spare lies in the one and could not
 * tell the other.
 */
export function selfUpdateConfigOf(given: SelfUpdateSettings | null, running: RunningAgent): SelfUpdateConfig | null {
  const { isSingleExecutable, applicationRoot } = running;
  const root = resolve(given?.root ?? folderOf(running.executable));
  const isShared = isSameFolder(root, applicationRoot);
  const isWanted = given?.enabled ?? (given?.root !== undefined || (isSingleExecutable && !isShared));
  if (!isWanted) return null;
  if (isShared) throw invalid('selfUpdate.root is the install root of the application; the agent needs one of its own');
  if (given?.home !== undefined && given.root === undefined) throw invalid('selfUpdate.home is given without selfUpdate.root');
  return {
    root,
    home: given?.home === undefined ? join(root, ownFolder) : resolve(given.home),
    program: given?.program ?? basename(running.executable),
    application: given?.application ?? 'remendo-agent',
    platform: given?.platform ?? (process.platform === 'win32' ? 'win-x64' : 'linux-x64'),
    channel: given?.channel ?? 'stable',
    startsMax: given?.startsMax ?? 3,
    qualifyMsMax: (given?.qualifySecondsMax ?? 60) * 1_000,
  };
}

const ownFolder = '.remendo';

/** However it is written: by a link, in another case, by a short name of Windows. */
function isSameFolder(one: string, other: string): boolean {
  const [first, second] = [one, other].map(realFolder) as [string, string];
  return process.platform === 'win32' ? first.toLowerCase() === second.toLowerCase() : first === second;
}

/** As it is written where it is not there. */
function realFolder(path: string): string {
  try {
    return realpathSync.native(resolve(path));
  } catch {
    return resolve(path);
  }
}

/** Of the program, also when what runs is its spare. */
function folderOf(executable: string): string {
  const folder = dirname(executable);
  const root = dirname(dirname(folder));
  return dirname(sparePath(join(root, ownFolder), 'program')) === folder ? root : folder;
}

const invalid = (problem: string): UpdaterError =>
  new UpdaterError('CONFIG_INVALID', 'the settings are not right', { details: { problems: [problem] } });
