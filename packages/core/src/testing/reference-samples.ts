/** Patches of given blocks that know given references: images need not be what the files are. */

import type { Images } from '../patch/references/images.js';
import { encodeImages } from '../patch/references/images-format.js';
import { ReferencePredictor } from '../patch/references/reference-predictor.js';
import { RelocatedWords } from '../patch/references/relocated-words.js';
import type { CoderSizes } from '../patch/remendo/coder-kernel.js';
import { type EncodedSpace, encodeCompact } from '../patch/remendo/compact-encoder.js';
import { encodeFast } from '../patch/remendo/fast-encoder.js';
import type { Block } from '../patch/remendo/patch-blocks.js';
import { encodePatchHeader } from '../patch/remendo/patch-header.js';
import { joined } from './remendo-samples.js';

export interface ReferenceStreams {
  readonly sizes: CoderSizes | null;
  /** Compact: block list, bytes. Fast: blocks, runs, wrong bytes, new bytes. */
  readonly streams: readonly Uint8Array[];
}

/** The streams of a patch, compact with sizes, fast without. */
export function streamsOfReferences(
  blocks: readonly Block[],
  space: EncodedSpace,
  { sizes, images }: { readonly sizes: CoderSizes | null; readonly images: Images },
): ReferenceStreams {
  const predictor = predictorOf(images, blocks, space);
  if (sizes === null) {
    const { blocks: list, runs, wrong, fresh } = encodeFast(blocks, space, predictor);
    return { sizes, streams: [list, runs, wrong, fresh] };
  }
  const streams = encodeCompact(blocks, space, sizes, predictor);
  return { sizes, streams: [streams.blocks, streams.bytes] };
}

/** @param data what says where references are. */
export function patchOfReferences(data: Uint8Array, { sizes, streams }: ReferenceStreams): Uint8Array {
  const profile = sizes === null ? 'fast' : 'compact';
  const lengths = streams.slice(0, -1).map((stream) => stream.length);
  const transforms = [{ name: 'references' as const, data, savedBytes: 0 }];
  return joined([encodePatchHeader({ profile, decodeCost: 0, sizes }, transforms, lengths), data, ...streams]);
}

export const patchKnowing = (
  images: Images,
  blocks: readonly Block[],
  { sizes, space }: { readonly sizes: CoderSizes | null; readonly space: EncodedSpace },
): Uint8Array => patchOfReferences(encodeImages(images), streamsOfReferences(blocks, space, { sizes, images }));

export function predictorOf(images: Images, blocks: readonly Block[], { all, baseBytes }: EncodedSpace): ReferencePredictor {
  const tables = images.bases.flatMap((image) => {
    const { relocations } = image;
    return relocations === null
      ? []
      : [{ image, bytes: all.subarray(relocations.address, relocations.address + relocations.bytes) }];
  });
  return new ReferencePredictor(images, blocks, { baseBytes, relocated: new RelocatedWords(tables) });
}
