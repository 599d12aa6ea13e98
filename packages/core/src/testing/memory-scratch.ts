import { BufferSink } from '../bytes/byte-source.js';
import type { OpenScratch, ScratchFile } from '../patch/patch-codec.js';

/** Scratch in memory, up to `bytesMax`; and what became of it. */
export class MemoryScratch {
  /** How many are open now, and how many were opened. */
  open = 0;
  opened = 0;
  /** Bytes written to all of them. */
  bytes = 0;

  constructor(private readonly bytesMax = 1024 ** 3) {}

  readonly openScratch: OpenScratch = async () => {
    this.open += 1;
    this.opened += 1;
    return this.#scratch(new BufferSink(this.bytesMax));
  };

  #scratch(sink: BufferSink): ScratchFile {
    let bytes = 0;
    return {
      get bytes() {
        return bytes;
      },
      write: async (chunk) => {
        bytes += chunk.length;
        this.bytes += chunk.length;
        await sink.write(chunk);
      },
      read: (offset, into) => sink.read(offset, into),
      close: async () => {
        this.open -= 1;
      },
    };
  }
}

/** Scratch in memory, for whoever does not look at it. */
export const memoryScratch: OpenScratch = () => new MemoryScratch().openScratch();
