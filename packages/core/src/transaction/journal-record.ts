/**
 * One line of the journal: 16 hex digits of the SHA-256 of the rest, a space, JSON, a line feed. Whatever is read is
 * hostile until it passed the checksum, the schema and, for paths, `parseReleasePath`.
 */
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { digestOf } from '../hash/digest.js';
import { limits } from '../limits.js';

const count = (maximum: number) => Type.Integer({ minimum: 0, maximum });
const mode = count(0o777);
const path = Type.String({ minLength: 1, maxLength: limits.pathBytesMax });
const digest = Type.String({ pattern: '^[0-9a-f]{64}$' });
const strict = { additionalProperties: false };

/** Removals and additions of a whole release together, and the updater's own three files. */
export const journalChangesMax = 2 * limits.manifestFilesMax + 3;
/** No record is longer; the longest is a change of a path of which every character is escaped. */
export const journalLineBytesMax = 32 * 1024;

const content = Type.Object({ bytes: count(limits.fileBytesMax), sha256: digest, mode }, strict);
const contentOrNull = Type.Union([content, Type.Null()]);
const release = Type.Object(
  { version: Type.String({ minLength: 1, maxLength: limits.versionCharactersMax }), manifestDigest: digest },
  strict,
);

const stepCommand = Type.Object(
  {
    command: Type.String({ minLength: 1, maxLength: limits.pathBytesMax }),
    args: Type.Array(Type.String({ maxLength: 2_048 }), { maxItems: 64 }),
    folder: Type.String({ minLength: 1, maxLength: limits.pathBytesMax }),
    timeLimitMs: Type.Integer({ minimum: 1, maximum: limits.stepTimeMsMax }),
  },
  strict,
);
const stepPhase = Type.Union([Type.Literal('before'), Type.Literal('after'), Type.Literal('finally')]);
const plannedStep = {
  phase: stepPhase,
  name: Type.String({ minLength: 1, maxLength: limits.nameCharactersMax }),
  run: stepCommand,
  /** Takes back what `run` did. */
  undo: Type.Union([stepCommand, Type.Null()]),
  changesData: Type.Boolean(),
  /** The file or folder a backup leaves; null: the step makes none. */
  backupPath: Type.Union([Type.String({ minLength: 1, maxLength: limits.pathBytesMax }), Type.Null()]),
};
const stepMark = Type.Union([
  Type.Literal('planned'),
  Type.Literal('began'),
  Type.Literal('ended'),
  Type.Literal('failed'),
  /** Going back has begun. */
  Type.Literal('undoing'),
  Type.Literal('undone'),
  Type.Literal('undo_failed'),
]);
/** The process of a step that is running, so that one that outlived the updater can be found and ended. */
const stepProcess = Type.Object({ pid: count(2 ** 32), startedAt: Type.String({ maxLength: 200 }) }, strict);

const recordSchema = Type.Union([
  Type.Object(
    {
      type: Type.Literal('begun'),
      format: Type.Literal('remendo-journal-1'),
      transaction: Type.String({ pattern: '^[0-9A-Za-z][0-9A-Za-z-]{0,63}$' }),
      base: Type.Union([release, Type.Null()]),
      target: release,
    },
    strict,
  ),
  Type.Object(
    {
      type: Type.Literal('change'),
      index: count(journalChangesMax - 1),
      place: Type.Union([Type.Literal('root'), Type.Literal('home')]),
      path,
      basePath: path,
      base: contentOrNull,
      target: contentOrNull,
    },
    strict,
  ),
  Type.Object({ type: Type.Literal('directory'), path, baseMode: Type.Union([mode, Type.Null()]) }, strict),
  /** What a path held when it was moved aside, when that is not what it held when it was staged. */
  Type.Object({ type: Type.Literal('base'), index: count(journalChangesMax - 1), base: contentOrNull }, strict),
  Type.Object({ type: Type.Literal('staged'), changes: count(journalChangesMax), directories: count(journalChangesMax) }, strict),
  Type.Object({ type: Type.Literal('step_planned'), ...plannedStep }, strict),
  /** All steps of the attempt that begins now; those of an earlier one are forgotten. */
  Type.Object({ type: Type.Literal('steps'), count: count(limits.stepsMax), rollbackCompatible: Type.Boolean() }, strict),
  Type.Object(
    {
      type: Type.Literal('step'),
      index: count(limits.stepsMax - 1),
      mark: stepMark,
      process: Type.Union([stepProcess, Type.Null()]),
    },
    strict,
  ),
  /** Going back would leave the application with data that it does not understand: somebody has to decide. */
  Type.Object({ type: Type.Literal('held'), reason: Type.String({ maxLength: 200 }) }, strict),
  Type.Object({ type: Type.Literal('committing') }, strict),
  Type.Object({ type: Type.Literal('committed') }, strict),
  Type.Object({ type: Type.Literal('started') }, strict),
  Type.Object({ type: Type.Literal('confirmed') }, strict),
  Type.Object({ type: Type.Literal('rolling_back'), reason: Type.String({ maxLength: 200 }) }, strict),
  Type.Object({ type: Type.Literal('rolled_back') }, strict),
  Type.Object({ type: Type.Literal('discarded') }, strict),
]);

const validator = Compile(recordSchema);

export type JournalRecord = Static<typeof recordSchema>;

export type StepCommand = Static<typeof stepCommand>;
export type StepPhase = Static<typeof stepPhase>;
export type StepMark = Static<typeof stepMark>;
export type StepProcess = Static<typeof stepProcess>;
export type PlannedStep = Omit<JournalRecord & { type: 'step_planned' }, 'type'>;

/** What only prepares the next state; lost without harm as long as that state is not reached. */
export const isPreparing = (record: JournalRecord): boolean =>
  record.type === 'change' || record.type === 'directory' || record.type === 'base' || record.type === 'step_planned';

const checksumCharacters = 16;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function encodeRecord(record: JournalRecord): Uint8Array {
  const json = Buffer.from(JSON.stringify(record));
  return Buffer.concat([Buffer.from(`${digestOf(json).slice(0, checksumCharacters)} `), json, Buffer.from('\n')]);
}

/**
 * @param line without its line feed.
 * @returns torn when the checksum is not that of the rest, invalid when it is but no record follows it.
 */
export function parseRecord(line: Uint8Array): JournalRecord | 'torn' | 'invalid' {
  const json = line.subarray(checksumCharacters + 1);
  const head = Buffer.from(line.subarray(0, checksumCharacters + 1)).toString('latin1');
  if (head !== `${digestOf(json).slice(0, checksumCharacters)} `) return 'torn';
  try {
    const value: unknown = JSON.parse(utf8.decode(json));
    return validator.Check(value) ? value : 'invalid';
  } catch {
    return 'invalid';
  }
}
