/** One stream of a base, inflated to its own end: nobody says beforehand how long it is. */
import { constants, createInflateRaw, inflateRawSync } from 'node:zlib';
import { type ByteSink, type ByteSource, readWhole, sliceSource, sourceChunks } from '../../bytes/byte-source.js';
import { transformChunks } from '../../bytes/transform-chunks.js';
import { patchInvalid } from '../remendo/patch-invalid.js';
import type { StreamKind } from './containers-data.js';
import { chunkFrameBytes, idatBytes, zlibHeaderBytes } from './idat-chunks.js';
import { DirectoryOffsets, directoryEntryBytes, directoryHeaderBytes, isDirectoryEntry } from './zip-directory.js';

/** Most streams end within so many bytes and make no more than that: those cost one call. */
const smallBytes = 64 * 1024;
const smallInflatedBytes = 512 * 1024;

/**
 * Writes what the stream of `kind` at the start of `source` inflates to, as it is seen in the view.
 * @returns how many bytes of the source it takes.
 * @throws UpdaterError PATCH_INVALID when there is no such stream. Errors of source and sink pass through.
 */
export async function inflateStream(source: ByteSource, kind: StreamKind, sink: ByteSink, signal?: AbortSignal): Promise<number> {
  if (kind === 'deflate') return (await inflateSmall(source, sink)) ?? inflateLarge(source, sink, signal);
  if (kind === 'directory') return showDirectory(source, sink, signal);
  const chunks = new IdatBody(source);
  await sink.write(await chunks.header());
  await inflateAll(chunks.body(), sink, signal);
  return chunks.end();
}

/** Entry by entry, up to what is none. */
async function showDirectory(source: ByteSource, sink: ByteSink, signal: AbortSignal | undefined): Promise<number> {
  const offsets = new DirectoryOffsets('seen');
  let end = 0;
  for (let start = await headAt(source, 0); isDirectoryEntry(start); start = await headAt(source, end)) {
    signal?.throwIfAborted();
    const entry = await readWhole(sliceSource(source, end, directoryEntryBytes(start)));
    for (const part of offsets.write(entry)) await sink.write(part);
    end += entry.length;
  }
  if (end === 0) throw patchInvalid('a directory of its bases is none');
  return end;
}

const headAt = (source: ByteSource, offset: number): Promise<Uint8Array> =>
  readWhole(sliceSource(source, offset, directoryHeaderBytes));

/** Null when it is a large stream. */
async function inflateSmall(source: ByteSource, sink: ByteSink): Promise<number | null> {
  const piece = await readWhole(sliceSource(source, 0, smallBytes));
  const isAll = piece.length === source.bytes;
  const inflated = inflateWhole(piece, isAll);
  if (inflated === null) return null;
  if (!isAll && inflated.consumed === piece.length) return null;
  await sink.write(inflated.plain);
  return inflated.consumed;
}

interface Inflated {
  readonly plain: Uint8Array;
  readonly consumed: number;
}

/** Null when it makes too much for one call. */
function inflateWhole(piece: Uint8Array, isAll: boolean): Inflated | null {
  const finishFlush = isAll ? constants.Z_FINISH : constants.Z_SYNC_FLUSH;
  try {
    const options = { info: true, finishFlush, maxOutputLength: smallInflatedBytes };
    const { buffer, engine } = inflateRawSync(piece, options) as unknown as InflateInfo;
    return { plain: buffer, consumed: engine.bytesWritten };
  } catch (cause) {
    if ((cause as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') return null;
    throw isZlibError(cause) ? notDeflate(cause) : cause;
  }
}

/** What zlib answers with `info`; its types do not know. */
interface InflateInfo {
  readonly buffer: Uint8Array;
  readonly engine: { readonly bytesWritten: number };
}

const inflateLarge = (source: ByteSource, sink: ByteSink, signal: AbortSignal | undefined): Promise<number> =>
  inflateAll(sourceChunks(source, { chunkBytes: smallBytes, signal }), sink, signal);

/** @returns how many bytes of the chunks it took. */
async function inflateAll(chunks: AsyncIterable<Uint8Array>, sink: ByteSink, signal: AbortSignal | undefined): Promise<number> {
  const inflate = createInflateRaw({ chunkSize: smallBytes });
  try {
    for await (const plain of transformChunks(chunks, inflate)) {
      signal?.throwIfAborted();
      await sink.write(plain);
    }
  } catch (cause) {
    throw isZlibError(cause) ? notDeflate(cause) : cause;
  }
  return inflate.bytesWritten;
}

const isZlibError = (error: unknown): boolean => String((error as { code?: unknown } | null)?.code).startsWith('Z_');
const notDeflate = (cause: unknown): Error => patchInvalid('a stream of its bases is none', cause);

/** The zlib stream in a PNG's IDAT chunks, as many as follow each other from the start of the source. */
class IdatBody {
  constructor(private readonly source: ByteSource) {}

  /** The two bytes in front of the deflate stream. */
  async header(): Promise<Uint8Array> {
    if (((await this.#bytesAt(0)) ?? 0) < zlibHeaderBytes) throw patchInvalid('a PNG of its bases is none');
    return readWhole(sliceSource(this.source, 8, zlibHeaderBytes));
  }

  /** All behind the header: the deflate stream, and the checksum behind that. */
  async *body(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const { offset, bytes } of this.#chunks()) {
      const skipped = offset === 0 ? zlibHeaderBytes : 0;
      yield* sourceChunks(sliceSource(this.source, offset + 8 + skipped, bytes - skipped), { chunkBytes: smallBytes });
    }
  }

  /** Behind the last chunk. */
  async end(): Promise<number> {
    let end = 0;
    for await (const { offset, bytes } of this.#chunks()) end = offset + bytes + chunkFrameBytes;
    return end;
  }

  async *#chunks(): AsyncGenerator<{ readonly offset: number; readonly bytes: number }, void, undefined> {
    for (let offset = 0, bytes = await this.#bytesAt(0); bytes !== null; bytes = await this.#bytesAt(offset)) {
      yield { offset, bytes };
      offset += bytes + chunkFrameBytes;
    }
  }

  async #bytesAt(offset: number): Promise<number | null> {
    const bytes = idatBytes(await readWhole(sliceSource(this.source, offset, 8)));
    return bytes === null || bytes > this.source.bytes - offset - chunkFrameBytes ? null : bytes;
  }
}
