/**
 * The bases as a patch with containers sees them: streams are inflated into scratch, one after the other, and the view is
 * what lies between them and what they inflated to. A stream inside a stream is inflated from there.
 */
import { type ByteSource, sliceSource } from '../../bytes/byte-source.js';
import type { ScratchFile } from '../patch-codec.js';
import { patchInvalid } from '../remendo/patch-invalid.js';
import type { BaseStream } from './containers-data.js';
import { inflateStream } from './inflate-stream.js';
import { ViewSegments } from './view-segments.js';

export interface BaseView {
  readonly source: ByteSource;
  /** Of each stream: how many bytes of the view are its own, and those inside it. */
  readonly viewBytes: readonly number[];
}

export interface BaseViewInput {
  readonly base: ByteSource;
  readonly streams: readonly BaseStream[];
  /** Empty. */
  readonly scratch: ScratchFile;
  /** What all streams inflate to; nothing more is written. */
  readonly inflatedBytes: number;
  readonly signal?: AbortSignal | undefined;
}

/** @throws UpdaterError PATCH_INVALID when the streams are not in the base; whose fault that is the base's digest tells. */
export async function openBaseView(input: BaseViewInput): Promise<BaseView> {
  const builder = new BaseViewBuilder(input);
  await builder.unfold({ place: 0, start: 0, end: input.base.bytes }, 1);
  if (builder.next < input.streams.length || input.scratch.bytes < input.inflatedBytes)
    throw patchInvalid('streams of its bases are missing');
  return { source: builder.segments.source(builder.places), viewBytes: builder.viewBytes };
}

/** A part of the base (place 0) or of the scratch (1). */
interface Place {
  readonly place: 0 | 1;
  readonly start: number;
  readonly end: number;
}

class BaseViewBuilder {
  readonly segments = new ViewSegments();
  readonly viewBytes: number[] = [];
  /** Index of the stream that comes next. */
  next = 0;
  readonly places = [
    (offset: number, into: Uint8Array) => this.input.base.read(offset, into),
    (offset: number, into: Uint8Array) => this.input.scratch.read(offset, into),
  ] as const;

  constructor(private readonly input: BaseViewInput) {}

  /** Adds a place to the view, with the streams of this depth in it inflated. */
  async unfold({ place, start, end }: Place, depth: number): Promise<void> {
    const { scratch, signal, streams } = this.input;
    const source: ByteSource = { bytes: end, read: this.places[place] };
    let at = start;
    for (let stream = streams[this.next]; stream?.depth === depth; stream = streams[this.next]) {
      signal?.throwIfAborted();
      const index = this.next++;
      if (stream.gap >= end - at) throw patchInvalid('a stream lies outside of its bases');
      this.segments.add(place, at, stream.gap);
      at += stream.gap;
      const [inflatedAt, viewAt] = [scratch.bytes, this.segments.bytes];
      at += await inflateStream(sliceSource(source, at, end - at), stream.kind, this.#bounded(), signal);
      await this.unfold({ place: 1, start: inflatedAt, end: scratch.bytes }, depth + 1);
      this.viewBytes[index] = this.segments.bytes - viewAt;
    }
    this.segments.add(place, at, end - at);
  }

  /** Never more than was announced reaches the scratch. */
  #bounded() {
    const { scratch, inflatedBytes } = this.input;
    return {
      async write(chunk: Uint8Array): Promise<void> {
        if (chunk.length > inflatedBytes - scratch.bytes) throw patchInvalid('the streams of its bases are longer than it says');
        await scratch.write(chunk);
      },
    };
  }
}
