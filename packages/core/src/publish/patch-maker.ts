import type { CodecName } from '../patch/codec-name.js';
import type { PatchReport } from '../patch/describe-patch.js';

/** What one patch of a codec can take. */
export interface PatchCapacity {
  readonly basesMax: number;
  readonly targetsMax: number;
  /** All bases together, and all targets together. */
  readonly bytesMax: number;
}

export interface MakePatchInput {
  /** In the patch's order. May be empty where the codec makes patches from nothing (`remendo`). */
  readonly basePaths: readonly string[];
  readonly targetPaths: readonly string[];
  readonly patchPath: string;
  readonly signal?: AbortSignal;
}

/**
 * Makes patches of one codec, on the publisher's side. What it leaves at `patchPath` has been applied by our own applier
 * and compared with the targets.
 */
export interface PatchMaker {
  /** Of the patches it makes; what has transforms has a name of its own, see `PatchReport`. */
  readonly codec: CodecName;
  readonly capacity: PatchCapacity;
  /** Whether this machine can make such patches, and if not why, in a sentence for people. */
  available(): Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: string }>;
  /**
   * @returns what was made: its codec's name is what a delta has to say.
   * @throws UpdaterError PATCH_MAKER_UNAVAILABLE, or PATCH_INVALID for files that the codec has no patch for.
   */
  make(input: MakePatchInput): Promise<PatchReport>;
}
