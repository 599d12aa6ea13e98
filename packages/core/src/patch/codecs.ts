import { UpdaterError } from '../errors.js';
import { bsdiff40Codec } from './bsdiff40/bsdiff40-codec.js';
import { type CodecName, codecNames, isCodecName, type PatchCodec } from './patch-codec.js';
import { remendoCodec } from './remendo/remendo-codec.js';

const codecs: Readonly<Record<CodecName, PatchCodec>> = { bsdiff40: bsdiff40Codec, remendo: remendoCodec };

/**
 * The codec of a name from a delta or a plan.
 * @throws UpdaterError PATCH_CODEC_UNKNOWN for a name this program does not know: the release is newer than the program.
 */
export function codecFor(name: string): PatchCodec {
  if (isCodecName(name)) return codecs[name];
  throw new UpdaterError(
    'PATCH_CODEC_UNKNOWN',
    `The codec ${JSON.stringify(name.slice(0, 64))} is not among ${codecNames.join(', ')}.`,
    {
      details: { codec: name.slice(0, 64), known: codecNames },
    },
  );
}
