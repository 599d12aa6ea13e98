import { type FileHandle, openZip } from '@remendo/core';
import { printable } from '../output/printable.js';
import { bytesText, countText, shareText } from '../output/quantity.js';
import { cutTable, headedPairs, type Inspection } from './inspection.js';

/** The directory of a release's zip, held to the rules of releases. @throws UpdaterError ARTIFACT_INVALID, MANIFEST_PATH_UNSAFE, LIMIT_EXCEEDED */
export async function inspectZip(source: FileHandle): Promise<Inspection> {
  const zip = await openZip(source);
  const files = zip.entries.map(({ path, bytes, encoding, encodedBytes, executable }) => ({
    path,
    bytes,
    encoding,
    encodedBytes,
    executable,
  }));
  zip.close();
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return {
    format: 'zip',
    document: { bytes: source.bytes, files, filesBytes: bytes },
    lines: (colors, rowsMax) => [
      ...headedPairs(colors, 'zip', [
        ['zip', `${bytesText(source.bytes)} (${shareText(source.bytes, bytes)} of its files)`],
        ['contents', `${countText(files.length, 'file')}, ${bytesText(bytes)}`],
      ]),
      ...cutTable(
        [{ title: 'stored as' }, { title: 'size', align: 'right' }, { title: 'in the zip', align: 'right' }, { title: 'path' }],
        files.map((file) => [
          file.encoding,
          bytesText(file.bytes),
          bytesText(file.encodedBytes),
          `${printable(file.path)}${file.executable ? '*' : ''}`,
        ]),
        rowsMax,
      ),
    ],
  };
}
