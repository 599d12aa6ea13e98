import type { ByteSource } from '@remendo/core';

/** What the first bytes of a `remendo` patch say of it (docs/format/patch-v1.md). */
export interface PatchHead {
  readonly profile: 'compact' | 'fast';
  /** About how many thousand binary decisions decoding takes; 0 where brotli decodes. */
  readonly decodeCost: number;
}

const profiles = new Map([
  [0x10, 'compact'],
  [0x11, 'fast'],
] as const);
/** The format, and a varint of at most eight bytes. */
const headBytesMax = 9;

/** Null for a head that this program does not know, or that is damaged: the rest of the delta can be told all the same. */
export async function readPatchHead(patch: ByteSource): Promise<PatchHead | null> {
  const buffer = new Uint8Array(headBytesMax);
  const [format = 0, ...varint] = buffer.subarray(0, await patch.read(0, buffer));
  const profile = (profiles as ReadonlyMap<number, PatchHead['profile']>).get(format);
  const end = varint.findIndex((byte) => byte < 0x80);
  if (profile === undefined || end < 0) return null;
  const decodeCost = varint.slice(0, end + 1).reduce((sum, byte, index) => sum + (byte & 0x7f) * 2 ** (7 * index), 0);
  return { profile, decodeCost };
}
