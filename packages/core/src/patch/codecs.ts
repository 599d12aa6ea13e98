import type { ByteSource } from '../bytes/byte-source.js';
import { UpdaterError } from '../errors.js';
import { bsdiff40Codec } from './bsdiff40/bsdiff40-codec.js';
import { type CodecName, codecNames, isCodecName, transformsOf } from './codec-name.js';
import type { PatchCodec } from './patch-codec.js';
import { openPatch } from './remendo/patch-header.js';
import { patchInvalid } from './remendo/patch-invalid.js';
import { remendoCodec } from './remendo/remendo-codec.js';

/**
 * The codec of a name from a delta or a plan. A `remendo` patch with a transform that its codec's name does not announce
 * is refused (PATCH_INVALID): the plan would have reached terminals that can not apply it.
 * @throws UpdaterError PATCH_CODEC_UNKNOWN for a name this program does not know: the release is newer than the program.
 */
export function codecFor(name: string): PatchCodec {
  if (isCodecName(name)) return name === 'bsdiff40' ? bsdiff40Codec : remendoWith(name);
  throw new UpdaterError(
    'PATCH_CODEC_UNKNOWN',
    `The codec ${JSON.stringify(name.slice(0, 64))} is not among ${codecNames.join(', ')}.`,
    {
      details: { codec: name.slice(0, 64), known: codecNames },
    },
  );
}

const remendoWith = (name: CodecName): PatchCodec => ({
  name,
  async apply(input) {
    await assertAnnounced(name, input.patch);
    await remendoCodec.apply(input);
  },
});

async function assertAnnounced(codec: CodecName, patch: ByteSource): Promise<void> {
  const announced = transformsOf(codec);
  const { transforms } = await openPatch(patch);
  const other = transforms.find(({ name }) => !announced.includes(name));
  if (other !== undefined) throw patchInvalid(`its transform ${other.name} is not one of the codec ${codec}`);
}
