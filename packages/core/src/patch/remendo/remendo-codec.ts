/**
 * Remendo's own patches: several bases, several targets, each target made in order from references into the bases and
 * into what is made already, as they are or as transforms show them. Format: docs/format/patch-v1.md.
 */
import { limits } from '../../limits.js';
import { unfold } from '../containers/unfold.js';
import type { ApplyPatchInput, PatchCodec } from '../patch-codec.js';
import { openReferences } from '../references/open-references.js';
import { AddressSpace } from './address-space.js';
import { decodeCompact } from './compact-decoder.js';
import { decodeFast } from './fast-decoder.js';
import { type OpenedPatch, openPatch } from './patch-header.js';
import { patchInvalid } from './patch-invalid.js';

export const remendoCodec: PatchCodec = {
  name: 'remendo',
  async apply(input: ApplyPatchInput): Promise<void> {
    input.signal?.throwIfAborted();
    assertAddressable(new AddressSpace(input.bases, input.targets));
    const opened = await openPatch(input.patch);
    const containers = opened.transforms.find(({ name }) => name === 'containers');
    if (containers === undefined) return decode(opened, input);
    const files = await unfold(containers.data, input);
    try {
      await decode(opened, { ...files, signal: input.signal });
      await files.finish();
    } finally {
      await files.close();
    }
  },
};

type Files = Pick<ApplyPatchInput, 'bases' | 'targets'> & { readonly signal?: AbortSignal | undefined };

async function decode({ header, transforms, streams }: OpenedPatch, { bases, targets, signal }: Files): Promise<void> {
  const space = new AddressSpace(bases, targets);
  assertAddressable(space);
  const described = transforms.find(({ name }) => name === 'references');
  const references = described === undefined ? null : await openReferences(described.data, space);
  const [first, second, third, fourth] = streams;
  if (header.sizes !== null && first !== undefined && second !== undefined) {
    await decodeCompact({ sizes: header.sizes, references, blocks: first, bytes: second }, space, signal);
  } else if (first !== undefined && second !== undefined && third !== undefined && fourth !== undefined) {
    await decodeFast({ references, blocks: first, runs: second, wrong: third, fresh: fourth }, space, signal);
  }
}

function assertAddressable({ baseBytes, targetBytes }: AddressSpace): void {
  if (Math.max(baseBytes, targetBytes) > limits.remendoBytesMax) throw patchInvalid('its files are too large');
}
