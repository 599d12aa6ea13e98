import { bsdiff40HeaderBytes, decodeLength, type FileHandle, openBsdiff40, UpdaterError } from '@remendo/core';
import { bytesText, shareText } from '../output/quantity.js';
import { headedPairs, type Inspection } from './inspection.js';

/** The header of a BSDIFF40 patch and the sizes of its three bzip2 streams. @throws UpdaterError PATCH_INVALID */
export async function inspectBsdiff40(source: FileHandle): Promise<Inspection> {
  const header = new Uint8Array(bsdiff40HeaderBytes);
  if ((await source.read(0, header)) < header.length)
    throw new UpdaterError('PATCH_INVALID', 'the patch is shorter than its header');
  const targetBytes = decodeLength(new DataView(header.buffer), 24, 'the length of the target');
  const { control, diff, extra } = await openBsdiff40(source, targetBytes);
  return {
    format: 'bsdiff40',
    document: { bytes: source.bytes, targetBytes, controlBytes: control.bytes, diffBytes: diff.bytes, extraBytes: extra.bytes },
    lines: (colors) =>
      headedPairs(colors, 'BSDIFF40 patch', [
        ['patch', `${bytesText(source.bytes)} (${shareText(source.bytes, targetBytes)} of the target)`],
        ['target', bytesText(targetBytes)],
        ['control stream', bytesText(control.bytes)],
        ['diff stream', bytesText(diff.bytes)],
        ['extra stream', bytesText(extra.bytes)],
      ]),
  };
}
