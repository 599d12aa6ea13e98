/**
 * The write-ahead log of one transaction: records are appended and never changed. A state record is written only after
 * everything before it was synced, and counts only once it is synced itself. So, reading it again after a crash:
 * - what follows the last whole state record was never promised to anybody and is ignored, however torn it is;
 * - a state record behind something unreadable proves that the disk lost what it had promised: TRANSACTION_JOURNAL_INVALID.
 * The file is made whole by `writeDurably`, so that it never exists without its first record.
 */
import { dirname } from 'node:path';
import { type ByteSource, bufferSource } from '../bytes/byte-source.js';
import { isUpdaterError, UpdaterError } from '../errors.js';
import { withFile } from '../file-system/file-source.js';
import type { FileSystem } from '../file-system/file-system.js';
import { syncNames, writeDurably } from '../file-system/write-durably.js';
import { limits } from '../limits.js';
import { encodeRecord, isPreparing, type JournalRecord, journalLineBytesMax, parseRecord } from './journal-record.js';
import { JournalMalformed, JournalState } from './journal-state.js';

const chunkBytes = 64 * 1024;
/** For the records and folders of a rollback on a disk that has filled up since. */
export const reserveBytes = 64 * 1024;

export const reservePath = (journalPath: string): string => `${journalPath}.reserve`;

export class Journal {
  private constructor(
    private readonly fileSystem: FileSystem,
    private readonly path: string,
    readonly contents: JournalState,
    /** Up to the end of the last state record; what lies behind is overwritten. */
    private validBytes: number,
  ) {}

  /**
   * Replaces whatever journal there was: from here on this transaction is the install's.
   * @param records the first one, and what the transaction takes over from the one before.
   */
  static async create(
    fileSystem: FileSystem,
    path: string,
    records: readonly [JournalRecord & { type: 'begun' }, ...JournalRecord[]],
  ): Promise<Journal> {
    const [begun, ...inherited] = records;
    const contents = new JournalState(begun);
    for (const record of inherited) contents.apply(record);
    const bytes = Buffer.concat(records.map(encodeRecord));
    await writeDurably(fileSystem, path, bytes);
    return new Journal(fileSystem, path, contents, bytes.length);
  }

  /** Null when there is none. @throws UpdaterError TRANSACTION_JOURNAL_INVALID */
  static async read(fileSystem: FileSystem, path: string): Promise<Journal | null> {
    if ((await fileSystem.stat(path)) === null) return null;
    const parsed = await withFile(fileSystem, path, { mode: 'read' }, parseJournal);
    // Its own name may not be durable yet when the program, not the machine, was stopped.
    await syncNames(fileSystem, { files: [path], directories: [dirname(path)] });
    return new Journal(fileSystem, path, parsed.contents, parsed.validBytes);
  }

  /**
   * Enters a state. When the promise is fulfilled it survives a power cut; when it is rejected the state in memory is
   * what it was, and the disk may say either until `revert` or the next `enter`.
   * @throws UpdaterError TRANSACTION_STATE when the record can not follow; nothing is written then.
   */
  async enter(record: JournalRecord, preparation: readonly JournalRecord[] = []): Promise<void> {
    this.contents.assertMayEnter(record.type);
    await withFile(this.fileSystem, this.path, { mode: 'write' }, async (handle) => {
      if (handle.bytes > this.validBytes) await handle.truncate(this.validBytes);
      let offset = this.validBytes;
      for (const chunk of chunksOf(preparation)) {
        await handle.write(offset, chunk);
        offset += chunk.length;
      }
      if (preparation.length > 0) await handle.sync();
      const line = encodeRecord(record);
      await handle.write(offset, line);
      await handle.sync();
      for (const prepared of preparation) this.contents.apply(prepared);
      this.contents.apply(record);
      this.validBytes = offset + line.length;
    });
  }

  /** Keeps some room on the disk for a rollback, which makes folders and records. Done again, nothing more is kept. */
  async keepReserve(): Promise<void> {
    await withFile(this.fileSystem, reservePath(this.path), { mode: 'create' }, (handle) =>
      handle.write(0, new Uint8Array(reserveBytes)),
    );
  }

  async releaseReserve(): Promise<void> {
    await this.fileSystem.removeFile(reservePath(this.path));
  }

  /** After an `enter` that failed: makes the disk say again what is in memory. Needs no space. */
  async revert(): Promise<void> {
    await withFile(this.fileSystem, this.path, { mode: 'write' }, async (handle) => {
      if (handle.bytes > this.validBytes) await handle.truncate(this.validBytes);
      await handle.sync();
    });
  }
}

function* chunksOf(records: readonly JournalRecord[]): Iterable<Uint8Array> {
  let lines: Uint8Array[] = [];
  let bytes = 0;
  for (const record of records) {
    const line = encodeRecord(record);
    lines.push(line);
    bytes += line.length;
    if (bytes < chunkBytes) continue;
    yield Buffer.concat(lines);
    lines = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(lines);
}

export interface ParsedJournal {
  readonly contents: JournalState;
  readonly validBytes: number;
}

/**
 * Reads a journal from its start, in constant memory but for the changes it names.
 * @throws UpdaterError TRANSACTION_JOURNAL_INVALID
 */
export async function parseJournal(source: ByteSource): Promise<ParsedJournal> {
  if (source.bytes > limits.journalBytesMax) throw invalid(`it has ${source.bytes} bytes`);
  const reader = new JournalReader();
  try {
    for await (const { line, end } of linesOf(source)) reader.take(line, end);
  } catch (error) {
    if (error instanceof JournalMalformed) throw invalid(error.message);
    if (isUpdaterError(error) && error.code === 'MANIFEST_PATH_UNSAFE') throw invalid('it names an unsafe path', error);
    throw error;
  }
  return reader.finish();
}

/** The same of bytes in memory. */
export const parseJournalBytes = (bytes: Uint8Array): Promise<ParsedJournal> => parseJournal(bufferSource(bytes));

const invalid = (why: string, cause?: unknown): UpdaterError =>
  new UpdaterError('TRANSACTION_JOURNAL_INVALID', `the journal can not be believed: ${why}`, { details: { why }, cause });

class JournalReader {
  #contents: JournalState | null = null;
  #validBytes = 0;
  #isTorn = false;

  take(line: Uint8Array | null, end: number): void {
    const record = line === null ? 'torn' : parseRecord(line);
    if (record === 'invalid') throw new JournalMalformed('a line is whole but is no record');
    if (record === 'torn') {
      this.#isTorn = true;
      return;
    }
    if (this.#isTorn) {
      if (!isPreparing(record)) throw new JournalMalformed(`what comes before ${record.type} can not be read`);
      return;
    }
    if (this.#contents === null) this.#contents = new JournalState(record);
    else this.#contents.apply(record);
    if (!isPreparing(record)) this.#validBytes = end;
  }

  finish(): ParsedJournal {
    if (this.#contents === null) throw invalid('it has no first record');
    this.#contents.forgetPreparation();
    return { contents: this.#contents, validBytes: this.#validBytes };
  }
}

/** Lines with the offset behind their line feed. Null for one that is too long or that ends with the file. */
async function* linesOf(source: ByteSource): AsyncIterable<{ readonly line: Uint8Array | null; readonly end: number }> {
  const chunk = new Uint8Array(Math.min(chunkBytes, Math.max(1, source.bytes)));
  let pending: Uint8Array = new Uint8Array(0);
  let isTooLong = false;
  let offset = 0;
  while (offset < source.bytes) {
    const count = await source.read(offset, chunk);
    if (count === 0) break;
    let start = 0;
    for (let feed = chunk.indexOf(0x0a); feed >= 0 && feed < count; feed = chunk.indexOf(0x0a, start)) {
      const line = Buffer.concat([pending, chunk.subarray(start, feed)]);
      yield { line: isTooLong || line.length > journalLineBytesMax ? null : line, end: offset + feed + 1 };
      pending = new Uint8Array(0);
      isTooLong = false;
      start = feed + 1;
    }
    isTooLong ||= pending.length + count - start > journalLineBytesMax;
    pending = isTooLong ? new Uint8Array(0) : Buffer.concat([pending, chunk.subarray(start, count)]);
    offset += count;
  }
  if (pending.length > 0 || isTooLong) yield { line: null, end: offset };
}
