/**
 * Applies classic BSDIFF40 patches (Colin Percival, 2003) in streams: three bzip2 streams are decoded as far as the
 * target has got, the base is read where the patch says, the target is written in chunks. About 11 MiB for the largest
 * patches (a bzip2 block of 3.6 MB for each stream), far less for small ones.
 *
 * What is refused beyond what bspatch refuses, and why no bsdiff writes it: docs/format/bsdiff40.md.
 */

import { BaseWindow } from '../base-window.js';
import type { ApplyPatchInput, PatchCodec, PatchTarget } from '../patch-codec.js';
import { openBsdiff40 } from './bsdiff40-header.js';
import { Bzip2Reader } from './bzip2-reader.js';
import { ControlReader } from './control-reader.js';
import { patchInvalid } from './patch-invalid.js';
import { TargetWriter } from './target-writer.js';

/** One base, one target: any other number is PATCH_INVALID. */
export const bsdiff40Codec: PatchCodec = {
  name: 'bsdiff40',
  async apply({ bases, patch, targets, signal }: ApplyPatchInput): Promise<void> {
    const [base, ...furtherBases] = bases;
    const [target, ...furtherTargets] = targets;
    if (base === undefined || furtherBases.length > 0) throw patchInvalid(`it has one base, not ${bases.length}`);
    if (target === undefined || furtherTargets.length > 0) throw patchInvalid(`it has one target, not ${targets.length}`);
    signal?.throwIfAborted();
    const streams = await openBsdiff40(patch, target.bytes);
    const applier = new Bsdiff40Applier(new BaseWindow(base), target, {
      control: new Bzip2Reader(streams.control, { name: 'control', signal }),
      diff: new Bzip2Reader(streams.diff, { name: 'diff', signal }),
      extra: new Bzip2Reader(streams.extra, { name: 'extra', signal }),
      signal,
    });
    await applier.run();
  },
};

interface ApplierStreams {
  readonly control: Bzip2Reader;
  readonly diff: Bzip2Reader;
  readonly extra: Bzip2Reader;
  readonly signal: AbortSignal | undefined;
}

class Bsdiff40Applier {
  readonly #control: ControlReader;
  readonly #diff: Bzip2Reader;
  readonly #extra: Bzip2Reader;
  readonly #writer: TargetWriter;
  /** In the base. May lie outside for as long as nothing is added from there. */
  #position = 0;

  constructor(
    private readonly base: BaseWindow,
    target: PatchTarget,
    streams: ApplierStreams,
  ) {
    this.#control = new ControlReader(streams.control, target.bytes);
    this.#diff = streams.diff;
    this.#extra = streams.extra;
    this.#writer = new TargetWriter(target, streams.signal);
  }

  async run(): Promise<void> {
    while (this.#writer.bytesLeft > 0) {
      const { add, copy, seek } = await this.#control.next(this.#writer.bytesLeft);
      if (add > 0) await this.#add(add);
      if (copy > 0) await this.#copy(copy);
      this.#position += seek;
      if (!Number.isSafeInteger(this.#position)) throw patchInvalid('a seek leads nowhere');
    }
    await this.#control.end();
    await this.#diff.end();
    await this.#extra.end();
  }

  /** Base plus diff, byte by byte modulo 256. */
  async #add(bytes: number): Promise<void> {
    if (this.#position < 0 || bytes > this.base.bytes - this.#position) throw patchInvalid('it adds to bytes outside the base');
    for (let left = bytes; left > 0; ) {
      const base = await this.base.at(this.#position);
      const space = this.#writer.space(Math.min(left, base.length));
      await this.#diff.readFully(space);
      for (let index = 0; index < space.length; index++) {
        space[index] = (space[index] as number) + (base[index] as number);
      }
      await this.#writer.advance(space.length);
      this.#position += space.length;
      left -= space.length;
    }
  }

  async #copy(bytes: number): Promise<void> {
    for (let left = bytes; left > 0; ) {
      const space = this.#writer.space(left);
      await this.#extra.readFully(space);
      await this.#writer.advance(space.length);
      left -= space.length;
    }
  }
}
