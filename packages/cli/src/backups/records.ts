/**
 * What is remembered of backups between checks, in one file: `backups.json` in the updater's folder. A change of state and the
 * messages about it are written together, so that whatever happens there is one message for one change. The file is replaced
 * durably under a lock; one that is damaged is put aside and begun anew.
 */
import { join } from 'node:path';
import {
  acquireInstallLock,
  hasCode,
  nodeClock,
  nodeFileSystem,
  nodeProcessProbe,
  type Random,
  readSmallFile,
  UpdaterError,
  writeDurably,
} from '@remendo/core';
import { backupStates } from '@remendo/core/protocol';
import { type Static, type TSchema, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { type FindingKind, stateOfKind } from './finding.js';

/** No path is longer: Windows stops at 32,767. */
const text = Type.String({ maxLength: 40_000 });
const moment = Type.Integer({ minimum: 0, maximum: 8.64e15 });
const bytes = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const nullable = <T extends TSchema>(shape: T) => Type.Union([shape, Type.Null()]);
const oneOf = <const T extends readonly string[]>(values: T) => Type.Unsafe<T[number]>({ type: 'string', enum: [...values] });

const kinds = Object.keys(stateOfKind) as FindingKind[];
const StoredFinding = Type.Object({
  kind: Type.Unsafe<FindingKind>({ type: 'string', enum: kinds }),
  values: Type.Record(Type.String(), Type.Union([text, Type.Number()])),
});

const fileFields = { name: text, bytes, modifiedMs: Type.Integer() };

/** What came of reading one file; `key` is of everything else that the answer hangs on. */
const Proof = Type.Object({ ...fileFields, key: text, atMs: moment, bad: nullable(StoredFinding) });
export type Proof = Readonly<Static<typeof Proof>>;

/** A file whose time lies ahead, and since when it is known. */
const AheadFile = Type.Object({ ...fileFields, seenMs: moment });
export type AheadFile = Readonly<Static<typeof AheadFile>>;

const Result = Type.Object({
  id: text,
  atMs: moment,
  state: oneOf(backupStates),
  findings: Type.Array(StoredFinding),
  files: bytes,
  totalBytes: bytes,
  newest: nullable(Type.Object({ name: text, bytes, atMs: moment })),
  freeBytes: nullable(bytes),
});
export type BackupResult = Readonly<Static<typeof Result>>;

/** A file that was good: its size is what later ones are held against. */
const GoodFile = Type.Object(fileFields);
export type GoodFile = Readonly<Static<typeof GoodFile>>;

const JobRecord = Type.Object({
  job: text,
  /** Since when it is in the state of its last result. */
  sinceMs: moment,
  /** The last first. */
  results: Type.Array(Result),
  goods: Type.Array(GoodFile),
  proofs: Type.Array(Proof),
  ahead: Type.Array(AheadFile),
  /** The newest backup that was proved, while nothing speaks against it. */
  proven: nullable(Type.Object({ ...fileFields, madeMs: moment, provenMs: moment })),
});
export type JobRecord = Readonly<Static<typeof JobRecord>>;

const Message = Type.Object({
  id: text,
  job: text,
  result: Result,
  stateBefore: oneOf(backupStates),
  /** Of the job, for the server's dead man's switch. */
  intervalSeconds: Type.Integer(),
  graceSeconds: Type.Integer(),
});
/** One result on its way to one target; a change where the state before was another. */
export type BackupMessage = Readonly<Static<typeof Message>>;

const Queue = Type.Object({
  target: text,
  messages: Type.Array(Message),
  /** Attempts in a row that failed, and when the next one may be. */
  failures: Type.Integer({ minimum: 0 }),
  nextMs: moment,
});
export type BackupQueue = Readonly<Static<typeof Queue>>;

const Records = Type.Object({ version: Type.Literal(1), jobs: Type.Array(JobRecord), queues: Type.Array(Queue) });
export type BackupRecords = Readonly<Static<typeof Records>>;

const validator = Compile(Records);
const recordsBytesMax = 64 * 1024 * 1024;
const emptyRecords: BackupRecords = { version: 1, jobs: [], queues: [] };

export interface RecordPorts {
  readonly home: string;
  readonly random: Random;
  /** Told once when what was there could not be understood. */
  readonly onDamaged: (message: string) => void;
}

export const recordsPath = (home: string): string => join(home, 'backups.json');

/** As they are now; nothing is changed, a damaged file counts as none. @throws UpdaterError STORAGE_FAILED. */
export async function readRecords(home: string): Promise<BackupRecords> {
  const found = await readFileOf(home);
  return found === 'damaged' ? emptyRecords : found;
}

async function readFileOf(home: string): Promise<BackupRecords | 'damaged'> {
  try {
    const read = await readSmallFile(nodeFileSystem(), recordsPath(home), recordsBytesMax);
    if (read === null) return emptyRecords;
    const value: unknown = JSON.parse(Buffer.from(read).toString());
    return validator.Check(value) ? value : 'damaged';
  } catch (error) {
    if (error instanceof SyntaxError || hasCode(error, 'LIMIT_EXCEEDED')) return 'damaged';
    throw error;
  }
}

/**
 * Changes them: nobody else does at the same time, and when the promise is fulfilled the change survives a power cut. What
 * comes out the same is not written.
 * @throws UpdaterError TRANSACTION_LOCKED, STORAGE_NO_SPACE, STORAGE_FAILED; the file is then as it was.
 */
export async function changeRecords<T>(
  ports: RecordPorts,
  change: (records: BackupRecords) => { readonly records: BackupRecords; readonly value: T },
): Promise<T> {
  const lock = await lockRecords(ports, 'records');
  try {
    const fileSystem = nodeFileSystem();
    const found = await readFileOf(ports.home);
    if (found === 'damaged') {
      const aside = `${recordsPath(ports.home)}.damaged`;
      await fileSystem.rename(recordsPath(ports.home), aside);
      ports.onDamaged(`what was known of backups can not be read and is begun anew; it was put aside as ${aside}`);
    }
    const before = found === 'damaged' ? emptyRecords : found;
    const { records, value } = change(before);
    if (records !== before) await writeDurably(fileSystem, recordsPath(ports.home), Buffer.from(JSON.stringify(records)));
    return value;
  } finally {
    await lock.release();
  }
}

const lockRetryMs = 50;
const lockWaitMs = 30_000;

/** Who writes holds it for milliseconds, so it is waited for; by the clock that files have their times from. */
async function lockRecords(ports: RecordPorts, name: string) {
  for (let waitedMs = 0; ; waitedMs += lockRetryMs) {
    const lock = await tryLock(ports, name);
    if (lock !== null) return lock;
    if (waitedMs >= lockWaitMs) throw new UpdaterError('TRANSACTION_LOCKED', 'another program works on what is known of backups');
    await nodeClock().sleep(lockRetryMs);
  }
}

/** Null when somebody else has it. */
export async function tryLock({ home, random }: RecordPorts, name: string) {
  const ports = { fileSystem: nodeFileSystem(), clock: nodeClock(), random, processes: nodeProcessProbe() };
  try {
    return await acquireInstallLock(ports, join(home, `backups.${name}.lock`));
  } catch (error) {
    // Given back between two looks at it: somebody had it just now.
    const isGivenBack = hasCode(error, 'STORAGE_FAILED') && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'EEXIST';
    if (hasCode(error, 'TRANSACTION_LOCKED') || isGivenBack) return null;
    throw error;
  }
}
