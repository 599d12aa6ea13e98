/**
 * Where bytes come from and go to. Patches, manifests and deltas know these two ports only: files, buffers and object
 * stores stand behind them.
 */

/** Bytes that can be read at any place, any number of times. */
export interface ByteSource {
  readonly bytes: number;
  /**
   * Reads from `offset` until `into` is full or the source ends.
   * @returns how many bytes were read; fewer than `into.length` only at the end.
   */
  read(offset: number, into: Uint8Array): Promise<number>;
}

/** Takes bytes in order. The chunk may be reused by the caller once the promise is settled. */
export interface ByteSink {
  write(chunk: Uint8Array): Promise<void>;
}

/** A sink that gives back what it was given: targets may refer to what was made before. */
export interface ReadableSink extends ByteSink {
  /** As `ByteSource.read`, of what was written since the sink's start. */
  read(offset: number, into: Uint8Array): Promise<number>;
}

/** A buffer as a source; nothing is copied until it is read. */
export function bufferSource(buffer: Uint8Array): ByteSource {
  return {
    bytes: buffer.length,
    async read(offset, into) {
      const part = buffer.subarray(offset, offset + into.length);
      into.set(part);
      return part.length;
    },
  };
}

/** A window of a source: `length` bytes from `offset`. Reads past its end return fewer bytes. */
export function sliceSource(source: ByteSource, offset: number, length: number): ByteSource {
  const bytes = Math.max(0, Math.min(length, source.bytes - offset));
  return {
    bytes,
    read(at, into) {
      const wanted = Math.max(0, Math.min(into.length, bytes - at));
      return source.read(offset + at, wanted === into.length ? into : into.subarray(0, wanted));
    },
  };
}

/** What one chunk of a file has: large enough that calls cost little, small enough for many files at the same time. */
export const chunkBytesDefault = 256 * 1024;

/**
 * A source from start to end, in chunks. Each chunk is a buffer of its own, so that streams may keep it. Ends where the
 * source ends: whoever needs every byte compares lengths or digests.
 */
export async function* sourceChunks(
  source: ByteSource,
  options: { readonly chunkBytes?: number; readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { chunkBytes = chunkBytesDefault, signal } = options;
  for (let offset = 0; offset < source.bytes; ) {
    signal?.throwIfAborted();
    const chunk = new Uint8Array(Math.min(chunkBytes, source.bytes - offset));
    const count = await source.read(offset, chunk);
    if (count === 0) return;
    offset += count;
    yield count === chunk.length ? chunk : chunk.subarray(0, count);
  }
}

/** Collects what is written; refuses with a RangeError to grow above `bytesMax`. */
export class BufferSink implements ReadableSink {
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;

  constructor(private readonly bytesMax: number) {}

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#bytes + chunk.length > this.bytesMax) throw new RangeError(`more than ${this.bytesMax} bytes written`);
    // Not chunk.slice(): on a Node Buffer that shares memory.
    this.#chunks.push(new Uint8Array(chunk));
    this.#bytes += chunk.length;
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    let start = 0;
    let filled = 0;
    for (const chunk of this.#chunks) {
      const within = Math.max(0, offset + filled - start);
      const part = chunk.subarray(within, within + into.length - filled);
      into.set(part, filled);
      filled += part.length;
      start += chunk.length;
    }
    return filled;
  }

  toBuffer(): Uint8Array {
    const whole = new Uint8Array(this.#bytes);
    let offset = 0;
    for (const chunk of this.#chunks) {
      whole.set(chunk, offset);
      offset += chunk.length;
    }
    return whole;
  }
}

/** The whole of a source in memory; for sources whose size has been checked against a limit. */
export async function readWhole(source: ByteSource): Promise<Uint8Array> {
  const whole = new Uint8Array(source.bytes);
  const count = await source.read(0, whole);
  return count === whole.length ? whole : whole.subarray(0, count);
}
