/** What a patch says of itself, without its bases: where its bytes go and what its transforms see. */
import { type ByteSource, readWhole } from '../bytes/byte-source.js';
import { limits } from '../limits.js';
import { openBsdiff40 } from './bsdiff40/bsdiff40-header.js';
import { type CodecName, codecNameOf } from './codec-name.js';
import { decodeContainers } from './containers/containers-data.js';
import { decodeImages } from './references/images-format.js';
import { openPatch, type PatchTransform, type ProfileName, type TransformName } from './remendo/patch-header.js';
import { patchInvalid } from './remendo/patch-invalid.js';

export interface PatchReport {
  /** By what the patch needs; the delta may name one with more transforms. */
  readonly codec: CodecName;
  /** Null where the codec has none. */
  readonly profile: ProfileName | null;
  /** About how many thousand binary decisions decoding takes; null where the codec does not say. */
  readonly decodeCost: number | null;
  readonly transforms: readonly TransformReport[];
  readonly causes: PatchCauses;
}

export interface TransformReport {
  readonly name: TransformName;
  readonly dataBytes: number;
  /** What it works on, as far as its data tells without bases and targets. */
  readonly counts: Readonly<Record<string, number>>;
  /** About how many bytes larger the patch would be without it, as its maker reckoned; null where it did not. */
  readonly savedBytes: number | null;
}

/** Bytes of a patch by what they are for; together they are the patch. */
export interface PatchCauses {
  readonly header: number;
  /** Data of transforms. */
  readonly transforms: number;
  /** What is copied from where. */
  readonly blocks: number;
  /** Copied bytes that are not as predicted, and new ones. */
  readonly bytes: number;
}

/**
 * @param facts.targetBytes of all targets together.
 * @throws UpdaterError PATCH_INVALID or PATCH_CODEC_UNKNOWN for a patch that can not be read, as far as it is read: its head
 *   and the data of its transforms.
 */
export async function describePatch(
  codec: CodecName,
  patch: ByteSource,
  { targetBytes }: { readonly targetBytes: number },
): Promise<PatchReport> {
  return codec === 'bsdiff40' ? describeBsdiff40(patch, targetBytes) : describeRemendo(patch);
}

async function describeBsdiff40(patch: ByteSource, targetBytes: number): Promise<PatchReport> {
  const { control, diff, extra } = await openBsdiff40(patch, targetBytes);
  const causes = causesOf(patch, { transforms: 0, blocks: control.bytes, bytes: diff.bytes + extra.bytes });
  return { codec: 'bsdiff40', profile: null, decodeCost: null, transforms: [], causes };
}

async function describeRemendo(patch: ByteSource): Promise<PatchReport> {
  const { header, transforms: opened, streams } = await openPatch(patch);
  const transforms: TransformReport[] = [];
  for (const transform of opened) transforms.push(await describeTransform(transform));
  const [blocks = 0, ...others] = streams.map(({ bytes }) => bytes);
  return {
    codec: codecNameOf(transforms.map(({ name }) => name)),
    profile: header.profile,
    decodeCost: header.decodeCost,
    transforms,
    causes: causesOf(patch, {
      transforms: transforms.reduce((sum, { dataBytes }) => sum + dataBytes, 0),
      blocks,
      bytes: others.reduce((sum, bytes) => sum + bytes, 0),
    }),
  };
}

const causesOf = (patch: ByteSource, parts: Omit<PatchCauses, 'header'>): PatchCauses => ({
  header: patch.bytes - parts.transforms - parts.blocks - parts.bytes,
  ...parts,
});

async function describeTransform({ name, data, savedBytes }: PatchTransform<ByteSource>): Promise<TransformReport> {
  return { name, dataBytes: data.bytes, counts: await countsOf[name](data), savedBytes: savedBytes === 0 ? null : savedBytes };
}

const countsOf: Readonly<Record<TransformName, (data: ByteSource) => Promise<TransformReport['counts']>>> = {
  async containers(data) {
    const { base, target } = await decodeContainers(data);
    const corrected = target.filter(({ correctionsBytes }) => correctionsBytes > 0).length;
    return { targetStreams: target.length, correctedStreams: corrected, baseStreams: base.length };
  },
  async references(data) {
    if (data.bytes > limits.referencesBytesMax) throw patchInvalid('its references are too large');
    // Where its regions lie among the files is for those who have the files.
    const anywhere = { baseBytes: Number.MAX_SAFE_INTEGER, targetBytes: Number.MAX_SAFE_INTEGER };
    const { bases, targets } = decodeImages(await readWhole(data), anywhere);
    return { targetPrograms: targets.length, basePrograms: bases.length };
  },
};
