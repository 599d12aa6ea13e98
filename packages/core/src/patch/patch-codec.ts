/**
 * A patch turns ordered base contents into ordered target contents. How it is coded is the codec's business; what goes
 * in and what must come out is named by digests outside the patch, and checked outside the codec as well: a codec may
 * be wrong, it may not be dangerous.
 */
import type { ByteSource, ReadableSink } from '../bytes/byte-source.js';
import type { CodecName } from './codec-name.js';

export interface PatchTarget {
  readonly sink: ReadableSink;
  /** Exactly what has to be written, known from the manifest: a codec never writes a byte more. */
  readonly bytes: number;
}

/** Room for what is needed only while a patch is applied: bytes in order, read back from anywhere. */
export interface ScratchFile extends ReadableSink {
  /** What was written so far. */
  readonly bytes: number;
  /** Gives the room back; nothing of it is left. */
  close(): Promise<void>;
}

/** New room, which whoever asked for it closes. As large as the patch's limits allow: memory will not always do. */
export type OpenScratch = () => Promise<ScratchFile>;

export interface ApplyPatchInput {
  readonly bases: readonly ByteSource[];
  /** Hostile until the last byte is decoded. */
  readonly patch: ByteSource;
  readonly targets: readonly PatchTarget[];
  readonly scratch: OpenScratch;
  readonly signal?: AbortSignal;
}

export interface PatchCodec {
  readonly name: CodecName;
  /**
   * Writes every target, in order, each exactly `bytes` long, or throws PATCH_INVALID (malformed, or for other sizes)
   * having written at most that. Bases are read by random access, the patch and the targets in streams: memory stays
   * bounded whatever the sizes, and so does work per output byte. Errors of sources and sinks pass through.
   */
  apply(input: ApplyPatchInput): Promise<void>;
}
