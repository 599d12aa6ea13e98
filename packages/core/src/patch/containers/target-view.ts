/**
 * The targets as a patch with containers makes them: what is written here as their view goes to the targets, streams
 * deflated on the way. What a stream is made from is kept in scratch, and everything else is read back from the targets:
 * so that the view can be read again.
 */
import type { ReadableSink } from '../../bytes/byte-source.js';
import type { JoinedTargets } from '../joined-files.js';
import type { ScratchFile } from '../patch-codec.js';
import { patchInvalid } from '../remendo/patch-invalid.js';
import type { StreamForm, TargetStream } from './containers-data.js';
import { folderOf, type StreamFolder } from './fold-stream.js';
import { ViewSegments } from './view-segments.js';

export interface TargetViewInput {
  readonly streams: readonly TargetStream[];
  readonly forms: readonly StreamForm[];
  readonly viewBytes: number;
  readonly targets: JoinedTargets;
  readonly scratch: ScratchFile;
}

/** A stream whose part of the view is being written. */
interface OpenStream {
  readonly end: number;
  readonly folder: StreamFolder;
}

export class TargetView implements ReadableSink {
  readonly #segments = new ViewSegments();
  readonly #places;
  /** The streams around the next byte, from outside. */
  readonly #open: OpenStream[] = [];
  /** Bytes of the view that were written; where the stream before the next one ended or the one around it began. */
  #at = 0;
  #since = 0;
  #next = 0;

  constructor(private readonly input: TargetViewInput) {
    const { targets, scratch } = input;
    this.#places = [
      async (offset: number, into: Uint8Array) => {
        await targets.read(offset, into);
        return into.length;
      },
      (offset: number, into: Uint8Array) => scratch.read(offset, into),
    ] as const;
  }

  async write(chunk: Uint8Array): Promise<void> {
    for (let done = 0; done < chunk.length; ) {
      await this.#turn();
      const part = chunk.subarray(done, done + this.#turnsAt() - this.#at);
      await this.#take(part);
      done += part.length;
    }
  }

  read(offset: number, into: Uint8Array): Promise<number> {
    return this.#segments.read(this.#places, offset, into);
  }

  /** Ends the streams that end with the view. @throws PATCH_INVALID when this is not the view's end, or not the targets'. */
  async finish(): Promise<void> {
    await this.#turn();
    const isWhole = this.#at === this.input.viewBytes && this.#open.length === 0 && this.#next === this.input.streams.length;
    if (!isWhole || this.input.targets.made < this.input.targets.bytes) throw patchInvalid('it makes less than its targets');
  }

  giveBack(): void {
    for (const { folder } of this.#open.splice(0)) folder.giveBack();
  }

  /** Where the next stream begins or the innermost one ends. */
  #turnsAt(): number {
    const end = this.#open.at(-1)?.end ?? this.input.viewBytes;
    return Math.min(end, this.#nextStart() ?? end);
  }

  /** Where the next stream begins, if that is in the innermost one. */
  #nextStart(): number | null {
    const stream = this.input.streams[this.#next];
    return stream?.depth === this.#open.length + 1 ? this.#since + stream.gap : null;
  }

  /** Ends streams and begins others, as it has to be before the next byte. */
  async #turn(): Promise<void> {
    for (;;) {
      const inner = this.#open.at(-1);
      const next = this.#nextStart();
      if (next === this.#at) this.#begin();
      else if (next === null && inner?.end === this.#at) await this.#end(inner);
      else return;
    }
  }

  #begin(): void {
    const { streams, forms, scratch, viewBytes } = this.input;
    const stream = streams[this.#next++];
    const form = stream === undefined ? undefined : forms[stream.form];
    if (stream === undefined || form === undefined) throw patchInvalid('a stream has no form');
    const end = this.#at + stream.viewBytes;
    if (end > (this.#open.at(-1)?.end ?? viewBytes)) throw patchInvalid('a stream does not end where it should');
    if (this.#open.length === 0) this.#segments.add(1, scratch.bytes, stream.viewBytes);
    this.#open.push({ end, folder: folderOf(stream, form) });
    this.#since = this.#at;
  }

  async #end({ folder }: OpenStream): Promise<void> {
    const outside = this.#open.length - 1;
    for (const part of folder.end()) await this.#pass(part, outside);
    this.#open.pop();
    folder.giveBack();
    this.#since = this.#at;
  }

  /** Bytes of the view that lie in the same streams. */
  async #take(part: Uint8Array): Promise<void> {
    if (part.length === 0) throw patchInvalid('a stream does not end where it should');
    if (this.#open.length > 0) await this.input.scratch.write(part);
    else this.#segments.add(0, this.input.targets.made, part.length);
    await this.#pass(part, this.#open.length);
    this.#at += part.length;
  }

  /** Through the open streams, from the one at `depth` outwards, to the targets. */
  async #pass(part: Uint8Array, depth: number): Promise<void> {
    const stream = this.#open[depth - 1];
    if (stream === undefined) return this.input.targets.write(part);
    for (const made of stream.folder.write(part)) await this.#pass(made, depth - 1);
  }
}
