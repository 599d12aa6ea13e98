/** Makes one range of an object complete in its `.part` file, from what is there, what is held elsewhere, and a source. */
import { UpdaterError } from '../errors.js';
import type { FileHandle, FileSystem } from '../file-system/file-system.js';
import type { Digest } from '../hash/digest.js';
import type { ByteRange } from '../planner/plan.js';
import { missingRanges } from '../planner/plan-cost.js';
import type { HeldFile } from './download-folder.js';
import type { ObjectSource } from './object-source.js';

/** What a power cut can cost at most: two minutes at 256 kbit/s. */
const syncEveryBytes = 4 * 1024 * 1024;
const copyChunkBytes = 256 * 1024;

export interface WriteRangeOptions {
  readonly fileSystem: FileSystem;
  readonly part: string;
  readonly range: ByteRange & { readonly digest: Digest; readonly objectBytes: number };
  /** Other files with bytes of the object. */
  readonly usable: readonly HeldFile[];
  readonly source: ObjectSource;
  readonly signal: AbortSignal;
  readonly pace: (bytes: number) => Promise<void>;
  readonly progress: (doneBytes: number, fetchedBytes: number) => void;
}

/**
 * Afterwards the part is as long as the range, and synced; when it throws, what arrived is there for the next time.
 * The part is never longer than the range, whatever a source gives.
 * @returns how many of its bytes were found on this machine rather than fetched now: they may be torn.
 */
export async function writeRange(options: WriteRangeOptions): Promise<{ readonly foundBytes: number }> {
  const { range } = options;
  const { file, bytes } = await openPart(options);
  const writer = new PartWriter(file, bytes);
  let foundBytes = bytes;
  try {
    options.progress(bytes, 0);
    for (const piece of piecesOf({ offset: range.offset + bytes, bytes: range.bytes - bytes }, options.usable)) {
      if (piece.from === null) await fetchPiece(options, piece, writer);
      else foundBytes += await copyPiece(options, piece, piece.from, writer);
    }
    await file.sync();
  } catch (error) {
    // What arrived is worth keeping, also through a power cut; that it can not be synced is the smaller trouble.
    await file.sync().catch(() => undefined);
    throw error;
  } finally {
    await file.close();
  }
  return { foundBytes };
}

async function openPart({ fileSystem, part, range }: WriteRangeOptions): Promise<{ file: FileHandle; bytes: number }> {
  const stat = await fileSystem.stat(part);
  if (stat?.kind === 'file' && stat.bytes <= range.bytes) return { file: await fileSystem.open(part, 'write'), bytes: stat.bytes };
  // A link would lead to somebody's file, which is not to be emptied.
  if (stat !== null && stat.kind !== 'file') await fileSystem.removeFile(part);
  return { file: await fileSystem.open(part, 'create'), bytes: 0 };
}

/** Appends, and syncs now and then. */
class PartWriter {
  #unsyncedBytes = 0;

  constructor(
    private readonly file: FileHandle,
    private bytes: number,
  ) {}

  async write(chunk: Uint8Array): Promise<void> {
    await this.file.write(this.bytes, chunk);
    this.bytes += chunk.length;
    this.#unsyncedBytes += chunk.length;
    if (this.#unsyncedBytes < syncEveryBytes) return;
    await this.file.sync();
    this.#unsyncedBytes = 0;
  }
}

interface Piece extends ByteRange {
  /** null: it has to be fetched. */
  readonly from: HeldFile | null;
}

/** The range in pieces, in order, none of them empty: what is held where that saves anything, the rest from the source. */
export function piecesOf(range: ByteRange, held: readonly HeldFile[]): readonly Piece[] {
  const end = range.offset + range.bytes;
  const missing = missingRanges([range], held);
  const pieces: Piece[] = [];
  let next = 0;
  for (let offset = range.offset; offset < end; ) {
    const gap = missing[next];
    const from = gap?.offset === offset ? null : longestAt(held, offset);
    const pieceEnd = from === null ? offset + (gap?.bytes ?? end - offset) : Math.min(endOf(from), gap?.offset ?? end, end);
    if (gap?.offset === offset) next++;
    pieces.push({ offset, bytes: pieceEnd - offset, from });
    offset = pieceEnd;
  }
  return pieces;
}

const endOf = (range: ByteRange): number => range.offset + range.bytes;

/** Of the files that hold the byte at `offset`, the one that goes on longest. */
function longestAt(held: readonly HeldFile[], offset: number): HeldFile | null {
  let longest: HeldFile | null = null;
  for (const file of held) {
    if (file.offset <= offset && endOf(file) > offset && (longest === null || endOf(file) > endOf(longest))) longest = file;
  }
  return longest;
}

async function fetchPiece(options: WriteRangeOptions, piece: Piece, writer: PartWriter): Promise<void> {
  const { range, signal, pace } = options;
  const { digest, objectBytes } = range;
  let leftBytes = piece.bytes;
  for await (const chunk of options.source.open({ digest, objectBytes, offset: piece.offset, bytes: piece.bytes, signal, pace })) {
    signal.throwIfAborted();
    leftBytes -= chunk.length;
    if (leftBytes < 0) throw wrongLength(options, 'more');
    await writer.write(chunk);
    options.progress(chunk.length, chunk.length);
  }
  if (leftBytes > 0) throw wrongLength(options, 'less');
}

const wrongLength = ({ source, range }: WriteRangeOptions, how: string): UpdaterError =>
  new UpdaterError('DOWNLOAD_FAILED', `${source.name} gave ${how} than it was asked for`, { details: { digest: range.digest } });

async function copyPiece(options: WriteRangeOptions, piece: Piece, from: HeldFile, writer: PartWriter): Promise<number> {
  const file = await options.fileSystem.open(from.path, 'read');
  try {
    const buffer = new Uint8Array(Math.min(copyChunkBytes, piece.bytes));
    for (let doneBytes = 0; doneBytes < piece.bytes; ) {
      options.signal.throwIfAborted();
      const into = buffer.subarray(0, Math.min(buffer.length, piece.bytes - doneBytes));
      const count = await file.read(piece.offset - from.offset + doneBytes, into);
      if (count === 0)
        throw new UpdaterError('STORAGE_FAILED', 'A downloaded file has become shorter', { details: { path: from.path } });
      await writer.write(into.subarray(0, count));
      doneBytes += count;
      options.progress(count, 0);
    }
    return piece.bytes;
  } finally {
    await file.close();
  }
}
