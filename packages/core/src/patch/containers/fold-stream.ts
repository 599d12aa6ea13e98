/** One stream of a target, made again from its part of the view. */
import { type DeflateParameters, type Deflater, giveBackDeflater, takeDeflater } from '../deflate/deflater.js';
import { patchInvalid } from '../remendo/patch-invalid.js';
import type { StreamForm, TargetStream } from './containers-data.js';
import { adler32, IdatCutter, zlibHeaderBytes } from './idat-chunks.js';
import { DirectoryOffsets } from './zip-directory.js';

/** Takes a stream's part of the view in pieces, and gives the stream. What is yielded are views that hold until the next one. */
export interface StreamFolder {
  write(part: Uint8Array): Generator<Uint8Array, void, undefined>;
  end(): Generator<Uint8Array, void, undefined>;
  /** To be called once, whatever happened. */
  giveBack(): void;
}

export function folderOf(stream: TargetStream, form: StreamForm): StreamFolder {
  if (form.deflate !== null) return new DeflateFolder(stream, form.deflate, form.chunkBytes);
  const offsets = new DirectoryOffsets('made');
  return { write: (part) => offsets.write(part), end: () => offsets.end(), giveBack: () => {} };
}

class DeflateFolder implements StreamFolder {
  readonly #deflater: Deflater = takeDeflater();
  /** They come first. */
  readonly #corrections: Uint8Array;
  #correctionsHeld = 0;
  readonly #idat: IdatFrame | null;
  #isOpen = false;

  constructor(
    stream: TargetStream,
    private readonly parameters: DeflateParameters,
    chunkBytes: number,
  ) {
    this.#corrections = new Uint8Array(stream.correctionsBytes);
    this.#idat = chunkBytes > 0 ? new IdatFrame(chunkBytes) : null;
  }

  *write(part: Uint8Array): Generator<Uint8Array, void, undefined> {
    const plain = this.#takeCorrections(part);
    if (plain.length === 0) return;
    this.#open();
    if (this.#idat === null) yield* this.#deflater.write(plain);
    else yield* this.#idat.write(plain, this.#deflater);
  }

  *end(): Generator<Uint8Array, void, undefined> {
    if (this.#correctionsHeld < this.#corrections.length) throw patchInvalid('a stream ends in its corrections');
    this.#open();
    if (this.#idat === null) yield* this.#deflater.end();
    else yield* this.#idat.end(this.#deflater);
  }

  giveBack(): void {
    giveBackDeflater(this.#deflater);
  }

  /** @returns what follows the corrections. */
  #takeCorrections(part: Uint8Array): Uint8Array {
    const taken = part.subarray(0, this.#corrections.length - this.#correctionsHeld);
    this.#corrections.set(taken, this.#correctionsHeld);
    this.#correctionsHeld += taken.length;
    return part.subarray(taken.length);
  }

  #open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#deflater.open(this.parameters, this.#corrections.length > 0 ? this.#corrections : null);
  }
}

/** What a PNG has around a deflate stream: a zlib header, which the view has too, a checksum, and chunks. */
class IdatFrame {
  readonly #cutter: IdatCutter;
  #headerBytes = 0;
  #adler = 1;

  constructor(chunkBytes: number) {
    this.#cutter = new IdatCutter(chunkBytes);
  }

  *write(part: Uint8Array, deflater: Deflater): Generator<Uint8Array, void, undefined> {
    const header = part.subarray(0, zlibHeaderBytes - this.#headerBytes);
    this.#headerBytes += header.length;
    yield* this.#cutter.write(header);
    const plain = part.subarray(header.length);
    this.#adler = adler32(plain, this.#adler);
    for (const deflated of deflater.write(plain)) yield* this.#cutter.write(deflated);
  }

  *end(deflater: Deflater): Generator<Uint8Array, void, undefined> {
    for (const deflated of deflater.end()) yield* this.#cutter.write(deflated);
    const checksum = new Uint8Array(4);
    new DataView(checksum.buffer).setUint32(0, this.#adler);
    yield* this.#cutter.write(checksum);
    yield* this.#cutter.end();
  }
}
