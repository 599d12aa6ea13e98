/** Inflating in memory, with bounds on the work that candidates which turn out to be no streams may cost. */
import { constants, inflateRawSync } from 'node:zlib';

export interface Inflated {
  readonly plain: Uint8Array;
  /** Bytes of the compressed stream. */
  readonly consumed: number;
}

/** What zlib answers with `info`; its types do not know. */
interface InflateInfo {
  readonly buffer: Uint8Array;
  readonly engine: { readonly bytesWritten: number };
}

/** The deflate stream at the start of `bytes`; null when there is none, or it makes more than `plainBytesMax`. */
export function inflateAt(bytes: Uint8Array, plainBytesMax: number): Inflated | null {
  return attempt(bytes, { isAll: true, plainBytesMax });
}

function attempt(
  bytes: Uint8Array,
  { isAll, plainBytesMax }: { readonly isAll: boolean; readonly plainBytesMax: number },
): Inflated | null {
  const finishFlush = isAll ? constants.Z_FINISH : constants.Z_SYNC_FLUSH;
  try {
    const chunkSize = bytes.length < firstChunkBytes ? firstChunkBytes : largeChunkBytes;
    const options = { info: true, chunkSize, finishFlush, maxOutputLength: Math.max(1, plainBytesMax) };
    const { buffer, engine } = inflateRawSync(bytes, options) as unknown as InflateInfo;
    return { plain: buffer, consumed: engine.bytesWritten };
  } catch {
    return null;
  }
}

/** Output buffers of zlib: most attempts are short. */
const firstChunkBytes = 4 * 1024;
const largeChunkBytes = 64 * 1024;

/** Candidates are tried with so many bytes first, then with sixteen times as many, and so on. */
const firstBytes = 256;
const growth = 16;
/** What an attempt costs at least: about as much as inflating so many bytes. */
const attemptBytes = 4_096;

/** Inflates candidates until that has cost more than a few times what is searched. */
export class CandidateInflater {
  #workLeft: number;
  #plainLeft: number;

  constructor(searchedBytes: number) {
    this.#workLeft = searchedBytes * 4 + 1024 * 1024;
    this.#plainLeft = Math.min(2 ** 31 - 1, searchedBytes * 32 + 64 * 1024 * 1024);
  }

  /** The stream that begins with `bytes` and ends somewhere in them; null when there is none, or too much was tried. */
  inflate(bytes: Uint8Array): Inflated | null {
    for (let tried = firstBytes; ; tried *= growth) {
      if (this.#workLeft < 0) return null;
      const isAll = tried >= bytes.length;
      const piece = isAll ? bytes : bytes.subarray(0, tried);
      const inflated = attempt(piece, { isAll, plainBytesMax: this.#plainLeft });
      if (inflated === null || (!isAll && inflated.consumed === piece.length))
        this.#workLeft -= Math.max(attemptBytes, piece.length);
      if (inflated === null) return null;
      if (!isAll && inflated.consumed === piece.length) continue;
      this.#plainLeft -= inflated.plain.length;
      return inflated;
    }
  }

  /** Counts a stream as no stream after all. */
  refuse({ plain, consumed }: Inflated): null {
    this.#workLeft -= plain.length + consumed;
    return null;
  }
}
