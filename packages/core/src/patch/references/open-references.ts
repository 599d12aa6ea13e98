/** The transform `references` on the terminal: from the patch's data and the bases to what predicts operands. */
import { type ByteSource, readWhole } from '../../bytes/byte-source.js';
import { limits } from '../../limits.js';
import type { AddressSpace } from '../remendo/address-space.js';
import type { BlockList } from '../remendo/block-list.js';
import { patchInvalid } from '../remendo/patch-invalid.js';
import type { Images } from './images.js';
import { decodeImages } from './images-format.js';
import { ReferencePredictor } from './reference-predictor.js';
import { RelocatedWords } from './relocated-words.js';

/** Known before the blocks are; the predictor comes when they are. */
export type OpenedReferences = (blocks: BlockList) => ReferencePredictor;

/** @param data hostile. @throws UpdaterError PATCH_INVALID, PATCH_CODEC_UNKNOWN. */
export async function openReferences(data: ByteSource, space: AddressSpace): Promise<OpenedReferences> {
  if (data.bytes > limits.referencesBytesMax) throw patchInvalid('its references are too large');
  const images = decodeImages(await readWhole(data), space);
  const relocated = new RelocatedWords(await readTables(images, space));
  return (blocks) => new ReferencePredictor(images, blocks, { baseBytes: space.baseBytes, relocated });
}

async function readTables({ bases }: Images, space: AddressSpace) {
  const tables: { image: Images['bases'][number]; bytes: Uint8Array }[] = [];
  let left = limits.relocationBytesMax;
  for (const image of bases) {
    if (image.relocations === null) continue;
    left -= image.relocations.bytes;
    if (left < 0) throw patchInvalid('its relocations are too large');
    const bytes = new Uint8Array(image.relocations.bytes);
    await space.read(image.relocations.address, bytes);
    tables.push({ image, bytes });
  }
  return tables;
}
