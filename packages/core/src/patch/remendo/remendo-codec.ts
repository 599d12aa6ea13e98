/**
 * Remendo's own patches: several bases, several targets, each target made in order from references into the bases and
 * into what is made already. Format: docs/format/patch-v1.md.
 */
import { limits } from '../../limits.js';
import type { ApplyPatchInput, PatchCodec } from '../patch-codec.js';
import { AddressSpace } from './address-space.js';
import { decodeCompact } from './compact-decoder.js';
import { decodeFast } from './fast-decoder.js';
import { openPatch } from './patch-header.js';
import { patchInvalid } from './patch-invalid.js';

export const remendoCodec: PatchCodec = {
  name: 'remendo',
  async apply({ bases, patch, targets, signal }: ApplyPatchInput): Promise<void> {
    signal?.throwIfAborted();
    const space = new AddressSpace(bases, targets);
    if (Math.max(space.baseBytes, space.targetBytes) > limits.remendoBytesMax) throw patchInvalid('its files are too large');
    const { header, streams } = await openPatch(patch);
    const [first, second, third, fourth] = streams;
    if (header.sizes !== null && first !== undefined && second !== undefined) {
      await decodeCompact({ sizes: header.sizes, blocks: first, bytes: second }, space, signal);
    } else if (first !== undefined && second !== undefined && third !== undefined && fourth !== undefined) {
      await decodeFast({ blocks: first, runs: second, wrong: third, fresh: fourth }, space, signal);
    }
  },
};
