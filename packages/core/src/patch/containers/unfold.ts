/**
 * The transform `containers`: a patch is made between views of bases and targets in which compressed streams that changed
 * are inflated. Bases are inflated beforehand, into scratch; targets are deflated while they are written, bit for bit as
 * they were. Format: docs/format/patch-v1.md.
 */
import type { ByteSource } from '../../bytes/byte-source.js';
import { limits } from '../../limits.js';
import { JoinedTargets, joinSources } from '../joined-files.js';
import type { ApplyPatchInput, PatchTarget, ScratchFile } from '../patch-codec.js';
import { patchInvalid } from '../remendo/patch-invalid.js';
import { openBaseView } from './base-view.js';
import { decodeContainers, targetStreams } from './containers-data.js';
import { TargetView } from './target-view.js';

export interface UnfoldedFiles {
  /** In place of the bases. */
  readonly bases: readonly ByteSource[];
  /** In place of the targets: what is written here becomes them. */
  readonly targets: readonly PatchTarget[];
  /** To be called when all is written. @throws PATCH_INVALID when not every target is whole. */
  finish(): Promise<void>;
  /** Gives back what was taken, also after an error. */
  close(): Promise<void>;
}

/**
 * @param data the transform's, hostile.
 * @throws UpdaterError PATCH_INVALID; after any error nothing is to be closed.
 */
export async function unfold(data: ByteSource, input: Omit<ApplyPatchInput, 'patch'>): Promise<UnfoldedFiles> {
  const containers = await decodeContainers(data);
  const opened: ScratchFile[] = [];
  const openScratch = async (): Promise<ScratchFile> => {
    const scratch = await input.scratch();
    opened.push(scratch);
    return scratch;
  };
  const close = async (): Promise<void> => {
    const closed = await Promise.allSettled(opened.splice(0).map((scratch) => scratch.close()));
    for (const result of closed) if (result.status === 'rejected') throw result.reason;
  };
  try {
    const base = joinSources(input.bases);
    const { inflatedBytes, base: streams, forms, targetViewBytes: viewBytes } = containers;
    const view = await openBaseView({ base, streams, inflatedBytes, scratch: await openScratch(), signal: input.signal });
    if (view.source.bytes > limits.remendoBytesMax) throw patchInvalid('its bases are too large when they are inflated');
    const sink = new TargetView({
      streams: targetStreams(containers, view.viewBytes),
      forms,
      viewBytes,
      targets: new JoinedTargets(input.targets),
      scratch: await openScratch(),
    });
    return {
      bases: [view.source],
      targets: [{ sink, bytes: viewBytes }],
      finish: () => sink.finish(),
      async close() {
        sink.giveBack();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}
