import { ByteWriter } from '../../bytes/byte-writer.js';
import { containersVersion } from '../../patch/containers/containers-data.js';
import { makePatch, roomFor } from '../remendo/make-patch.js';

/** The transform's data from its numbers: a patch from nothing, so that they cost as little as everything else. */
export function codedNumbers(numbers: Uint8Array): Uint8Array {
  const room = roomFor(0, numbers.length);
  room.all.set(numbers);
  const writer = new ByteWriter().u8(containersVersion).varint(numbers.length);
  for (const part of makePatch(room)) writer.bytes(part);
  return writer.toBuffer();
}
