/**
 * What a content looks like, in at most some thousand numbers: hashes of the 32-byte windows at which a rolling hash happens to
 * begin with zero bits, its anchors (Manber, "Finding Similar Files in a Large File System", USENIX 1994). The same
 * passage has the same anchors wherever it lies, so contents that share passages share anchors; windows are short enough
 * to find executables alike in which every reference has moved.
 *
 * An anchor with `level` zero bits stands for 2^level bytes. Those of a higher level are among those of every lower one:
 * large contents keep the higher ones only and can still be held against small ones.
 */
import { type ByteSource, chunkBytesDefault } from '../bytes/byte-source.js';

export interface Sketch {
  /** Zero bits that its anchors have at least. */
  readonly level: number;
  /** Hashes of the windows, ascending, each once. */
  readonly anchors: Uint32Array;
  /** Zero bits of each. */
  readonly levels: Uint8Array;
}

/** Of one content: an anchor for each 2 KiB of 16 MiB. */
const anchorsMax = 8_192;
const bufferLength = 4 * anchorsMax;
/** One number holds a hash and its level. */
const levelsOfHash = 64;

/** Reads the source once, by chunks. The same bytes and `levelMin` give the same sketch everywhere. */
export async function sketchContent(
  source: ByteSource,
  options: { readonly levelMin: number; readonly signal?: AbortSignal | undefined },
): Promise<Sketch> {
  const sketcher = new Sketcher(options.levelMin);
  const chunk = new Uint8Array(Math.min(chunkBytesDefault, source.bytes));
  for (let offset = 0; offset < source.bytes; ) {
    options.signal?.throwIfAborted();
    const count = await source.read(offset, chunk);
    if (count === 0) break;
    sketcher.add(chunk.subarray(0, count));
    offset += count;
  }
  return sketcher.finish();
}

/** Mixes all bits of a number (Wellons, "Prospecting for Hash Functions", lowbias32). */
export function mixBits(value: number): number {
  const a = Math.imul(value ^ (value >>> 16), 0x7feb352d);
  const b = Math.imul(a ^ (a >>> 15), 0x846ca68b);
  return (b ^ (b >>> 16)) >>> 0;
}

/** One number for each byte: gear hashing (Xia et al., "Ddelta", Performance Evaluation 79, 2014). */
const gear = (seed: number): Int32Array => Int32Array.from({ length: 256 }, (_, byte) => mixBits(seed + byte));
/** One hash chooses the windows and another names them: the zeros of the first say nothing about them. */
const choosing = gear(0x1000);
const naming = gear(0x2000);

class Sketcher {
  readonly #buffer = new Float64Array(bufferLength);
  #count = 0;
  #level: number;
  #choose = 0;
  #name = 0;
  #last = -1;

  constructor(levelMin: number) {
    this.#level = levelMin;
  }

  add(chunk: Uint8Array): void {
    let choose = this.#choose;
    let name = this.#name;
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at] ?? 0;
      choose = ((choose << 1) + (choosing[byte] ?? 0)) | 0;
      name = ((name << 1) + (naming[byte] ?? 0)) | 0;
      if (choose >>> (32 - this.#level) === 0) this.#keep(mixBits(name) * levelsOfHash + Math.clz32(choose));
    }
    this.#choose = choose;
    this.#name = name;
  }

  /** In a run of one byte every window is the same. */
  #keep(anchor: number): void {
    if (anchor === this.#last) return;
    this.#last = anchor;
    this.#buffer[this.#count] = anchor;
    this.#count += 1;
    if (this.#count === bufferLength) this.#shrink(bufferLength / 2);
  }

  /** Each anchor once, and the level raised until there are few enough. */
  #shrink(countMax: number): void {
    const sorted = this.#buffer.subarray(0, this.#count).sort();
    this.#count = sorted.reduce((count, anchor, index) => {
      if (index > 0 && anchor === this.#buffer[count - 1]) return count;
      this.#buffer[count] = anchor;
      return count + 1;
    }, 0);
    for (; this.#count > countMax; this.#level += 1) {
      let kept = 0;
      for (let index = 0; index < this.#count; index += 1) {
        const anchor = this.#buffer[index] ?? 0;
        if (anchor % levelsOfHash > this.#level) this.#buffer[kept++] = anchor;
      }
      this.#count = kept;
    }
  }

  finish(): Sketch {
    this.#shrink(anchorsMax);
    const anchors = this.#buffer.subarray(0, this.#count);
    return {
      level: this.#level,
      anchors: Uint32Array.from(anchors, (anchor) => Math.floor(anchor / levelsOfHash)),
      levels: Uint8Array.from(anchors, (anchor) => anchor % levelsOfHash),
    };
  }
}
