import type { CodecName } from '../patch/patch-codec.js';

/**
 * Makes patches of one codec, on the publisher's side. What it leaves at `patchPath` has been applied by our own applier
 * and compared with the target.
 */
export interface PatchMaker {
  readonly codec: CodecName;
  /** Whether this machine can make such patches, and if not why, in a sentence for people. */
  available(): Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: string }>;
  /** @throws UpdaterError PATCH_MAKER_UNAVAILABLE, or PATCH_INVALID for a pair that the codec has no patch for (empty files). */
  make(input: {
    readonly basePath: string;
    readonly targetPath: string;
    readonly patchPath: string;
    readonly signal?: AbortSignal;
  }): Promise<void>;
}
